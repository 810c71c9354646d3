#include "binding.h"

#include <string.h>

static PyObject *version(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  return PyUnicode_FromString(rnncell_version());
}

static PyObject *build_info(PyObject *module, PyObject *unused) {
  (void)unused;
  size_t needed = 0;
  char *text = NULL;
  int32_t status = rnncell_build_info(NULL, 0, &needed);
  if (!status) {
    text = PyMem_Malloc(needed + 1);
    status = text ? rnncell_build_info(text, needed, &needed) : -1;
  }
  return bytes_from_text(PyModule_GetState(module), status, text, needed);
}

/* A dense float32 copy of anything that is an array. */
static PyObject *array(PyObject *module, PyObject *object) {
  State *state = PyModule_GetState(module);
  Input input;
  if (input_read(state, object, &input)) return NULL;
  Array *result = array_new(state, input.rank, input.shape, 'f');
  if (result) memcpy(result->data, input.data, (size_t)input.count * sizeof(float));
  input_release(&input);
  return (PyObject *)result;
}

/* An int32 array of integers. */
static PyObject *tokens(PyObject *module, PyObject *sequence) {
  int64_t *values;
  Py_ssize_t count;
  if (integers_from(sequence, &values, &count)) return NULL;
  Array *result = array_new(PyModule_GetState(module), 1, &count, 'i');
  for (Py_ssize_t i = 0; result && i < count; i++) {
    /* What no int32 holds becomes an id that no vocabulary has. */
    int fits = values[i] >= 0 && values[i] <= INT32_MAX;
    ((int32_t *)result->data)[i] = fits ? (int32_t)values[i] : -1;
  }
  PyMem_Free(values);
  return (PyObject *)result;
}

static PyMethodDef functions[] = {
    {"version", version, METH_NOARGS, NULL},
    {"build_info", build_info, METH_NOARGS, NULL},
    {"peak", peak, METH_VARARGS, NULL},
    {"array", array, METH_O, NULL},
    {"tokens", tokens, METH_O, NULL},
    {"cell_parse", cell_parse, METH_O, NULL},
    {"cell_stock", cell_stock, METH_O, NULL},
    {"cell_import", cell_import, METH_VARARGS, NULL},
    {"stock_list", stock_list, METH_NOARGS, NULL},
    {"network_create", network_create, METH_VARARGS, NULL},
    {"network_load", network_load, METH_O, NULL},
    {"corpus_create", corpus_create, METH_VARARGS, NULL},
    {"model_create", model_create, METH_VARARGS, NULL},
    {"model_create_for_sequences", model_create_for_sequences, METH_VARARGS, NULL},
    {"optimizer_create", optimizer_create, METH_VARARGS, NULL},
    {"model_load", model_load, METH_O, NULL},
    {"study_open", (PyCFunction)(void (*)(void))study_open, METH_VARARGS | METH_KEYWORDS, NULL},
    {"strategy_list", strategy_list, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module) {
  State *state = PyModule_GetState(module);
  return status_add(module, state) || array_add(module, state) || cell_add(module, state)
          || network_add(module, state) || tape_add(module, state) || stream_add(module, state)
          || corpus_add(module, state) || model_add(module, state) || optimizer_add(module, state)
          || study_add(module, state)
      ? -1 : 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
  State *state = PyModule_GetState(module);
  for (int i = 0; i < STATUS_COUNT; i++) Py_VISIT(state->exceptions[i]);
  Py_VISIT((PyObject *)state->array);
  Py_VISIT((PyObject *)state->cell);
  Py_VISIT((PyObject *)state->network);
  Py_VISIT((PyObject *)state->tape);
  Py_VISIT((PyObject *)state->stream);
  Py_VISIT((PyObject *)state->corpus);
  Py_VISIT((PyObject *)state->model);
  Py_VISIT((PyObject *)state->optimizer);
  Py_VISIT((PyObject *)state->study);
  return 0;
}

static int clear(PyObject *module) {
  State *state = PyModule_GetState(module);
  for (int i = 0; i < STATUS_COUNT; i++) Py_CLEAR(state->exceptions[i]);
  Py_CLEAR(state->array);
  Py_CLEAR(state->cell);
  Py_CLEAR(state->network);
  Py_CLEAR(state->tape);
  Py_CLEAR(state->stream);
  Py_CLEAR(state->corpus);
  Py_CLEAR(state->model);
  Py_CLEAR(state->optimizer);
  Py_CLEAR(state->study);
  return 0;
}

static void free_module(void *module) {
  clear(module);
  array_free_blocks(PyModule_GetState(module));
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "rnncell._rnncell", "What rnncell.h declares, as Python objects.",
    sizeof(State), functions, slots, traverse, clear, free_module};

PyMODINIT_FUNC PyInit__rnncell(void) { return PyModuleDef_Init(&definition); }
