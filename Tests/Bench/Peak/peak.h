/* The most multiply-adds that a core can do: in registers alone, with as many chains as hide the
 * latency. Each function does `turns` * 12 operations on a full register. */
#ifndef RNNCELL_PEAK_H
#define RNNCELL_PEAK_H

/* The empty assembly keeps the sums in registers and the loop from being folded. */
#define PEAK_LOOP(T, STEP, CONSTRAINT)                                                             \
  T s[12], x = {1e-9f}, y = {1e-9f};                                                               \
  for (int i = 0; i < 12; i++) s[i] = x * (float)i;                                                \
  for (long turn = 0; turn < turns; turn++) {                                                      \
    _Pragma("unroll") for (int i = 0; i < 12; i++) {                                               \
      s[i] = STEP;                                                                                 \
      __asm__ volatile("" : CONSTRAINT(s[i]));                                                     \
    }                                                                                              \
  }                                                                                                \
  float sum = 0;                                                                                   \
  for (int i = 0; i < 12; i++) sum += s[i][0];                                                     \
  return sum

typedef float peak_f4 __attribute__((ext_vector_type(4)));
typedef float peak_f8 __attribute__((ext_vector_type(8)));
typedef float peak_f16 __attribute__((ext_vector_type(16)));

#if defined(__x86_64__)
static float peak_baseline(long turns) { PEAK_LOOP(peak_f4, s[i] + x * y, "+x"); }

__attribute__((target("avx2,fma"))) static float peak_avx2(long turns) {
  PEAK_LOOP(peak_f8, __builtin_elementwise_fma(x, y, s[i]), "+x");
}

__attribute__((target("avx512f"))) static float peak_avx512(long turns) {
  PEAK_LOOP(peak_f16, __builtin_elementwise_fma(x, y, s[i]), "+v");
}
#else
static float peak_baseline(long turns) {
  PEAK_LOOP(peak_f4, __builtin_elementwise_fma(x, y, s[i]), "+w");
}

static float peak_avx2(long turns) { return peak_baseline(turns); }

static float peak_avx512(long turns) { return peak_baseline(turns); }
#endif

#endif
