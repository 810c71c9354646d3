/* Bad inputs: the version, the last error, and cells. */
#include "bad_inputs.h"

static void version_and_status(void) {
  char byte[1];
  int32_t line = -1, column = -1;
  size_t needed = 0;
  BAD(rnncell_build_info(NULL, 10, NULL), "NULL");
  BAD(rnncell_build_info(byte, 1, &needed), "not 1");
  FAILS(RNNCELL_LIMIT, rnncell_build_info(byte, (size_t)-1, NULL), "capacity");
  if (needed < 20 || strlen(rnncell_version()) < 5) ++failures;
  if (rnncell_last_error(&line, &column) == NULL || line != 0 || column != 0) ++failures;
}

void bad_cells(void) {
  rnncell_cell *cell = (rnncell_cell *)garbage, *other = NULL;
  rnncell_cell *fake = (rnncell_cell *)garbage;
  rnncell_stock_info stock = RNNCELL_STOCK_INFO_INIT;
  rnncell_cell_info info = RNNCELL_CELL_INFO_INIT;
  rnncell_parameter_info parameter = RNNCELL_PARAMETER_INFO_INIT;
  int32_t equal, form, line, column;
  size_t index;
  version_and_status();
  static char deep[200001];
  static const char *const malformed[] = {
      "", "h", "h'", "h' =", "h' = ", "= x", "h' = tanh(", "h' = tanh(x", "h' = tanh(x))",
      "h' = tanh(linear(x, h)", "h' = y", "h' = tanh(x, h)", "z = x", "h' = x + ", "h' = 1e999999",
      "h' = linear()", "h' = x\nh' = h", "x = h\nh' = x", "h' = \x01", "h' = h;;;=", "h' = c'",
      "h' = sigmod(x)", "h' = linear(x) * linear(h) *", "\xc3\xa9' = x", "h' = (((((((((("};
  for (index = 0; index < sizeof malformed / sizeof *malformed; ++index) {
    FAILS(RNNCELL_PARSE, rnncell_cell_parse(&cell, malformed[index]), ":");
    IS_NULL(cell);
    rnncell_last_error(&line, &column);
    if (line < 1 || column < 1) {
      printf("no place for '%s': %d:%d\n", malformed[index], (int)line, (int)column);
      ++failures;
    }
  }
  BAD(rnncell_cell_parse(NULL, "h' = x"), "out is NULL");
  BAD(rnncell_cell_parse(&cell, NULL), "equations is NULL");
  BAD(rnncell_cell_parse(&cell, "h' = \xff"), "UTF-8");
  memset(deep, '(', sizeof deep - 1);
  memcpy(deep, "h' = ", 5);
  FAILS(RNNCELL_LIMIT, rnncell_cell_parse(&cell, deep), "limit");

  BAD(rnncell_cell_stock(NULL, "lstm"), "out is NULL");
  BAD(rnncell_cell_stock(&cell, NULL), "name is NULL");
  BAD(rnncell_cell_stock(&cell, "lstn"), "lstm");
  BAD(rnncell_cell_stock(&cell, ""), "''");
  IS_NULL(cell);

  BAD(rnncell_cell_import(NULL, RNNCELL_NOTATION_RECIPE, "{}"), "out is NULL");
  BAD(rnncell_cell_import(&cell, RNNCELL_NOTATION_RECIPE, NULL), "text is NULL");
  BAD(rnncell_cell_import(&cell, 0, "[]"), "notation 0");
  BAD(rnncell_cell_import(&cell, 99, "[]"), "notation 99");
  BAD(rnncell_cell_import(&cell, -1, "[]"), "notation -1");
  FAILS(RNNCELL_PARSE, rnncell_cell_import(&cell, RNNCELL_NOTATION_GENOTYPE, "[('tanh'"), ":");
  BAD(rnncell_cell_import(&cell, RNNCELL_NOTATION_GENOTYPE, "[('tanh', 7)]"), "7");
  FAILS(RNNCELL_PARSE, rnncell_cell_import(&cell, RNNCELL_NOTATION_RECIPE, "{\"a\": "), ":");
  BAD(rnncell_cell_import(&cell, RNNCELL_NOTATION_RECIPE, "{\"a\": {\"op\": 1}}"), "'a'");
  FAILS(RNNCELL_PARSE, rnncell_cell_import(&cell, RNNCELL_NOTATION_ARC, "0 0 nine"), "1:5");
  BAD(rnncell_cell_import(&cell, RNNCELL_NOTATION_ARC_ENAS_LM, "0 9 9"), "9");
  IS_NULL(cell);

  BAD(rnncell_stock_describe(NULL, 0), "out is NULL");
  BAD(rnncell_stock_describe(&stock, -1), "-1");
  BAD(rnncell_stock_describe(&stock, HUGE_SIZE), "9223372036854775807");
  stock.size = 3;
  BAD(rnncell_stock_describe(&stock, 0), "3");

  GOOD(rnncell_cell_stock(&cell, "lstm"));
  GOOD(rnncell_cell_stock(&other, "elman"));
  BAD(rnncell_cell_describe(NULL, cell, 0, 0), "out is NULL");
  BAD(rnncell_cell_describe(&info, NULL, 0, 0), "cell is NULL");
  BAD(rnncell_cell_describe(&info, fake, 0, 0), "no cell");
  BAD(rnncell_cell_describe(&info, cell, -3, 4), "-3");
  BAD(rnncell_cell_describe(&info, cell, 4, 0), "0");
  FAILS(RNNCELL_LIMIT, rnncell_cell_describe(&info, cell, HUGE_SIZE, 4), "9223372036854775807");
  info.size = 0;
  BAD(rnncell_cell_describe(&info, cell, 0, 0), "0");

  BAD(rnncell_cell_parameter(NULL, cell, 0, 4, 4), "out is NULL");
  BAD(rnncell_cell_parameter(&parameter, NULL, 0, 4, 4), "cell is NULL");
  BAD(rnncell_cell_parameter(&parameter, cell, -1, 4, 4), "-1");
  BAD(rnncell_cell_parameter(&parameter, cell, 12, 4, 4), "12");
  BAD(rnncell_cell_parameter(&parameter, cell, 0, 0, 4), "0");
  FAILS(RNNCELL_LIMIT, rnncell_cell_parameter(&parameter, cell, 0, 4, HUGE_SIZE), "limit");

  BAD(rnncell_cell_equal(NULL, cell, other), "equal is NULL");
  BAD(rnncell_cell_equal(&equal, NULL, other), "NULL");
  BAD(rnncell_cell_equal(&equal, cell, fake), "no cell");
  BAD(rnncell_cell_counterpart(NULL, 0, NULL, cell, "W[i, x]", other), "not equal");
  BAD(rnncell_cell_counterpart(NULL, 0, NULL, cell, "W[q, x]", cell), "W[q, x]");
  BAD(rnncell_cell_counterpart(NULL, 0, NULL, cell, NULL, cell), "parameter is NULL");
  BAD(rnncell_cell_counterpart(NULL, 0, NULL, NULL, "W[i, x]", cell), "cell is NULL");
  for (form = -2; form < 20; ++form) {
    if (form >= RNNCELL_DRAWING_EQUATIONS && form <= RNNCELL_DRAWING_TREE) continue;
    BAD(rnncell_cell_draw(NULL, 0, NULL, cell, form), "form");
  }
  BAD(rnncell_cell_draw(NULL, 0, NULL, NULL, 0), "cell is NULL");
  BAD(rnncell_cell_draw(NULL, 5, NULL, cell, 0), "NULL");
  BAD(rnncell_cell_draw(NULL, 0, NULL, cell, RNNCELL_DRAWING_GENOTYPE), "");

  rnncell_cell_free(NULL);
  rnncell_cell_free(fake);
  rnncell_cell_free(cell);
  rnncell_cell_free(other);
}
