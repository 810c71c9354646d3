#include "binding.h"

/* (name, shape, is_bias) */
PyObject *parameter_tuple(const rnncell_parameter_info *info) {
  if (info->rank == 1)
    return Py_BuildValue("(s(L)i)", info->name, (long long)info->rows, (int)info->is_bias);
  return Py_BuildValue(
      "(s(LL)i)", info->name, (long long)info->rows, (long long)info->columns,
      (int)info->is_bias);
}

/* [(name, shape, is_bias), ...] */
PyObject *parameters_list(State *state, rnncell_parameters *parameters) {
  (void)state;
  PyObject *list = PyList_New(0);
  rnncell_parameter_info info = RNNCELL_PARAMETER_INFO_INIT;
  for (int64_t i = 0; list && rnncell_parameters_describe(&info, parameters, i) == RNNCELL_OK;
       i++) {
    PyObject *row = parameter_tuple(&info);
    if (!row || PyList_Append(list, row)) Py_CLEAR(list);
    Py_XDECREF(row);
  }
  return list;
}

/* {name: Array}, each a snapshot that cannot be written. */
PyObject *parameters_read_all(State *state, rnncell_parameters *parameters) {
  PyObject *result = PyDict_New();
  rnncell_parameter_info info = RNNCELL_PARAMETER_INFO_INIT;
  for (int64_t i = 0; result && rnncell_parameters_describe(&info, parameters, i) == RNNCELL_OK;
       i++) {
    Py_ssize_t shape[2] = {(Py_ssize_t)info.rows, (Py_ssize_t)info.columns};
    Array *array = array_new(state, info.rank == 1 ? 1 : 2, shape, 'f');
    int32_t status =
        array ? rnncell_parameters_read(array->data, info.count, parameters, info.name) : -1;
    if (array && status) raise_status(state, status);
    if (array) array->read_only = 1;
    if (status || PyDict_SetItemString(result, info.name, (PyObject *)array)) Py_CLEAR(result);
    Py_XDECREF((PyObject *)array);
  }
  return result;
}

/* None, or NULL with the exception. */
PyObject *parameters_write_one(
    State *state, rnncell_parameters *parameters, const char *name, const Input *input) {
  int32_t status = rnncell_parameters_write(parameters, name, input->data, (int64_t)input->count);
  return status ? raise_status(state, status) : Py_NewRef(Py_None);
}
