#include "binding.h"

PyObject *study_open(PyObject *module, PyObject *args, PyObject *keywords) {
  static char *names[] = {"path", "corpus", "strategy", "seed", "minutes", "trials", "workers",
      "hidden_size", "layers", "embedding_size", "rungs", "updates", "batch", "truncation",
      "learning_rate", "deterministic", "read_only", "controls", "tokens", "target", "parameters",
      "operations", "max_nodes", "max_depth", "max_matrices", "max_states", "start", "front",
      "preset", "mixed_layers", "direct_input", "max_blocks", NULL};
  State *state = PyModule_GetState(module);
  PyObject *path, *corpus;
  unsigned long long seed = 0;
  long long n[16] = {0};
  int flags[6] = {0};
  int32_t status;
  rnncell_study_options options = RNNCELL_STUDY_OPTIONS_INIT;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O|$zKdLLLLLLLLLdpppLdLzLLLLzpzppL", names, optional_path,
          &path, &corpus,
          &options.strategy, &seed, &options.minutes, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5],
          &n[6], &n[7], &n[8], &options.learning_rate, &flags[0], &flags[1],
          &flags[2], &n[9], &options.target, &n[10], &options.operations, &n[11], &n[12], &n[13],
          &n[14], &options.start, &flags[3], &options.preset, &flags[4],
          &flags[5], &n[15]))
    return NULL;
  options.seed = seed;
  options.trials = n[0];
  options.workers = n[1];
  options.hidden_size = n[2];
  options.layers = n[3];
  options.embedding_size = n[4];
  options.rungs = n[5];
  options.updates = n[6];
  options.batch = n[7];
  options.truncation = n[8];
  options.deterministic = flags[0];
  options.read_only = flags[1];
  options.controls = flags[2];
  options.front = flags[3];
  options.mixed_layers = flags[4];
  options.direct_input = flags[5];
  options.tokens = n[9];
  options.parameters = n[10];
  options.max_nodes = n[11];
  options.max_depth = n[12];
  options.max_matrices = n[13];
  options.max_states = n[14];
  options.max_blocks = n[15];
  if (corpus != Py_None && !PyObject_TypeCheck(corpus, state->corpus)) {
    Py_XDECREF(path);
    PyErr_SetString(PyExc_TypeError, "corpus must be a Corpus or None");
    return NULL;
  }
  void *text = corpus == Py_None ? NULL : ((Handle *)corpus)->handle;
  const char *name = path_text(path);
  rnncell_study *study = NULL;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_study_open(&study, name, text, &options);
  Py_END_ALLOW_THREADS
  Py_XDECREF(path);
  PyObject *self = status ? raise_status(state, status) : handle_wrap(state->study, study);
  if (!self) rnncell_study_free(study);
  return self;
}

PyObject *strategy_list(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  PyObject *list = PyList_New(0);
  rnncell_strategy_info info = RNNCELL_STRATEGY_INFO_INIT;
  for (int64_t i = 0; list && rnncell_strategy_describe(&info, i) == RNNCELL_OK; i++) {
    PyObject *row = Py_BuildValue("(ssizz)", info.name, info.summary, (int)info.needs_corpus,
                                  info.scaled, info.paper);
    if (!row || PyList_Append(list, row)) Py_CLEAR(list);
    Py_XDECREF(row);
  }
  return list;
}

static void dealloc(Handle *self) {
  PyTypeObject *type = Py_TYPE((PyObject *)self);
  rnncell_study_free(self->handle);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

static PyObject *close_study(Handle *self, PyObject *unused) {
  (void)unused;
  if (handle_begin(self)) return NULL;
  rnncell_study *study = self->handle;
  self->handle = NULL;
  Py_BEGIN_ALLOW_THREADS
  rnncell_study_free(study);
  Py_END_ALLOW_THREADS
  handle_end(self);
  Py_RETURN_NONE;
}

static PyObject *info_dict(const rnncell_study_info *info) {
  return Py_BuildValue(
      "{s:s,s:s,s:L,s:L,s:L,s:L,s:L,s:L,s:d,s:d,s:K,s:L}", "strategy", info->strategy, "settings",
      info->settings,
      "proposal_count", (long long)info->proposal_count, "scored_count",
      (long long)info->scored_count, "failed_count", (long long)info->failed_count,
      "pending_count", (long long)info->pending_count, "rejected_count",
      (long long)info->rejected_count, "tokens", (long long)info->tokens,
      "seconds", info->seconds, "tau", info->tau, "seed",
      (unsigned long long)info->seed, "test_reads", (long long)info->test_reads);
}

static PyObject *proposal_tuple(const rnncell_proposal *proposal) {
  return Py_BuildValue(
      "(LKssss(LL)LLLLdddidssLs)", (long long)proposal->id, (unsigned long long)proposal->seed,
      proposal->strategy, proposal->work, proposal->equations, proposal->failure,
      (long long)proposal->parents[0], (long long)proposal->parents[1], (long long)proposal->weight_count,
      (long long)proposal->rung, (long long)proposal->updates, (long long)proposal->tokens,
      proposal->loss, proposal->seconds, proposal->told_at, (int)proposal->state,
      proposal->step_seconds, proposal->rung_losses, proposal->rung_predictions,
      (long long)proposal->species_count, proposal->part_losses);
}

static PyObject *describe(Handle *self, PyObject *unused) {
  (void)unused;
  if (!handle_may_look(self)) return NULL;
  rnncell_study_info info = RNNCELL_STUDY_INFO_INIT;
  int32_t status = rnncell_study_describe(&info, self->handle);
  return status ? raise_status(state_of((PyObject *)self), status) : info_dict(&info);
}

/* (order, first index, at most) -> [proposal, ...] */
static PyObject *proposals(Handle *self, PyObject *args) {
  int order;
  long long first, count;
  if (!PyArg_ParseTuple(args, "iLL", &order, &first, &count) || !handle_may_look(self)) return NULL;
  PyObject *list = PyList_New(0);
  rnncell_proposal proposal = RNNCELL_PROPOSAL_INIT;
  for (int64_t i = 0; list && i < count; i++) {
    int32_t status = rnncell_study_proposal(&proposal, self->handle, order, first + i);
    if (status == RNNCELL_INVALID_ARGUMENT) break; /* past the last one */
    if (status) {
      raise_status(state_of((PyObject *)self), status);
      Py_CLEAR(list);
      break;
    }
    PyObject *row = proposal_tuple(&proposal);
    if (!row || PyList_Append(list, row)) Py_CLEAR(list);
    Py_XDECREF(row);
  }
  return list;
}

static PyObject *ask(Handle *self, PyObject *unused) {
  (void)unused;
  rnncell_proposal proposal = RNNCELL_PROPOSAL_INIT;
  int32_t status;
  if (handle_begin(self)) return NULL;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_study_ask(&proposal, self->handle);
  Py_END_ALLOW_THREADS
  PyObject *row = status ? raise_status(state_of((PyObject *)self), status)
                         : proposal_tuple(&proposal);
  handle_end(self);
  return row;
}

/* (id, failure or None, loss, tokens, weight_count, seconds, step_seconds, part_losses as doubles) */
static PyObject *tell(Handle *self, PyObject *args) {
  long long id, tokens, weight_count;
  const char *failure;
  rnncell_score score = RNNCELL_SCORE_INIT;
  int32_t status;
  Py_buffer parts;
  if (!PyArg_ParseTuple(
          args, "LzdLLddy*", &id, &failure, &score.loss, &tokens, &weight_count, &score.seconds,
          &score.step_seconds, &parts))
    return NULL;
  if (handle_begin(self)) {
    PyBuffer_Release(&parts);
    return NULL;
  }
  score.tokens = tokens;
  score.weight_count = weight_count;
  score.part_losses = parts.buf;
  score.part_count = parts.len / (Py_ssize_t)sizeof(double);
  Py_BEGIN_ALLOW_THREADS
  status = failure ? rnncell_study_tell(self->handle, id, score.loss, failure)
                   : rnncell_study_tell_score(self->handle, id, &score);
  Py_END_ALLOW_THREADS
  PyBuffer_Release(&parts);
  handle_end(self);
  return status ? raise_status(state_of((PyObject *)self), status) : Py_NewRef(Py_None);
}

/* What a run without the GIL needs to hear of scores with it. */
typedef struct Listener {
  PyThreadState *thread;
  Handle *study;
  PyObject *callback; /* or None */
} Listener;

static int32_t hear(
    const rnncell_study_info *info, const rnncell_proposal *proposal, void *user) {
  Listener *listener = user;
  PyEval_RestoreThread(listener->thread);
  int stop = PyErr_CheckSignals();
  if (!stop && listener->callback != Py_None) {
    listener->study->listener = PyThread_get_thread_ident();
    PyObject *row = proposal ? proposal_tuple(proposal) : Py_NewRef(Py_None);
    PyObject *answer =
        row ? PyObject_CallFunction(listener->callback, "NN", info_dict(info), row) : NULL;
    listener->study->listener = 0;
    stop = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
  }
  listener->thread = PyEval_SaveThread();
  return stop;
}

/* True when the callback stopped it. */
static PyObject *run(Handle *self, PyObject *callback) {
  if (handle_begin(self)) return NULL;
  Listener listener = {NULL, self, callback};
  listener.thread = PyEval_SaveThread();
  int32_t status = rnncell_study_run(self->handle, hear, &listener);
  PyEval_RestoreThread(listener.thread);
  handle_end(self);
  if (PyErr_Occurred()) return NULL;
  if (status && status != RNNCELL_CANCELLED)
    return raise_status(state_of((PyObject *)self), status);
  return PyBool_FromLong(status == RNNCELL_CANCELLED);
}

static PyObject *record_test(Handle *self, PyObject *again) {
  int flag = PyObject_IsTrue(again);
  if (flag < 0 || handle_begin(self)) return NULL;
  int32_t status = rnncell_study_record_test(self->handle, flag);
  handle_end(self);
  return status ? raise_status(state_of((PyObject *)self), status) : Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"describe", (PyCFunction)describe, METH_NOARGS, NULL},
    {"proposals", (PyCFunction)proposals, METH_VARARGS, NULL},
    {"ask", (PyCFunction)ask, METH_NOARGS, NULL},
    {"tell", (PyCFunction)tell, METH_VARARGS, NULL},
    {"run", (PyCFunction)run, METH_O, NULL},
    {"record_test", (PyCFunction)record_test, METH_O, NULL},
    {"close", (PyCFunction)close_study, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {
    "rnncell._rnncell.Study", sizeof(Handle), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};

int study_add(PyObject *module, State *state) { return type_add(module, &spec, &state->study); }
