#include "binding.h"

#include <math.h>
#include <time.h>

static PyObject *wrap(State *state, int32_t status, rnncell_model *model) {
  PyObject *self = status ? raise_status(state, status) : handle_wrap(state->model, model);
  if (!self) rnncell_model_free(model);
  return self;
}

PyObject *model_create(PyObject *module, PyObject *args, PyObject *keywords) {
  static char *names[] = {"corpus", "cells", "layers", "hidden_size", "embedding_size",
      "weight_count", "seed", "init_range", "forget_bias", "tied", NULL};
  State *state = PyModule_GetState(module);
  PyObject *corpus, *cells;
  long long layers = 0, hidden = 0, embedding = 0, weights = 0;
  unsigned long long seed = 0;
  int tied = 0;
  int32_t status;
  rnncell_model_options options = RNNCELL_MODEL_OPTIONS_INIT;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!O|$LLLLKddp", names, state->corpus, &corpus,
          &cells, &layers, &hidden, &embedding, &weights, &seed, &options.init_range,
          &options.forget_bias, &tied))
    return NULL;
  options.layers = layers;
  options.hidden_size = hidden;
  options.embedding_size = embedding;
  options.weight_count = weights;
  options.seed = seed;
  options.tied = tied;
  void **handles;
  Py_ssize_t count;
  rnncell_model *model = NULL;
  if (handles_from(cells, state->cell, &handles, &count)) return NULL;
  void *text = ((Handle *)corpus)->handle;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_model_create(&model, text, (rnncell_cell *const *)handles, count, &options);
  Py_END_ALLOW_THREADS
  PyMem_Free(handles);
  return wrap(state, status, model);
}

PyObject *model_load(PyObject *module, PyObject *path) {
  PyObject *bytes;
  rnncell_model *model = NULL;
  int32_t status;
  if (!PyUnicode_FSConverter(path, &bytes)) return NULL;
  const char *name = PyBytes_AsString(bytes);
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_model_load(&model, name);
  Py_END_ALLOW_THREADS
  Py_DECREF(bytes);
  return wrap(PyModule_GetState(module), status, model);
}

static void dealloc(Handle *self) {
  PyTypeObject *type = Py_TYPE((PyObject *)self);
  rnncell_model_free(self->handle);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

static PyObject *describe(Handle *self, PyObject *unused) {
  (void)unused;
  if (!handle_may_look(self)) return NULL;
  rnncell_model_info info = RNNCELL_MODEL_INFO_INIT;
  int32_t status = rnncell_model_describe(&info, self->handle);
  if (status) return raise_status(state_of((PyObject *)self), status);
  return Py_BuildValue(
      "{s:L,s:L,s:L,s:L,s:L,s:L,s:i,s:i}", "layers", (long long)info.layers, "hidden_size",
      (long long)info.hidden_size, "embedding_size", (long long)info.embedding_size,
      "vocabulary_size", (long long)info.vocabulary_size, "weight_count",
      (long long)info.weight_count, "history_count", (long long)info.history_count, "unit",
      (int)info.unit, "tied", (int)info.tied);
}

static PyObject *network(Handle *self, PyObject *unused) {
  (void)unused;
  State *state = state_of((PyObject *)self);
  rnncell_network *result = NULL;
  if (handle_begin(self)) return NULL;
  int32_t status = rnncell_model_network(&result, self->handle);
  handle_end(self);
  PyObject *wrapped = status ? raise_status(state, status) : handle_wrap(state->network, result);
  if (!wrapped) rnncell_network_free(result);
  return wrapped;
}

static PyObject *parameters(Handle *self, PyObject *unused) {
  (void)unused;
  State *state = state_of((PyObject *)self);
  rnncell_parameters *result = NULL;
  if (handle_begin(self)) return NULL;
  int32_t status = rnncell_model_parameters(&result, self->handle);
  PyObject *all = status ? raise_status(state, status) : parameters_read_all(state, result);
  handle_end(self);
  return all;
}

static PyObject *write_parameter(Handle *self, PyObject *args) {
  State *state = state_of((PyObject *)self);
  rnncell_parameters *result = NULL;
  const char *name;
  PyObject *value, *done = NULL;
  Input input;
  if (!PyArg_ParseTuple(args, "sO", &name, &value) || input_read(state, value, &input)) return NULL;
  if (!handle_begin(self)) {
    int32_t status = rnncell_model_parameters(&result, self->handle);
    done = status ? raise_status(state, status) : parameters_write_one(state, result, name, &input);
    handle_end(self);
  }
  input_release(&input);
  return done;
}

static PyObject *word(Handle *self, PyObject *id) {
  PyObject *result;
  long long index = PyLong_AsLongLong(id);
  if (index == -1 && PyErr_Occurred()) return NULL;
  if (!handle_may_look(self)) return NULL;
  COLLECT_TEXT(
      state_of((PyObject *)self), result, rnncell_model_word, self->handle, (int64_t)index);
  return result;
}

static PyObject *encode(Handle *self, PyObject *args) {
  State *state = state_of((PyObject *)self);
  const char *text;
  Py_ssize_t bytes;
  int64_t needed = 0;
  int32_t status;
  if (!PyArg_ParseTuple(args, "y#", &text, &bytes) || handle_begin(self)) return NULL;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_model_encode(NULL, 0, &needed, self->handle, text, (size_t)bytes);
  Py_END_ALLOW_THREADS
  Py_ssize_t shape[1] = {(Py_ssize_t)needed};
  Array *array = status ? NULL : array_new(state, 1, shape, 'i');
  if (array) {
    Py_BEGIN_ALLOW_THREADS
    status = rnncell_model_encode(
        array->data, needed, &needed, self->handle, text, (size_t)bytes);
    Py_END_ALLOW_THREADS
  }
  handle_end(self);
  if (!status) return (PyObject *)array;
  Py_XDECREF((PyObject *)array);
  return raise_status(state, status);
}

static PyObject *row(const rnncell_progress *progress) {
  return Py_BuildValue(
      "(LLLLddddd)", (long long)progress->epoch, (long long)progress->update,
      (long long)progress->updates, (long long)progress->tokens, progress->train_loss,
      progress->valid_loss, progress->learning_rate, progress->tokens_per_second,
      progress->seconds);
}

/* What a fit that runs without the GIL needs to hear of progress with it. */
typedef struct Listener {
  PyThreadState *thread;
  Handle *model;
  PyObject *callback; /* or None */
  int64_t every;      /* updates between calls of it */
  double heard;       /* when signals were last looked at */
} Listener;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Takes the GIL only when the callback is due or a tenth of a second went by. */
static int32_t hear(const rnncell_progress *progress, void *user) {
  Listener *listener = user;
  int due = listener->callback != Py_None
      && (!isnan(progress->valid_loss) || progress->update % listener->every == 0);
  double time = now();
  if (!due && time - listener->heard < 0.1) return 0;
  listener->heard = time;
  PyEval_RestoreThread(listener->thread);
  int stop = PyErr_CheckSignals();
  if (!stop && due) {
    listener->model->listener = PyThread_get_thread_ident();
    PyObject *answer = PyObject_CallFunction(listener->callback, "(N)", row(progress));
    listener->model->listener = 0;
    stop = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
  }
  listener->thread = PyEval_SaveThread();
  return stop;
}

/* True when the callback stopped it. */
static PyObject *fit(Handle *self, PyObject *args, PyObject *keywords) {
  static char *names[] = {"corpus", "callback", "optimizer", "checkpoint", "epochs", "updates",
      "batch", "truncation", "decay_after", "patience", "report_every", "threads", "seed",
      "learning_rate", "decay", "clip", "dropout", "variational", "reduction", "resume", NULL};
  State *state = state_of((PyObject *)self);
  PyObject *corpus, *callback, *checkpoint = NULL;
  long long n[8] = {0};
  unsigned long long seed = 0;
  int flags[3] = {0};
  rnncell_fit_options options = RNNCELL_FIT_OPTIONS_INIT;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!O|$zO&LLLLLLLLKddddpip", names, state->corpus,
          &corpus, &callback, &options.optimizer, optional_path, &checkpoint, &n[0], &n[1], &n[2],
          &n[3], &n[4], &n[5], &n[6], &n[7], &seed, &options.learning_rate, &options.decay,
          &options.clip, &options.dropout, &flags[0], &flags[1], &flags[2]))
    return NULL;
  options.epochs = n[0];
  options.updates = n[1];
  options.batch = n[2];
  options.truncation = n[3];
  options.decay_after = n[4];
  options.patience = n[5];
  options.report_every = 1;
  options.threads = n[7];
  options.seed = seed;
  options.variational = flags[0];
  options.reduction = flags[1];
  options.resume = flags[2];
  options.checkpoint = path_text(checkpoint);
  if (handle_begin(self)) {
    Py_XDECREF(checkpoint);
    return NULL;
  }
  Listener listener = {NULL, self, callback, n[6] > 0 ? n[6] : 50, now()};
  void *text = ((Handle *)corpus)->handle;
  listener.thread = PyEval_SaveThread();
  int32_t status = rnncell_model_fit(self->handle, text, &options, hear, &listener);
  PyEval_RestoreThread(listener.thread);
  handle_end(self);
  Py_XDECREF(checkpoint);
  if (PyErr_Occurred()) return NULL;
  if (status && status != RNNCELL_CANCELLED) return raise_status(state, status);
  return PyBool_FromLong(status == RNNCELL_CANCELLED);
}

static PyObject *history(Handle *self, PyObject *unused) {
  (void)unused;
  if (!handle_may_look(self)) return NULL;
  PyObject *list = PyList_New(0);
  rnncell_progress progress = RNNCELL_PROGRESS_INIT;
  for (int64_t i = 0; list && rnncell_model_history(&progress, self->handle, i) == RNNCELL_OK;
       i++) {
    PyObject *item = row(&progress);
    if (!item || PyList_Append(list, item)) Py_CLEAR(list);
    Py_XDECREF(item);
  }
  return list;
}

/* (int32 array, threads) -> loss */
static PyObject *evaluate(Handle *self, PyObject *args) {
  PyObject *tokens;
  long long threads;
  double loss = 0;
  int32_t status;
  State *state = state_of((PyObject *)self);
  if (!PyArg_ParseTuple(args, "O!L", state->array, &tokens, &threads)) return NULL;
  Array *array = (Array *)tokens;
  if (array->format[0] != 'i')
    return raise_message(state, RNNCELL_INVALID_ARGUMENT, "token ids are int32");
  if (handle_begin(self)) return NULL;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_model_evaluate(&loss, self->handle, array->data, array->count, threads);
  Py_END_ALLOW_THREADS
  handle_end(self);
  return status ? raise_status(state, status) : PyFloat_FromDouble(loss);
}

/* (prompt, count, temperature, seed) -> bytes */
static PyObject *generate(Handle *self, PyObject *args) {
  const char *prompt;
  long long count;
  double temperature;
  unsigned long long seed;
  int32_t status = 0;
  State *state = state_of((PyObject *)self);
  if (!PyArg_ParseTuple(args, "sLdK", &prompt, &count, &temperature, &seed)) return NULL;
  if (handle_begin(self)) return NULL;
  /* Tokens are seldom longer than 16 bytes; when they are, the text is made a second time. */
  size_t capacity = (count > 0 && count < 1 << 24 ? (size_t)count : 0) * 16 + 1024, needed = 0;
  char *text = PyMem_Malloc(capacity);
  for (int attempt = 0; text && attempt < 2; attempt++) {
    Py_BEGIN_ALLOW_THREADS
    status = rnncell_model_generate(
        text, capacity, &needed, self->handle, prompt, count, temperature, seed);
    Py_END_ALLOW_THREADS
    if (status != RNNCELL_INVALID_ARGUMENT || needed <= capacity) break;
    capacity = needed;
    PyMem_Free(text);
    text = PyMem_Malloc(capacity);
  }
  handle_end(self);
  return bytes_from_text(state, text ? status : -1, text, needed);
}

static PyObject *save(Handle *self, PyObject *path) {
  PyObject *bytes;
  int32_t status;
  if (!PyUnicode_FSConverter(path, &bytes)) return NULL;
  const char *name = PyBytes_AsString(bytes);
  if (handle_begin(self)) return Py_DECREF(bytes), NULL;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_model_save(self->handle, name);
  Py_END_ALLOW_THREADS
  handle_end(self);
  Py_DECREF(bytes);
  return status ? raise_status(state_of((PyObject *)self), status) : Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"describe", (PyCFunction)describe, METH_NOARGS, NULL},
    {"network", (PyCFunction)network, METH_NOARGS, NULL},
    {"parameters", (PyCFunction)parameters, METH_NOARGS, NULL},
    {"write", (PyCFunction)write_parameter, METH_VARARGS, NULL},
    {"word", (PyCFunction)word, METH_O, NULL},
    {"encode", (PyCFunction)encode, METH_VARARGS, NULL},
    {"fit", (PyCFunction)(void (*)(void))fit, METH_VARARGS | METH_KEYWORDS, NULL},
    {"history", (PyCFunction)history, METH_NOARGS, NULL},
    {"evaluate", (PyCFunction)evaluate, METH_VARARGS, NULL},
    {"generate", (PyCFunction)generate, METH_VARARGS, NULL},
    {"save", (PyCFunction)save, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {
    "rnncell._rnncell.Model", sizeof(Handle), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};

int model_add(PyObject *module, State *state) { return type_add(module, &spec, &state->model); }
