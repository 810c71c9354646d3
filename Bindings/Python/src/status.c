#include "binding.h"

/* One row per status: the exception class, and the built-in class that it also is. */
static const struct {
  int32_t status;
  const char *name;
  PyObject **base;
  const char *summary;
} table[] = {
    {RNNCELL_INVALID_ARGUMENT, "InvalidArgumentError", &PyExc_ValueError,
        "An argument is out of range, of the wrong shape, or an unknown name."},
    {RNNCELL_PARSE, "ParseError", &PyExc_ValueError,
        "Text that cannot be read as a cell; .line and .column say where."},
    {RNNCELL_OUT_OF_MEMORY, "OutOfMemoryError", &PyExc_MemoryError, "Memory could not be had."},
    {RNNCELL_IO, "FileError", &PyExc_OSError, "A file could not be opened, read or written."},
    {RNNCELL_FORMAT, "FormatError", &PyExc_ValueError,
        "The contents of a file are not what they should be."},
    {RNNCELL_LIMIT, "LimitError", &PyExc_ValueError,
        "A size, depth or count over a limit that guards the process."},
    {RNNCELL_CANCELLED, "CancelledError", &PyExc_RuntimeError, "A callback asked to stop."},
    {RNNCELL_DIVERGED, "DivergedError", &PyExc_ArithmeticError,
        "The loss or a weight is no longer finite."},
    {RNNCELL_STATE, "StateError", &PyExc_RuntimeError, "The object cannot do this now."},
    {RNNCELL_BUSY, "BusyError", &PyExc_RuntimeError, "Another thread or process holds it."},
    {RNNCELL_INTERNAL, "InternalError", &PyExc_RuntimeError, "A mistake of the library itself."},
};

int status_add(PyObject *module, State *state) {
  char full[64];
  state->exceptions[0] = PyErr_NewExceptionWithDoc(
      "rnncell.Error", "The base of all exceptions of rnncell.", NULL, NULL);
  if (!state->exceptions[0] || PyModule_AddObjectRef(module, "Error", state->exceptions[0]))
    return -1;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    PyObject *bases = PyTuple_Pack(2, state->exceptions[0], *table[i].base);
    if (!bases) return -1;
    snprintf(full, sizeof full, "rnncell.%s", table[i].name);
    PyObject *class = PyErr_NewExceptionWithDoc(full, table[i].summary, bases, NULL);
    Py_DECREF(bases);
    if (!class) return -1;
    state->exceptions[table[i].status] = class;
    if (PyModule_AddObjectRef(module, table[i].name, class)) return -1;
  }
  return 0;
}

/* Raises the exception of a status with a message; always NULL. */
PyObject *raise_message(State *state, int32_t status, const char *message) {
  int known = status > 0 && status < STATUS_COUNT;
  PyErr_SetString(state->exceptions[known ? status : RNNCELL_INTERNAL], message);
  return NULL;
}

/* Raises what the library just reported on this thread; always NULL. */
PyObject *raise_status(State *state, int32_t status) {
  int32_t line = 0, column = 0;
  const char *message = rnncell_last_error(&line, &column);
  if (status < 0) return PyErr_NoMemory();
  if (status != RNNCELL_PARSE) return raise_message(state, status, message);
  PyObject *error = PyObject_CallFunction(state->exceptions[RNNCELL_PARSE], "s", message);
  PyObject *places[2] = {PyLong_FromLong(line), PyLong_FromLong(column)};
  if (error && places[0] && places[1] && !PyObject_SetAttrString(error, "line", places[0])
      && !PyObject_SetAttrString(error, "column", places[1]))
    PyErr_SetObject(state->exceptions[RNNCELL_PARSE], error);
  Py_XDECREF(error);
  Py_XDECREF(places[0]);
  Py_XDECREF(places[1]);
  return NULL;
}
