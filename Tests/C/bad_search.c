/* Bad inputs: studies. */
#include "bad_inputs.h"

static double objective(const rnncell_proposal *proposal, void *user) {
  (void)user;
  return (double)proposal->id;
}

void bad_search(void) {
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
  score.step_seconds = 0;
  score.part_count = 1;
  BAD(rnncell_study_tell_score(study, 1, &score), "part_losses is NULL");
  double parts[2] = {1, NAN};
  score.part_losses = parts;
  score.part_count = 2;
  BAD(rnncell_study_tell_score(study, 1, &score), "part_losses[1] is nan");
  score.part_count = 65;
  FAILS(RNNCELL_LIMIT, rnncell_study_tell_score(study, 1, &score), "part_count is 65");
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
