#include "binding.h"

static PyObject *wrap(State *state, int32_t status, rnncell_cell *cell) {
  if (status) return raise_status(state, status);
  PyObject *self = handle_wrap(state->cell, cell);
  if (!self) rnncell_cell_free(cell);
  return self;
}

PyObject *cell_parse(PyObject *module, PyObject *text) {
  rnncell_cell *cell = NULL;
  const char *equations = PyUnicode_AsUTF8AndSize(text, NULL);
  if (!equations) return NULL;
  int32_t status = rnncell_cell_parse(&cell, equations);
  return wrap(PyModule_GetState(module), status, cell);
}

PyObject *cell_stock(PyObject *module, PyObject *text) {
  rnncell_cell *cell = NULL;
  const char *name = PyUnicode_AsUTF8AndSize(text, NULL);
  if (!name) return NULL;
  int32_t status = rnncell_cell_stock(&cell, name);
  return wrap(PyModule_GetState(module), status, cell);
}

PyObject *cell_import(PyObject *module, PyObject *args) {
  rnncell_cell *cell = NULL;
  int notation;
  const char *text;
  if (!PyArg_ParseTuple(args, "is", &notation, &text)) return NULL;
  int32_t status = rnncell_cell_import(&cell, notation, text);
  return wrap(PyModule_GetState(module), status, cell);
}

PyObject *stock_list(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  PyObject *list = PyList_New(0);
  rnncell_stock_info info = RNNCELL_STOCK_INFO_INIT;
  for (int64_t i = 0; list && rnncell_stock_describe(&info, i) == RNNCELL_OK; i++) {
    PyObject *row = Py_BuildValue(
        "{s:s,s:s,s:s,s:s}", "name", info.name, "equations", info.equations, "source", info.source,
        "notes", info.notes);
    if (!row || PyList_Append(list, row)) Py_CLEAR(list);
    Py_XDECREF(row);
  }
  return list;
}

static void dealloc(Handle *self) {
  PyTypeObject *type = Py_TYPE((PyObject *)self);
  rnncell_cell_free(self->handle);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

static PyObject *describe(Handle *self, PyObject *args) {
  long long input_size, hidden_size;
  rnncell_cell_info info = RNNCELL_CELL_INFO_INIT;
  if (!PyArg_ParseTuple(args, "LL", &input_size, &hidden_size)) return NULL;
  int32_t status = rnncell_cell_describe(&info, self->handle, input_size, hidden_size);
  if (status) return raise_status(state_of((PyObject *)self), status);
  return Py_BuildValue(
      "{s:s,s:L,s:L,s:(KK),s:K,s:O}", "states", info.states, "parameter_count",
      (long long)info.parameter_count, "weight_count", (long long)info.weight_count, "digest",
      (unsigned long long)info.digest[0], (unsigned long long)info.digest[1], "fingerprint",
      (unsigned long long)info.fingerprint, "needs_equal_sizes",
      info.needs_equal_sizes ? Py_True : Py_False);
}

static PyObject *parameters(Handle *self, PyObject *args) {
  long long input_size, hidden_size;
  rnncell_cell_info cell = RNNCELL_CELL_INFO_INIT;
  rnncell_parameter_info info = RNNCELL_PARAMETER_INFO_INIT;
  State *state = state_of((PyObject *)self);
  if (!PyArg_ParseTuple(args, "LL", &input_size, &hidden_size)) return NULL;
  int32_t status = rnncell_cell_describe(&cell, self->handle, input_size, hidden_size);
  if (status) return raise_status(state, status);
  PyObject *list = PyList_New(0);
  for (int64_t i = 0; list && i < cell.parameter_count; i++) {
    status = rnncell_cell_parameter(&info, self->handle, i, input_size, hidden_size);
    PyObject *row = status ? raise_status(state, status) : parameter_tuple(&info);
    if (!row || PyList_Append(list, row)) Py_CLEAR(list);
    Py_XDECREF(row);
  }
  return list;
}

static PyObject *equal(Handle *self, PyObject *other) {
  int32_t result = 0;
  State *state = state_of((PyObject *)self);
  if (!PyObject_TypeCheck(other, state->cell)) Py_RETURN_FALSE;
  int32_t status = rnncell_cell_equal(&result, self->handle, ((Handle *)other)->handle);
  return status ? raise_status(state, status) : PyBool_FromLong(result);
}

static PyObject *counterpart(Handle *self, PyObject *args) {
  PyObject *other, *result;
  const char *name;
  State *state = state_of((PyObject *)self);
  if (!PyArg_ParseTuple(args, "sO!", &name, state->cell, &other)) return NULL;
  COLLECT_TEXT(
      state, result, rnncell_cell_counterpart, self->handle, name, ((Handle *)other)->handle);
  return result;
}

static PyObject *draw(Handle *self, PyObject *form) {
  PyObject *result;
  long value = PyLong_AsLong(form);
  if (value == -1 && PyErr_Occurred()) return NULL;
  COLLECT_TEXT(
      state_of((PyObject *)self), result, rnncell_cell_draw, self->handle, (int32_t)value);
  return result;
}

static PyMethodDef methods[] = {
    {"describe", (PyCFunction)describe, METH_VARARGS, NULL},
    {"parameters", (PyCFunction)parameters, METH_VARARGS, NULL},
    {"equal", (PyCFunction)equal, METH_O, NULL},
    {"counterpart", (PyCFunction)counterpart, METH_VARARGS, NULL},
    {"draw", (PyCFunction)draw, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {
    "rnncell._rnncell.Cell", sizeof(Handle), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};

int cell_add(PyObject *module, State *state) { return type_add(module, &spec, &state->cell); }
