#include "binding.h"

static PyObject *wrap(State *state, int32_t status, rnncell_model *model) {
  PyObject *self = status ? raise_status(state, status) : handle_wrap(state->model, model);
  if (!self) rnncell_model_free(model);
  return self;
}

/* (corpus, cells, {option: value}) */
PyObject *model_create(PyObject *module, PyObject *args) {
  State *state = PyModule_GetState(module);
  PyObject *corpus, *cells, *values;
  int32_t status;
  rnncell_model_options options = RNNCELL_MODEL_OPTIONS_INIT;
  if (!PyArg_ParseTuple(args, "O!OO!", state->corpus, &corpus, &cells, &PyDict_Type, &values)
      || model_options_read(values, &options))
    return NULL;
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

/* (cells, {option: value}) */
PyObject *model_create_for_sequences(PyObject *module, PyObject *args) {
  State *state = PyModule_GetState(module);
  PyObject *cells, *values;
  int32_t status;
  rnncell_sequence_options options = RNNCELL_SEQUENCE_OPTIONS_INIT;
  if (!PyArg_ParseTuple(args, "OO!", &cells, &PyDict_Type, &values)
      || sequence_options_read(values, &options))
    return NULL;
  void **handles;
  Py_ssize_t count;
  rnncell_model *model = NULL;
  if (handles_from(cells, state->cell, &handles, &count)) return NULL;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_model_create_for_sequences(
      &model, (rnncell_cell *const *)handles, count, &options);
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
      "{s:L,s:L,s:L,s:L,s:L,s:L,s:i,s:i,s:L,s:L,s:i,s:i}", "layers", (long long)info.layers, "hidden_size",
      (long long)info.hidden_size, "embedding_size", (long long)info.embedding_size,
      "vocabulary_size", (long long)info.vocabulary_size, "weight_count",
      (long long)info.weight_count, "history_count", (long long)info.history_count, "unit",
      (int)info.unit, "tied", (int)info.tied, "input_size", (long long)info.input_size,
      "output_size", (long long)info.output_size, "targets", (int)info.targets, "per_step",
      (int)info.per_step);
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

/* (int32 array, learning rate, decay, truncation, threads) -> loss */
static PyObject *evaluate_dynamic(Handle *self, PyObject *args) {
  PyObject *tokens;
  long long truncation, threads;
  double rate, decay, loss = 0;
  int32_t status;
  State *state = state_of((PyObject *)self);
  if (!PyArg_ParseTuple(
          args, "O!ddLL", state->array, &tokens, &rate, &decay, &truncation, &threads))
    return NULL;
  Array *array = (Array *)tokens;
  if (array->format[0] != 'i')
    return raise_message(state, RNNCELL_INVALID_ARGUMENT, "token ids are int32");
  if (handle_begin(self)) return NULL;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_model_evaluate_dynamic(
      &loss, self->handle, array->data, array->count, rate, decay, truncation, threads);
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

/* (form, path) */
static PyObject *export(Handle *self, PyObject *args) {
  int form, status;
  PyObject *path;
  if (!PyArg_ParseTuple(args, "iO&", &form, PyUnicode_FSConverter, &path)) return NULL;
  if (handle_begin(self)) return Py_DECREF(path), NULL;
  const char *name = PyBytes_AsString(path);
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_model_export(self->handle, form, name);
  Py_END_ALLOW_THREADS
  handle_end(self);
  Py_DECREF(path);
  return status ? raise_status(state_of((PyObject *)self), status) : Py_NewRef(Py_None);
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
    {"fit", (PyCFunction)model_fit, METH_VARARGS, NULL},
    {"fit_sequences", (PyCFunction)model_fit_sequences, METH_VARARGS, NULL},
    {"history", (PyCFunction)model_history, METH_NOARGS, NULL},
    {"evaluate", (PyCFunction)evaluate, METH_VARARGS, NULL},
    {"evaluate_dynamic", (PyCFunction)evaluate_dynamic, METH_VARARGS, NULL},
    {"evaluate_sequences", (PyCFunction)model_evaluate_sequences, METH_VARARGS, NULL},
    {"predict", (PyCFunction)model_predict, METH_VARARGS, NULL},
    {"generate", (PyCFunction)generate, METH_VARARGS, NULL},
    {"export", (PyCFunction)export, METH_VARARGS, NULL},
    {"save", (PyCFunction)save, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {
    "rnncell._rnncell.Model", sizeof(Handle), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};

int model_add(PyObject *module, State *state) { return type_add(module, &spec, &state->model); }
