/* DLPack 1.0 (https://dmlc.github.io/dlpack/latest/): tensors from and to torch and others. */
#include "binding.h"

#define CPU 1
#define FLAG_READ_ONLY 1u

typedef struct Tensor {
  void *data;
  int32_t device_type, device_id;
  int32_t rank;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} Tensor;

typedef struct Managed {
  Tensor tensor;
  void *context;
  void (*deleter)(struct Managed *);
} Managed;

typedef struct Versioned {
  uint32_t major, minor;
  void *context;
  void (*deleter)(struct Versioned *);
  uint64_t flags;
  Tensor tensor;
} Versioned;

/* What goes out: both forms begin the allocation, the shape follows. */
typedef struct Export {
  union {
    Managed managed;
    Versioned versioned;
  } form;
  int64_t shape[MAX_RANK], strides[MAX_RANK];
} Export;

/* The consumer may free the tensor on any thread, with or without the GIL. */
static void release(Export *export, PyObject *owner) {
  PyGILState_STATE gil = PyGILState_Ensure();
  Py_DECREF(owner);
  PyMem_Free(export);
  PyGILState_Release(gil);
}

static void delete_managed(Managed *self) { release((Export *)self, self->context); }
static void delete_versioned(Versioned *self) { release((Export *)self, self->context); }

/* A capsule that nobody consumed still owns the tensor; a consumer renames it. */
static void drop_capsule(PyObject *capsule) {
  if (PyCapsule_IsValid(capsule, "dltensor"))
    delete_managed(PyCapsule_GetPointer(capsule, "dltensor"));
  else if (PyCapsule_IsValid(capsule, "dltensor_versioned"))
    delete_versioned(PyCapsule_GetPointer(capsule, "dltensor_versioned"));
}

static void fill(Export *export, Tensor *tensor, Array *array) {
  for (Py_ssize_t i = 0; i < array->rank; i++) {
    export->shape[i] = array->shape[i];
    export->strides[i] = array->strides[i] / 4;
  }
  *tensor = (Tensor){array->data, CPU, 0, (int32_t)array->rank,
      array->format[0] == 'f' ? 2 : 0, 32, 1, export->shape, export->strides, 0};
}

PyObject *array_dlpack(PyObject *self, PyObject *args, PyObject *keywords) {
  static char *names[] = {"stream", "max_version", "dl_device", "copy", NULL};
  PyObject *stream = Py_None, *version = Py_None, *device = Py_None, *copy = Py_None;
  Array *array = (Array *)self;
  if (!PyArg_ParseTupleAndKeywords(
          args, keywords, "|$OOOO", names, &stream, &version, &device, &copy))
    return NULL;
  if (stream != Py_None || copy == Py_True) {
    PyErr_SetString(PyExc_BufferError, "only the CPU, without a stream and without a copy");
    return NULL;
  }
  long major = 0;
  if (version != Py_None) {
    PyObject *first = PySequence_GetItem(version, 0);
    major = first ? PyLong_AsLong(first) : -1;
    Py_XDECREF(first);
    if (PyErr_Occurred()) return NULL;
  }
  if (major < 1 && array->read_only) {
    PyErr_SetString(PyExc_BufferError,
        "this array is read-only, which DLPack says from version 1 on; copy it first");
    return NULL;
  }
  Export *export = PyMem_Calloc(1, sizeof *export);
  if (!export) return PyErr_NoMemory();
  PyObject *capsule;
  if (major < 1) {
    Managed *managed = &export->form.managed;
    fill(export, &managed->tensor, array);
    managed->context = self;
    managed->deleter = delete_managed;
    capsule = PyCapsule_New(managed, "dltensor", drop_capsule);
  } else {
    Versioned *versioned = &export->form.versioned;
    versioned->major = 1;
    versioned->flags = array->read_only ? FLAG_READ_ONLY : 0;
    fill(export, &versioned->tensor, array);
    versioned->context = self;
    versioned->deleter = delete_versioned;
    capsule = PyCapsule_New(versioned, "dltensor_versioned", drop_capsule);
  }
  if (capsule) Py_INCREF(self);
  else PyMem_Free(export);
  return capsule;
}

static void drop_consumed(PyObject *capsule) {
  Managed *managed = PyCapsule_GetPointer(capsule, "used_dltensor");
  if (managed && managed->deleter) managed->deleter(managed);
}

/* Letters of the struct module, by kind and bits; 0 for none. */
static char letter(uint8_t code, uint8_t bits) {
  static const struct {
    uint8_t code, bits;
    char letter;
  } known[] = {{2, 32, 'f'}, {2, 64, 'd'}, {0, 8, 'b'}, {0, 16, 'h'}, {0, 32, 'i'}, {0, 64, 'q'},
      {1, 8, 'B'}, {1, 16, 'H'}, {1, 32, 'I'}, {1, 64, 'Q'}, {6, 8, '?'}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].code == code && known[i].bits == bits) return known[i].letter;
  return 0;
}

/* Takes over a capsule, which `out` then holds. */
int input_from_dlpack(State *state, PyObject *capsule, Input *out) {
  out->capsule = capsule;
  Managed *managed = PyCapsule_GetPointer(capsule, "dltensor");
  if (!managed) return -1;
  if (PyCapsule_SetName(capsule, "used_dltensor")
      || PyCapsule_SetDestructor(capsule, drop_consumed))
    return -1;
  const Tensor *tensor = &managed->tensor;
  char format = tensor->lanes == 1 ? letter(tensor->code, tensor->bits) : 0;
  if (tensor->device_type != CPU || !format || tensor->rank < 0 || tensor->rank > MAX_RANK) {
    raise_message(state, RNNCELL_INVALID_ARGUMENT,
        "a tensor must lie in the memory of the CPU and hold real numbers of up to 8 dimensions; "
        "use .cpu().float()");
    return -1;
  }
  Py_ssize_t size = tensor->bits / 8, dense = size, strides[MAX_RANK];
  int is_dense = 1;
  out->rank = tensor->rank;
  out->count = 1;
  for (Py_ssize_t i = out->rank - 1; i >= 0; i--) {
    out->shape[i] = (Py_ssize_t)tensor->shape[i];
    strides[i] = tensor->strides ? (Py_ssize_t)tensor->strides[i] * size : dense;
    is_dense &= strides[i] == dense || out->shape[i] <= 1;
    dense *= out->shape[i];
    out->count *= out->shape[i];
  }
  const char *data = (const char *)tensor->data + tensor->byte_offset;
  if (format == 'f' && is_dense) {
    out->data = (const float *)data;
    return 0;
  }
  return input_convert(data, strides, format, size, out) == 1 ? 0 : -1;
}
