/* 8 lanes: AVX2 and FMA. */
#include <immintrin.h>
#define VL 8
typedef __m256 vf;
typedef __m256i vi;
typedef uint8_t vbits;
#define INLINE static inline __attribute__((always_inline))

INLINE vf v_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
INLINE vf v_set(float a) { return _mm256_set1_ps(a); }
INLINE vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
INLINE vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
INLINE vf v_where_positive(vf a, vf b) {
  return _mm256_and_ps(_mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_GT_OQ), b);
}
INLINE vf v_where_at_least(const uint32_t *bits, uint32_t threshold, vf a) {
  __m256i b = _mm256_loadu_si256((const __m256i *)bits), t = _mm256_set1_epi32((int)threshold);
  return _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epu32(b, t), b)), a);
}
INLINE float v_sum(vf a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
/* the sums of four vectors, to out[0] ... out[3] */
INLINE void v_store_four_sums(float *out, vf a, vf b, vf c, vf d) {
  a = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)));
}
#define WIDEST_BLOCK 8
#define SMALL_PRODUCT_EXAMPLES 2
INLINE vi v_bits_set(uint32_t a) { return _mm256_set1_epi32((int)a); }
INLINE vi v_bits_load(const uint32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE vi v_bits_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
INLINE vf v_upper_24(vi a) { return _mm256_cvtepi32_ps(_mm256_srli_epi32(a, 8)); }
INLINE vbits v_above(vf a, vf b) {
  return (vbits)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
INLINE vbits v_magnitude_at_least(const float *p, vi t) {
  __m256i a =
      _mm256_and_si256(_mm256_loadu_si256((const __m256i *)p), _mm256_set1_epi32(0x7fffffff));
  return (vbits)_mm256_movemask_ps(
      _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epu32(a, t), a)));
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
INLINE vf v_round(vf a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vf v_power_of_two(vf a) {
  return _mm256_castsi256_ps(
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(a), _mm256_set1_epi32(127)), 23));
}
INLINE vf v_from_bytes(const uint8_t *p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
INLINE vf v_adam_ratio(vf a, vf v, vf c, vf e) {
  return _mm256_div_ps(a, _mm256_fmadd_ps(_mm256_sqrt_ps(v), c, e));
}
INLINE vf v_adagrad_ratio(vf a, vf v, vf e) {
  return _mm256_div_ps(a, _mm256_sqrt_ps(_mm256_add_ps(v, e)));
}
INLINE void v_transpose_8(const float *from, size_t stride, float *to, size_t to_stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(from + (size_t)i * stride);
  for (int i = 0; i < 4; i++) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    _mm256_storeu_ps(to + (size_t)i * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(to + (size_t)(i + 4) * to_stride,
                     _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}
INLINE void v_transpose_block(const float *from, size_t stride, float *to, size_t to_stride) {
  for (int i = 0; i < 16; i += 8)
    for (int j = 0; j < 16; j += 8)
      v_transpose_8(from + (size_t)i * stride + j, stride, to + (size_t)j * to_stride + i,
                    to_stride);
}

/* Pairs of bf16, widened to floats. */
typedef struct { vf even, odd; } vpair;
typedef vpair vh;
INLINE vpair v_widen_bf16(const uint16_t *p) {
  __m256i a = _mm256_loadu_si256((const __m256i *)p);
  return (vpair){_mm256_castsi256_ps(_mm256_slli_epi32(a, 16)),
              _mm256_castsi256_ps(_mm256_and_si256(a, _mm256_set1_epi32((int)0xffff0000u)))};
}
INLINE vh v_load_bf16(const uint16_t *p) { return v_widen_bf16(p); }
/* c + a0 b0 + a1 b1 in each lane */
INLINE vf v_dot_bf16(vh a, vh b, vf c) { return v_fma(a.even, b.even, v_fma(a.odd, b.odd, c)); }
INLINE __m256i v_round_bf16(vf a) {
  __m256i bits = _mm256_castps_si256(a),
          even = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), even);
  __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
}
/* a, then b, rounded to nearest, ties to even */
INLINE void v_store_bf16(uint16_t *p, vf a, vf b) {
  __m256i both = _mm256_packus_epi32(v_round_bf16(a), v_round_bf16(b));
  _mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64(both, 0xd8));
}
/* Sums of products of bytes in -127...127: 8 lanes, four products each. */
#define BYTE_EXAMPLES 2
typedef __m256i vbytes, vsums;
INLINE vbytes v_load_bytes(const int8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE vbytes v_four_bytes(const int8_t *p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return _mm256_set1_epi32(four);
}
INLINE vsums v_sums_zero(void) { return _mm256_setzero_si256(); }
/* Two products are at most 2 * 127 * 127, which sixteen bits hold. */
INLINE vsums v_dot_bytes(vsums sums, vbytes four, vbytes weights) {
  __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(four), _mm256_sign_epi8(weights, four));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
INLINE vf v_sums_floats(vsums sums, const int32_t *row_sums) {
  (void)row_sums;
  return _mm256_cvtepi32_ps(sums);
}
/* Bytes of numbers of magnitude at most 127, rounded to nearest even. */
INLINE void v_store_bytes(int8_t *p, vf a) {
  __m256i whole = _mm256_cvtps_epi32(a);
  __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storel_epi64((__m128i *)p, _mm_packs_epi16(words, words));
}
/* pairs of a lane of each, rounded */
INLINE void v_store_bf16_pairs(uint16_t *p, vf even, vf odd) {
  _mm256_storeu_si256(
      (__m256i *)p, _mm256_or_si256(v_round_bf16(even), _mm256_slli_epi32(v_round_bf16(odd), 16)));
}
/* past the caches; p on a line of 64 bytes */
INLINE void v_stream(float *p, vf a) { _mm256_stream_ps(p, a); }
INLINE void v_stream_end(void) { _mm_sfence(); }
