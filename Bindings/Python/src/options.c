#include "binding.h"

#include <string.h>

/* Which C type a member of an option struct has. */
enum { WHOLE, FLAG, NUMBER, SEED, TEXT };

typedef struct Option {
  const char *name;
  int kind;
  size_t offset;
} Option;

#define FIT(kind, name) {#name, kind, offsetof(rnncell_fit_options, name)}
static const Option fit_table[] = {
    FIT(TEXT, optimizer), FIT(TEXT, checkpoint), FIT(WHOLE, epochs), FIT(WHOLE, updates),
    FIT(WHOLE, batch), FIT(WHOLE, truncation), FIT(WHOLE, decay_after), FIT(WHOLE, patience),
    FIT(WHOLE, report_every), FIT(WHOLE, threads), FIT(SEED, seed), FIT(NUMBER, learning_rate),
    FIT(NUMBER, decay), FIT(NUMBER, clip), FIT(NUMBER, dropout), FIT(FLAG, variational),
    FIT(FLAG, reduction), FIT(FLAG, resume), FIT(FLAG, keep_order), FIT(NUMBER, momentum),
    FIT(NUMBER, weight_decay), FIT(NUMBER, beta1), FIT(NUMBER, beta2), FIT(NUMBER, epsilon),
    FIT(NUMBER, smoothing), FIT(TEXT, schedule), FIT(WHOLE, decay_every), FIT(WHOLE, warmup),
    FIT(NUMBER, final_factor), FIT(NUMBER, average), FIT(WHOLE, average_interval),
    FIT(NUMBER, input_dropout), FIT(NUMBER, hidden_dropout), FIT(NUMBER, output_dropout),
    FIT(NUMBER, embedding_dropout), FIT(NUMBER, recurrent_dropout), FIT(NUMBER, weight_dropout),
    FIT(NUMBER, activation_penalty), FIT(NUMBER, temporal_penalty), FIT(FLAG, nesterov),
    FIT(FLAG, random_truncation), {NULL, 0, 0}};

#define NETWORK(kind, name) {#name, kind, offsetof(rnncell_network_options, name)}
static const Option network_table[] = {
    NETWORK(SEED, seed), NETWORK(NUMBER, init_range), NETWORK(NUMBER, forget_bias),
    NETWORK(NUMBER, chrono), NETWORK(TEXT, recurrent), NETWORK(FLAG, bidirectional), NETWORK(FLAG, residual), NETWORK(NUMBER, zoneout),
    {NULL, 0, 0}};

#define MODEL(kind, name) {#name, kind, offsetof(rnncell_model_options, name)}
static const Option model_table[] = {
    MODEL(WHOLE, layers), MODEL(WHOLE, hidden_size), MODEL(WHOLE, embedding_size),
    MODEL(WHOLE, weight_count), MODEL(SEED, seed), MODEL(NUMBER, init_range),
    MODEL(NUMBER, forget_bias), MODEL(NUMBER, chrono), MODEL(TEXT, recurrent), MODEL(FLAG, tied), MODEL(FLAG, residual), MODEL(NUMBER, zoneout),
    {NULL, 0, 0}};

#define SEQUENCE(kind, name) {#name, kind, offsetof(rnncell_sequence_options, name)}
static const Option sequence_table[] = {
    SEQUENCE(WHOLE, input_size), SEQUENCE(WHOLE, output_size), SEQUENCE(WHOLE, layers),
    SEQUENCE(WHOLE, hidden_size), SEQUENCE(WHOLE, weight_count), SEQUENCE(SEED, seed),
    SEQUENCE(NUMBER, init_range), SEQUENCE(NUMBER, forget_bias), SEQUENCE(NUMBER, chrono), SEQUENCE(TEXT, recurrent), SEQUENCE(NUMBER, zoneout),
    SEQUENCE(FLAG, targets), SEQUENCE(FLAG, per_step), SEQUENCE(FLAG, bidirectional),
    SEQUENCE(FLAG, residual), {NULL, 0, 0}};

static int set(char *place, int kind, PyObject *value) {
  switch (kind) {
    case WHOLE: {
      long long number = PyLong_AsLongLong(value);
      *(int64_t *)place = number;
      break;
    }
    case FLAG: *(int32_t *)place = (int32_t)PyLong_AsLong(value); break;
    case NUMBER: *(double *)place = PyFloat_AsDouble(value); break;
    case SEED: *(uint64_t *)place = PyLong_AsUnsignedLongLong(value); break;
    default:
      /* The mapping keeps the text alive. */
      *(const char **)place = PyBytes_Check(value) ? PyBytes_AsString(value)
                                                   : PyUnicode_AsUTF8AndSize(value, NULL);
  }
  return PyErr_Occurred() ? -1 : 0;
}

/* Takes members of a struct from a dict by name; None leaves what is there. */
static int read_options(PyObject *values, const Option *table, void *options) {
  PyObject *name, *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(values, &position, &name, &value)) {
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
    const Option *option = table;
    if (!text) return -1;
    while (option->name && strcmp(option->name, text)) option++;
    if (!option->name) return PyErr_Format(PyExc_TypeError, "there is no option %R", name), -1;
    if (value != Py_None && set((char *)options + option->offset, option->kind, value)) return -1;
  }
  return 0;
}

int fit_options_read(PyObject *values, rnncell_fit_options *options) {
  return read_options(values, fit_table, options);
}

int network_options_read(PyObject *values, rnncell_network_options *options) {
  return read_options(values, network_table, options);
}

int model_options_read(PyObject *values, rnncell_model_options *options) {
  return read_options(values, model_table, options);
}

int sequence_options_read(PyObject *values, rnncell_sequence_options *options) {
  return read_options(values, sequence_table, options);
}
