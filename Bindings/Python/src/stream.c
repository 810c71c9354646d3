#include "binding.h"

static void dealloc(Handle *self) {
  PyTypeObject *type = Py_TYPE((PyObject *)self);
  rnncell_stream_free(self->handle);
  Py_XDECREF((PyObject *)self->network);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

/* (input [B, I], B, I, output size) -> output [B, output size]; [I] -> [output size] for B 1 */
static PyObject *step(Handle *self, PyObject *args) {
  State *state = state_of((PyObject *)self);
  PyObject *object;
  Py_ssize_t rank = 2, input_shape[2], output_shape[2];
  Input input;
  if (!PyArg_ParseTuple(
          args, "Onnn", &object, &input_shape[0], &input_shape[1], &output_shape[1]))
    return NULL;
  output_shape[0] = input_shape[0];
  if (handle_begin(self)) return NULL;
  Array *output = NULL;
  int32_t status = 0;
  if (!input_read(state, object, &input)) {
    /* One sequence alone may come, and then goes, without the dimension of the batch. */
    if (input.rank == 1 && input_shape[0] == 1) {
      rank = 1;
      input_shape[0] = input_shape[1];
      output_shape[0] = output_shape[1];
    }
    if (!input_check(state, &input, "the input", rank, input_shape))
      output = array_new(state, rank, output_shape, 'f');
    if (output) {
      Py_BEGIN_ALLOW_THREADS
      status = rnncell_stream_step(output->data, self->handle, input.data);
      Py_END_ALLOW_THREADS
    }
    input_release(&input);
  }
  handle_end(self);
  if (!status) return (PyObject *)output;
  Py_XDECREF((PyObject *)output);
  return raise_status(state, status);
}

static PyObject *read_state(Handle *self, PyObject *count) {
  State *state = state_of((PyObject *)self);
  Py_ssize_t shape[1] = {PyLong_AsSsize_t(count)};
  if (shape[0] == -1 && PyErr_Occurred()) return NULL;
  if (handle_begin(self)) return NULL;
  Array *array = array_new(state, 1, shape, 'f');
  int32_t status = array ? rnncell_stream_read_state(array->data, shape[0], self->handle) : 0;
  handle_end(self);
  if (!status) return (PyObject *)array;
  Py_XDECREF((PyObject *)array);
  return raise_status(state, status);
}

/* An array, or None for zero. */
static PyObject *write_state(Handle *self, PyObject *value) {
  State *state = state_of((PyObject *)self);
  Input input = {0};
  if (value != Py_None && input_read(state, value, &input)) return NULL;
  if (handle_begin(self)) {
    input_release(&input);
    return NULL;
  }
  int32_t status = rnncell_stream_write_state(self->handle, input.data, (int64_t)input.count);
  handle_end(self);
  input_release(&input);
  return status ? raise_status(state, status) : Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"step", (PyCFunction)step, METH_VARARGS, NULL},
    {"read_state", (PyCFunction)read_state, METH_O, NULL},
    {"write_state", (PyCFunction)write_state, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {
    "rnncell._rnncell.Stream", sizeof(Handle), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};

int stream_add(PyObject *module, State *state) { return type_add(module, &spec, &state->stream); }
