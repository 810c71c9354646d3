#include "binding.h"

#include <string.h>

/* Reads one number of a struct-module format; 0 for a format that is none. */
static int number_at(const char *at, char format, Py_ssize_t size, double *out) {
#define CASE(letter, type)                             \
  case letter: {                                       \
    type value;                                        \
    if (size != (Py_ssize_t)sizeof value) return 0;    \
    memcpy(&value, at, sizeof value);                  \
    *out = (double)value;                              \
    return 1;                                          \
  }
  switch (format) {
    CASE('f', float)
    CASE('d', double)
    CASE('b', signed char)
    CASE('B', unsigned char)
    CASE('?', unsigned char)
    CASE('h', short)
    CASE('H', unsigned short)
    CASE('i', int)
    CASE('I', unsigned int)
    CASE('l', long)
    CASE('L', unsigned long)
    CASE('q', long long)
    CASE('Q', unsigned long long)
    default: return 0;
  }
#undef CASE
}

/*
 * Fills `out->copy` from strided elements of any number type; rank, shape and count are set.
 * strides: bytes. Returns 1 when it is done, 0 for a type that is no real number, -1 for no memory.
 */
int input_convert(
    const char *data, const Py_ssize_t *strides, char format, Py_ssize_t item_size, Input *out) {
  Py_ssize_t index[MAX_RANK] = {0};
  out->copy = PyMem_Malloc((size_t)(out->count ? out->count : 1) * sizeof(float));
  if (!out->copy) return PyErr_NoMemory(), -1;
  for (Py_ssize_t i = 0; i < out->count; i++) {
    double value;
    Py_ssize_t offset = 0;
    for (Py_ssize_t axis = 0; axis < out->rank; axis++) offset += index[axis] * strides[axis];
    if (!number_at(data + offset, format, item_size, &value)) return 0;
    out->copy[i] = (float)value;
    for (Py_ssize_t axis = out->rank - 1; axis >= 0 && ++index[axis] == out->shape[axis]; axis--)
      index[axis] = 0;
  }
  out->data = out->copy;
  return 1;
}

static int from_buffer(State *state, PyObject *object, Input *out) {
  if (PyObject_GetBuffer(object, &out->view, PyBUF_FORMAT | PyBUF_STRIDES)) return -1;
  out->has_view = 1;
  const Py_buffer *view = &out->view;
  const char *format = view->format ? view->format : "B";
  if (*format == '@' || *format == '=' || *format == '<') format++;
  if (view->ndim > MAX_RANK) {
    raise_message(state, RNNCELL_INVALID_ARGUMENT, "an array has more than 8 dimensions");
    return -1;
  }
  out->rank = view->ndim;
  out->count = view->len / (view->itemsize ? view->itemsize : 1);
  for (Py_ssize_t i = 0; i < out->rank; i++) out->shape[i] = view->shape[i];
  if (!strcmp(format, "f") && view->itemsize == 4 && PyBuffer_IsContiguous(view, 'C')
      && (uintptr_t)view->buf % sizeof(float) == 0) {
    out->data = view->buf;
    return 0;
  }
  int done = format[0] && !format[1]
      ? input_convert(view->buf, view->strides, format[0], view->itemsize, out) : 0;
  if (!done)
    PyErr_Format(PyExc_TypeError,
        "elements of type '%s' are no real numbers that can be read; convert to float32",
        view->format ? view->format : "B");
  return done == 1 ? 0 : -1;
}

static int from_numbers(PyObject *object, Input *out, Py_ssize_t axis, Py_ssize_t *filled) {
  if (axis == out->rank) {
    double value = PyFloat_AsDouble(object);
    if (value == -1 && PyErr_Occurred()) return -1;
    if (*filled == out->count) return PyErr_SetString(PyExc_ValueError, "ragged lists"), -1;
    out->copy[(*filled)++] = (float)value;
    return 0;
  }
  Py_ssize_t size = PySequence_Size(object);
  if (size < 0) return -1;
  if (size != out->shape[axis]) {
    PyErr_SetString(PyExc_ValueError, "nested lists have unequal lengths");
    return -1;
  }
  for (Py_ssize_t i = 0; i < size; i++) {
    PyObject *item = PySequence_GetItem(object, i);
    int failed = !item || from_numbers(item, out, axis + 1, filled);
    Py_XDECREF(item);
    if (failed) return -1;
  }
  return 0;
}

/* Nested lists and tuples; the first item of each level gives the shape. */
static int from_lists(PyObject *object, Input *out) {
  Py_ssize_t filled = 0;
  PyObject *level = Py_NewRef(object);
  out->count = 1;
  while (PyList_Check(level) || PyTuple_Check(level)) {
    Py_ssize_t size = PySequence_Size(level);
    if (out->rank == MAX_RANK || __builtin_mul_overflow(out->count, size, &out->count)
        || out->count > PY_SSIZE_T_MAX / 8) {
      Py_DECREF(level);
      PyErr_SetString(PyExc_ValueError, "nested lists are too deep or too large");
      return -1;
    }
    out->shape[out->rank++] = size;
    PyObject *next = size ? PySequence_GetItem(level, 0) : Py_NewRef(Py_None);
    Py_DECREF(level);
    if (!next) return -1;
    level = next;
  }
  Py_DECREF(level);
  out->copy = PyMem_Malloc((size_t)(out->count ? out->count : 1) * sizeof(float));
  if (!out->copy) return PyErr_NoMemory(), -1;
  out->data = out->copy;
  return from_numbers(object, out, 0, &filled);
}

/* Reads anything that is an array; input_release gives back what it took. */
int input_read(State *state, PyObject *object, Input *out) {
  int failed;
  memset(out, 0, sizeof *out);
  if (PyObject_CheckBuffer(object)) {
    failed = from_buffer(state, object, out);
  } else if (PyObject_HasAttrString(object, "__dlpack__")) {
    PyObject *capsule = PyObject_CallMethod(object, "__dlpack__", NULL);
    failed = !capsule || input_from_dlpack(state, capsule, out);
  } else if (PyList_Check(object) || PyTuple_Check(object)) {
    failed = from_lists(object, out);
  } else {
    PyErr_Format(PyExc_TypeError,
        "an array was expected (a buffer such as NumPy's, a tensor with __dlpack__, or nested "
        "lists), and this is %R", (PyObject *)Py_TYPE(object));
    failed = 1;
  }
  if (failed) input_release(out);
  return failed ? -1 : 0;
}

/* Checks the shape; a size of -1 takes any. */
int input_check(
    State *state, const Input *input, const char *name, Py_ssize_t rank, const Py_ssize_t *shape) {
  char text[256];
  int fits = input->rank == rank;
  for (Py_ssize_t i = 0; fits && i < rank; i++)
    fits = shape[i] == -1 || shape[i] == input->shape[i];
  if (fits) return 0;
  int used = snprintf(text, sizeof text, "%s has shape [", name);
  for (Py_ssize_t i = 0; i < input->rank && used < 120; i++)
    used += snprintf(text + used, sizeof text - (size_t)used, "%s%zd", i ? ", " : "",
        input->shape[i]);
  used += snprintf(text + used, sizeof text - (size_t)used, "], and [");
  for (Py_ssize_t i = 0; i < rank && used < 220; i++)
    used += shape[i] == -1
        ? snprintf(text + used, sizeof text - (size_t)used, "%sany", i ? ", " : "")
        : snprintf(text + used, sizeof text - (size_t)used, "%s%zd", i ? ", " : "", shape[i]);
  snprintf(text + used, sizeof text - (size_t)used, "] is needed");
  raise_message(state, RNNCELL_INVALID_ARGUMENT, text);
  return -1;
}

void input_release(Input *input) {
  if (input->has_view) PyBuffer_Release(&input->view);
  Py_CLEAR(input->capsule);
  PyMem_Free(input->copy);
  memset(input, 0, sizeof *input);
}
