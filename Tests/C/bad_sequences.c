/* Bad inputs: models of sequences and optimisers. */
#include "bad_inputs.h"

static int32_t stop(const rnncell_progress *progress, void *user) {
  (void)progress;
  (void)user;
  return 1;
}

static void bad_models(rnncell_cell *cell) {
  rnncell_sequence_options shape = RNNCELL_SEQUENCE_OPTIONS_INIT;
  rnncell_model_info info = RNNCELL_MODEL_INFO_INIT;
  rnncell_sequences data = RNNCELL_SEQUENCES_INIT, other = RNNCELL_SEQUENCES_INIT;
  rnncell_fit_options fit = RNNCELL_FIT_OPTIONS_INIT;
  rnncell_model *model = (rnncell_model *)garbage;
  float inputs[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, values[5] = {0, 1, 0, 1, 0}, out[10];
  int64_t lengths[2] = {3, 2};
  int32_t classes[5] = {0, 1, 2, 1, 0};
  double loss = 0;

  BAD(rnncell_model_create_for_sequences(NULL, &cell, 1, &shape), "out is NULL");
  BAD(rnncell_model_create_for_sequences(&model, &cell, 1, NULL), "input_size");
  IS_NULL(model);
  shape.input_size = 2;
  shape.hidden_size = 4;
  shape.output_size = 3;
  BAD(rnncell_model_create_for_sequences(&model, NULL, 1, &shape), "cells is NULL");
  BAD(rnncell_model_create_for_sequences(&model, &cell, 0, &shape), "cell_count");
  shape.targets = 3;
  BAD(rnncell_model_create_for_sequences(&model, &cell, 1, &shape), "targets is 3");
  shape.targets = RNNCELL_TARGETS_CLASSES;
  shape.output_size = 1;
  BAD(rnncell_model_create_for_sequences(&model, &cell, 1, &shape), "1 class");
  shape.output_size = -3;
  BAD(rnncell_model_create_for_sequences(&model, &cell, 1, &shape), "-3");
  shape.output_size = HUGE_SIZE;
  FAILS(RNNCELL_LIMIT, rnncell_model_create_for_sequences(&model, &cell, 1, &shape), "limit");
  shape.output_size = 3;
  shape.per_step = 2;
  BAD(rnncell_model_create_for_sequences(&model, &cell, 1, &shape), "per_step is 2");
  shape.per_step = 0;
  shape.bidirectional = -1;
  BAD(rnncell_model_create_for_sequences(&model, &cell, 1, &shape), "bidirectional");
  shape.bidirectional = 0;
  shape.zoneout = 1;
  BAD(rnncell_model_create_for_sequences(&model, &cell, 1, &shape), "zoneout");
  shape.zoneout = 0;
  shape.recurrent = "diagonal";
  BAD(rnncell_model_create_for_sequences(&model, &cell, 1, &shape), "orthogonal");
  shape.recurrent = "identity";
  shape.weight_count = -1;
  BAD(rnncell_model_create_for_sequences(&model, &cell, 1, &shape), "weight_count");
  shape.weight_count = 0;
  GOOD(rnncell_model_create_for_sequences(&model, &cell, 1, &shape));
  GOOD(rnncell_model_describe(&info, model));
  if (info.output_size != 3 || info.input_size != 2 || info.vocabulary_size != 0) ++failures;

  data.inputs = inputs;
  data.lengths = lengths;
  data.count = 2;
  data.classes = classes;
  BAD(rnncell_model_fit_sequences(NULL, &data, NULL, &fit, NULL, NULL), "model is NULL");
  BAD(rnncell_model_fit_sequences(model, NULL, NULL, &fit, NULL, NULL), "sequences are NULL");
  data.count = 0;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "count");
  data.count = HUGE_SIZE;
  FAILS(
      RNNCELL_LIMIT, rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "limit");
  data.count = 2;
  data.inputs = NULL;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "inputs is NULL");
  data.inputs = inputs;
  data.lengths = NULL;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "lengths is NULL");
  data.lengths = lengths;
  lengths[1] = 0;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "lengths[1] is 0");
  lengths[1] = HUGE_SIZE;
  FAILS(
      RNNCELL_LIMIT, rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "limit");
  lengths[1] = 2;
  classes[1] = 3;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "class 1 is 3");
  classes[1] = 1;
  data.values = values;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "both");
  data.classes = NULL;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "learns classes");
  data.values = NULL;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "learns classes");
  BAD(rnncell_model_evaluate_sequences(&loss, model, &data, 1), "targets");
  data.classes = classes;
  inputs[3] = (float)INFINITY;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "time step 1");
  inputs[3] = 3;
  other = data;
  other.classes = NULL;
  BAD(rnncell_model_fit_sequences(model, &data, &other, &fit, NULL, NULL), "learns classes");
  fit.optimizer = "adagrad";
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "rmsprop");
  fit.optimizer = "sgd";
  fit.schedule = "linear";
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "cosine");
  fit.schedule = NULL;
  fit.momentum = 1;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "momentum");
  fit.momentum = 0.5;
  fit.average = 0.9;
  fit.average_interval = 3;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "both");
  fit.average_interval = 0;
  fit.recurrent_dropout = -0.1;
  BAD(rnncell_model_fit_sequences(model, &data, NULL, &fit, NULL, NULL), "recurrent_dropout");
  fit.recurrent_dropout = 0.1;
  fit.input_dropout = NAN;
  FAILS(
      RNNCELL_CANCELLED, rnncell_model_fit_sequences(model, &data, NULL, &fit, stop, NULL), "stop");
  GOOD(rnncell_model_fit_sequences(model, &data, &data, &fit, NULL, NULL));

  BAD(rnncell_model_predict(NULL, 6, model, &data, 1), "outputs is NULL");
  BAD(rnncell_model_predict(out, 5, model, &data, 1), "not 5");
  BAD(rnncell_model_predict(out, 6, NULL, &data, 1), "model is NULL");
  BAD(rnncell_model_predict(out, 6, model, NULL, 1), "sequences are NULL");
  BAD(rnncell_model_predict(out, 6, model, &data, -1), "threads");
  GOOD(rnncell_model_predict(out, 6, model, &data, 1));
  BAD(rnncell_model_evaluate_sequences(NULL, model, &data, 1), "loss is NULL");
  BAD(rnncell_model_evaluate_sequences(&loss, NULL, &data, 1), "model is NULL");
  BAD(rnncell_model_evaluate_sequences(&loss, model, NULL, 1), "sequences are NULL");
  GOOD(rnncell_model_evaluate_sequences(&loss, model, &data, 1));
  FAILS(RNNCELL_INVALID_ARGUMENT, rnncell_model_evaluate(&loss, model, classes, 4, 1), "sequences");
  FAILS(RNNCELL_INVALID_ARGUMENT, rnncell_model_generate(NULL, 0, NULL, model, "a", 3, 1, 0), "sequences");
  BAD(rnncell_model_export(model, 0, "bad_sequences.c"), "form 0");
  BAD(rnncell_model_export(NULL, RNNCELL_EXPORT_C, "bad_sequences.c"), "model is NULL");
  BAD(rnncell_model_export(model, RNNCELL_EXPORT_C, NULL), "path is NULL");
  FAILS(RNNCELL_IO, rnncell_model_export(model, RNNCELL_EXPORT_ONNX, "missing/m.onnx"), "missing");
  GOOD(rnncell_model_export(model, RNNCELL_EXPORT_C, "bad_sequences.c"));
  remove("bad_sequences.c");
  GOOD(rnncell_model_save(model, "bad_sequences.safetensors"));
  rnncell_model_free(model);
  GOOD(rnncell_model_load(&model, "bad_sequences.safetensors"));
  GOOD(rnncell_model_predict(out, 6, model, &data, 1));
  rnncell_model_free(model);
  remove("bad_sequences.safetensors");
}

static void bad_optimizers(rnncell_cell *cell) {
  const int64_t hidden = 4;
  rnncell_network_options options = RNNCELL_NETWORK_OPTIONS_INIT;
  rnncell_fit_options fit = RNNCELL_FIT_OPTIONS_INIT;
  rnncell_network *net = NULL, *larger = NULL;
  rnncell_parameters *weights = NULL, *others = NULL;
  rnncell_optimizer *optimizer = (rnncell_optimizer *)garbage;
  rnncell_stream *stream = NULL;
  double norm = 0;

  options.bidirectional = 2;
  BAD(rnncell_network_create(&net, &cell, &hidden, 1, 3, &options), "bidirectional is 2");
  options.bidirectional = 1;
  options.zoneout = -0.5;
  BAD(rnncell_network_create(&net, &cell, &hidden, 1, 3, &options), "zoneout");
  options.zoneout = 0;
  GOOD(rnncell_network_create(&larger, &cell, &hidden, 1, 3, &options));
  BAD(rnncell_stream_create(&stream, larger, 1), "bidirectional");
  BAD(rnncell_network_export(larger, RNNCELL_EXPORT_C, "bad.c"), "bidirectional");
  BAD(rnncell_network_export(larger, 9, "bad.c"), "form 9");
  BAD(rnncell_network_export(NULL, RNNCELL_EXPORT_ONNX, "bad.c"), "network is NULL");
  GOOD(rnncell_network_create(&net, &cell, &hidden, 1, 3, NULL));
  GOOD(rnncell_network_parameters(&weights, net));
  GOOD(rnncell_network_parameters(&others, larger));
  BAD(rnncell_optimizer_create(NULL, weights, &fit), "out is NULL");
  BAD(rnncell_optimizer_create(&optimizer, NULL, &fit), "parameters is NULL");
  fit.optimizer = "none";
  BAD(rnncell_optimizer_create(&optimizer, weights, &fit), "none");
  IS_NULL(optimizer);
  GOOD(rnncell_optimizer_create(&optimizer, weights, NULL));
  BAD(rnncell_optimizer_step(&norm, NULL, weights, weights, 0), "optimizer is NULL");
  BAD(rnncell_optimizer_step(&norm, optimizer, NULL, weights, 0), "parameters is NULL");
  BAD(rnncell_optimizer_step(&norm, optimizer, weights, NULL, 0), "parameters is NULL");
  BAD(rnncell_optimizer_step(&norm, optimizer, others, others, 0), "layout");
  BAD(rnncell_optimizer_step(&norm, optimizer, weights, weights, -1), "learning_rate");
  BAD(rnncell_optimizer_step(&norm, (rnncell_optimizer *)garbage, weights, weights, 0), "no optimizer");
  GOOD(rnncell_optimizer_step(NULL, optimizer, weights, weights, 0.1));
  rnncell_optimizer_free(optimizer);
  rnncell_optimizer_free(NULL);
  rnncell_network_free(net);
  rnncell_network_free(larger);
}

void bad_sequences(void) {
  rnncell_cell *cell = NULL;
  GOOD(rnncell_cell_stock(&cell, "gru"));
  bad_models(cell);
  bad_optimizers(cell);
  rnncell_cell_free(cell);
}
