/*
 * Trains a network by a loop of its own: forward, the gradient of a loss, backward, a step of Adam.
 *
 *     ./train_your_own_loop
 *
 * The network learns to say what its input was one time step ago.
 */
#include <rnncell.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 12, BATCH = 16, COUNT = STEPS * BATCH, ROUNDS = 300 };

static void check(int32_t status) {
  if (status == RNNCELL_OK) return;
  fprintf(stderr, "%s\n", rnncell_last_error(NULL, NULL));
  exit(1);
}

/* A pseudo-random number from -1 to 1, the same on every machine. */
static float next_number(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

int main(void) {
  /* The output of a layer has the size of its state; a second layer of size 1 reads it off. */
  const int64_t hidden_sizes[2] = {8, 1};
  rnncell_cell *cells[2] = {NULL, NULL};
  rnncell_network *network = NULL;
  rnncell_parameters *weights = NULL;
  rnncell_optimizer *optimizer = NULL;
  rnncell_fit_options options = RNNCELL_FIT_OPTIONS_INIT;
  static float input[COUNT], output[COUNT], gradient[COUNT]; /* [STEPS, BATCH, 1] */
  uint32_t random = 1;
  int round;

  check(rnncell_cell_stock(&cells[0], "gru"));
  check(rnncell_cell_parse(&cells[1], "h' = linear(x)"));
  check(rnncell_network_create(&network, cells, hidden_sizes, 2, 1, NULL));
  check(rnncell_network_parameters(&weights, network));
  options.optimizer = "adam";
  options.learning_rate = 0.01;
  check(rnncell_optimizer_create(&optimizer, weights, &options));

  for (round = 1; round <= ROUNDS; ++round) {
    rnncell_tape *tape = NULL;
    rnncell_parameters *gradients = NULL;
    double loss = 0;
    int i;

    for (i = 0; i < COUNT; ++i) input[i] = next_number(&random);
    check(rnncell_network_forward(
        output, NULL, &tape, network, input, STEPS, BATCH, NULL, NULL, 1));
    for (i = 0; i < COUNT; ++i) {
      const float wanted = i < BATCH ? 0 : input[i - BATCH];
      const float error = output[i] - wanted;
      loss += (double)(error * error) / COUNT;
      gradient[i] = 2 * error / COUNT;
    }
    check(rnncell_tape_backward(NULL, NULL, tape, gradient, NULL, 1));
    check(rnncell_tape_gradients(&gradients, tape));
    check(rnncell_optimizer_step(NULL, optimizer, weights, gradients, 0));
    rnncell_tape_free(tape);
    if (round == 1 || round % 100 == 0) printf("round %d: loss %.5f\n", round, loss);
  }

  rnncell_optimizer_free(optimizer);
  rnncell_network_free(network);
  rnncell_cell_free(cells[0]);
  rnncell_cell_free(cells[1]);
  return 0;
}
