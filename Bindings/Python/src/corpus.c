#include "binding.h"

#include <string.h>

/* (paths [3] or None, texts [3] of bytes or None, limit, unit) */
PyObject *corpus_create(PyObject *module, PyObject *args) {
  State *state = PyModule_GetState(module);
  PyObject *paths[3];
  const char *texts[3];
  Py_ssize_t sizes[3], limit;
  int unit;
  int32_t status;
  if (!PyArg_ParseTuple(args, "(O&O&O&)(z#z#z#)ni", optional_path, &paths[0], optional_path,
          &paths[1], optional_path, &paths[2], &texts[0], &sizes[0], &texts[1], &sizes[1],
          &texts[2], &sizes[2], &limit, &unit))
    return NULL;
  rnncell_corpus_options options = RNNCELL_CORPUS_OPTIONS_INIT;
  options.train_path = path_text(paths[0]);
  options.valid_path = path_text(paths[1]);
  options.test_path = path_text(paths[2]);
  options.train_text = texts[0];
  options.train_bytes = texts[0] ? (size_t)sizes[0] : 0;
  options.valid_text = texts[1];
  options.valid_bytes = texts[1] ? (size_t)sizes[1] : 0;
  options.test_text = texts[2];
  options.test_bytes = texts[2] ? (size_t)sizes[2] : 0;
  options.limit = limit < 0 ? 0 : (size_t)limit;
  options.unit = unit;
  rnncell_corpus *corpus = NULL;
  Py_BEGIN_ALLOW_THREADS
  status = rnncell_corpus_create(&corpus, &options);
  Py_END_ALLOW_THREADS
  for (int i = 0; i < 3; i++) Py_XDECREF(paths[i]);
  PyObject *self = status ? raise_status(state, status) : handle_wrap(state->corpus, corpus);
  if (!self) rnncell_corpus_free(corpus);
  return self;
}

static void dealloc(Handle *self) {
  PyTypeObject *type = Py_TYPE((PyObject *)self);
  rnncell_corpus_free(self->handle);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

static PyObject *describe(Handle *self, PyObject *unused) {
  (void)unused;
  rnncell_corpus_info info = RNNCELL_CORPUS_INFO_INIT;
  int32_t status = rnncell_corpus_describe(&info, self->handle);
  if (status) return raise_status(state_of((PyObject *)self), status);
  return Py_BuildValue(
      "{s:L,s:L,s:(LLL),s:K}", "unit", (long long)info.unit, "vocabulary_size",
      (long long)info.vocabulary_size, "token_count", (long long)info.token_count[0],
      (long long)info.token_count[1], (long long)info.token_count[2], "digest",
      (unsigned long long)info.digest);
}

static PyObject *tokens(Handle *self, PyObject *split) {
  State *state = state_of((PyObject *)self);
  const int32_t *data = NULL;
  int64_t count = 0;
  long index = PyLong_AsLong(split);
  if (index == -1 && PyErr_Occurred()) return NULL;
  int32_t status = rnncell_corpus_tokens(&data, &count, self->handle, (int32_t)index);
  if (status) return raise_status(state, status);
  Py_ssize_t shape[1] = {(Py_ssize_t)count};
  return (PyObject *)array_borrow(state, (PyObject *)self, data, 1, shape, 'i');
}

static PyObject *word(Handle *self, PyObject *id) {
  PyObject *result;
  long long index = PyLong_AsLongLong(id);
  if (index == -1 && PyErr_Occurred()) return NULL;
  COLLECT_TEXT(
      state_of((PyObject *)self), result, rnncell_corpus_word, self->handle, (int64_t)index);
  return result;
}

static PyMethodDef methods[] = {
    {"describe", (PyCFunction)describe, METH_NOARGS, NULL},
    {"tokens", (PyCFunction)tokens, METH_O, NULL},
    {"word", (PyCFunction)word, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {
    "rnncell._rnncell.Corpus", sizeof(Handle), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};

int corpus_add(PyObject *module, State *state) { return type_add(module, &spec, &state->corpus); }
