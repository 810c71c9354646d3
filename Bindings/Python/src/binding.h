/*
 * What the files of the extension share. The extension is thin: a heap type per noun of rnncell.h,
 * whose methods convert arguments, release the GIL, make one call of the library and raise what it
 * reports. Everything that a user sees is built on it in Python.
 */
#ifndef RNNCELL_BINDING_H
#define RNNCELL_BINDING_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>

#include <stdio.h>

#include <rnncell.h>

#define MAX_RANK 8
#define STATUS_COUNT (RNNCELL_INTERNAL + 1)

/* Memory of an array that is gone, for the next array of its size. */
typedef struct Block {
  void *data;
  size_t bytes;
} Block;

#define MAX_BLOCKS 64

/* What the module owns, one per interpreter. */
typedef struct State {
  PyObject *exceptions[STATUS_COUNT]; /* by status; the first is the base class */
  PyTypeObject *array, *cell, *network, *tape, *stream, *corpus, *model, *optimizer, *study;
  Block blocks[MAX_BLOCKS]; /* the latest behind */
  int block_count;
  size_t block_bytes;
} State;

/*
 * An object of the library.
 *
 * `users` counts the calls that run on it without the GIL, so that a second thread gets a BusyError
 * where the library allows one thread at a time. A tape or a stream is a user of its `network` too,
 * whose weights must not change meanwhile. `listener` is the thread that runs a callback of such a
 * call, or 0.
 */
typedef struct Handle {
  PyObject_HEAD
  void *handle;
  struct Handle *network;
  Py_ssize_t users;
  unsigned long listener;
} Handle;

/* A dense array, as it comes out: [shape], 'f' float32 or 'i' int32. */
typedef struct Array {
  PyObject_HEAD
  void *data;
  PyObject *owner; /* what holds the memory, or NULL where this array does */
  Py_ssize_t rank, count;
  Py_ssize_t shape[MAX_RANK], strides[MAX_RANK];
  char format[2];
  int read_only;
} Array;

/* An array, as it comes in: dense float32, borrowed from the caller's object or a copy. */
typedef struct Input {
  const float *data;
  Py_ssize_t rank, count;
  Py_ssize_t shape[MAX_RANK];
  Py_buffer view;
  int has_view;
  PyObject *capsule; /* a DLPack tensor that is being read */
  float *copy;
} Input;

State *state_of(PyObject *self);

/* status.c */
int status_add(PyObject *module, State *state);
PyObject *raise_status(State *state, int32_t status);
PyObject *raise_message(State *state, int32_t status, const char *message);

/* handle.c */
PyObject *handle_wrap(PyTypeObject *type, void *handle);
int handle_begin(Handle *self);
void handle_end(Handle *self);
int handle_may_look(Handle *self);
int handles_from(PyObject *sequence, PyTypeObject *type, void ***out, Py_ssize_t *count);
int optional_path(PyObject *object, void *out);
const char *path_text(PyObject *path);
int integers_from(PyObject *sequence, int64_t **out, Py_ssize_t *count);
PyObject *bytes_from_text(State *state, int32_t status, char *text, size_t needed);

/* array.c, input.c, dlpack.c */
int array_add(PyObject *module, State *state);
Array *array_new(State *state, Py_ssize_t rank, const Py_ssize_t *shape, char format);
Array *array_borrow(
    State *state, PyObject *owner, const void *data, Py_ssize_t rank, const Py_ssize_t *shape,
    char format);
void array_free_blocks(State *state);
PyObject *array_dlpack(PyObject *self, PyObject *args, PyObject *keywords);
int input_read(State *state, PyObject *object, Input *out);
int input_check(State *state, const Input *input, const char *name, Py_ssize_t rank,
    const Py_ssize_t *shape);
void input_release(Input *input);
int input_from_dlpack(State *state, PyObject *capsule, Input *out);
int input_convert(
    const char *data, const Py_ssize_t *strides, char format, Py_ssize_t item_size, Input *out);

/* parameters.c */
PyObject *parameters_list(State *state, rnncell_parameters *parameters);
PyObject *parameters_read_all(State *state, rnncell_parameters *parameters);
PyObject *parameters_write_one(
    State *state, rnncell_parameters *parameters, const char *name, const Input *input);
PyObject *parameter_tuple(const rnncell_parameter_info *info);

/* options.c: members of a struct from a dict by name; -1 with an exception. */
int fit_options_read(PyObject *values, rnncell_fit_options *options);
int network_options_read(PyObject *values, rnncell_network_options *options);
int model_options_read(PyObject *values, rnncell_model_options *options);
int sequence_options_read(PyObject *values, rnncell_sequence_options *options);

/* fit.c: methods of models that learn. */
PyObject *model_fit(Handle *self, PyObject *args);
PyObject *model_fit_sequences(Handle *self, PyObject *args);
PyObject *model_evaluate_sequences(Handle *self, PyObject *args);
PyObject *model_predict(Handle *self, PyObject *args);
PyObject *model_history(Handle *self, PyObject *unused);

/* One noun each. */
int cell_add(PyObject *module, State *state);
int network_add(PyObject *module, State *state);
int tape_add(PyObject *module, State *state);
int stream_add(PyObject *module, State *state);
int corpus_add(PyObject *module, State *state);
int model_add(PyObject *module, State *state);
int optimizer_add(PyObject *module, State *state);
int study_add(PyObject *module, State *state);
int type_add(PyObject *module, PyType_Spec *spec, PyTypeObject **out);

PyObject *cell_parse(PyObject *module, PyObject *text);
PyObject *cell_stock(PyObject *module, PyObject *name);
PyObject *cell_import(PyObject *module, PyObject *args);
PyObject *stock_list(PyObject *module, PyObject *unused);
PyObject *network_create(PyObject *module, PyObject *args);
PyObject *network_load(PyObject *module, PyObject *path);
PyObject *corpus_create(PyObject *module, PyObject *args);
PyObject *model_create(PyObject *module, PyObject *args);
PyObject *model_create_for_sequences(PyObject *module, PyObject *args);
PyObject *model_load(PyObject *module, PyObject *path);
PyObject *optimizer_create(PyObject *module, PyObject *args);
PyObject *study_open(PyObject *module, PyObject *args, PyObject *keywords);
PyObject *strategy_list(PyObject *module, PyObject *unused);
PyObject *peak(PyObject *module, PyObject *args);

/* A bytes object with what a function of the library writes as (text, capacity, needed, ...). */
#define COLLECT_TEXT(state, result, function, ...)                                   \
  do {                                                                               \
    size_t needed_ = 0;                                                              \
    char *text_ = NULL;                                                              \
    int32_t status_ = function(NULL, 0, &needed_, __VA_ARGS__);                      \
    if (!status_) {                                                                  \
      text_ = PyMem_Malloc(needed_ + 1);                                             \
      status_ = text_ ? function(text_, needed_, &needed_, __VA_ARGS__) : -1;        \
    }                                                                                \
    result = bytes_from_text(state, status_, text_, needed_);                        \
  } while (0)

#endif
