/*
 * The most multiply-adds that a core can do: in registers alone, with as many chains as hide the
 * latency. Each function does `turns` * PEAK_CHAINS operations on a full register.
 */
#ifndef RNNCELL_PEAK_H
#define RNNCELL_PEAK_H

enum { PEAK_CHAINS = 12 };

/* The empty assembly keeps the sums in registers and the loop from being folded. */
#define PEAK_EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define PEAK_SUM(i) , s##i = x
#define PEAK_STEP(i)                                                                               \
  s##i = PEAK_FMA(x, y, s##i);                                                                     \
  __asm__ volatile("" : "+" PEAK_REGISTER(s##i));
#define PEAK_LOOP(T)                                                                               \
  T x = {1e-9f}, y = {1e-9f} PEAK_EACH(PEAK_SUM);                                                  \
  for (long turn = 0; turn < turns; turn++) {                                                      \
    PEAK_EACH(PEAK_STEP)                                                                           \
  }

#if defined(__x86_64__)
#include <immintrin.h>

#define PEAK_REGISTER "x"
#define PEAK_FMA(x, y, s) _mm_add_ps(s, _mm_mul_ps(x, y))
__attribute__((noinline)) static void peak_baseline(long turns) { PEAK_LOOP(__m128) }
#undef PEAK_FMA
#define PEAK_FMA _mm256_fmadd_ps
__attribute__((noinline, target("avx2,fma"))) static void peak_avx2(long turns) {
  PEAK_LOOP(__m256)
}
#undef PEAK_FMA
#undef PEAK_REGISTER
#define PEAK_REGISTER "v"
#define PEAK_FMA _mm512_fmadd_ps
__attribute__((noinline, target("avx512f"))) static void peak_avx512(long turns) {
  PEAK_LOOP(__m512)
}
#else
#include <arm_neon.h>

#define PEAK_REGISTER "w"
#define PEAK_FMA(x, y, s) vfmaq_f32(s, x, y)
__attribute__((noinline)) static void peak_baseline(long turns) { PEAK_LOOP(float32x4_t) }
static void peak_avx2(long turns) { peak_baseline(turns); }
static void peak_avx512(long turns) { peak_baseline(turns); }
#endif

#endif
