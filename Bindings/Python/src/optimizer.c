#include "binding.h"

/* (network, {option: value}) */
PyObject *optimizer_create(PyObject *module, PyObject *args) {
  State *state = PyModule_GetState(module);
  PyObject *network, *values;
  rnncell_fit_options options = RNNCELL_FIT_OPTIONS_INIT;
  rnncell_parameters *parameters = NULL;
  rnncell_optimizer *optimizer = NULL;
  if (!PyArg_ParseTuple(args, "O!O!", state->network, &network, &PyDict_Type, &values)
      || fit_options_read(values, &options))
    return NULL;
  int32_t status = rnncell_network_parameters(&parameters, ((Handle *)network)->handle);
  if (!status) status = rnncell_optimizer_create(&optimizer, parameters, &options);
  PyObject *self =
      status ? raise_status(state, status) : handle_wrap(state->optimizer, optimizer);
  if (!self) rnncell_optimizer_free(optimizer);
  return self;
}

static void dealloc(Handle *self) {
  PyTypeObject *type = Py_TYPE((PyObject *)self);
  rnncell_optimizer_free(self->handle);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

/* (network, tape whose backward was called, learning rate or 0) -> norm */
static PyObject *step(Handle *self, PyObject *args) {
  State *state = state_of((PyObject *)self);
  PyObject *network, *tape;
  double rate, norm = 0;
  rnncell_parameters *weights = NULL, *gradients = NULL;
  if (!PyArg_ParseTuple(args, "O!O!d", state->network, &network, state->tape, &tape, &rate)
      || handle_begin(self))
    return NULL;
  if (handle_begin((Handle *)network)) return handle_end(self), NULL;
  int32_t status = rnncell_network_parameters(&weights, ((Handle *)network)->handle);
  if (!status) status = rnncell_tape_gradients(&gradients, ((Handle *)tape)->handle);
  if (!status) status = rnncell_optimizer_step(&norm, self->handle, weights, gradients, rate);
  handle_end((Handle *)network);
  handle_end(self);
  return status ? raise_status(state, status) : PyFloat_FromDouble(norm);
}

static PyMethodDef methods[] = {
    {"step", (PyCFunction)step, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {
    "rnncell._rnncell.Optimizer", sizeof(Handle), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};

int optimizer_add(PyObject *module, State *state) {
  return type_add(module, &spec, &state->optimizer);
}
