#include "binding.h"

/* Networks are shared by threads that only read the weights; whoever changes them is alone. */

PyObject *network_create(PyObject *module, PyObject *args) {
  State *state = PyModule_GetState(module);
  PyObject *cells, *sizes, *values;
  long long input_size;
  rnncell_network_options options = RNNCELL_NETWORK_OPTIONS_INIT;
  if (!PyArg_ParseTuple(args, "OOLO!", &cells, &sizes, &input_size, &PyDict_Type, &values)
      || network_options_read(values, &options))
    return NULL;
  void **handles;
  int64_t *hidden;
  Py_ssize_t layers, size_count;
  if (handles_from(cells, state->cell, &handles, &layers)) return NULL;
  if (integers_from(sizes, &hidden, &size_count)) return PyMem_Free(handles), NULL;
  PyObject *self = NULL;
  if (layers != size_count) {
    raise_message(state, RNNCELL_INVALID_ARGUMENT, "there must be one hidden size for each cell");
  } else {
    rnncell_network *network = NULL;
    int32_t status = rnncell_network_create(
        &network, (rnncell_cell *const *)handles, hidden, layers, input_size, &options);
    self = status ? raise_status(state, status) : handle_wrap(state->network, network);
    if (!self) rnncell_network_free(network);
  }
  PyMem_Free(handles);
  PyMem_Free(hidden);
  return self;
}

PyObject *network_load(PyObject *module, PyObject *path) {
  State *state = PyModule_GetState(module);
  rnncell_network *network = NULL;
  int32_t status;
  PyObject *bytes;
  if (!PyUnicode_FSConverter(path, &bytes)) return NULL;
  const char *name = PyBytes_AsString(bytes);
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_network_load(&network, name);
  Py_END_ALLOW_THREADS
  Py_DECREF(bytes);
  PyObject *self = status ? raise_status(state, status) : handle_wrap(state->network, network);
  if (!self) rnncell_network_free(network);
  return self;
}

static void dealloc(Handle *self) {
  PyTypeObject *type = Py_TYPE((PyObject *)self);
  rnncell_network_free(self->handle);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

static PyObject *describe(Handle *self, PyObject *unused) {
  (void)unused;
  rnncell_network_info info = RNNCELL_NETWORK_INFO_INIT;
  int32_t status = rnncell_network_describe(&info, self->handle);
  if (status) return raise_status(state_of((PyObject *)self), status);
  return Py_BuildValue(
      "{s:L,s:L,s:L,s:L,s:L,s:i,s:i,s:d}", "layers", (long long)info.layers, "input_size",
      (long long)info.input_size, "output_size", (long long)info.output_size, "state_size",
      (long long)info.state_size, "weight_count", (long long)info.weight_count,
      "bidirectional", (int)info.bidirectional, "residual", (int)info.residual, "zoneout",
      info.zoneout);
}

static PyObject *cell(Handle *self, PyObject *layer) {
  State *state = state_of((PyObject *)self);
  rnncell_cell *result = NULL;
  long long index = PyLong_AsLongLong(layer);
  if (index == -1 && PyErr_Occurred()) return NULL;
  int32_t status = rnncell_network_cell(&result, self->handle, index);
  PyObject *wrapped = status ? raise_status(state, status) : handle_wrap(state->cell, result);
  if (!wrapped) rnncell_cell_free(result);
  return wrapped;
}

/* [(layer, "h" or "reverse.h", size, offset), ...] */
static PyObject *states(Handle *self, PyObject *unused) {
  (void)unused;
  PyObject *list = PyList_New(0);
  rnncell_state_info info = RNNCELL_STATE_INFO_INIT;
  for (int64_t i = 0; list && rnncell_network_state(&info, self->handle, i) == RNNCELL_OK; i++) {
    PyObject *name = PyUnicode_FromFormat("%s%s", info.reversed ? "reverse." : "", info.name);
    PyObject *row = name ? Py_BuildValue("(LNLL)", (long long)info.layer, name,
        (long long)info.element_count, (long long)info.offset) : NULL;
    if (!row || PyList_Append(list, row)) Py_CLEAR(list);
    Py_XDECREF(row);
  }
  return list;
}

static PyObject *parameters(Handle *self, PyObject *unused) {
  (void)unused;
  State *state = state_of((PyObject *)self);
  rnncell_parameters *result = NULL;
  int32_t status = rnncell_network_parameters(&result, self->handle);
  return status ? raise_status(state, status) : parameters_read_all(state, result);
}

static PyObject *write_parameter(Handle *self, PyObject *args) {
  State *state = state_of((PyObject *)self);
  rnncell_parameters *result = NULL;
  const char *name;
  PyObject *value, *done = NULL;
  Input input;
  if (!PyArg_ParseTuple(args, "sO", &name, &value) || input_read(state, value, &input)) return NULL;
  if (!handle_begin(self)) {
    int32_t status = rnncell_network_parameters(&result, self->handle);
    done = status ? raise_status(state, status) : parameters_write_one(state, result, name, &input);
    handle_end(self);
  }
  input_release(&input);
  return done;
}

/* (input, lengths or None, state or None, threads, wants a tape) -> (output, state, tape) */
static PyObject *forward(Handle *self, PyObject *args) {
  State *state = state_of((PyObject *)self);
  PyObject *object, *length_object, *state_object, *result = NULL;
  long long threads;
  int wants_tape;
  if (!PyArg_ParseTuple(
          args, "OOOLp", &object, &length_object, &state_object, &threads, &wants_tape))
    return NULL;
  rnncell_network_info info = RNNCELL_NETWORK_INFO_INIT;
  int32_t status = rnncell_network_describe(&info, self->handle);
  if (status) return raise_status(state, status);

  Input input, initial = {0};
  int64_t *lengths = NULL;
  Py_ssize_t length_count = 0;
  Array *output = NULL, *final = NULL;
  rnncell_tape *tape = NULL;
  if (input_read(state, object, &input)) return NULL;
  Py_ssize_t input_shape[3] = {-1, -1, (Py_ssize_t)info.input_size};
  if (input_check(state, &input, "the input", 3, input_shape)) goto done;
  Py_ssize_t steps = input.shape[0], batch = input.shape[1];
  Py_ssize_t output_shape[3] = {steps, batch, (Py_ssize_t)info.output_size};
  Py_ssize_t state_shape[1];
  if (__builtin_mul_overflow(batch, (Py_ssize_t)info.state_size, &state_shape[0])) {
    raise_message(state, RNNCELL_LIMIT, "the batch is too large");
    goto done;
  }
  if (length_object != Py_None) {
    if (integers_from(length_object, &lengths, &length_count)) goto done;
    if (length_count != batch) {
      raise_message(state, RNNCELL_INVALID_ARGUMENT, "lengths must hold one number per sequence");
      goto done;
    }
  }
  if (state_object != Py_None
      && (input_read(state, state_object, &initial)
          || input_check(state, &initial, "the state", 1, state_shape)))
    goto done;
  output = array_new(state, 3, output_shape, 'f');
  final = output ? array_new(state, 1, state_shape, 'f') : NULL;
  if (!final) goto done;
  self->users++;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_network_forward(output->data, final->data, wants_tape ? &tape : NULL,
      self->handle, input.data, steps, batch, lengths, initial.data, threads);
  Py_END_ALLOW_THREADS
  self->users--;
  if (status) {
    raise_status(state, status);
    goto done;
  }
  PyObject *wrapped = tape ? handle_wrap(state->tape, tape) : Py_NewRef(Py_None);
  if (wrapped && tape) ((Handle *)wrapped)->network = (Handle *)Py_NewRef((PyObject *)self);
  if (!wrapped) rnncell_tape_free(tape);
  else result = Py_BuildValue("(OON)", output, final, wrapped);
done:
  input_release(&input);
  input_release(&initial);
  PyMem_Free(lengths);
  Py_XDECREF((PyObject *)output);
  Py_XDECREF((PyObject *)final);
  return result;
}

static PyObject *stream(Handle *self, PyObject *batch) {
  State *state = state_of((PyObject *)self);
  rnncell_stream *result = NULL;
  long long count = PyLong_AsLongLong(batch);
  if (count == -1 && PyErr_Occurred()) return NULL;
  int32_t status = rnncell_stream_create(&result, self->handle, count);
  PyObject *wrapped = status ? raise_status(state, status) : handle_wrap(state->stream, result);
  if (!wrapped) rnncell_stream_free(result);
  else ((Handle *)wrapped)->network = (Handle *)Py_NewRef((PyObject *)self);
  return wrapped;
}

/* (form, path) */
static PyObject *export(Handle *self, PyObject *args) {
  int form, status;
  PyObject *path;
  if (!PyArg_ParseTuple(args, "iO&", &form, PyUnicode_FSConverter, &path)) return NULL;
  const char *name = PyBytes_AsString(path);
  self->users++;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_network_export(self->handle, form, name);
  Py_END_ALLOW_THREADS
  self->users--;
  Py_DECREF(path);
  return status ? raise_status(state_of((PyObject *)self), status) : Py_NewRef(Py_None);
}

static PyObject *save(Handle *self, PyObject *path) {
  PyObject *bytes;
  int32_t status;
  if (!PyUnicode_FSConverter(path, &bytes)) return NULL;
  const char *name = PyBytes_AsString(bytes);
  self->users++;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_network_save(self->handle, name);
  Py_END_ALLOW_THREADS
  self->users--;
  Py_DECREF(bytes);
  return status ? raise_status(state_of((PyObject *)self), status) : Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"describe", (PyCFunction)describe, METH_NOARGS, NULL},
    {"cell", (PyCFunction)cell, METH_O, NULL},
    {"states", (PyCFunction)states, METH_NOARGS, NULL},
    {"parameters", (PyCFunction)parameters, METH_NOARGS, NULL},
    {"write", (PyCFunction)write_parameter, METH_VARARGS, NULL},
    {"forward", (PyCFunction)forward, METH_VARARGS, NULL},
    {"stream", (PyCFunction)stream, METH_O, NULL},
    {"export", (PyCFunction)export, METH_VARARGS, NULL},
    {"save", (PyCFunction)save, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {
    "rnncell._rnncell.Network", sizeof(Handle), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};

int network_add(PyObject *module, State *state) {
  return type_add(module, &spec, &state->network);
}
