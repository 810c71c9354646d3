/*
 * Searches for a cell that predicts a text well. Ctrl-C ends the search in good order; the same call
 * again carries on, since the study is kept in a file.
 *
 *     ./search_with_progress TEXT STUDY.db [MINUTES]
 *
 * The library installs no signal handler: this program does, and its callback passes the wish on.
 */
#include <rnncell.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t wants_to_stop = 0;

static void interrupt(int signal_number) {
  (void)signal_number;
  wants_to_stop = 1;
}

static void check(int32_t status) {
  if (status == RNNCELL_OK) return;
  fprintf(stderr, "%s\n", rnncell_last_error(NULL, NULL));
  exit(1);
}

static int32_t show(
    const rnncell_study_info *study, const rnncell_proposal *proposal, void *user) {
  double *best = user;
  if (proposal != NULL && proposal->state == RNNCELL_PROPOSAL_SCORED && proposal->loss < *best) {
    *best = proposal->loss;
    fprintf(
        stderr, "%.0f s, %ld cells: %.4f nats per token by proposal %ld\n", study->seconds,
        (long)study->scored_count, *best, (long)proposal->id);
  }
  return wants_to_stop;
}

int main(int argc, char **argv) {
  rnncell_corpus_options text = RNNCELL_CORPUS_OPTIONS_INIT;
  rnncell_study_options options = RNNCELL_STUDY_OPTIONS_INIT;
  rnncell_corpus *corpus = NULL;
  rnncell_study *study = NULL;
  double best = 1e300;
  int32_t status;
  int64_t place;

  if (argc < 3) {
    fprintf(stderr, "use: %s TEXT STUDY.db [MINUTES]\n", argv[0]);
    return 2;
  }
  signal(SIGINT, interrupt);
  text.train_path = argv[1];
  check(rnncell_corpus_create(&corpus, &text));

  options.strategy = "auto";
  options.minutes = argc > 3 ? atof(argv[3]) : 1;
  options.hidden_size = 32;
  check(rnncell_study_open(&study, argv[2], corpus, &options));
  status = rnncell_study_run(study, show, &best);
  if (status != RNNCELL_CANCELLED) check(status);

  for (place = 0; place < 3; ++place) {
    rnncell_proposal found = RNNCELL_PROPOSAL_INIT;
    if (rnncell_study_proposal(&found, study, RNNCELL_ORDER_LOSS, place) != RNNCELL_OK) break;
    printf(
        "%.4f nats per token, %ld weights\n%s\n\n", found.loss, (long)found.weight_count,
        found.equations);
  }
  rnncell_study_free(study);
  rnncell_corpus_free(corpus);
  return status == RNNCELL_CANCELLED ? 130 : 0;
}
