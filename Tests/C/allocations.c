/*
 * A step of a stream allocates nothing, a run over more time steps allocates no more often, and a run of a
 * shape that the network has just run allocates little.
 *
 * The program's own malloc counts, for the library too.
 */
#include <rnncell.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static volatile long allocations;

void *malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  ++allocations;
  return __libc_realloc(old, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  ++allocations;
  *out = __libc_memalign(alignment, size);
  return *out == NULL ? ENOMEM : 0;
}

static void check(int32_t status) {
  if (status == RNNCELL_OK) return;
  fprintf(stderr, "%s\n", rnncell_last_error(NULL, NULL));
  exit(1);
}

enum { STEPS = 200, SIZE = 24 };
static float input[STEPS * SIZE], output[STEPS * SIZE];

/* Allocations of forward and backward over so many steps. */
static long allocations_of(rnncell_network *network, int64_t steps, int64_t threads) {
  rnncell_tape *tape = NULL;
  const long before = allocations;
  check(rnncell_network_forward(
      output, NULL, &tape, network, input, steps, 1, NULL, NULL, threads));
  check(rnncell_tape_backward(NULL, NULL, tape, output, NULL, threads));
  rnncell_tape_free(tape);
  return allocations - before;
}

int main(void) {
  rnncell_stock_info stock = RNNCELL_STOCK_INFO_INIT;
  int64_t index = 0;
  int failures = 0;

  for (index = 0; rnncell_stock_describe(&stock, index) == RNNCELL_OK; ++index) {
    const int64_t hidden = SIZE;
    rnncell_cell *cell = NULL;
    rnncell_network *network = NULL;
    rnncell_stream *stream = NULL;
    long before, short_run, long_run, again;
    int step;

    check(rnncell_cell_stock(&cell, stock.name));
    check(rnncell_network_create(&network, &cell, &hidden, 1, SIZE, NULL));
    check(rnncell_stream_create(&stream, network, 1));
    check(rnncell_stream_step(output, stream, input));
    before = allocations;
    for (step = 0; step < 100; ++step) check(rnncell_stream_step(output, stream, input));
    if (allocations != before) {
      printf("%s: %ld allocations in 100 steps\n", stock.name, allocations - before);
      ++failures;
    }
    allocations_of(network, 2, 1);
    short_run = allocations_of(network, 3, 1);
    long_run = allocations_of(network, STEPS, 1);
    again = allocations_of(network, STEPS, 1);
    /* The tables of the rows grow by doubling. */
    if (long_run > short_run + 40) {
      printf("%s: %ld allocations over 3 steps, %ld over %d\n", stock.name, short_run, long_run, STEPS);
      ++failures;
    }
    if (again > 40) {
      printf("%s: %ld allocations in a second run of one shape\n", stock.name, again);
      ++failures;
    }
    rnncell_stream_free(stream);
    rnncell_network_free(network);
    rnncell_cell_free(cell);
  }
  printf("%ld cells, %d failures\n", (long)index, failures);
  return failures != 0;
}
