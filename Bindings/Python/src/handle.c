#include "binding.h"

#include <string.h>

State *state_of(PyObject *self) { return PyType_GetModuleState(Py_TYPE(self)); }

int type_add(PyObject *module, PyType_Spec *spec, PyTypeObject **out) {
  *out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
  return *out ? PyModule_AddType(module, *out) : -1;
}

/* A new object around what the library made, or NULL, with the library's object not freed. */
PyObject *handle_wrap(PyTypeObject *type, void *handle) {
  allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  Handle *self = (Handle *)allocate(type, 0);
  if (self) self->handle = handle;
  return (PyObject *)self;
}

/* Takes an object for a call of one thread alone; -1 with a BusyError when it is taken. */
int handle_begin(Handle *self) {
  if (self->users) {
    raise_message(state_of((PyObject *)self), RNNCELL_BUSY,
        "another call is running on this object; wait for it, or give each thread its own");
    return -1;
  }
  self->users++;
  if (self->network) self->network->users++;
  return 0;
}

void handle_end(Handle *self) {
  self->users--;
  if (self->network) self->network->users--;
}

/* Whether this thread may look at the object: nothing runs on it, or its own callback does. */
int handle_may_look(Handle *self) {
  if (!self->users || self->listener == PyThread_get_thread_ident()) return 1;
  raise_message(state_of((PyObject *)self), RNNCELL_BUSY,
      "another thread is running this study; look at it from the callback, or open the file with "
      "read_only=True");
  return 0;
}

/* The library's objects in a sequence of handles; the array is freed with PyMem_Free. */
int handles_from(PyObject *sequence, PyTypeObject *type, void ***out, Py_ssize_t *count) {
  *count = PySequence_Size(sequence);
  if (*count < 0) return -1;
  *out = PyMem_Calloc((size_t)*count + 1, sizeof **out);
  if (!*out) return PyErr_NoMemory(), -1;
  for (Py_ssize_t i = 0; i < *count; i++) {
    PyObject *item = PySequence_GetItem(sequence, i);
    int fits = item && PyObject_TypeCheck(item, type);
    if (fits) (*out)[i] = ((Handle *)item)->handle;
    if (item && !fits) PyErr_SetString(PyExc_TypeError, "an item is of the wrong type");
    /* The caller's sequence keeps the item alive through the call. */
    Py_XDECREF(item);
    if (!fits) return PyMem_Free(*out), *out = NULL, -1;
  }
  return 0;
}

/* A converter for PyArg_ParseTuple: bytes of a path, or NULL for None. */
int optional_path(PyObject *object, void *out) {
  if (object != Py_None) return PyUnicode_FSConverter(object, out);
  *(PyObject **)out = NULL;
  return 1;
}

const char *path_text(PyObject *path) { return path ? PyBytes_AsString(path) : NULL; }

/* The integers of a sequence; the array is freed with PyMem_Free. */
int integers_from(PyObject *sequence, int64_t **out, Py_ssize_t *count) {
  *count = PySequence_Size(sequence);
  if (*count < 0) return -1;
  *out = PyMem_Calloc((size_t)*count + 1, sizeof **out);
  if (!*out) return PyErr_NoMemory(), -1;
  for (Py_ssize_t i = 0; i < *count; i++) {
    PyObject *item = PySequence_GetItem(sequence, i);
    PyObject *index = item ? PyNumber_Index(item) : NULL;
    (*out)[i] = index ? PyLong_AsLongLong(index) : -1;
    Py_XDECREF(item);
    Py_XDECREF(index);
    if (PyErr_Occurred()) return PyMem_Free(*out), *out = NULL, -1;
  }
  return 0;
}

/* What a function wrote into `text` (freed here), or the exception of its status. */
PyObject *bytes_from_text(State *state, int32_t status, char *text, size_t needed) {
  PyObject *result = status ? raise_status(state, status)
                            : PyBytes_FromStringAndSize(text, needed ? (Py_ssize_t)needed - 1 : 0);
  PyMem_Free(text);
  return result;
}
