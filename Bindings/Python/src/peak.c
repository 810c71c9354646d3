/* The most multiply-adds that the machine can do: in registers alone, on every thread at once.
 * `rnncell bench` holds times against it. */
#include "binding.h"
#include "peak.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { MOST_THREADS = 256 };

typedef struct {
  void (*run)(long turns);
  long turns;
  atomic_int missing;     /* Threads that have not started yet. */
  _Atomic double seconds; /* Of the slowest thread. */
} Work;

static double now(void) {
  struct timespec time;
  timespec_get(&time, TIME_UTC);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* A thread's part, begun when all have started. */
static void *work(void *argument) {
  Work *own = argument;
  own->run(own->turns / 10); /* The clock rises before anything is measured. */
  own->missing--;
  while (own->missing > 0) sched_yield();
  double seconds = now();
  own->run(own->turns);
  seconds = now() - seconds;
  double slowest = own->seconds;
  while (seconds > slowest && !atomic_compare_exchange_weak(&own->seconds, &slowest, seconds)) {
  }
  return NULL;
}

/* peak(isa, threads): 10^9 operations a second of an instruction set, measured for about 2 ms. */
PyObject *peak(PyObject *module, PyObject *args) {
  const char *isa;
  int count;
  (void)module;
  if (!PyArg_ParseTuple(args, "si:peak", &isa, &count)) return NULL;
  if (count < 1 || count > MOST_THREADS) {
    return PyErr_Format(
        PyExc_ValueError, "%d threads; pass 1 to %d", count, (int)MOST_THREADS);
  }
  int lanes = !strcmp(isa, "avx512") ? 16 : !strcmp(isa, "avx2") ? 8 : 4;
  Work shared = {
      .run = lanes == 16 ? peak_avx512 : lanes == 8 ? peak_avx2 : peak_baseline,
      .turns = 1000000};
  pthread_t threads[MOST_THREADS];
  int started = 0;
  shared.missing = count;
  Py_BEGIN_ALLOW_THREADS;
  while (started < count - 1 && !pthread_create(&threads[started], NULL, work, &shared)) started++;
  shared.missing -= count - 1 - started; /* A thread that cannot be had is not waited for. */
  work(&shared);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  Py_END_ALLOW_THREADS;
  double operations = 2.0 * PEAK_CHAINS * lanes * (double)shared.turns * (started + 1);
  return PyFloat_FromDouble(operations / shared.seconds * 1e-9);
}
