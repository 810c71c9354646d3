/* Sixteen floats at once, for what Swift's SIMD types do not reliably compile to one instruction.
 *
 * Everything is inlined into its caller, so it becomes AVX-512, AVX2 or baseline code with the target
 * that imports it. Measured: `addingProduct` split into scalar FMAs (tanh 65 cycles instead of 16), and
 * without FMA hardware it calls `fmaf`; `.squareRoot()` took 222 cycles for 16 numbers instead of 10. */
#ifndef RNNCELL_VECTOR_H
#define RNNCELL_VECTOR_H

/* Nothing is passed between functions, as all of these are inlined. */
#pragma clang diagnostic ignored "-Wpsabi"

#define VECTOR_INLINE static inline __attribute__((always_inline, unused))

typedef float vector_f32 __attribute__((ext_vector_type(16)));
typedef int vector_i32 __attribute__((ext_vector_type(16)));
typedef double vector_f64 __attribute__((ext_vector_type(16)));
typedef float vector_memory __attribute__((ext_vector_type(16), aligned(4), may_alias));

/* Any address: a misaligned one must not trap. */
VECTOR_INLINE vector_f32 vector_load(const float *from) { return *(const vector_memory *)from; }

VECTOR_INLINE void vector_store(float *to, vector_f32 v) { *(vector_memory *)to = v; }

/* Eight floats, for the strips of which no more are in use. */
typedef float vector_half __attribute__((ext_vector_type(8)));
typedef float vector_half_memory __attribute__((ext_vector_type(8), aligned(4), may_alias));

VECTOR_INLINE vector_half half_load(const float *from) {
  return *(const vector_half_memory *)from;
}

VECTOR_INLINE void half_store(float *to, vector_half v) { *(vector_half_memory *)to = v; }

/* Asks for a cache line; any address will do. */
VECTOR_INLINE void vector_prefetch(const float *from) { __builtin_prefetch(from, 0, 3); }

typedef int vector_i32_memory __attribute__((ext_vector_type(16), aligned(4), may_alias));

VECTOR_INLINE vector_i32 vector_i32_load(const int *from) {
  return *(const vector_i32_memory *)from;
}

VECTOR_INLINE void vector_i32_store(int *to, vector_i32 v) { *(vector_i32_memory *)to = v; }

VECTOR_INLINE vector_f32 vector_splat(float v) { return (vector_f32)v; }

/* a * b + c, in one rounding where the instruction set can. */
VECTOR_INLINE vector_f32 vector_fma(vector_f32 a, vector_f32 b, vector_f32 c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

VECTOR_INLINE vector_half half_fma(float a, vector_half b, vector_half c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_elementwise_fma((vector_half)a, b, c);
#else
  return (vector_half)a * b + c;
#endif
}

VECTOR_INLINE vector_f32 vector_sqrt(vector_f32 v) { return __builtin_elementwise_sqrt(v); }

VECTOR_INLINE vector_f32 vector_abs(vector_f32 v) { return __builtin_elementwise_abs(v); }

/* yes where the mask's bits are ones, no where they are zeros. */
VECTOR_INLINE vector_f32 vector_select(vector_i32 mask, vector_f32 yes, vector_f32 no) {
  return (vector_f32)((mask & (vector_i32)yes) | (~mask & (vector_i32)no));
}

VECTOR_INLINE vector_i32 vector_less(vector_f32 a, vector_f32 b) { return a < b; }

VECTOR_INLINE vector_i32 vector_equal(vector_f32 a, vector_f32 b) { return a == b; }

/* a < b ? a : b, so a NaN in b stays. */
VECTOR_INLINE vector_f32 vector_min(vector_f32 a, vector_f32 b) {
  return vector_select(a < b, a, b);
}

/* a > b ? a : b, so a NaN in b stays. */
VECTOR_INLINE vector_f32 vector_max(vector_f32 a, vector_f32 b) {
  return vector_select(a > b, a, b);
}

/* The sign bit of `sign` on v, which has none. */
VECTOR_INLINE vector_f32 vector_with_sign(vector_f32 v, vector_f32 sign) {
  return (vector_f32)((vector_i32)v | ((vector_i32)sign & (vector_i32)0x80000000));
}

/* 0 where the mask's bits are ones, else v. */
VECTOR_INLINE vector_f32 vector_zero_where(vector_i32 mask, vector_f32 v) {
  return (vector_f32)(~mask & (vector_i32)v);
}

VECTOR_INLINE vector_i32 vector_bits(vector_f32 v) { return (vector_i32)v; }

VECTOR_INLINE vector_f32 vector_from_bits(vector_i32 v) { return (vector_f32)v; }

VECTOR_INLINE vector_f32 vector_from_int(vector_i32 v) {
  return __builtin_convertvector(v, vector_f32);
}

/* 2 to the power of n, for n from -126 to 127. */
VECTOR_INLINE vector_f32 vector_power_of_two(vector_i32 n) {
  return (vector_f32)((n + 127) << 23);
}

/* Arithmetic shift right by one. */
VECTOR_INLINE vector_i32 vector_halved(vector_i32 n) { return n >> 1; }

/* Ones in the lanes below count. */
VECTOR_INLINE vector_i32 vector_lanes_below(int count) {
  const vector_i32 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lane < (vector_i32)count;
}

/* Ones in the other lanes. */
VECTOR_INLINE vector_i32 vector_lanes_from(int count) { return ~vector_lanes_below(count); }

/* Whether the mask is ones in all lanes. */
VECTOR_INLINE int vector_all(vector_i32 mask) { return __builtin_reduce_and(mask) != 0; }

/* Sum over the lanes, in a fixed order. */
VECTOR_INLINE float vector_sum(vector_f32 v) {
  typedef float half __attribute__((ext_vector_type(8)));
  typedef float quarter __attribute__((ext_vector_type(4)));
  half h = v.lo + v.hi;
  quarter q = h.lo + h.hi;
  return (q.x + q.z) + (q.y + q.w);
}

VECTOR_INLINE float vector_largest(vector_f32 v) { return __builtin_reduce_max(v); }

/* 8 x 8 floats at `from`, rows `from_stride` apart, turned over: quarters of four change places, then
 * each is turned in pairs of rows. Eight rows fit the registers of AVX2; 16 x 16 at once took ten times
 * as long. */
VECTOR_INLINE void half_transpose(
    const float *from, long from_stride, float *to, long to_stride) {
  vector_half v[8];
  for (int i = 0; i < 4; i++) {
    vector_half low = half_load(from + i * from_stride);
    vector_half high = half_load(from + (i + 4) * from_stride);
    v[i] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 8, 9, 10, 11);
    v[i + 4] = __builtin_shufflevector(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    vector_half a = __builtin_shufflevector(v[i], v[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    vector_half b = __builtin_shufflevector(v[i], v[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    vector_half c = __builtin_shufflevector(v[i + 2], v[i + 3], 0, 8, 1, 9, 4, 12, 5, 13);
    vector_half d = __builtin_shufflevector(v[i + 2], v[i + 3], 2, 10, 3, 11, 6, 14, 7, 15);
    float *at = to + i * to_stride;
    half_store(at, __builtin_shufflevector(a, c, 0, 1, 8, 9, 4, 5, 12, 13));
    half_store(at + to_stride, __builtin_shufflevector(a, c, 2, 3, 10, 11, 6, 7, 14, 15));
    half_store(at + 2 * to_stride, __builtin_shufflevector(b, d, 0, 1, 8, 9, 4, 5, 12, 13));
    half_store(at + 3 * to_stride, __builtin_shufflevector(b, d, 2, 3, 10, 11, 6, 7, 14, 15));
  }
}

VECTOR_INLINE vector_i32 vector_equal_int(vector_i32 a, int b) { return a == b; }

/* yes where the mask's bits are ones, no where they are zeros. */
VECTOR_INLINE vector_i32 vector_choose(vector_i32 mask, vector_i32 yes, vector_i32 no) {
  return (mask & yes) | (~mask & no);
}

/* Ones where the unsigned sum of something and b overflowed. */
VECTOR_INLINE vector_i32 vector_carry(vector_i32 sum, vector_i32 b) {
  typedef unsigned words __attribute__((ext_vector_type(16)));
  return (vector_i32)((words)sum < (words)b);
}

/* Bits `shift` to `shift` + 31 of first + i * step for each lane i. */
VECTOR_INLINE vector_i32 vector_indices(unsigned long long first, unsigned step, int shift) {
  typedef unsigned long long wide __attribute__((ext_vector_type(16)));
  const wide lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return __builtin_convertvector((first + lanes * step) >> shift, vector_i32);
}

/* Philox-4x32 with its ten rounds (see `Philox`), of sixteen counters: lane i of words 0 to 3, which go to
 * `to` one behind the other.
 *
 * Every other lane is held as 64 bits, of which the upper half may be anything: so all instruction sets
 * multiply 32 bits by 32, and the lower half of a product stays where it is. 0.8 ns a number with AVX2
 * instead of 16 one at a time; unrolled, as a loop of rounds waits for each product (1.2 ns). */
VECTOR_INLINE void vector_philox(
    vector_i32 low, vector_i32 high, unsigned long long purpose, unsigned long long key, int *to) {
  typedef unsigned long long wide __attribute__((ext_vector_type(8)));
  const wide lower = 0xFFFFFFFF;
  wide x[2] = {(wide)low, (wide)low >> 32}, y[2] = {(wide)high, (wide)high >> 32};
  wide z[2], w[2];
  z[0] = z[1] = purpose & 0xFFFFFFFF;
  w[0] = w[1] = purpose >> 32;
#pragma clang loop unroll(full)
  for (int odd = 0; odd < 2; odd++) {
#pragma clang loop unroll(full)
    for (int round = 0; round < 10; round++) {
      const wide first = (unsigned)key + 0x9E3779B9u * round;
      const wide second = (unsigned)(key >> 32) + 0xBB67AE85u * round;
      wide p = (x[odd] & lower) * 0xD2511F53, q = (z[odd] & lower) * 0xCD9E8D57;
      x[odd] = q >> 32 ^ y[odd] ^ first;
      z[odd] = p >> 32 ^ w[odd] ^ second;
      y[odd] = q;
      w[odd] = p;
    }
  }
  vector_i32_store(to, (vector_i32)((x[0] & lower) | x[1] << 32));
  vector_i32_store(to + 16, (vector_i32)((y[0] & lower) | y[1] << 32));
  vector_i32_store(to + 32, (vector_i32)((z[0] & lower) | z[1] << 32));
  vector_i32_store(to + 48, (vector_i32)((w[0] & lower) | w[1] << 32));
}

/* The upper 24 bits of each lane as a number in [0, 1), or for a middle of 2^23 twice that less 1. */
VECTOR_INLINE vector_f32 vector_unit(vector_i32 bits, int middle) {
  typedef unsigned words __attribute__((ext_vector_type(16)));
  vector_i32 whole = (vector_i32)((words)bits >> 8) - middle;
  return __builtin_convertvector(whole, vector_f32) * (middle ? 0x1p-23f : 0x1p-24f);
}

/* n and r of x = n * pi / 2 + r, in double precision: r is good to 2^-40 for |x| up to 2^20. */
VECTOR_INLINE vector_f64 vector_quarter_turns(vector_f32 x) {
  const double magic = 6755399441055744.0;
  return (__builtin_convertvector(x, vector_f64) * 0.63661977236758134308 + magic) - magic;
}

VECTOR_INLINE vector_i32 vector_quadrant(vector_f32 x) {
  return __builtin_convertvector(vector_quarter_turns(x), vector_i32);
}

VECTOR_INLINE vector_f32 vector_angle_rest(vector_f32 x) {
  vector_f64 n = vector_quarter_turns(x), wide = __builtin_convertvector(x, vector_f64);
  return __builtin_convertvector(
      (wide - n * 1.5707963267341256) - n * 6.0771005065061922e-11, vector_f32);
}

#endif
