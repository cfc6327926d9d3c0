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
/* Vectors of a block of columns whose sums stay in registers: eight keep two units at work that
 * take four cycles each. */
#define INPUT_BLOCK 8
#define FETCHED_BLOCK 4 /* wider ones were 3 to 10 % slower from beyond the second-level cache */
#define WEIGHT_BLOCK 8
#define GATHER_BLOCK 8
#define WIDE_BLOCK 8
#define WIDEST_BLOCK 8
#define SMALL_PRODUCT_EXAMPLES 3
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
/* One bit for each of 64 columns: |p| >= t as bit patterns, of which none has its sign bit set. */
INLINE uint64_t v_word_at_least(const float *p, vi t) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  uint64_t below = 0;
  for (int half = 0; half < 64; half += 32) {
    __m256i d[4];
    for (int j = 0; j < 4; j++)
      d[j] = _mm256_sub_epi32(
          _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(p + half + j * VL)), magnitude), t);
    /* Negative where below; packing keeps that, and shuffles runs of four columns. */
    __m256i bytes =
        _mm256_packs_epi16(_mm256_packs_epi32(d[0], d[1]), _mm256_packs_epi32(d[2], d[3]));
    bytes = _mm256_permutevar8x32_epi32(bytes, in_order);
    below |= (uint64_t)(uint32_t)_mm256_movemask_epi8(bytes) << half;
  }
  return ~below;
}
/* The numbers of the lanes whose bits are set, lowest first, four bits each. */
static const uint32_t set_lanes[256] = {
    0x00000000, 0x00000000, 0x00000001, 0x00000010, 0x00000002, 0x00000020, 0x00000021, 0x00000210,
    0x00000003, 0x00000030, 0x00000031, 0x00000310, 0x00000032, 0x00000320, 0x00000321, 0x00003210,
    0x00000004, 0x00000040, 0x00000041, 0x00000410, 0x00000042, 0x00000420, 0x00000421, 0x00004210,
    0x00000043, 0x00000430, 0x00000431, 0x00004310, 0x00000432, 0x00004320, 0x00004321, 0x00043210,
    0x00000005, 0x00000050, 0x00000051, 0x00000510, 0x00000052, 0x00000520, 0x00000521, 0x00005210,
    0x00000053, 0x00000530, 0x00000531, 0x00005310, 0x00000532, 0x00005320, 0x00005321, 0x00053210,
    0x00000054, 0x00000540, 0x00000541, 0x00005410, 0x00000542, 0x00005420, 0x00005421, 0x00054210,
    0x00000543, 0x00005430, 0x00005431, 0x00054310, 0x00005432, 0x00054320, 0x00054321, 0x00543210,
    0x00000006, 0x00000060, 0x00000061, 0x00000610, 0x00000062, 0x00000620, 0x00000621, 0x00006210,
    0x00000063, 0x00000630, 0x00000631, 0x00006310, 0x00000632, 0x00006320, 0x00006321, 0x00063210,
    0x00000064, 0x00000640, 0x00000641, 0x00006410, 0x00000642, 0x00006420, 0x00006421, 0x00064210,
    0x00000643, 0x00006430, 0x00006431, 0x00064310, 0x00006432, 0x00064320, 0x00064321, 0x00643210,
    0x00000065, 0x00000650, 0x00000651, 0x00006510, 0x00000652, 0x00006520, 0x00006521, 0x00065210,
    0x00000653, 0x00006530, 0x00006531, 0x00065310, 0x00006532, 0x00065320, 0x00065321, 0x00653210,
    0x00000654, 0x00006540, 0x00006541, 0x00065410, 0x00006542, 0x00065420, 0x00065421, 0x00654210,
    0x00006543, 0x00065430, 0x00065431, 0x00654310, 0x00065432, 0x00654320, 0x00654321, 0x06543210,
    0x00000007, 0x00000070, 0x00000071, 0x00000710, 0x00000072, 0x00000720, 0x00000721, 0x00007210,
    0x00000073, 0x00000730, 0x00000731, 0x00007310, 0x00000732, 0x00007320, 0x00007321, 0x00073210,
    0x00000074, 0x00000740, 0x00000741, 0x00007410, 0x00000742, 0x00007420, 0x00007421, 0x00074210,
    0x00000743, 0x00007430, 0x00007431, 0x00074310, 0x00007432, 0x00074320, 0x00074321, 0x00743210,
    0x00000075, 0x00000750, 0x00000751, 0x00007510, 0x00000752, 0x00007520, 0x00007521, 0x00075210,
    0x00000753, 0x00007530, 0x00007531, 0x00075310, 0x00007532, 0x00075320, 0x00075321, 0x00753210,
    0x00000754, 0x00007540, 0x00007541, 0x00075410, 0x00007542, 0x00075420, 0x00075421, 0x00754210,
    0x00007543, 0x00075430, 0x00075431, 0x00754310, 0x00075432, 0x00754320, 0x00754321, 0x07543210,
    0x00000076, 0x00000760, 0x00000761, 0x00007610, 0x00000762, 0x00007620, 0x00007621, 0x00076210,
    0x00000763, 0x00007630, 0x00007631, 0x00076310, 0x00007632, 0x00076320, 0x00076321, 0x00763210,
    0x00000764, 0x00007640, 0x00007641, 0x00076410, 0x00007642, 0x00076420, 0x00076421, 0x00764210,
    0x00007643, 0x00076430, 0x00076431, 0x00764310, 0x00076432, 0x00764320, 0x00764321, 0x07643210,
    0x00000765, 0x00007650, 0x00007651, 0x00076510, 0x00007652, 0x00076520, 0x00076521, 0x00765210,
    0x00007653, 0x00076530, 0x00076531, 0x00765310, 0x00076532, 0x00765320, 0x00765321, 0x07653210,
    0x00007654, 0x00076540, 0x00076541, 0x00765410, 0x00076542, 0x00765420, 0x00765421, 0x07654210,
    0x00076543, 0x00765430, 0x00765431, 0x07654310, 0x00765432, 0x07654320, 0x07654321, 0x76543210,
};
/* The same, one in each lane; what is beyond them is lane 0. */
INLINE __m256i v_set_lanes(uint32_t bits) {
  __m256i lanes = _mm256_srlv_epi32(_mm256_set1_epi32((int)set_lanes[bits]),
                                    _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
  return _mm256_and_si256(lanes, _mm256_set1_epi32(7));
}
/* Appends the numbers and the values of lanes that are not zero to lists, where room for a vector
 * is needed. Returns how many there are; lane 0 is number `first`. */
INLINE size_t v_append_nonzeros(const float *p, uint32_t first, uint32_t *indices, float *values) {
  uint32_t bits = v_magnitude_at_least(p, v_bits_set(1));
  __m256i lanes = v_set_lanes(bits);
  _mm256_storeu_ps(values, _mm256_permutevar8x32_ps(_mm256_loadu_ps(p), lanes));
  _mm256_storeu_si256((__m256i *)indices, _mm256_add_epi32(lanes, _mm256_set1_epi32((int)first)));
  return (size_t)__builtin_popcount(bits);
}
/* Lists of up to so many candidates are ranked in registers. */
#define RANKED 32
/* Copies up to RANKED words; many at once, and nothing beyond them. */
INLINE void v_copy_ranked(void *to, const uint32_t *from, size_t count) {
  uint32_t *out = to;
  if (count < VL) {
    __builtin_memcpy(to, from, count * sizeof *from);
    return;
  }
  for (size_t j = 0; j + VL <= count; j += VL)
    _mm256_storeu_si256((__m256i *)(out + j), _mm256_loadu_si256((const __m256i *)(from + j)));
  size_t last = count - VL;
  _mm256_storeu_si256((__m256i *)(out + last), _mm256_loadu_si256((const __m256i *)(from + last)));
}
/* Keeps the k of largest magnitude of `count` listed entries, at most RANKED, with their values
 * where wanted: those that fewer than k exceed. Returns 0 and writes nothing where equals let more
 * than k through. */
INLINE int v_keep_largest(const float *d, const uint32_t *list, size_t count, size_t k,
                          uint32_t *indices, float *values) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  uint32_t sizes[RANKED], kept_list[RANKED + VL], kept_values[RANKED + VL];
  __m256i place[RANKED / VL], value[RANKED / VL], size[RANKED / VL], fewer[RANKED / VL];
  for (int v = 0; v < RANKED / VL; v++) {
    __m256i listed = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count - v * VL), lanes);
    place[v] = _mm256_maskload_epi32((const int *)list + v * VL, listed);
    value[v] = _mm256_castps_si256(_mm256_mask_i32gather_ps(
        _mm256_setzero_ps(), d, place[v], _mm256_castsi256_ps(listed), sizeof *d));
    size[v] = _mm256_and_si256(value[v], _mm256_set1_epi32(0x7fffffff));
    _mm256_storeu_si256((__m256i *)(sizes + v * VL), size[v]);
    /* Minus the number of larger ones, plus k: above zero is kept. */
    fewer[v] = _mm256_and_si256(_mm256_set1_epi32((int)k), listed);
  }
  for (size_t j = 0; j < count; j++) {
    __m256i other = _mm256_set1_epi32((int)sizes[j]);
    for (int v = 0; v < RANKED / VL; v++)
      fewer[v] = _mm256_add_epi32(fewer[v], _mm256_cmpgt_epi32(other, size[v]));
  }
  size_t kept = 0;
  for (int v = 0; v < RANKED / VL; v++) {
    uint32_t bits = (uint32_t)_mm256_movemask_ps(
        _mm256_castsi256_ps(_mm256_cmpgt_epi32(fewer[v], _mm256_setzero_si256())));
    __m256i from = v_set_lanes(bits);
    _mm256_storeu_si256((__m256i *)(kept_list + kept), _mm256_permutevar8x32_epi32(place[v], from));
    _mm256_storeu_si256((__m256i *)(kept_values + kept),
                        _mm256_permutevar8x32_epi32(value[v], from));
    kept += (size_t)__builtin_popcount(bits);
  }
  if (kept != k) return 0;
  v_copy_ranked(indices, kept_list, k);
  if (values != NULL) v_copy_ranked(values, kept_values, k);
  return 1;
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
/* Halves of rows are loaded to where they belong, which saves a third of the shuffles. */
INLINE void v_transpose_8(const float *from, size_t stride, float *to, size_t to_stride) {
  for (int half = 0; half < 2; half++, from += 4, to += 4 * to_stride) {
    __m256 r[4], t[4];
    for (int i = 0; i < 4; i++)
      r[i] = _mm256_insertf128_ps(
          _mm256_castps128_ps256(_mm_loadu_ps(from + (size_t)i * stride)),
          _mm_loadu_ps(from + (size_t)(i + 4) * stride), 1);
    for (int i = 0; i < 2; i++) {
      t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
      t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
      _mm256_storeu_ps(to + (size_t)(2 * i) * to_stride, _mm256_shuffle_ps(t[i], t[i + 2], 0x44));
      _mm256_storeu_ps(to + (size_t)(2 * i + 1) * to_stride,
                       _mm256_shuffle_ps(t[i], t[i + 2], 0xee));
    }
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
