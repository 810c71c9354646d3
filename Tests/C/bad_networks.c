/* Bad inputs: networks, streams, tapes and parameters. */
#include "bad_inputs.h"

void bad_networks(void) {
  rnncell_cell *cell = NULL;
  rnncell_cell *none[1] = {NULL};
  rnncell_cell *out_cell = NULL;
  rnncell_network *net = (rnncell_network *)garbage, *other = NULL;
  rnncell_network *fake = (rnncell_network *)garbage;
  rnncell_network_options options = RNNCELL_NETWORK_OPTIONS_INIT;
  rnncell_network_info info = RNNCELL_NETWORK_INFO_INIT;
  rnncell_state_info state_info = RNNCELL_STATE_INFO_INIT;
  rnncell_parameter_info parameter = RNNCELL_PARAMETER_INFO_INIT;
  rnncell_parameters *weights = NULL, *gradients = NULL, *other_weights = NULL;
  rnncell_tape *tape = NULL;
  rnncell_stream *stream = NULL;
  const int64_t hidden = 5, negative = -5, zero = 0, huge = HUGE_SIZE;
  const int64_t lengths_low[2] = {-1, 3}, lengths_high[2] = {3, 4};
  float x[3 * 2 * 4] = {0}, y[3 * 2 * 5], state[2 * 5], w[20];
  const float nan_value = (float)NAN;
  unsigned char bytes[20000];
  char path[64];
  size_t count, cut;

  GOOD(rnncell_cell_stock(&cell, "elman"));
  BAD(rnncell_network_create(NULL, &cell, &hidden, 1, 4, NULL), "out is NULL");
  BAD(rnncell_network_create(&net, NULL, &hidden, 1, 4, NULL), "cells");
  BAD(rnncell_network_create(&net, none, &hidden, 1, 4, NULL), "cell is NULL");
  BAD(rnncell_network_create(&net, &cell, NULL, 1, 4, NULL), "hidden_sizes");
  BAD(rnncell_network_create(&net, &cell, &hidden, 0, 4, NULL), "0");
  BAD(rnncell_network_create(&net, &cell, &hidden, -1, 4, NULL), "-1");
  FAILS(RNNCELL_LIMIT, rnncell_network_create(&net, &cell, &hidden, HUGE_SIZE, 4, NULL), "layers");
  BAD(rnncell_network_create(&net, &cell, &negative, 1, 4, NULL), "-5");
  BAD(rnncell_network_create(&net, &cell, &zero, 1, 4, NULL), "0");
  FAILS(RNNCELL_LIMIT, rnncell_network_create(&net, &cell, &huge, 1, 4, NULL), "9223372036854775807");
  BAD(rnncell_network_create(&net, &cell, &hidden, 1, 0, NULL), "0");
  BAD(rnncell_network_create(&net, &cell, &hidden, 1, LOWEST, NULL), "-9223372036854775808");
  options.init_range = -1;
  BAD(rnncell_network_create(&net, &cell, &hidden, 1, 4, &options), "init_range");
  options.init_range = NAN;
  BAD(rnncell_network_create(&net, &cell, &hidden, 1, 4, &options), "init_range");
  options.init_range = 0;
  options.forget_bias = INFINITY;
  BAD(rnncell_network_create(&net, &cell, &hidden, 1, 4, &options), "forget_bias");
  options.forget_bias = 0;
  options.size = 1;
  BAD(rnncell_network_create(&net, &cell, &hidden, 1, 4, &options), "size");
  IS_NULL(net);
  GOOD(rnncell_network_create(&net, &cell, &hidden, 1, 4, NULL));

  BAD(rnncell_network_describe(NULL, net), "out is NULL");
  BAD(rnncell_network_describe(&info, NULL), "network is NULL");
  BAD(rnncell_network_describe(&info, fake), "no network");
  BAD(rnncell_network_describe(&info, (rnncell_network *)cell), "no network");
  BAD(rnncell_network_cell(&out_cell, net, 1), "1");
  BAD(rnncell_network_cell(&out_cell, net, -1), "-1");
  BAD(rnncell_network_cell(NULL, net, 0), "out is NULL");
  BAD(rnncell_network_cell(&out_cell, NULL, 0), "network is NULL");
  IS_NULL(out_cell);
  BAD(rnncell_network_state(&state_info, net, 1), "1");
  BAD(rnncell_network_state(&state_info, net, LOWEST), "-9223372036854775808");
  BAD(rnncell_network_state(NULL, net, 0), "out is NULL");
  BAD(rnncell_network_state(&state_info, NULL, 0), "network is NULL");

  BAD(rnncell_network_parameters(NULL, net), "out is NULL");
  BAD(rnncell_network_parameters(&weights, NULL), "network is NULL");
  GOOD(rnncell_network_parameters(&weights, net));
  BAD(rnncell_parameters_describe(NULL, weights, 0), "out is NULL");
  BAD(rnncell_parameters_describe(&parameter, NULL, 0), "parameters is NULL");
  BAD(rnncell_parameters_describe(&parameter, weights, -1), "-1");
  BAD(rnncell_parameters_describe(&parameter, weights, HUGE_SIZE), "9223372036854775807");
  GOOD(rnncell_parameters_describe(&parameter, weights, 0));
  BAD(rnncell_parameters_read(NULL, parameter.count, weights, parameter.name), "values is NULL");
  BAD(rnncell_parameters_read(w, 20, weights, NULL), "name is NULL");
  BAD(rnncell_parameters_read(w, 20, NULL, parameter.name), "parameters is NULL");
  BAD(rnncell_parameters_read(w, 19, weights, parameter.name), "19");
  BAD(rnncell_parameters_read(w, -20, weights, parameter.name), "-20");
  BAD(rnncell_parameters_read(w, 20, weights, "layers.0.W[q, x]"), "layers.0.W[q, x]");
  GOOD(rnncell_parameters_read(w, 20, weights, parameter.name));
  BAD(rnncell_parameters_write(NULL, parameter.name, w, 20), "parameters is NULL");
  BAD(rnncell_parameters_write(weights, parameter.name, NULL, 20), "values is NULL");
  BAD(rnncell_parameters_write(weights, NULL, w, 20), "name is NULL");
  BAD(rnncell_parameters_write(weights, parameter.name, w, 21), "21");
  BAD(rnncell_parameters_write(weights, "b", w, 5), "'b'");
  w[7] = nan_value;
  BAD(rnncell_parameters_write(weights, parameter.name, w, 20), "[7]");
  w[7] = (float)INFINITY;
  BAD(rnncell_parameters_write(weights, parameter.name, w, 20), "[7]");

  BAD(rnncell_network_forward(y, state, NULL, NULL, x, 3, 2, NULL, NULL, 1), "network is NULL");
  BAD(rnncell_network_forward(y, state, &tape, net, NULL, 3, 2, NULL, NULL, 1), "input is NULL");
  IS_NULL(tape);
  BAD(rnncell_network_forward(y, state, NULL, net, x, 0, 2, NULL, NULL, 1), "0");
  BAD(rnncell_network_forward(y, state, NULL, net, x, -3, 2, NULL, NULL, 1), "-3");
  BAD(rnncell_network_forward(y, state, NULL, net, x, 3, -2, NULL, NULL, 1), "-2");
  FAILS(RNNCELL_LIMIT, rnncell_network_forward(
      y, state, NULL, net, x, HUGE_SIZE, 2, NULL, NULL, 1), "9223372036854775807");
  FAILS(RNNCELL_LIMIT, rnncell_network_forward(
      y, state, NULL, net, x, 3, HUGE_SIZE, NULL, NULL, 1), "9223372036854775807");
  BAD(rnncell_network_forward(y, state, NULL, net, x, 3, 2, lengths_low, NULL, 1), "-1");
  BAD(rnncell_network_forward(y, state, NULL, net, x, 3, 2, lengths_high, NULL, 1), "4");
  BAD(rnncell_network_forward(y, state, NULL, net, x, 3, 2, NULL, NULL, -1), "-1");
  BAD(rnncell_network_forward(y, state, NULL, net, x, 3, 2, NULL, NULL, HUGE_SIZE), "threads");
  x[5] = nan_value;
  BAD(rnncell_network_forward(y, state, NULL, net, x, 3, 2, NULL, NULL, 1), "input[5]");
  x[5] = 0;
  memset(state, 0, sizeof state);
  state[3] = (float)INFINITY;
  BAD(rnncell_network_forward(y, NULL, NULL, net, x, 3, 2, NULL, state, 1), "initial_state[3]");
  memset(state, 0, sizeof state);
  GOOD(rnncell_network_forward(y, state, &tape, net, x, 3, 2, NULL, NULL, 1));

  BAD(rnncell_tape_backward(NULL, NULL, NULL, y, NULL, 1), "tape is NULL");
  BAD(rnncell_tape_backward(NULL, NULL, tape, y, NULL, -4), "-4");
  y[2] = nan_value;
  BAD(rnncell_tape_backward(NULL, NULL, tape, y, NULL, 1), "output_gradient[2]");
  y[2] = 0;
  state[1] = nan_value;
  BAD(rnncell_tape_backward(NULL, NULL, tape, y, state, 1), "final_state_gradient[1]");
  BAD(rnncell_tape_gradients(NULL, tape), "out is NULL");
  BAD(rnncell_tape_gradients(&gradients, NULL), "tape is NULL");
  GOOD(rnncell_tape_gradients(&gradients, tape));
  BAD(rnncell_parameters_add(NULL, gradients, 1), "parameters is NULL");
  BAD(rnncell_parameters_add(weights, NULL, 1), "NULL");
  BAD(rnncell_parameters_add(weights, gradients, NAN), "scale");
  {
    const int64_t size = 6;
    GOOD(rnncell_network_create(&other, &cell, &size, 1, 4, NULL));
    GOOD(rnncell_network_parameters(&other_weights, other));
    BAD(rnncell_parameters_add(weights, other_weights, 1), "layout");
  }
  GOOD(rnncell_parameters_add(weights, gradients, 1));
  FAILS(RNNCELL_STATE, rnncell_tape_backward(NULL, NULL, tape, y, NULL, 1), "changed");
  rnncell_tape_free((rnncell_tape *)cell);
  rnncell_tape_free(tape);
  rnncell_tape_free(NULL);

  BAD(rnncell_stream_create(NULL, net, 1), "out is NULL");
  BAD(rnncell_stream_create(&stream, NULL, 1), "network is NULL");
  BAD(rnncell_stream_create(&stream, net, 0), "0");
  BAD(rnncell_stream_create(&stream, net, -7), "-7");
  FAILS(RNNCELL_LIMIT, rnncell_stream_create(&stream, net, HUGE_SIZE), "9223372036854775807");
  IS_NULL(stream);
  GOOD(rnncell_stream_create(&stream, net, 2));
  BAD(rnncell_stream_step(NULL, stream, x), "output is NULL");
  BAD(rnncell_stream_step(y, NULL, x), "stream is NULL");
  BAD(rnncell_stream_step(y, stream, NULL), "input is NULL");
  x[1] = nan_value;
  BAD(rnncell_stream_step(y, stream, x), "input[1]");
  BAD(rnncell_stream_read_state(NULL, 10, stream), "state is NULL");
  BAD(rnncell_stream_read_state(state, 9, stream), "9");
  BAD(rnncell_stream_read_state(state, 10, NULL), "stream is NULL");
  BAD(rnncell_stream_write_state(NULL, state, 10), "stream is NULL");
  BAD(rnncell_stream_write_state(stream, state, -1), "-1");
  BAD(rnncell_stream_write_state(stream, NULL, 10), "NULL");
  BAD(rnncell_stream_write_state(stream, state, 10), "state[1]");
  rnncell_stream_free((rnncell_stream *)garbage);
  rnncell_stream_free(stream);
  rnncell_stream_free(NULL);

  BAD(rnncell_network_save(NULL, "a"), "network is NULL");
  BAD(rnncell_network_save(net, NULL), "path is NULL");
  FAILS(RNNCELL_IO, rnncell_network_save(net, "missing/directory/n.safetensors"), "missing/");
  GOOD(rnncell_network_save(net, "bad.safetensors"));
  rnncell_network_free(net);
  BAD(rnncell_network_load(NULL, "bad.safetensors"), "out is NULL");
  BAD(rnncell_network_load(&net, NULL), "path is NULL");
  IS_NULL(net);
  FAILS(RNNCELL_IO, rnncell_network_load(&net, "missing.safetensors"), "missing.safetensors");
  FAILS(RNNCELL_IO, rnncell_network_load(&net, "."), "");
  count = read_file("bad.safetensors", bytes, sizeof bytes);
  for (cut = 0; cut < count; cut += cut < 600 ? 7 : 41) {
    write_file("cut.safetensors", bytes, cut);
    FAILS(RNNCELL_FORMAT, rnncell_network_load(&net, "cut.safetensors"), "");
    IS_NULL(net);
  }
  for (cut = 0; cut < 300 && cut < count; cut += 3) {
    const unsigned char kept = bytes[cut];
    bytes[cut] ^= 0x5f;
    write_file("cut.safetensors", bytes, count);
    /* A changed letter can still be a right file; it must never be a crash. */
    if (rnncell_network_load(&net, "cut.safetensors") == RNNCELL_OK) rnncell_network_free(net);
    ++calls;
    bytes[cut] = kept;
  }
  memset(bytes, 0xff, 8);
  write_file("cut.safetensors", bytes, count);
  FAILS(RNNCELL_FORMAT, rnncell_network_load(&net, "cut.safetensors"), "");
  strcpy(path, "bad.safetensors");
  GOOD(rnncell_network_load(&net, path));
  rnncell_network_free(net);
  rnncell_network_free(other);
  rnncell_network_free(fake);
  rnncell_network_free(NULL);
  rnncell_cell_free(cell);
}
