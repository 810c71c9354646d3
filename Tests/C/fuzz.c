/*
 * Garbled input to every parser of the library: equations, genotypes, recipes, arcs, network files.
 *
 *     fuzz SEED SECONDS
 *
 * Round n of a seed is always the same input. An input that is accepted must print to what parses back
 * to an equal cell; anything else must give a status and a message. A crash is the finding: the last
 * input is in fuzz-input.
 */
#include <rnncell.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CAPACITY = 1 << 16 };

static uint64_t state;

static uint64_t draw(uint64_t bound) { /* splitmix64 */
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (z ^ (z >> 31)) % bound;
}

static const char *const pieces[] = {
    "h'", " = ", "linear(", "product(", "x", "h", ")", "(", ",", "\n", "sigmoid(", "tanh(", "*", "+",
    "- ", "/", "1e999", "0", "-1", "99999999999999999999", "matrix(M, x)", "vector(v)", "blend(",
    "mean(", "\xff\xfe", "#", "''", "[", "]", "{", "}", "\"", ":", "\\u0000", "('tanh', 0)",
    "\"op\"", "\"input\"", "\xf0\x9f\x98\x80", "((((((((((((((((", "[[[[[[[[[[[[[[[["};

/* Changes a few bytes: overwrites, removes, repeats, or puts in a piece of the languages. */
static size_t mutate(unsigned char *bytes, size_t count) {
  uint64_t changes = 1 + draw(4);
  while (changes--) {
    size_t at = count ? (size_t)draw(count) : 0;
    size_t span = (size_t)draw(24);
    const char *piece = pieces[draw(sizeof pieces / sizeof *pieces)];
    size_t length = strlen(piece);
    switch (draw(5)) {
      case 0:
        if (count) bytes[at] = (unsigned char)draw(256);
        break;
      case 1:
        if (count) bytes[at] ^= (unsigned char)(1u << draw(8));
        break;
      case 2:
        if (at + span > count) span = count - at;
        memmove(bytes + at, bytes + at + span, count - at - span);
        count -= span;
        break;
      case 3:
        if (at + span > count) span = count - at;
        if (count + span > CAPACITY - 1) break;
        memmove(bytes + at + span, bytes + at, count - at);
        count += span;
        break;
      default:
        if (count + length > CAPACITY - 1) break;
        memmove(bytes + at + length, bytes + at, count - at);
        memcpy(bytes + at, piece, length);
        count += length;
    }
  }
  return count;
}

static void keep(const char *path, const void *bytes, size_t count) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes, 1, count, file) != count || fclose(file)) {
    perror(path);
    exit(2);
  }
}

static void fail(const char *what) {
  fprintf(stderr, "fuzz: %s; the input is in fuzz-input\n", what);
  exit(1);
}

/* Holds a result to the rules; an accepted cell must survive printing and parsing. */
static int judge(int32_t status, rnncell_cell *cell) {
  static char text[CAPACITY * 4];
  rnncell_cell *again = NULL;
  int32_t equal = 0;
  if (status) {
    if (cell) fail("a failure made a cell");
    if (!*rnncell_last_error(NULL, NULL)) fail("a failure has no message");
    return 0;
  }
  if (rnncell_cell_draw(text, sizeof text, NULL, cell, RNNCELL_DRAWING_EQUATIONS) ||
      rnncell_cell_parse(&again, text) || rnncell_cell_equal(&equal, cell, again) || !equal)
    fail("an accepted cell does not survive printing and parsing");
  rnncell_cell_free(again);
  rnncell_cell_free(cell);
  return 1;
}

static const char *const notations[] = {
    "",
    "[('sigmoid', 0), ('relu', 1), ('relu', 1), ('identity', 1), ('tanh', 2)]",
    "{\"f\": {\"op\": \"linear\", \"input\": [\"x\", \"h_prev_0\"]},"
    " \"h_new_0\": {\"op\": \"activation_tanh\", \"input\": [\"f\"]}}",
    "0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1",
    "0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1"};

static size_t make_network(unsigned char *bytes) {
  const int64_t hidden = 3;
  rnncell_cell *cell = NULL;
  rnncell_network *network = NULL;
  size_t count;
  FILE *file;
  if (rnncell_cell_stock(&cell, "lstm") ||
      rnncell_network_create(&network, &cell, &hidden, 1, 2, NULL) ||
      rnncell_network_save(network, "fuzz-network"))
    fail(rnncell_last_error(NULL, NULL));
  rnncell_network_free(network);
  rnncell_cell_free(cell);
  file = fopen("fuzz-network", "rb");
  if (!file) fail("the network was not saved");
  count = fread(bytes, 1, CAPACITY - 1, file);
  fclose(file);
  return count;
}

int main(int count, char **arguments) {
  static unsigned char network[CAPACITY], bytes[CAPACITY];
  uint64_t seed = count > 1 ? strtoull(arguments[1], NULL, 10) : 1;
  time_t end = time(NULL) + (count > 2 ? atoi(arguments[2]) : 10);
  size_t network_count = make_network(network), length;
  long round, accepted = 0, stocks = 0;
  rnncell_stock_info stock = RNNCELL_STOCK_INFO_INIT;
  while (!rnncell_stock_describe(&stock, stocks)) stocks++;
  for (round = 0; time(NULL) < end; round++) {
    int32_t kind, status;
    rnncell_cell *cell = NULL;
    state = seed * 1000003u + (uint64_t)round;
    kind = (int32_t)draw(7);
    if (kind == 6) {
      rnncell_network *loaded = NULL;
      memcpy(bytes, network, network_count);
      length = mutate(bytes, network_count);
      keep("fuzz-input", bytes, length);
      status = rnncell_network_load(&loaded, "fuzz-input");
      if ((status == 0) != (loaded != NULL)) fail("status and network differ");
      accepted += !status;
      rnncell_network_free(loaded);
      continue;
    }
    if (kind == 0 || kind == 5) {
      if (rnncell_stock_describe(&stock, (int64_t)draw((uint64_t)stocks))) fail("no stock cell");
      length = strlen(stock.equations);
      memcpy(bytes, stock.equations, length);
    } else {
      length = strlen(notations[kind]);
      memcpy(bytes, notations[kind], length);
    }
    length = mutate(bytes, length);
    bytes[length] = 0;
    keep("fuzz-input", bytes, length);
    if (kind == 0 || kind == 5) {
      status = rnncell_cell_parse(&cell, (const char *)bytes);
    } else {
      status = rnncell_cell_import(&cell, kind, (const char *)bytes);
    }
    accepted += judge(status, cell);
  }
  printf("fuzz: seed %llu, %ld inputs, %ld accepted, no finding\n", (unsigned long long)seed, round,
         accepted);
  return 0;
}
