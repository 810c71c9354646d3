/*
 * Trains a language model on a text, says how well it predicts the rest, and lets it write.
 *
 *     ./train_language_model TEXT [MODEL.safetensors]
 */
#include <math.h>
#include <rnncell.h>
#include <stdio.h>
#include <stdlib.h>

static void check(int32_t status) {
  if (status == RNNCELL_OK) return;
  fprintf(stderr, "%s\n", rnncell_last_error(NULL, NULL));
  exit(1);
}

static int32_t show(const rnncell_progress *progress, void *user) {
  (void)user;
  fprintf(
      stderr, "epoch %ld, update %ld: %.3f nats per token, %.0f tokens per second\n",
      (long)progress->epoch, (long)progress->update, progress->train_loss,
      progress->tokens_per_second);
  return 0; /* anything else stops the training */
}

int main(int argc, char **argv) {
  rnncell_corpus_options text = RNNCELL_CORPUS_OPTIONS_INIT;
  rnncell_model_options shape = RNNCELL_MODEL_OPTIONS_INIT;
  rnncell_fit_options how = RNNCELL_FIT_OPTIONS_INIT;
  rnncell_corpus *corpus = NULL;
  rnncell_cell *cell = NULL;
  rnncell_model *model = NULL;
  const int32_t *tokens = NULL;
  int64_t count = 0;
  double loss = 0;
  char written[4096];

  if (argc < 2) {
    fprintf(stderr, "use: %s TEXT [MODEL.safetensors]\n", argv[0]);
    return 2;
  }
  text.train_path = argv[1]; /* 90 % to train on, 5 % to validate, 5 % to test */
  text.unit = RNNCELL_UNIT_CHARACTER;
  check(rnncell_corpus_create(&corpus, &text));

  shape.hidden_size = 64;
  check(rnncell_cell_stock(&cell, "lstm"));
  check(rnncell_model_create(&model, corpus, &cell, 1, &shape));
  rnncell_cell_free(cell);

  how.epochs = 2;
  how.optimizer = "adam";
  how.learning_rate = 4e-3;
  how.truncation = 50;
  check(rnncell_model_fit(model, corpus, &how, show, NULL));

  check(rnncell_corpus_tokens(&tokens, &count, corpus, RNNCELL_SPLIT_TEST));
  check(rnncell_model_evaluate(&loss, model, tokens, count, 0));
  printf("test perplexity %.2f\n", exp(loss));
  check(rnncell_model_generate(written, sizeof written, NULL, model, "The ", 200, 0.8, 1));
  printf("The %s\n", written);

  if (argc > 2) check(rnncell_model_save(model, argv[2]));
  rnncell_model_free(model);
  rnncell_corpus_free(corpus);
  return 0;
}
