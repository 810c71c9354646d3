/* Bad inputs: corpora and models. */
#include "bad_inputs.h"

static int32_t stop(const rnncell_progress *progress, void *user) {
  (void)progress;
  (void)user;
  return 1;
}

void bad_training(void) {
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

  BAD(rnncell_model_evaluate_dynamic(NULL, model, ids, 4, 0.1, 0, 0, 1), "loss is NULL");
  BAD(rnncell_model_evaluate_dynamic(&loss, NULL, ids, 4, 0.1, 0, 0, 1), "model is NULL");
  BAD(rnncell_model_evaluate_dynamic(&loss, model, NULL, 4, 0.1, 0, 0, 1), "tokens is NULL");
  BAD(rnncell_model_evaluate_dynamic(&loss, model, ids, 1, 0.1, 0, 0, 1), "1 token");
  BAD(rnncell_model_evaluate_dynamic(&loss, model, ids, 4, -0.1, 0, 0, 1), "learning_rate");
  BAD(rnncell_model_evaluate_dynamic(&loss, model, ids, 4, 0.1, 2, 0, 1), "decay");
  BAD(rnncell_model_evaluate_dynamic(&loss, model, ids, 4, 0.1, 0, -1, 1), "truncation");
  GOOD(rnncell_model_evaluate_dynamic(&loss, model, ids, 4, 0.1, 0.01, 0, 1));
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
