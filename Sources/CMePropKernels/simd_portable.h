/* 4 lanes in the vectors of clang and gcc, which map them to whatever the target has. Arrays in
 * structs would do the same, but take three times as long to compile. */
#include <math.h>
#include <string.h>
#define VL 4
typedef float vf __attribute__((vector_size(16)));
typedef uint32_t vi __attribute__((vector_size(16)));
typedef uint8_t vbits;
#define INLINE static inline __attribute__((always_inline))
#define LANES(expression) \
  vf result; \
  for (int l = 0; l < 4; l++) result[l] = (expression); \
  return result

INLINE vf v_load(const float *p) {
  vf result;
  memcpy(&result, p, sizeof result);
  return result;
}
INLINE void v_store(float *p, vf a) { memcpy(p, &a, sizeof a); }
INLINE vf v_set(float a) { return (vf){a, a, a, a}; }
INLINE vf v_add(vf a, vf b) { return a + b; }
INLINE vf v_sub(vf a, vf b) { return a - b; }
INLINE vf v_mul(vf a, vf b) { return a * b; }
INLINE vf v_div(vf a, vf b) { return a / b; }
INLINE vf v_fma(vf a, vf b, vf c) { return a * b + c; }
/* a where all bits of the mask are set, b where none is */
INLINE vf v_where(vi mask, vf a, vf b) { return (vf)(((vi)a & mask) | ((vi)b & ~mask)); }
INLINE vf v_max(vf a, vf b) { return v_where((vi)(a > b), a, b); }
INLINE vf v_min(vf a, vf b) { return v_where((vi)(a < b), a, b); }
INLINE vf v_abs(vf a) { return (vf)((vi)a & 0x7fffffffu); }
INLINE vf v_where_positive(vf a, vf b) { return (vf)((vi)b & (vi)(a > 0)); }
INLINE vf v_where_at_least(const uint32_t *bits, uint32_t threshold, vf a) {
  vi found;
  memcpy(&found, bits, sizeof found);
  return (vf)((vi)a & (vi)(found >= threshold));
}
INLINE float v_sum(vf a) { return (a[0] + a[2]) + (a[1] + a[3]); }
/* the sums of four vectors, to out[0] ... out[3] */
INLINE void v_store_four_sums(float *out, vf a, vf b, vf c, vf d) {
  out[0] = v_sum(a), out[1] = v_sum(b), out[2] = v_sum(c), out[3] = v_sum(d);
}
/* Vectors of a block of columns whose sums stay in registers. */
#define INPUT_BLOCK 4
#define FETCHED_BLOCK 4
#define WEIGHT_BLOCK 4
#define GATHER_BLOCK 8
#define WIDE_BLOCK 8
#define WIDEST_BLOCK 8
#define SMALL_PRODUCT_EXAMPLES 2
INLINE vi v_bits_set(uint32_t a) { return (vi){a, a, a, a}; }
INLINE vi v_bits_load(const uint32_t *p) {
  vi result;
  memcpy(&result, p, sizeof result);
  return result;
}
INLINE vi v_bits_add(vi a, vi b) { return a + b; }
INLINE vf v_upper_24(vi a) { return __builtin_convertvector(a >> 8, vf); }
INLINE vbits v_above(vf a, vf b) {
  vbits result = 0;
  for (int l = 0; l < 4; l++) result |= (vbits)((a[l] > b[l]) << l);
  return result;
}
INLINE vbits v_magnitude_at_least(const float *p, vi t) {
  uint32_t bits[4];
  memcpy(bits, p, sizeof bits);
  vbits result = 0;
  for (int l = 0; l < 4; l++) result |= (vbits)(((bits[l] & 0x7fffffffu) >= t[l]) << l);
  return result;
}
/* one bit for each of 64 columns: |p| >= t as bit patterns */
INLINE uint64_t v_word_at_least(const float *p, vi t) {
  uint64_t bits = 0;
  for (size_t j = 0; j < 64 / VL; j++)
    bits |= (uint64_t)v_magnitude_at_least(p + j * VL, t) << j * VL;
  return bits;
}
/* Appends the numbers and the values of lanes that are not zero to lists, where room for a vector
 * is needed. Returns how many there are; lane 0 is number `first`. */
INLINE size_t v_append_nonzeros(const float *p, uint32_t first, uint32_t *indices, float *values) {
  size_t count = 0;
  for (uint32_t bits = v_magnitude_at_least(p, v_bits_set(1)); bits != 0;
       bits &= bits - 1, count++) {
    uint32_t lane = (uint32_t)__builtin_ctz(bits);
    indices[count] = first + lane;
    values[count] = p[lane];
  }
  return count;
}
INLINE vf v_round(vf a) { LANES(rintf(a[l])); }
INLINE vf v_power_of_two(vf a) {
  vi bits;
  for (int l = 0; l < 4; l++) {
    /* A NaN has no whole number; what comes of it is multiplied by a NaN. */
    int32_t whole = a[l] == a[l] ? (int32_t)a[l] : 0;
    bits[l] = (uint32_t)(whole + 127) << 23;
  }
  return (vf)bits;
}
INLINE vf v_from_bytes(const uint8_t *p) { LANES((float)p[l]); }
INLINE vf v_adam_ratio(vf a, vf v, vf c, vf e) {
  LANES(a[l] / (sqrtf(v[l]) * c[l] + e[l]));
}
INLINE vf v_adagrad_ratio(vf a, vf v, vf e) { LANES(a[l] / sqrtf(v[l] + e[l])); }
INLINE void v_transpose_block(const float *from, size_t stride, float *to, size_t to_stride) {
  for (size_t i = 0; i < 16; i++)
    for (size_t j = 0; j < 16; j++) to[j * to_stride + i] = from[i * stride + j];
}

/* Pairs of bf16, widened to floats. */
typedef struct { vf even, odd; } vpair;
typedef vpair vh;
INLINE float widen_bf16(uint16_t a) {
  uint32_t bits = (uint32_t)a << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}
INLINE vpair v_widen_bf16(const uint16_t *p) {
  vpair result;
  for (int l = 0; l < 4; l++) {
    result.even[l] = widen_bf16(p[2 * l]);
    result.odd[l] = widen_bf16(p[2 * l + 1]);
  }
  return result;
}
INLINE vh v_load_bf16(const uint16_t *p) { return v_widen_bf16(p); }
/* c + a0 b0 + a1 b1 in each lane */
INLINE vf v_dot_bf16(vh a, vh b, vf c) { return v_fma(a.even, b.even, v_fma(a.odd, b.odd, c)); }
INLINE uint16_t round_bf16(float a) {
  uint32_t bits;
  memcpy(&bits, &a, sizeof bits);
  if (a != a) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
/* a, then b, rounded to nearest, ties to even */
INLINE void v_store_bf16(uint16_t *p, vf a, vf b) {
  for (int l = 0; l < 4; l++) p[l] = round_bf16(a[l]), p[4 + l] = round_bf16(b[l]);
}
/* pairs of a lane of each, rounded */
INLINE void v_store_bf16_pairs(uint16_t *p, vf even, vf odd) {
  for (int l = 0; l < 4; l++)
    p[2 * l] = round_bf16(even[l]), p[2 * l + 1] = round_bf16(odd[l]);
}
/* as any other store: there is none past the caches */
INLINE void v_stream(float *p, vf a) { v_store(p, a); }
INLINE void v_stream_end(void) {}
#undef LANES
/* Sums of products of bytes in -127...127: 4 lanes, four products each. */
#define BYTE_EXAMPLES 2
typedef struct { int8_t byte[16]; } vbytes;
typedef int32_t vsums __attribute__((vector_size(16)));
INLINE vbytes v_load_bytes(const int8_t *p) {
  vbytes result;
  memcpy(result.byte, p, sizeof result.byte);
  return result;
}
INLINE vbytes v_four_bytes(const int8_t *p) {
  vbytes result;
  for (int b = 0; b < 16; b++) result.byte[b] = p[b % 4];
  return result;
}
INLINE vsums v_sums_zero(void) { return (vsums){0, 0, 0, 0}; }
INLINE vsums v_dot_bytes(vsums sums, vbytes four, vbytes weights) {
  for (int l = 0; l < 4; l++)
    for (int b = 0; b < 4; b++) sums[l] += four.byte[4 * l + b] * weights.byte[4 * l + b];
  return sums;
}
INLINE vf v_sums_floats(vsums sums, const int32_t *row_sums) {
  (void)row_sums;
  vf result;
  for (int l = 0; l < 4; l++) result[l] = (float)sums[l];
  return result;
}
/* Bytes of numbers of magnitude at most 127, rounded to nearest even; 0 for what is none, as a row
   that is not finite has. */
INLINE void v_store_bytes(int8_t *p, vf a) {
  for (int l = 0; l < 4; l++) {
    float whole = rintf(a[l]);
    p[l] = fabsf(whole) <= 127 ? (int8_t)whole : 0;
  }
}
