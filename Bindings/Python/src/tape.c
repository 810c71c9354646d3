#include "binding.h"

static void dealloc(Handle *self) {
  PyTypeObject *type = Py_TYPE((PyObject *)self);
  rnncell_tape_free(self->handle);
  Py_XDECREF((PyObject *)self->network);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

/*
 * (output shape, input size, state count, output gradient or None, state gradient or None, threads)
 * -> (input gradient, gradient of the initial state, {parameter: gradient})
 */
static PyObject *backward(Handle *self, PyObject *args) {
  State *state = state_of((PyObject *)self);
  PyObject *output_object, *state_object, *result = NULL;
  Py_ssize_t output_shape[3], input_shape[3], state_shape[1];
  long long threads;
  if (!PyArg_ParseTuple(args, "(nnn)nnOOL", &output_shape[0], &output_shape[1], &output_shape[2],
          &input_shape[2], &state_shape[0], &output_object, &state_object, &threads))
    return NULL;
  input_shape[0] = output_shape[0];
  input_shape[1] = output_shape[1];
  Input output = {0}, final = {0};
  Array *input_gradient = NULL, *initial_gradient = NULL;
  if (handle_begin(self)) return NULL;
  if (output_object != Py_None
      && (input_read(state, output_object, &output)
          || input_check(state, &output, "the gradient of the output", 3, output_shape)))
    goto done;
  if (state_object != Py_None
      && (input_read(state, state_object, &final)
          || input_check(state, &final, "the gradient of the state", 1, state_shape)))
    goto done;
  input_gradient = array_new(state, 3, input_shape, 'f');
  initial_gradient = input_gradient ? array_new(state, 1, state_shape, 'f') : NULL;
  if (!initial_gradient) goto done;
  int32_t status;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_tape_backward(input_gradient->data, initial_gradient->data, self->handle,
      output.data, final.data, threads);
  Py_END_ALLOW_THREADS
  rnncell_parameters *gradients = NULL;
  if (!status) status = rnncell_tape_gradients(&gradients, self->handle);
  PyObject *all = status ? raise_status(state, status) : parameters_read_all(state, gradients);
  if (all) result = Py_BuildValue("(OON)", input_gradient, initial_gradient, all);
done:
  handle_end(self);
  input_release(&output);
  input_release(&final);
  Py_XDECREF((PyObject *)input_gradient);
  Py_XDECREF((PyObject *)initial_gradient);
  return result;
}

static PyMethodDef methods[] = {
    {"backward", (PyCFunction)backward, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {
    "rnncell._rnncell.Tape", sizeof(Handle), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};

int tape_add(PyObject *module, State *state) { return type_add(module, &spec, &state->tape); }
