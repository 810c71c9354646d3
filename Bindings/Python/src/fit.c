#include "binding.h"

#include <time.h>

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

/* Whether an epoch ended with this update: the last row of the history is of it. */
static int ends_epoch(const rnncell_model *model, const rnncell_progress *progress) {
  rnncell_model_info info = RNNCELL_MODEL_INFO_INIT;
  rnncell_progress last = RNNCELL_PROGRESS_INIT;
  return rnncell_model_describe(&info, model) == RNNCELL_OK && info.history_count > 0
      && rnncell_model_history(&last, model, info.history_count - 1) == RNNCELL_OK
      && last.update == progress->update;
}

/* Takes the GIL only when the callback is due or a tenth of a second went by. */
static int32_t hear(const rnncell_progress *progress, void *user) {
  Listener *listener = user;
  int due = listener->callback != Py_None
      && (progress->update % listener->every == 0 || progress->update == progress->updates
          || ends_epoch(listener->model->handle, progress));
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

/* One fit, of either kind. */
typedef struct Fit {
  rnncell_model *model;
  const rnncell_corpus *corpus;          /* or NULL */
  const rnncell_sequences *train, *valid; /* or NULL */
  rnncell_fit_options options;
} Fit;

/* True when the callback stopped it. */
static PyObject *run(Handle *self, Fit *fit, PyObject *callback, PyObject *values) {
  int32_t status;
  fit->options = (rnncell_fit_options)RNNCELL_FIT_OPTIONS_INIT;
  if (fit_options_read(values, &fit->options) || handle_begin(self)) return NULL;
  fit->model = self->handle;
  Listener listener = {
      NULL, self, callback, fit->options.report_every > 0 ? fit->options.report_every : 50, now()};
  fit->options.report_every = 1;
  listener.thread = PyEval_SaveThread();
  status = fit->corpus
      ? rnncell_model_fit(fit->model, fit->corpus, &fit->options, hear, &listener)
      : rnncell_model_fit_sequences(
            fit->model, fit->train, fit->valid, &fit->options, hear, &listener);
  PyEval_RestoreThread(listener.thread);
  handle_end(self);
  if (PyErr_Occurred()) return NULL;
  if (status && status != RNNCELL_CANCELLED)
    return raise_status(state_of((PyObject *)self), status);
  return PyBool_FromLong(status == RNNCELL_CANCELLED);
}

/* (corpus, callback, {option: value}) */
PyObject *model_fit(Handle *self, PyObject *args) {
  Fit fit = {0};
  PyObject *corpus, *callback, *values;
  if (!PyArg_ParseTuple(args, "O!OO!", state_of((PyObject *)self)->corpus, &corpus, &callback,
          &PyDict_Type, &values))
    return NULL;
  fit.corpus = ((Handle *)corpus)->handle;
  return run(self, &fit, callback, values);
}

/* What a rnncell_sequences is read from, and what must live as long. */
typedef struct Data {
  rnncell_sequences given;
  Input inputs, values;
  int64_t *lengths;
} Data;

static void release(Data *data) {
  input_release(&data->inputs);
  input_release(&data->values);
  PyMem_Free(data->lengths);
  data->lengths = NULL;
}

/* Reads (inputs [steps, I], lengths, classes or None, values or None); -1 with an exception. */
static int read_data(Handle *self, PyObject *object, Data *data) {
  State *state = state_of((PyObject *)self);
  PyObject *inputs, *lengths, *classes, *values;
  Py_ssize_t count, rows;
  int64_t total = 0;
  rnncell_model_info info = RNNCELL_MODEL_INFO_INIT;
  *data = (Data){.given = RNNCELL_SEQUENCES_INIT};
  if (!PyArg_ParseTuple(object, "OOOO", &inputs, &lengths, &classes, &values)) return -1;
  int32_t status = rnncell_model_describe(&info, self->handle);
  if (status) return raise_status(state, status), -1;
  if (integers_from(lengths, &data->lengths, &count)) return -1;
  for (Py_ssize_t i = 0; i < count; i++)
    total += data->lengths[i] > 0 && data->lengths[i] < PY_SSIZE_T_MAX / 8 - total
        ? data->lengths[i] : 0;
  rows = info.per_step ? (Py_ssize_t)total : count;
  Py_ssize_t shape[2] = {(Py_ssize_t)total, (Py_ssize_t)info.input_size};
  if (input_read(state, inputs, &data->inputs)
      || input_check(state, &data->inputs, "the input", 2, shape))
    goto failed;
  data->given.inputs = data->inputs.data;
  data->given.lengths = data->lengths;
  data->given.count = count;
  if (classes != Py_None) {
    Array *array = (Array *)classes;
    if (!PyObject_TypeCheck(classes, state->array) || array->format[0] != 'i'
        || array->count != rows) {
      raise_message(state, RNNCELL_INVALID_ARGUMENT, "there must be one class for each row");
      goto failed;
    }
    data->given.classes = array->data;
  }
  if (values != Py_None) {
    Py_ssize_t wanted[2] = {rows, (Py_ssize_t)info.output_size};
    if (input_read(state, values, &data->values)
        || input_check(state, &data->values, "the target", 2, wanted))
      goto failed;
    data->given.values = data->values.data;
  }
  return 0;
failed:
  release(data);
  return -1;
}

/* (data, data or None, callback, {option: value}) */
PyObject *model_fit_sequences(Handle *self, PyObject *args) {
  Fit fit = {0};
  Data train, valid = {0};
  PyObject *train_object, *valid_object, *callback, *values, *result = NULL;
  if (!PyArg_ParseTuple(args, "OOOO!", &train_object, &valid_object, &callback, &PyDict_Type,
          &values)
      || read_data(self, train_object, &train))
    return NULL;
  if (valid_object == Py_None || !read_data(self, valid_object, &valid)) {
    fit.train = &train.given;
    fit.valid = valid_object == Py_None ? NULL : &valid.given;
    result = run(self, &fit, callback, values);
  }
  release(&train);
  release(&valid);
  return result;
}

/* (data, threads) -> loss */
PyObject *model_evaluate_sequences(Handle *self, PyObject *args) {
  PyObject *object;
  long long threads;
  Data data;
  double loss = 0;
  int32_t status;
  if (!PyArg_ParseTuple(args, "OL", &object, &threads) || read_data(self, object, &data))
    return NULL;
  if (handle_begin(self)) return release(&data), NULL;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_model_evaluate_sequences(&loss, self->handle, &data.given, threads);
  Py_END_ALLOW_THREADS
  handle_end(self);
  release(&data);
  return status ? raise_status(state_of((PyObject *)self), status) : PyFloat_FromDouble(loss);
}

/* (data, threads) -> [rows, K] */
PyObject *model_predict(Handle *self, PyObject *args) {
  State *state = state_of((PyObject *)self);
  PyObject *object;
  long long threads;
  Data data;
  int32_t status;
  rnncell_model_info info = RNNCELL_MODEL_INFO_INIT;
  if (!PyArg_ParseTuple(args, "OL", &object, &threads) || read_data(self, object, &data))
    return NULL;
  status = rnncell_model_describe(&info, self->handle);
  Py_ssize_t rows = info.per_step ? data.inputs.shape[0] : (Py_ssize_t)data.given.count;
  Py_ssize_t shape[2] = {rows, (Py_ssize_t)info.output_size};
  Array *result = status ? NULL : array_new(state, 2, shape, 'f');
  if (result && !handle_begin(self)) {
    Py_BEGIN_ALLOW_THREADS
    status = rnncell_model_predict(
        result->data, result->count, self->handle, &data.given, threads);
    Py_END_ALLOW_THREADS
    handle_end(self);
    if (status) raise_status(state, status);
  }
  release(&data);
  if (PyErr_Occurred()) Py_CLEAR(result);
  return (PyObject *)result;
}

PyObject *model_history(Handle *self, PyObject *unused) {
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
