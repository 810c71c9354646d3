/*
 * Passes bad input to every exported function: each call gives its status and a message that names the
 * value, and the process lives on.
 */
#include <math.h>
#include <rnncell.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;
static int calls = 0;

static void expect(int32_t status, int32_t wanted, const char *text, int line) {
  const char *message = rnncell_last_error(NULL, NULL);
  ++calls;
  if (status != wanted) {
    printf("line %d: status %d, not %d (%s)\n", line, (int)status, (int)wanted, message);
    ++failures;
  } else if (wanted != RNNCELL_OK && strstr(message, text) == NULL) {
    printf("line %d: the message '%s' lacks '%s'\n", line, message, text);
    ++failures;
  } else if (wanted != RNNCELL_OK && message[0] == 0) {
    printf("line %d: the message is empty\n", line);
    ++failures;
  }
}

#define BAD(call, text) expect((call), RNNCELL_INVALID_ARGUMENT, (text), __LINE__)
#define FAILS(status, call, text) expect((call), (status), (text), __LINE__)
#define GOOD(call) expect((call), RNNCELL_OK, "", __LINE__)
#define IS_NULL(pointer)                                          \
  do {                                                            \
    if ((pointer) != NULL) {                                      \
      printf("line %d: " #pointer " is not NULL\n", __LINE__);    \
      ++failures;                                                 \
    }                                                             \
  } while (0)

#define HUGE_SIZE INT64_C(0x7fffffffffffffff)
#define LOWEST (-HUGE_SIZE - 1)

/* A pointer to something that is no handle at all. */
static uint64_t garbage[8];

static void write_file(const char *path, const void *bytes, size_t count) {
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) exit(3);
}

static size_t read_file(const char *path, unsigned char *bytes, size_t capacity) {
  FILE *file = fopen(path, "rb");
  size_t count;
  if (file == NULL) exit(3);
  count = fread(bytes, 1, capacity, file);
  fclose(file);
  return count;
}

static void version_and_status(void) {
  char byte[1];
  int32_t line = -1, column = -1;
  size_t needed = 0;
  BAD(rnncell_build_info(NULL, 10, NULL), "NULL");
  BAD(rnncell_build_info(byte, 1, &needed), "not 1");
  FAILS(RNNCELL_LIMIT, rnncell_build_info(byte, (size_t)-1, NULL), "capacity");
  if (needed < 20 || strlen(rnncell_version()) < 5) ++failures;
  if (rnncell_last_error(&line, &column) == NULL || line != 0 || column != 0) ++failures;
}

static void cells(void) {
  rnncell_cell *cell = (rnncell_cell *)garbage, *other = NULL;
  rnncell_cell *fake = (rnncell_cell *)garbage;
  rnncell_stock_info stock = RNNCELL_STOCK_INFO_INIT;
  rnncell_cell_info info = RNNCELL_CELL_INFO_INIT;
  rnncell_parameter_info parameter = RNNCELL_PARAMETER_INFO_INIT;
  int32_t equal, form, line, column;
  size_t index;
  static char deep[200001];
  static const char *const malformed[] = {
      "", "h", "h'", "h' =", "h' = ", "= x", "h' = tanh(", "h' = tanh(x", "h' = tanh(x))",
      "h' = tanh(linear(x, h)", "h' = y", "h' = tanh(x, h)", "z = x", "h' = x + ", "h' = 1e999999",
      "h' = linear()", "h' = x\nh' = h", "x = h\nh' = x", "h' = \x01", "h' = h;;;=", "h' = c'",
      "h' = sigmod(x)", "h' = linear(x) * linear(h) *", "\xc3\xa9' = x", "h' = (((((((((("};
  for (index = 0; index < sizeof malformed / sizeof *malformed; ++index) {
    FAILS(RNNCELL_PARSE, rnncell_cell_parse(&cell, malformed[index]), ":");
    IS_NULL(cell);
    rnncell_last_error(&line, &column);
    if (line < 1 || column < 1) {
      printf("no place for '%s': %d:%d\n", malformed[index], (int)line, (int)column);
      ++failures;
    }
  }
  BAD(rnncell_cell_parse(NULL, "h' = x"), "out is NULL");
  BAD(rnncell_cell_parse(&cell, NULL), "equations is NULL");
  BAD(rnncell_cell_parse(&cell, "h' = \xff"), "UTF-8");
  memset(deep, '(', sizeof deep - 1);
  memcpy(deep, "h' = ", 5);
  FAILS(RNNCELL_LIMIT, rnncell_cell_parse(&cell, deep), "limit");

  BAD(rnncell_cell_stock(NULL, "lstm"), "out is NULL");
  BAD(rnncell_cell_stock(&cell, NULL), "name is NULL");
  BAD(rnncell_cell_stock(&cell, "lstn"), "lstm");
  BAD(rnncell_cell_stock(&cell, ""), "''");
  IS_NULL(cell);

  BAD(rnncell_cell_import(NULL, RNNCELL_NOTATION_RECIPE, "{}"), "out is NULL");
  BAD(rnncell_cell_import(&cell, RNNCELL_NOTATION_RECIPE, NULL), "text is NULL");
  BAD(rnncell_cell_import(&cell, 0, "[]"), "notation 0");
  BAD(rnncell_cell_import(&cell, 99, "[]"), "notation 99");
  BAD(rnncell_cell_import(&cell, -1, "[]"), "notation -1");
  FAILS(RNNCELL_PARSE, rnncell_cell_import(&cell, RNNCELL_NOTATION_GENOTYPE, "[('tanh'"), ":");
  BAD(rnncell_cell_import(&cell, RNNCELL_NOTATION_GENOTYPE, "[('tanh', 7)]"), "7");
  FAILS(RNNCELL_PARSE, rnncell_cell_import(&cell, RNNCELL_NOTATION_RECIPE, "{\"a\": "), ":");
  BAD(rnncell_cell_import(&cell, RNNCELL_NOTATION_RECIPE, "{\"a\": {\"op\": 1}}"), "'a'");
  BAD(rnncell_cell_import(&cell, RNNCELL_NOTATION_ARC, "0 0 nine"), "nine");
  BAD(rnncell_cell_import(&cell, RNNCELL_NOTATION_ARC_ENAS_LM, "0 9 9"), "9");
  IS_NULL(cell);

  BAD(rnncell_stock_describe(NULL, 0), "out is NULL");
  BAD(rnncell_stock_describe(&stock, -1), "-1");
  BAD(rnncell_stock_describe(&stock, HUGE_SIZE), "9223372036854775807");
  stock.size = 3;
  BAD(rnncell_stock_describe(&stock, 0), "3");

  GOOD(rnncell_cell_stock(&cell, "lstm"));
  GOOD(rnncell_cell_stock(&other, "elman"));
  BAD(rnncell_cell_describe(NULL, cell, 0, 0), "out is NULL");
  BAD(rnncell_cell_describe(&info, NULL, 0, 0), "cell is NULL");
  BAD(rnncell_cell_describe(&info, fake, 0, 0), "no cell");
  BAD(rnncell_cell_describe(&info, cell, -3, 4), "-3");
  BAD(rnncell_cell_describe(&info, cell, 4, 0), "0");
  FAILS(RNNCELL_LIMIT, rnncell_cell_describe(&info, cell, HUGE_SIZE, 4), "9223372036854775807");
  info.size = 0;
  BAD(rnncell_cell_describe(&info, cell, 0, 0), "0");

  BAD(rnncell_cell_parameter(NULL, cell, 0, 4, 4), "out is NULL");
  BAD(rnncell_cell_parameter(&parameter, NULL, 0, 4, 4), "cell is NULL");
  BAD(rnncell_cell_parameter(&parameter, cell, -1, 4, 4), "-1");
  BAD(rnncell_cell_parameter(&parameter, cell, 12, 4, 4), "12");
  BAD(rnncell_cell_parameter(&parameter, cell, 0, 0, 4), "0");
  FAILS(RNNCELL_LIMIT, rnncell_cell_parameter(&parameter, cell, 0, 4, HUGE_SIZE), "limit");

  BAD(rnncell_cell_equal(NULL, cell, other), "equal is NULL");
  BAD(rnncell_cell_equal(&equal, NULL, other), "NULL");
  BAD(rnncell_cell_equal(&equal, cell, fake), "no cell");
  BAD(rnncell_cell_counterpart(NULL, 0, NULL, cell, "W[i, x]", other), "not equal");
  BAD(rnncell_cell_counterpart(NULL, 0, NULL, cell, "W[q, x]", cell), "W[q, x]");
  BAD(rnncell_cell_counterpart(NULL, 0, NULL, cell, NULL, cell), "parameter is NULL");
  BAD(rnncell_cell_counterpart(NULL, 0, NULL, NULL, "W[i, x]", cell), "cell is NULL");
  for (form = -2; form < 11; ++form) {
    if (form >= RNNCELL_DRAWING_EQUATIONS && form <= RNNCELL_DRAWING_PARTS) continue;
    BAD(rnncell_cell_draw(NULL, 0, NULL, cell, form), "form");
  }
  BAD(rnncell_cell_draw(NULL, 0, NULL, NULL, 0), "cell is NULL");
  BAD(rnncell_cell_draw(NULL, 5, NULL, cell, 0), "NULL");
  BAD(rnncell_cell_draw(NULL, 0, NULL, cell, RNNCELL_DRAWING_GENOTYPE), "");

  rnncell_cell_free(NULL);
  rnncell_cell_free(fake);
  rnncell_cell_free(cell);
  rnncell_cell_free(other);
}

static void networks(void) {
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

static int32_t stop(const rnncell_progress *progress, void *user) {
  (void)progress;
  (void)user;
  return 1;
}

static void training(void) {
  rnncell_corpus_options text = RNNCELL_CORPUS_OPTIONS_INIT;
  rnncell_corpus_info corpus_info = RNNCELL_CORPUS_INFO_INIT;
  rnncell_model_options shape = RNNCELL_MODEL_OPTIONS_INIT;
  rnncell_model_info info = RNNCELL_MODEL_INFO_INIT;
  rnncell_fit_options fit = RNNCELL_FIT_OPTIONS_INIT;
  rnncell_progress row = RNNCELL_PROGRESS_INIT;
  rnncell_corpus *corpus = (rnncell_corpus *)garbage, *other = NULL;
  rnncell_model *model = (rnncell_model *)garbage;
  rnncell_network *net = NULL;
  rnncell_parameters *weights = NULL;
  rnncell_cell *cell = NULL;
  const int32_t *tokens = NULL;
  int32_t ids[4] = {0, 1, 2, 1};
  int64_t count = 0, needed = 0;
  char out[64];
  double loss = 0;
  char *many = malloc(8001);
  int index;
  unsigned char bytes[60000];
  size_t size, cut;

  if (many == NULL) exit(3);
  for (index = 0; index < 8000; ++index) many[index] = "abcd efgh\n"[(index * 7 + index / 13) % 10];
  many[8000] = 0;

  BAD(rnncell_corpus_create(NULL, &text), "out is NULL");
  BAD(rnncell_corpus_create(&corpus, NULL), "text");
  BAD(rnncell_corpus_create(&corpus, &text), "text");
  IS_NULL(corpus);
  text.train_path = "missing.txt";
  FAILS(RNNCELL_IO, rnncell_corpus_create(&corpus, &text), "missing.txt");
  text.train_text = many;
  text.train_bytes = 8000;
  BAD(rnncell_corpus_create(&corpus, &text), "train");
  text.train_path = NULL;
  text.unit = 7;
  BAD(rnncell_corpus_create(&corpus, &text), "7");
  text.unit = 0;
  text.train_bytes = 1;
  BAD(rnncell_corpus_create(&corpus, &text), "");
  text.train_bytes = (size_t)-1;
  FAILS(RNNCELL_LIMIT, rnncell_corpus_create(&corpus, &text), "bytes");
  text.train_text = "abc\xff\xfe""def abc def abc def abc def abc def abc def abc def";
  text.train_bytes = strlen(text.train_text);
  FAILS(RNNCELL_FORMAT, rnncell_corpus_create(&corpus, &text), "UTF-8");
  text.train_text = many;
  text.train_bytes = 8000;
  text.valid_text = many;
  text.valid_bytes = 100;
  BAD(rnncell_corpus_create(&corpus, &text), "test");
  text.valid_text = NULL;
  text.valid_bytes = 0;
  text.size = 5000;
  BAD(rnncell_corpus_create(&corpus, &text), "5000");
  text.size = sizeof text;
  IS_NULL(corpus);
  GOOD(rnncell_corpus_create(&corpus, &text));
  text.unit = RNNCELL_UNIT_WORD;
  GOOD(rnncell_corpus_create(&other, &text));
  rnncell_corpus_free((rnncell_corpus *)garbage);
  rnncell_corpus_free(NULL);

  BAD(rnncell_corpus_describe(NULL, corpus), "out is NULL");
  BAD(rnncell_corpus_describe(&corpus_info, NULL), "corpus is NULL");
  BAD(rnncell_corpus_tokens(NULL, &count, corpus, 0), "tokens is NULL");
  BAD(rnncell_corpus_tokens(&tokens, NULL, corpus, 0), "count is NULL");
  BAD(rnncell_corpus_tokens(&tokens, &count, NULL, 0), "corpus is NULL");
  BAD(rnncell_corpus_tokens(&tokens, &count, corpus, 3), "3");
  BAD(rnncell_corpus_tokens(&tokens, &count, corpus, -1), "-1");
  IS_NULL(tokens);
  BAD(rnncell_corpus_word(out, sizeof out, NULL, corpus, -1), "-1");
  BAD(rnncell_corpus_word(out, sizeof out, NULL, corpus, HUGE_SIZE), "9223372036854775807");
  BAD(rnncell_corpus_word(out, sizeof out, NULL, NULL, 0), "corpus is NULL");

  GOOD(rnncell_cell_stock(&cell, "gru"));
  BAD(rnncell_model_create(NULL, corpus, &cell, 1, &shape), "out is NULL");
  BAD(rnncell_model_create(&model, NULL, &cell, 1, &shape), "corpus is NULL");
  BAD(rnncell_model_create(&model, corpus, NULL, 1, &shape), "cells");
  BAD(rnncell_model_create(&model, corpus, &cell, 0, &shape), "0");
  BAD(rnncell_model_create(&model, corpus, &cell, -2, &shape), "-2");
  shape.hidden_size = -8;
  BAD(rnncell_model_create(&model, corpus, &cell, 1, &shape), "-8");
  shape.hidden_size = HUGE_SIZE;
  FAILS(RNNCELL_LIMIT, rnncell_model_create(&model, corpus, &cell, 1, &shape), "limit");
  shape.hidden_size = 8;
  shape.layers = -1;
  BAD(rnncell_model_create(&model, corpus, &cell, 1, &shape), "-1");
  shape.layers = 65;
  FAILS(RNNCELL_LIMIT, rnncell_model_create(&model, corpus, &cell, 1, &shape), "65");
  shape.layers = 0;
  shape.embedding_size = -9;
  BAD(rnncell_model_create(&model, corpus, &cell, 1, &shape), "-9");
  shape.embedding_size = 4;
  shape.tied = 1;
  BAD(rnncell_model_create(&model, corpus, &cell, 1, &shape), "4");
  shape.tied = 2;
  BAD(rnncell_model_create(&model, corpus, &cell, 1, &shape), "2");
  shape.tied = 0;
  shape.embedding_size = 0;
  shape.weight_count = -100;
  BAD(rnncell_model_create(&model, corpus, &cell, 1, &shape), "-100");
  shape.weight_count = 0;
  shape.init_range = NAN;
  BAD(rnncell_model_create(&model, corpus, &cell, 1, &shape), "init_range");
  shape.init_range = 0;
  IS_NULL(model);
  GOOD(rnncell_model_create(&model, corpus, &cell, 1, &shape));
  rnncell_model_free((rnncell_model *)garbage);
  rnncell_model_free(NULL);

  BAD(rnncell_model_describe(NULL, model), "out is NULL");
  BAD(rnncell_model_describe(&info, NULL), "model is NULL");
  BAD(rnncell_model_network(NULL, model), "out is NULL");
  BAD(rnncell_model_network(&net, NULL), "model is NULL");
  BAD(rnncell_model_parameters(NULL, model), "out is NULL");
  BAD(rnncell_model_parameters(&weights, NULL), "model is NULL");
  BAD(rnncell_model_word(out, sizeof out, NULL, model, -4), "-4");
  BAD(rnncell_model_word(out, sizeof out, NULL, NULL, 0), "model is NULL");
  BAD(rnncell_model_encode(ids, 2, &needed, model, "abcd", 4), "4");
  BAD(rnncell_model_encode(ids, -1, &needed, model, "abcd", 4), "-1");
  BAD(rnncell_model_encode(NULL, 4, &needed, model, "abcd", 4), "NULL");
  BAD(rnncell_model_encode(ids, 4, &needed, model, NULL, 4), "text is NULL");
  BAD(rnncell_model_encode(ids, 4, &needed, NULL, "abcd", 4), "model is NULL");

  BAD(rnncell_model_fit(NULL, corpus, NULL, NULL, NULL), "model is NULL");
  BAD(rnncell_model_fit(model, NULL, NULL, NULL, NULL), "corpus is NULL");
  FAILS(RNNCELL_STATE, rnncell_model_fit(model, other, NULL, NULL, NULL), "vocabulary");
#define BAD_FIT(member, value, text)                                \
  do {                                                              \
    rnncell_fit_options wrong = RNNCELL_FIT_OPTIONS_INIT;           \
    wrong.member = value;                                           \
    BAD(rnncell_model_fit(model, corpus, &wrong, NULL, NULL), text); \
  } while (0)
  BAD_FIT(optimizer, "sgdd", "sgdd");
  BAD_FIT(epochs, -1, "-1");
  BAD_FIT(updates, -2, "-2");
  BAD_FIT(batch, -3, "-3");
  BAD_FIT(truncation, -4, "-4");
  BAD_FIT(decay_after, -5, "-5");
  BAD_FIT(patience, -6, "-6");
  BAD_FIT(report_every, -7, "-7");
  BAD_FIT(threads, -8, "-8");
  BAD_FIT(learning_rate, -0.5, "-0.5");
  BAD_FIT(learning_rate, NAN, "nan");
  BAD_FIT(decay, -0.25, "-0.25");
  BAD_FIT(clip, -5, "-5");
  BAD_FIT(dropout, 1.5, "1.5");
  BAD_FIT(dropout, -0.5, "-0.5");
  BAD_FIT(variational, 3, "3");
  BAD_FIT(reduction, 4, "4");
  BAD_FIT(resume, 5, "5");
  BAD_FIT(resume, 1, "checkpoint");
  BAD_FIT(size, 2, "2");
  fit.batch = 4;
  fit.truncation = 5;
  fit.checkpoint = "missing/directory/checkpoint";
  FAILS(RNNCELL_IO, rnncell_model_fit(model, corpus, &fit, NULL, NULL), "missing/");
  write_file("cut.safetensors", "nonsense", 8);
  fit.checkpoint = "cut.safetensors";
  fit.resume = 1;
  FAILS(RNNCELL_FORMAT, rnncell_model_fit(model, corpus, &fit, NULL, NULL), "cut.safetensors");
  fit.checkpoint = NULL;
  fit.resume = 0;
  fit.report_every = 1;
  FAILS(RNNCELL_CANCELLED, rnncell_model_fit(model, corpus, &fit, stop, NULL), "");

  BAD(rnncell_model_history(NULL, model, 0), "out is NULL");
  BAD(rnncell_model_history(&row, NULL, 0), "model is NULL");
  BAD(rnncell_model_history(&row, model, -1), "-1");
  BAD(rnncell_model_history(&row, model, 1000), "1000");

  BAD(rnncell_model_evaluate(NULL, model, ids, 4, 1), "loss is NULL");
  BAD(rnncell_model_evaluate(&loss, NULL, ids, 4, 1), "model is NULL");
  BAD(rnncell_model_evaluate(&loss, model, NULL, 4, 1), "tokens is NULL");
  BAD(rnncell_model_evaluate(&loss, model, ids, 1, 1), "1");
  BAD(rnncell_model_evaluate(&loss, model, ids, -4, 1), "-4");
  BAD(rnncell_model_evaluate(&loss, model, ids, 4, -1), "-1");
  ids[2] = 5000;
  BAD(rnncell_model_evaluate(&loss, model, ids, 4, 1), "5000");
  ids[2] = -5;
  BAD(rnncell_model_evaluate(&loss, model, ids, 4, 1), "-5");
  FAILS(RNNCELL_LIMIT, rnncell_model_evaluate(&loss, model, ids, HUGE_SIZE, 1), "tokens");

  BAD(rnncell_model_generate(out, sizeof out, NULL, NULL, "a", 5, 1, 0), "model is NULL");
  BAD(rnncell_model_generate(out, sizeof out, NULL, model, NULL, 5, 1, 0), "prompt is NULL");
  BAD(rnncell_model_generate(out, sizeof out, NULL, model, "a", -5, 1, 0), "-5");
  BAD(rnncell_model_generate(out, sizeof out, NULL, model, "a", 5, -1, 0), "-1");
  BAD(rnncell_model_generate(out, sizeof out, NULL, model, "a", 5, NAN, 0), "nan");
  BAD(rnncell_model_generate(out, 2, NULL, model, "a", 40, 1, 0), "2");
  BAD(rnncell_model_generate(NULL, 3, NULL, model, "a", 5, 1, 0), "NULL");
  FAILS(RNNCELL_LIMIT, rnncell_model_generate(
      out, sizeof out, NULL, model, "a", HUGE_SIZE, 1, 0), "9223372036854775807");

  BAD(rnncell_model_save(NULL, "m"), "model is NULL");
  BAD(rnncell_model_save(model, NULL), "path is NULL");
  FAILS(RNNCELL_IO, rnncell_model_save(model, "missing/directory/m"), "missing/");
  GOOD(rnncell_model_save(model, "model-bad.safetensors"));
  FAILS(RNNCELL_FORMAT, rnncell_network_load(&net, "model-bad.safetensors"), "");
  rnncell_model_free(model);
  BAD(rnncell_model_load(NULL, "model-bad.safetensors"), "out is NULL");
  BAD(rnncell_model_load(&model, NULL), "path is NULL");
  IS_NULL(model);
  FAILS(RNNCELL_IO, rnncell_model_load(&model, "missing.safetensors"), "missing.safetensors");
  FAILS(RNNCELL_FORMAT, rnncell_model_load(&model, "bad.safetensors"), "");
  size = read_file("model-bad.safetensors", bytes, sizeof bytes);
  for (cut = 0; cut < size; cut += cut < 800 ? 23 : 509) {
    write_file("cut.safetensors", bytes, cut);
    FAILS(RNNCELL_FORMAT, rnncell_model_load(&model, "cut.safetensors"), "");
  }

  rnncell_cell_free(cell);
  rnncell_corpus_free(corpus);
  rnncell_corpus_free(other);
  free(many);
}

static double objective(const rnncell_proposal *proposal, void *user) {
  (void)user;
  return (double)proposal->id;
}

static void search(void) {
  rnncell_study_options options = RNNCELL_STUDY_OPTIONS_INIT;
  rnncell_study_info info = RNNCELL_STUDY_INFO_INIT;
  rnncell_proposal proposal = RNNCELL_PROPOSAL_INIT;
  rnncell_strategy_info strategy = RNNCELL_STRATEGY_INFO_INIT;
  rnncell_study *study = (rnncell_study *)garbage;

  BAD(rnncell_study_open(NULL, NULL, NULL, NULL), "out is NULL");
  BAD(rnncell_study_open(&study, NULL, (rnncell_corpus *)garbage, NULL), "no corpus");
  IS_NULL(study);
#define BAD_STUDY(member, value, text)                                \
  do {                                                                \
    rnncell_study_options wrong = RNNCELL_STUDY_OPTIONS_INIT;         \
    wrong.member = value;                                             \
    BAD(rnncell_study_open(&study, NULL, NULL, &wrong), text);        \
    IS_NULL(study);                                                   \
  } while (0)
  BAD_STUDY(strategy, "evolutoin", "evolution");
  BAD_STUDY(minutes, -1, "-1");
  BAD_STUDY(minutes, NAN, "nan");
  BAD_STUDY(trials, -2, "-2");
  BAD_STUDY(workers, -3, "-3");
  BAD_STUDY(hidden_size, -4, "-4");
  BAD_STUDY(layers, -5, "-5");
  BAD_STUDY(embedding_size, -6, "-6");
  BAD_STUDY(rungs, -7, "-7");
  BAD_STUDY(updates, -8, "-8");
  BAD_STUDY(batch, -9, "-9");
  BAD_STUDY(truncation, -10, "-10");
  BAD_STUDY(learning_rate, -0.5, "-0.5");
  BAD_STUDY(deterministic, 2, "2");
  BAD_STUDY(read_only, 3, "3");
  BAD_STUDY(mixed_layers, 2, "mixed_layers is 2");
  BAD_STUDY(mixed_layers, 1, "layers of 2 or more");
  BAD_STUDY(size, 4, "4");
  write_file("bad.db", "this is no database, and it is longer than a hundred bytes, as a database "
             "header would be, so that it is read as one.............", 120);
  FAILS(RNNCELL_FORMAT, rnncell_study_open(&study, "bad.db", NULL, NULL), "bad.db");
  FAILS(RNNCELL_IO, rnncell_study_open(&study, "missing/directory/s.db", NULL, NULL), "missing/");
  options.read_only = 1;
  FAILS(RNNCELL_IO, rnncell_study_open(&study, "missing.db", NULL, &options), "missing.db");
  options.read_only = 0;
  IS_NULL(study);
  options.strategy = "random";
  options.trials = 2;
  GOOD(rnncell_study_open(&study, NULL, NULL, &options));
  rnncell_study_free((rnncell_study *)garbage);
  rnncell_study_free(NULL);

  BAD(rnncell_study_describe(NULL, study), "out is NULL");
  BAD(rnncell_study_describe(&info, NULL), "study is NULL");
  BAD(rnncell_study_run(NULL, NULL, NULL), "study is NULL");
  FAILS(RNNCELL_STATE, rnncell_study_run(study, NULL, NULL), "corpus");
  BAD(rnncell_study_run_objective(NULL, objective, NULL, NULL), "study is NULL");
  BAD(rnncell_study_run_objective(study, NULL, NULL, NULL), "objective is NULL");
  BAD(rnncell_study_ask(NULL, study), "out is NULL");
  BAD(rnncell_study_ask(&proposal, NULL), "study is NULL");
  BAD(rnncell_study_tell(NULL, 1, 1.0, NULL), "study is NULL");
  BAD(rnncell_study_tell(study, 77, 1.0, NULL), "77");
  BAD(rnncell_study_tell(study, -1, 1.0, NULL), "-1");
  GOOD(rnncell_study_ask(&proposal, study));
  BAD(rnncell_study_tell(study, proposal.id, 1.0, "\xff"), "UTF-8");
  GOOD(rnncell_study_tell(study, proposal.id, 1.0, NULL));
  FAILS(RNNCELL_STATE, rnncell_study_tell(study, proposal.id, 1.0, NULL), "once");
  GOOD(rnncell_study_ask(&proposal, study));
  GOOD(rnncell_study_tell(study, proposal.id, NAN, NULL));
  FAILS(RNNCELL_STATE, rnncell_study_ask(&proposal, study), "trials");
  BAD(rnncell_study_proposal(NULL, study, 0, 0), "out is NULL");
  BAD(rnncell_study_proposal(&proposal, NULL, 0, 0), "study is NULL");
  BAD(rnncell_study_proposal(&proposal, study, 3, 0), "3");
  rnncell_score score = RNNCELL_SCORE_INIT;
  BAD(rnncell_study_tell_score(NULL, 1, &score), "study is NULL");
  BAD(rnncell_study_tell_score(study, 1, NULL), "score is NULL");
  BAD(rnncell_study_tell_score(study, 78, &score), "78");
  score.tokens = -4;
  BAD(rnncell_study_tell_score(study, 1, &score), "-4");
  score.tokens = 0;
  score.step_seconds = NAN;
  BAD(rnncell_study_tell_score(study, 1, &score), "step_seconds nan");
  BAD(rnncell_study_record_test(NULL, 0), "study is NULL");
  BAD(rnncell_study_record_test(study, 2), "again is 2");
  GOOD(rnncell_study_record_test(study, 0));
  FAILS(RNNCELL_STATE, rnncell_study_record_test(study, 0), "read for this study before");
  GOOD(rnncell_study_record_test(study, 1));
  BAD(rnncell_study_proposal(&proposal, study, RNNCELL_ORDER_LOSS, -1), "-1");
  BAD(rnncell_study_proposal(&proposal, study, RNNCELL_ORDER_PROPOSED, 99), "99");
  BAD(rnncell_strategy_describe(NULL, 0), "out is NULL");
  BAD(rnncell_strategy_describe(&strategy, -1), "-1");
  BAD(rnncell_strategy_describe(&strategy, HUGE_SIZE), "9223372036854775807");
  rnncell_study_free(study);
}

int main(void) {
  version_and_status();
  cells();
  networks();
  training();
  search();
  printf("%d calls, %d failures\n", calls, failures);
  return failures != 0;
}
