/* 16 lanes: AVX-512 F, BW, DQ, VL. */
#include <immintrin.h>
#define VL 16
typedef __m512 vf;
typedef __m512i vi;
typedef uint16_t vbits;
#define INLINE static inline __attribute__((always_inline))

INLINE vf v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
INLINE vf v_set(float a) { return _mm512_set1_ps(a); }
INLINE vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
INLINE vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vf v_abs(vf a) { return _mm512_abs_ps(a); }
/* b where a > 0, else 0 */
INLINE vf v_where_positive(vf a, vf b) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_GT_OQ), b);
}
/* a where bits >= threshold (unsigned), else 0 */
INLINE vf v_where_at_least(const uint32_t *bits, uint32_t threshold, vf a) {
  return _mm512_maskz_mov_ps(
      _mm512_cmpge_epu32_mask(_mm512_loadu_si512(bits), _mm512_set1_epi32((int)threshold)), a);
}
INLINE float v_sum(vf a) { return _mm512_reduce_add_ps(a); }
/* the sums of four vectors, to out[0] ... out[3] */
INLINE void v_store_four_sums(float *out, vf a, vf b, vf c, vf d) {
  __m256 p = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m256 q = _mm256_add_ps(_mm512_castps512_ps256(b), _mm512_extractf32x8_ps(b, 1));
  __m256 r = _mm256_add_ps(_mm512_castps512_ps256(c), _mm512_extractf32x8_ps(c, 1));
  __m256 s = _mm256_add_ps(_mm512_castps512_ps256(d), _mm512_extractf32x8_ps(d, 1));
  p = _mm256_hadd_ps(_mm256_hadd_ps(p, q), _mm256_hadd_ps(r, s));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(p), _mm256_extractf128_ps(p, 1)));
}
/* Vectors of a block of columns whose sums stay in registers. */
#define INPUT_BLOCK 4
#define FETCHED_BLOCK 4
#define WEIGHT_BLOCK 4
#define GATHER_BLOCK 8
#define WIDE_BLOCK 8
#define WIDEST_BLOCK 16
#define SMALL_PRODUCT_EXAMPLES 5
INLINE vi v_bits_set(uint32_t a) { return _mm512_set1_epi32((int)a); }
INLINE vi v_bits_load(const uint32_t *p) { return _mm512_loadu_si512(p); }
INLINE vi v_bits_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
/* the upper 24 bits as a number */
INLINE vf v_upper_24(vi a) { return _mm512_cvtepi32_ps(_mm512_srli_epi32(a, 8)); }
/* one bit a lane: a > b */
INLINE vbits v_above(vf a, vf b) { return (vbits)_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
/* one bit a lane: |p| >= t as bit patterns */
INLINE vbits v_magnitude_at_least(const float *p, vi t) {
  __m512i a = _mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32(0x7fffffff));
  return (vbits)_mm512_cmpge_epu32_mask(a, t);
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
  __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512 a = _mm512_loadu_ps(p);
  __mmask16 bits = _mm512_test_epi32_mask(_mm512_castps_si512(a), _mm512_set1_epi32(0x7fffffff));
  _mm512_storeu_si512(indices, _mm512_maskz_compress_epi32(
                                   bits, _mm512_add_epi32(lanes, _mm512_set1_epi32((int)first))));
  _mm512_storeu_ps(values, _mm512_maskz_compress_ps(bits, a));
  return (size_t)__builtin_popcount(bits);
}
/* Lists of up to so many candidates are ranked in registers. */
#define RANKED 32
/* Keeps the k of largest magnitude of `count` listed entries, at most RANKED, with their values
 * where wanted: those that fewer than k exceed. Returns 0 and writes nothing where equals let more
 * than k through. */
INLINE int v_keep_largest(const float *d, const uint32_t *list, size_t count, size_t k,
                          uint32_t *indices, float *values) {
  __mmask32 listed = (__mmask32)((1ull << count) - 1);
  __mmask16 listed0 = (__mmask16)listed, listed1 = (__mmask16)(listed >> 16);
  __m512i list0 = _mm512_maskz_loadu_epi32(listed0, list),
          list1 = _mm512_maskz_loadu_epi32(listed1, list + 16);
  __m512 value0 = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), listed0, list0, d, sizeof *d);
  __m512 value1 = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), listed1, list1, d, sizeof *d);
  __m512i size0 = _mm512_castps_si512(_mm512_abs_ps(value0)),
          size1 = _mm512_castps_si512(_mm512_abs_ps(value1));
  uint32_t sizes[RANKED];
  _mm512_storeu_si512(sizes, size0);
  _mm512_storeu_si512(sizes + 16, size1);
  __m512i one = _mm512_set1_epi32(1), larger0 = _mm512_setzero_si512(),
          larger1 = _mm512_setzero_si512();
  for (size_t j = 0; j < count; j++) {
    __m512i other = _mm512_set1_epi32((int)sizes[j]);
    larger0 = _mm512_mask_add_epi32(larger0, _mm512_cmpgt_epu32_mask(other, size0), larger0, one);
    larger1 = _mm512_mask_add_epi32(larger1, _mm512_cmpgt_epu32_mask(other, size1), larger1, one);
  }
  __mmask16 kept0 = _mm512_mask_cmplt_epi32_mask(listed0, larger0, _mm512_set1_epi32((int)k));
  __mmask16 kept1 = _mm512_mask_cmplt_epi32_mask(listed1, larger1, _mm512_set1_epi32((int)k));
  size_t count0 = (size_t)__builtin_popcount(kept0), count1 = (size_t)__builtin_popcount(kept1);
  if (count0 + count1 != k) return 0;
  __mmask16 place0 = (__mmask16)((1u << count0) - 1), place1 = (__mmask16)((1u << count1) - 1);
  _mm512_mask_storeu_epi32(indices, place0, _mm512_maskz_compress_epi32(kept0, list0));
  _mm512_mask_storeu_epi32(indices + count0, place1, _mm512_maskz_compress_epi32(kept1, list1));
  if (values != NULL) {
    _mm512_mask_storeu_ps(values, place0, _mm512_maskz_compress_ps(kept0, value0));
    _mm512_mask_storeu_ps(values + count0, place1, _mm512_maskz_compress_ps(kept1, value1));
  }
  return 1;
}
INLINE vf v_round(vf a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* 2^a for whole a in -126...127 */
INLINE vf v_power_of_two(vf a) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(a), _mm512_set1_epi32(127)), 23));
}
INLINE vf v_from_bytes(const uint8_t *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
/* a / (sqrt(v) c + e) for v >= 0, e > 0: reciprocals of 14 bits and one Newton step each, about 2
 * ulp */
INLINE vf v_adam_ratio(vf a, vf v, vf c, vf e) {
  vf s = _mm512_max_ps(v, _mm512_set1_ps(1e-36f));
  vf r = _mm512_rsqrt14_ps(s);
  vf h = _mm512_mul_ps(_mm512_set1_ps(0.5f), s);
  r = _mm512_mul_ps(r, _mm512_fnmadd_ps(_mm512_mul_ps(h, r), r, _mm512_set1_ps(1.5f)));
  vf q = _mm512_fmadd_ps(_mm512_mul_ps(v, r), c, e);
  vf i = _mm512_rcp14_ps(q);
  i = _mm512_mul_ps(i, _mm512_fnmadd_ps(q, i, _mm512_set1_ps(2.0f)));
  return _mm512_mul_ps(a, i);
}
/* a / sqrt(v + e) */
INLINE vf v_adagrad_ratio(vf a, vf v, vf e) {
  return _mm512_div_ps(a, _mm512_sqrt_ps(_mm512_add_ps(v, e)));
}
/* a 16 x 16 block: 16 rows from `from` to 16 rows at `to`, transposed */
INLINE void v_transpose_block(const float *from, size_t stride, float *to, size_t to_stride) {
  __m512 r[16], t[16];
  for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_ps(from + (size_t)i * stride);
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 4; i++) {
    __m512d a = _mm512_castps_pd(t[4 * i]), b = _mm512_castps_pd(t[4 * i + 1]);
    __m512d c = _mm512_castps_pd(t[4 * i + 2]), d = _mm512_castps_pd(t[4 * i + 3]);
    r[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    _mm512_storeu_ps(to + (size_t)i * to_stride, _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88));
    _mm512_storeu_ps(to + (size_t)(i + 8) * to_stride, _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd));
    _mm512_storeu_ps(to + (size_t)(i + 4) * to_stride,
                     _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88));
    _mm512_storeu_ps(to + (size_t)(i + 12) * to_stride,
                     _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd));
  }
}

/* VL pairs of bf16 as floats. */
typedef struct { vf even, odd; } vpair;
INLINE vpair v_widen_bf16(const uint16_t *p) {
  __m512i a = _mm512_loadu_si512(p);
  return (vpair){_mm512_castsi512_ps(_mm512_slli_epi32(a, 16)),
                 _mm512_castsi512_ps(_mm512_and_si512(a, _mm512_set1_epi32((int)0xffff0000u)))};
}
/* Pairs of bf16: with AVX512-BF16 as they lie in memory, else widened to floats. */
#if defined(MEPROP_BF16)
typedef __m512bh vh;
INLINE vh v_load_bf16(const uint16_t *p) { return (__m512bh)_mm512_loadu_si512(p); }
/* two numbers, in each lane */
INLINE vh v_set_bf16_pair(const uint16_t *p) {
  int32_t pair;
  __builtin_memcpy(&pair, p, sizeof pair);
  return (__m512bh)_mm512_set1_epi32(pair);
}
/* c + a0 b0 + a1 b1 in each lane */
INLINE vf v_dot_bf16(vh a, vh b, vf c) { return _mm512_dpbf16_ps(c, a, b); }
/* a, then b, rounded to nearest, ties to even */
INLINE void v_store_bf16(uint16_t *p, vf a, vf b) {
  _mm512_storeu_si512(p, (__m512i)_mm512_cvtne2ps_pbh(b, a));
}
INLINE __m256i v_round_bf16(vf a) { return (__m256i)_mm512_cvtneps_pbh(a); }
#else
typedef vpair vh;
INLINE vh v_load_bf16(const uint16_t *p) { return v_widen_bf16(p); }
INLINE vf v_dot_bf16(vh a, vh b, vf c) { return v_fma(a.even, b.even, v_fma(a.odd, b.odd, c)); }
INLINE __m256i v_round_bf16(vf a) {
  __m512i bits = _mm512_castps_si512(a),
          even = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), even);
  rounded = _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), bits,
                                 _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}
INLINE void v_store_bf16(uint16_t *p, vf a, vf b) {
  _mm256_storeu_si256((__m256i *)p, v_round_bf16(a));
  _mm256_storeu_si256((__m256i *)(p + 16), v_round_bf16(b));
}
#endif
/* Sums of products of bytes in -127...127: 16 lanes, four products each. */
#define BYTE_EXAMPLES 6
typedef __m512i vbytes, vsums;
INLINE vbytes v_load_bytes(const int8_t *p) { return _mm512_loadu_si512(p); }
INLINE vsums v_sums_zero(void) { return _mm512_setzero_si512(); }
#ifdef MEPROP_VNNI
/* The instruction takes one factor without sign: inputs are stored as 128 more than they are, so
 * that 128 times the row's sum is too much. */
#define BYTE_OFFSET 128
INLINE void v_store_inputs(int8_t *p, vf a) {
  __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a));
  _mm_storeu_si128((__m128i *)p, _mm_xor_si128(bytes, _mm_set1_epi8((char)0x80)));
}
INLINE vbytes v_four_bytes(const int8_t *p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return _mm512_set1_epi32(four);
}
INLINE vsums v_dot_bytes(vsums sums, vbytes four, vbytes weights) {
  return _mm512_dpbusd_epi32(sums, four, weights);
}
INLINE vf v_sums_floats(vsums sums, const int32_t *row_sums) {
  return _mm512_cvtepi32_ps(
      _mm512_sub_epi32(sums, _mm512_slli_epi32(_mm512_loadu_si512(row_sums), 7)));
}
#else
INLINE vbytes v_four_bytes(const int8_t *p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return _mm512_set1_epi32(four);
}
/* Two products are at most 2 * 127 * 127, which sixteen bits hold. */
INLINE vsums v_dot_bytes(vsums sums, vbytes four, vbytes weights) {
  __m512i minus =
      _mm512_mask_sub_epi8(weights, _mm512_movepi8_mask(four), _mm512_setzero_si512(), weights);
  __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(four), minus);
  return _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}
INLINE vf v_sums_floats(vsums sums, const int32_t *row_sums) {
  (void)row_sums;
  return _mm512_cvtepi32_ps(sums);
}
#endif
/* Bytes of numbers of magnitude at most 127, rounded to nearest even. */
INLINE void v_store_bytes(int8_t *p, vf a) {
  _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a)));
}
/* pairs of a lane of each, rounded */
INLINE void v_store_bf16_pairs(uint16_t *p, vf even, vf odd) {
  __m512i a = _mm512_cvtepu16_epi32(v_round_bf16(even)),
          b = _mm512_cvtepu16_epi32(v_round_bf16(odd));
  _mm512_storeu_si512(p, _mm512_or_si512(a, _mm512_slli_epi32(b, 16)));
}
/* past the caches; p on a line of 64 bytes */
INLINE void v_stream(float *p, vf a) { _mm512_stream_ps(p, a); }
INLINE void v_stream_end(void) { _mm_sfence(); }
