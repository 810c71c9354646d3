/*
 * Trains a model of sequences from the program's own buffers, and asks it.
 *
 *     ./classify_sequences
 *
 * The classes are slow and fast waves, of different lengths.
 */
#include <math.h>
#include <rnncell.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 120, HELD = 40, MOST = 30 };

static void check(int32_t status) {
  if (status == RNNCELL_OK) return;
  fprintf(stderr, "%s\n", rnncell_last_error(NULL, NULL));
  exit(1);
}

/* A pseudo-random number from 0 to 1, the same on every machine. */
static float next_number(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) / 16777216.0f;
}

int main(void) {
  static float inputs[COUNT * MOST]; /* all time steps, one sequence behind another: [steps, 1] */
  static float probabilities[HELD * 2];
  int64_t lengths[COUNT], start = 0, held_steps = 0;
  int32_t classes[COUNT];
  uint32_t random = 1;
  int i, t, right = 0;
  rnncell_cell *cell = NULL;
  rnncell_model *model = NULL;
  rnncell_sequence_options shape = RNNCELL_SEQUENCE_OPTIONS_INIT;
  rnncell_fit_options options = RNNCELL_FIT_OPTIONS_INIT;
  rnncell_sequences train = RNNCELL_SEQUENCES_INIT, held = RNNCELL_SEQUENCES_INIT;

  for (i = 0; i < COUNT; ++i) {
    const float phase = 6 * next_number(&random);
    float speed;
    classes[i] = i % 2;
    lengths[i] = 12 + (int64_t)(next_number(&random) * (MOST - 12));
    speed = (classes[i] ? 0.9f : 0.3f) * (0.8f + 0.4f * next_number(&random));
    for (t = 0; t < lengths[i]; ++t) inputs[start + t] = sinf(phase + speed * (float)t);
    start += lengths[i];
    if (i < HELD) held_steps += lengths[i];
  }

  shape.input_size = 1;
  shape.output_size = 2;
  shape.hidden_size = 16;
  shape.targets = RNNCELL_TARGETS_CLASSES;
  check(rnncell_cell_stock(&cell, "lstm"));
  check(rnncell_model_create_for_sequences(&model, &cell, 1, &shape));

  held.inputs = inputs; /* the first ones are kept aside */
  held.lengths = lengths;
  held.classes = classes;
  held.count = HELD;
  train.inputs = inputs + held_steps;
  train.lengths = lengths + HELD;
  train.classes = classes + HELD;
  train.count = COUNT - HELD;
  options.epochs = 60;
  options.batch = 16;
  options.learning_rate = 0.01;
  options.schedule = "cosine";
  check(rnncell_model_fit_sequences(model, &train, &held, &options, NULL, NULL));

  check(rnncell_model_predict(probabilities, HELD * 2, model, &held, 0));
  for (i = 0; i < HELD; ++i) right += (probabilities[2 * i + 1] > 0.5f) == classes[i];
  printf("%d of %d right\n", right, HELD);
  check(rnncell_model_export(model, RNNCELL_EXPORT_C, "classify.c"));

  rnncell_model_free(model);
  rnncell_cell_free(cell);
  return 0;
}
