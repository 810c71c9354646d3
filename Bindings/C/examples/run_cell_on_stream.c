/*
 * Feeds numbers from standard input to a cell, one time step each, and prints its output at once.
 *
 *     seq 10 | ./run_cell_on_stream [NETWORK.safetensors]
 *
 * The network is read from the file, or made here with starting weights. A step neither allocates nor
 * locks, so the loop could as well be an audio callback.
 */
#include <rnncell.h>
#include <stdio.h>
#include <stdlib.h>

static void check(int32_t status) {
  if (status == RNNCELL_OK) return;
  fprintf(stderr, "%s\n", rnncell_last_error(NULL, NULL));
  exit(1);
}

int main(int argc, char **argv) {
  static const char equations[] =
      "z  = sigmoid(linear(x, h))\n"
      "r  = sigmoid(linear(x, h))\n"
      "n  = tanh(linear(x, r * h))\n"
      "h' = blend(z, h, n)\n";
  const int64_t hidden_size = 4;
  rnncell_network *network = NULL;
  rnncell_network_info info = RNNCELL_NETWORK_INFO_INIT;
  rnncell_stream *stream = NULL;
  float *output;
  float input;

  if (argc > 1) {
    check(rnncell_network_load(&network, argv[1]));
  } else {
    rnncell_cell *cell = NULL;
    check(rnncell_cell_parse(&cell, equations));
    check(rnncell_network_create(&network, &cell, &hidden_size, 1, 1, NULL));
    rnncell_cell_free(cell);
  }
  check(rnncell_network_describe(&info, network));
  if (info.input_size != 1) {
    fprintf(stderr, "the network takes %ld inputs, not 1\n", (long)info.input_size);
    return 1;
  }

  check(rnncell_stream_create(&stream, network, 1));
  output = malloc((size_t)info.output_size * sizeof *output);
  if (output == NULL) return 1;
  while (scanf("%f", &input) == 1) {
    int64_t i;
    check(rnncell_stream_step(output, stream, &input));
    for (i = 0; i < info.output_size; ++i) printf("%s%.6f", i ? " " : "", (double)output[i]);
    printf("\n");
  }

  free(output);
  rnncell_stream_free(stream);
  rnncell_network_free(network);
  return 0;
}
