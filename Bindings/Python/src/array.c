#include "binding.h"

#include <string.h>

static void set_shape(Array *self, Py_ssize_t rank, const Py_ssize_t *shape, char format) {
  Py_ssize_t stride = 4;
  self->rank = rank;
  self->count = 1;
  self->format[0] = format;
  for (Py_ssize_t i = rank - 1; i >= 0; i--) {
    self->shape[i] = shape[i];
    self->strides[i] = stride;
    stride *= shape[i];
    self->count *= shape[i];
  }
}

/*
 * Large arrays get the memory of such as are gone: in a loop, the system would map it and fill it
 * with zeros again and again, which takes 3 to 7 % of the time of a forward and backward of 512 steps.
 */
enum { LEAST_BLOCK = 1 << 17, MOST_KEPT = 1 << 26 };

static void *take_block(State *state, size_t bytes) {
  for (int i = state->block_count; bytes >= LEAST_BLOCK && i-- > 0;) {
    void *data = state->blocks[i].data;
    if (state->blocks[i].bytes != bytes) continue;
    state->block_bytes -= bytes;
    state->block_count--;
    memmove(&state->blocks[i], &state->blocks[i + 1],
            (size_t)(state->block_count - i) * sizeof(Block));
    return data;
  }
  return PyMem_Malloc(bytes);
}

static void drop_oldest(State *state) {
  PyMem_Free(state->blocks[0].data);
  state->block_bytes -= state->blocks[0].bytes;
  state->block_count--;
  memmove(&state->blocks[0], &state->blocks[1], (size_t)state->block_count * sizeof(Block));
}

static void give_block(State *state, void *data, size_t bytes) {
  if (!data || bytes < LEAST_BLOCK || bytes > MOST_KEPT) {
    PyMem_Free(data);
    return;
  }
  while (state->block_count == MAX_BLOCKS || state->block_bytes + bytes > MOST_KEPT)
    drop_oldest(state);
  state->blocks[state->block_count++] = (Block){data, bytes};
  state->block_bytes += bytes;
}

/* Gives all kept memory back. */
void array_free_blocks(State *state) {
  while (state->block_count) drop_oldest(state);
}

static size_t bytes_of(Py_ssize_t count) { return ((size_t)count + 1) * 4; }

static Array *allocate(State *state) {
  return (Array *)((allocfunc)PyType_GetSlot(state->array, Py_tp_alloc))(state->array, 0);
}

/* A new array, whose numbers are still to be written. */
Array *array_new(State *state, Py_ssize_t rank, const Py_ssize_t *shape, char format) {
  Py_ssize_t count = 1;
  for (Py_ssize_t i = 0; i < rank; i++) {
    if (shape[i] < 0 || __builtin_mul_overflow(count, shape[i], &count)
        || count > PY_SSIZE_T_MAX / 8)
      return (Array *)raise_message(state, RNNCELL_LIMIT, "an array of that shape is too large");
  }
  Array *self = allocate(state);
  if (!self) return NULL;
  self->data = take_block(state, bytes_of(count));
  if (!self->data) {
    Py_DECREF((PyObject *)self);
    return (Array *)PyErr_NoMemory();
  }
  set_shape(self, rank, shape, format);
  return self;
}

/* An array of memory that `owner` holds; it cannot be written. */
Array *array_borrow(
    State *state, PyObject *owner, const void *data, Py_ssize_t rank, const Py_ssize_t *shape,
    char format) {
  Array *self = allocate(state);
  if (!self) return NULL;
  self->data = (void *)data;
  self->owner = Py_NewRef(owner);
  self->read_only = 1;
  set_shape(self, rank, shape, format);
  return self;
}

static void dealloc(Array *self) {
  PyTypeObject *type = Py_TYPE((PyObject *)self);
  if (!self->owner) give_block(PyType_GetModuleState(type), self->data, bytes_of(self->count));
  Py_XDECREF(self->owner);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

static int get_buffer(Array *self, Py_buffer *view, int flags) {
  if ((flags & PyBUF_WRITABLE) && self->read_only) {
    PyErr_SetString(PyExc_BufferError, "this array is read-only; copy it to change it");
    view->obj = NULL;
    return -1;
  }
  if (self->rank > 1 && (flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS) {
    PyErr_SetString(PyExc_BufferError, "this array is in C order");
    view->obj = NULL;
    return -1;
  }
  view->obj = Py_NewRef((PyObject *)self);
  view->buf = self->data;
  view->len = self->count * 4;
  view->itemsize = 4;
  view->readonly = self->read_only;
  view->ndim = (flags & PyBUF_ND) ? (int)self->rank : 1;
  view->format = (flags & PyBUF_FORMAT) ? self->format : NULL;
  view->shape = (flags & PyBUF_ND) ? self->shape : NULL;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? self->strides : NULL;
  view->suboffsets = NULL;
  view->internal = NULL;
  return 0;
}

/* A part of the memory with another shape; it keeps this array alive. */
static PyObject *part(Array *self, Py_ssize_t offset, Py_ssize_t rank, const Py_ssize_t *shape) {
  Array *view = array_borrow(
      state_of((PyObject *)self), (PyObject *)self, (char *)self->data + offset * 4, rank, shape,
      self->format[0]);
  if (view) view->read_only = self->read_only;
  return (PyObject *)view;
}

static PyObject *element(Array *self, Py_ssize_t index) {
  if (self->format[0] == 'i') return PyLong_FromLong(((int32_t *)self->data)[index]);
  return PyFloat_FromDouble((double)((float *)self->data)[index]);
}

static Py_ssize_t length(Array *self) {
  if (self->rank) return self->shape[0];
  PyErr_SetString(PyExc_TypeError, "an array without dimensions has no length");
  return -1;
}

static PyObject *item(Array *self, Py_ssize_t index) {
  if (!self->rank || index < 0 || index >= self->shape[0]) {
    PyErr_Format(PyExc_IndexError, "index %zd is outside the array", index);
    return NULL;
  }
  Py_ssize_t stride = self->strides[0] / 4;
  if (self->rank == 1) return element(self, index);
  return part(self, index * stride, self->rank - 1, self->shape + 1);
}

/* Reads a slice along an axis of `size`: where it starts and how many it takes; -1 with an exception. */
static int read_slice(PyObject *slice, Py_ssize_t size, Py_ssize_t *start, Py_ssize_t *count) {
  Py_ssize_t stop, step;
  if (PySlice_Unpack(slice, start, &stop, &step)) return -1;
  *count = PySlice_AdjustIndices(size, start, &stop, step);
  if (step == 1) return 0;
  PyErr_SetString(PyExc_IndexError, "slices have step 1 here; numpy.asarray(array) takes any");
  return -1;
}

/* One index, along the first axis. */
static PyObject *subscript_first(Array *self, PyObject *key) {
  if (PySlice_Check(key)) {
    Py_ssize_t start, count, size = length(self), shape[MAX_RANK];
    if (size < 0 || read_slice(key, size, &start, &count)) return NULL;
    memcpy(shape, self->shape, sizeof shape);
    shape[0] = count;
    return part(self, start * (self->strides[0] / 4), self->rank, shape);
  }
  if (key == Py_Ellipsis) {
    PyErr_SetString(PyExc_IndexError, "there is no ... here; numpy.asarray(array)[...] takes it");
    return NULL;
  }
  Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
  if (index == -1 && PyErr_Occurred()) return NULL;
  return item(self, index < 0 && self->rank ? index + self->shape[0] : index);
}

/*
 * One index for each axis. Parts are dense: behind a slice nothing can be taken from within the
 * elements that it leaves, and only slices of whole axes may follow.
 */
static PyObject *subscript(Array *self, PyObject *key) {
  if (!PyTuple_Check(key)) return subscript_first(self, key);
  Py_ssize_t indices = PyTuple_Size(key);
  if (indices > self->rank)
    return PyErr_Format(PyExc_IndexError, "%zd indices are too many for an array of %zd dimensions",
        indices, self->rank);
  PyObject *result = Py_NewRef((PyObject *)self);
  int sliced = 0;
  for (Py_ssize_t i = 0; result && i < indices; i++) {
    PyObject *index = PyTuple_GetItem(key, i), *next = NULL;
    Py_ssize_t start, count;
    if (!sliced) {
      next = subscript_first((Array *)result, index);
    } else if (PySlice_Check(index)) {
      if (!read_slice(index, self->shape[i], &start, &count) && count == self->shape[i])
        next = Py_NewRef(result);
    }
    if (!next && !PyErr_Occurred())
      PyErr_SetString(PyExc_IndexError,
          "behind a slice only : may follow; numpy.asarray(array)[...] takes any indices");
    Py_DECREF(result);
    result = next;
    sliced |= PySlice_Check(index);
  }
  return result;
}

static PyObject *view(Array *self, PyObject *args) {
  Py_ssize_t offset, rank, count = 1, shape[MAX_RANK];
  PyObject *dimensions;
  int64_t *sizes;
  if (!PyArg_ParseTuple(args, "nO", &offset, &dimensions)) return NULL;
  if (integers_from(dimensions, &sizes, &rank)) return NULL;
  int fits = rank <= MAX_RANK && offset >= 0 && offset <= self->count;
  for (Py_ssize_t i = 0; fits && i < rank; i++) {
    shape[i] = (Py_ssize_t)sizes[i];
    fits = shape[i] >= 0 && !__builtin_mul_overflow(count, shape[i], &count);
  }
  PyMem_Free(sizes);
  if (!fits || count > self->count - offset) {
    PyErr_SetString(PyExc_ValueError, "the part lies outside the array");
    return NULL;
  }
  return part(self, offset, rank, shape);
}

static PyObject *to_list(Array *self, PyObject *unused) {
  (void)unused;
  if (!self->rank) return element(self, 0);
  PyObject *list = PyList_New(0);
  for (Py_ssize_t i = 0; list && i < self->shape[0]; i++) {
    PyObject *value = item(self, i);
    if (value && self->rank > 1) {
      PyObject *inner = to_list((Array *)value, NULL);
      Py_DECREF(value);
      value = inner;
    }
    if (!value || PyList_Append(list, value)) Py_CLEAR(list);
    Py_XDECREF(value);
  }
  return list;
}

/* numpy.asarray(self) by the buffer; NumPy is imported only where its caller already has it. */
static PyObject *to_numpy(PyObject *self, PyObject *args, PyObject *keywords) {
  static char *names[] = {"dtype", "copy", NULL};
  PyObject *dtype = Py_None, *copy = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OO", names, &dtype, &copy)) return NULL;
  PyObject *numpy = PyImport_ImportModule("numpy");
  PyObject *buffer = numpy ? PyMemoryView_FromObject(self) : NULL;
  PyObject *array = buffer ? PyObject_CallMethod(numpy, "asarray", "O", buffer) : NULL;
  Py_XDECREF(buffer);
  Py_XDECREF(numpy);
  if (!array || (dtype == Py_None && copy != Py_True)) return array;
  PyObject *result = dtype == Py_None ? PyObject_CallMethod(array, "copy", NULL)
                                      : PyObject_CallMethod(array, "astype", "O", dtype);
  Py_DECREF(array);
  return result;
}

static PyObject *dlpack_device(PyObject *self, PyObject *unused) {
  (void)self, (void)unused;
  return Py_BuildValue("(ii)", 1, 0);
}

static PyObject *get_shape(Array *self, void *unused) {
  (void)unused;
  PyObject *shape = PyTuple_New(self->rank);
  for (Py_ssize_t i = 0; shape && i < self->rank; i++) {
    PyObject *size = PyLong_FromSsize_t(self->shape[i]);
    if (!size || PyTuple_SetItem(shape, i, size)) Py_CLEAR(shape);
  }
  return shape;
}

static PyObject *get_rank(Array *self, void *unused) {
  (void)unused;
  return PyLong_FromSsize_t(self->rank);
}

static PyObject *get_count(Array *self, void *unused) {
  (void)unused;
  return PyLong_FromSsize_t(self->count);
}

static PyObject *get_dtype(Array *self, void *unused) {
  (void)unused;
  return PyUnicode_FromString(self->format[0] == 'f' ? "float32" : "int32");
}

static PyObject *repr(Array *self) {
  PyObject *shape = get_shape(self, NULL), *dtype = get_dtype(self, NULL), *text = NULL;
  if (shape && dtype)
    text = PyUnicode_FromFormat("rnncell.Array(shape=%R, dtype=%U)", shape, dtype);
  Py_XDECREF(shape);
  Py_XDECREF(dtype);
  return text;
}

static PyGetSetDef properties[] = {
    {"shape", (getter)get_shape, NULL, "The size of each dimension.", NULL},
    {"ndim", (getter)get_rank, NULL, "How many dimensions.", NULL},
    {"size", (getter)get_count, NULL, "How many elements.", NULL},
    {"dtype", (getter)get_dtype, NULL, "The type of the elements, by NumPy's name.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyMethodDef methods[] = {
    {"tolist", (PyCFunction)to_list, METH_NOARGS, "The elements as nested lists."},
    {"_view", (PyCFunction)view, METH_VARARGS, NULL},
    {"__array__", (PyCFunction)(void (*)(void))to_numpy, METH_VARARGS | METH_KEYWORDS, NULL},
    {"__dlpack__", (PyCFunction)(void (*)(void))array_dlpack, METH_VARARGS | METH_KEYWORDS, NULL},
    {"__dlpack_device__", dlpack_device, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_doc, "A dense array in C order, read by NumPy and torch without a copy."},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_repr, repr},
    {Py_bf_getbuffer, get_buffer},
    {Py_sq_length, length},
    {Py_sq_item, item},
    {Py_mp_length, length},
    {Py_mp_subscript, subscript},
    {0, NULL},
};
static PyType_Spec spec = {
    "rnncell.Array", sizeof(Array), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};

int array_add(PyObject *module, State *state) { return type_add(module, &spec, &state->array); }
