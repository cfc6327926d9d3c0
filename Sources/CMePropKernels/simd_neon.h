/* 4 lanes: Advanced SIMD of AArch64. */
#include <arm_neon.h>
#define VL 4
typedef float32x4_t vf;
typedef uint32x4_t vi;
typedef uint8_t vbits;
#define INLINE static inline __attribute__((always_inline))

INLINE vf v_load(const float *p) { return vld1q_f32(p); }
INLINE void v_store(float *p, vf a) { vst1q_f32(p, a); }
INLINE vf v_set(float a) { return vdupq_n_f32(a); }
INLINE vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
INLINE vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
INLINE vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
INLINE vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
INLINE vf v_max(vf a, vf b) { return vmaxq_f32(a, b); }
INLINE vf v_min(vf a, vf b) { return vminq_f32(a, b); }
INLINE vf v_abs(vf a) { return vabsq_f32(a); }
INLINE vf v_where_positive(vf a, vf b) {
  return vreinterpretq_f32_u32(vandq_u32(vcgtzq_f32(a), vreinterpretq_u32_f32(b)));
}
INLINE vf v_where_at_least(const uint32_t *bits, uint32_t threshold, vf a) {
  return vreinterpretq_f32_u32(
      vandq_u32(vcgeq_u32(vld1q_u32(bits), vdupq_n_u32(threshold)), vreinterpretq_u32_f32(a)));
}
INLINE float v_sum(vf a) { return vaddvq_f32(a); }
/* the sums of four vectors, to out[0] ... out[3] */
INLINE void v_store_four_sums(float *out, vf a, vf b, vf c, vf d) {
  vst1q_f32(out, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
}
/* Vectors of a block of columns whose sums stay in registers. */
#define INPUT_BLOCK 16
#define FETCHED_BLOCK 8
#define WEIGHT_BLOCK 16
#define GATHER_BLOCK 16
#define WIDE_BLOCK 16
#define WIDEST_BLOCK 16
#define SMALL_PRODUCT_EXAMPLES 5
INLINE vi v_bits_set(uint32_t a) { return vdupq_n_u32(a); }
INLINE vi v_bits_load(const uint32_t *p) { return vld1q_u32(p); }
INLINE vi v_bits_add(vi a, vi b) { return vaddq_u32(a, b); }
INLINE vf v_upper_24(vi a) { return vcvtq_f32_u32(vshrq_n_u32(a, 8)); }
INLINE vbits v_above(vf a, vf b) {
  static const uint32_t lane[4] = {1, 2, 4, 8};
  return (vbits)vaddvq_u32(vandq_u32(vcgtq_f32(a, b), vld1q_u32(lane)));
}
INLINE vbits v_magnitude_at_least(const float *p, vi t) {
  static const uint32_t lane[4] = {1, 2, 4, 8};
  uint32x4_t a = vandq_u32(vreinterpretq_u32_f32(vld1q_f32(p)), vdupq_n_u32(0x7fffffff));
  return (vbits)vaddvq_u32(vandq_u32(vcgeq_u32(a, t), vld1q_u32(lane)));
}
/* One bit for each of 64 columns: |p| >= t as bit patterns. */
INLINE uint64_t v_word_at_least(const float *p, vi t) {
  const uint8x16_t bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  uint8x16_t bits[4];
  for (int i = 0; i < 4; i++) {
    uint32x4_t is[4];
    for (int j = 0; j < 4; j++)
      is[j] = vcgeq_u32(vandq_u32(vreinterpretq_u32_f32(vld1q_f32(p + 16 * i + 4 * j)),
                                  vdupq_n_u32(0x7fffffff)),
                        t);
    uint16x8_t low = vuzp1q_u16(vreinterpretq_u16_u32(is[0]), vreinterpretq_u16_u32(is[1])),
               high = vuzp1q_u16(vreinterpretq_u16_u32(is[2]), vreinterpretq_u16_u32(is[3]));
    bits[i] = vandq_u8(vuzp1q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high)), bit);
  }
  uint8x16_t sums = vpaddq_u8(vpaddq_u8(bits[0], bits[1]), vpaddq_u8(bits[2], bits[3]));
  return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
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
INLINE vf v_round(vf a) { return vrndnq_f32(a); }
INLINE vf v_power_of_two(vf a) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(a), vdupq_n_s32(127)), 23));
}
INLINE vf v_from_bytes(const uint8_t *p) {
  return (vf){(float)p[0], (float)p[1], (float)p[2], (float)p[3]};
}
INLINE vf v_adam_ratio(vf a, vf v, vf c, vf e) {
  return vdivq_f32(a, vfmaq_f32(e, vsqrtq_f32(v), c));
}
INLINE vf v_adagrad_ratio(vf a, vf v, vf e) { return vdivq_f32(a, vsqrtq_f32(vaddq_f32(v, e))); }
INLINE void v_transpose_block(const float *from, size_t stride, float *to, size_t to_stride) {
  for (size_t i = 0; i < 16; i += 4)
    for (size_t j = 0; j < 16; j += 4) {
      const float *p = from + i * stride + j;
      float32x4x2_t a = vtrnq_f32(vld1q_f32(p), vld1q_f32(p + stride));
      float32x4x2_t b = vtrnq_f32(vld1q_f32(p + 2 * stride), vld1q_f32(p + 3 * stride));
      float *q = to + j * to_stride + i;
      vst1q_f32(q, vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0])));
      vst1q_f32(q + to_stride, vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1])));
      vst1q_f32(q + 2 * to_stride, vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0])));
      vst1q_f32(q + 3 * to_stride, vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1])));
    }
}

/* Pairs of bf16, widened to floats. */
typedef struct { vf even, odd; } vpair;
typedef vpair vh;
INLINE vpair v_widen_bf16(const uint16_t *p) {
  uint32x4_t a = vreinterpretq_u32_u16(vld1q_u16(p));
  return (vpair){vreinterpretq_f32_u32(vshlq_n_u32(a, 16)),
                 vreinterpretq_f32_u32(vandq_u32(a, vdupq_n_u32(0xffff0000u)))};
}
INLINE vh v_load_bf16(const uint16_t *p) { return v_widen_bf16(p); }
/* c + a0 b0 + a1 b1 in each lane */
INLINE vf v_dot_bf16(vh a, vh b, vf c) { return v_fma(a.even, b.even, v_fma(a.odd, b.odd, c)); }
INLINE uint16x4_t v_round_bf16(vf a) {
  uint32x4_t bits = vreinterpretq_u32_f32(a),
             even = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), even);
  return vshrn_n_u32(vbslq_u32(vceqq_f32(a, a), rounded, vorrq_u32(bits, vdupq_n_u32(0x400000))),
                     16);
}
/* a, then b, rounded to nearest, ties to even */
INLINE void v_store_bf16(uint16_t *p, vf a, vf b) {
  vst1q_u16(p, vcombine_u16(v_round_bf16(a), v_round_bf16(b)));
}
/* Sums of products of bytes in -127...127: 4 lanes, four products each. */
#ifdef MEPROP_DOTPROD
#define BYTE_EXAMPLES 6
#else
#define BYTE_EXAMPLES 4 /* products of pairs need registers of their own */
#endif
typedef int8x16_t vbytes;
typedef int32x4_t vsums;
INLINE vbytes v_load_bytes(const int8_t *p) { return vld1q_s8(p); }
INLINE vbytes v_four_bytes(const int8_t *p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return vreinterpretq_s8_s32(vdupq_n_s32(four));
}
INLINE vsums v_sums_zero(void) { return vdupq_n_s32(0); }
#ifdef MEPROP_DOTPROD
INLINE vsums v_dot_bytes(vsums sums, vbytes four, vbytes weights) {
  return vdotq_s32(sums, four, weights);
}
#else
/* Two products are at most 2 * 127 * 127, which sixteen bits hold. */
INLINE vsums v_dot_bytes(vsums sums, vbytes four, vbytes weights) {
  int16x8_t low = vmull_s8(vget_low_s8(four), vget_low_s8(weights));
  int16x8_t high = vmull_s8(vget_high_s8(four), vget_high_s8(weights));
  return vpadalq_s16(sums, vpaddq_s16(low, high));
}
#endif
INLINE vf v_sums_floats(vsums sums, const int32_t *row_sums) {
  (void)row_sums;
  return vcvtq_f32_s32(sums);
}
/* Bytes of numbers of magnitude at most 127, rounded to nearest even. */
INLINE void v_store_bytes(int8_t *p, vf a) {
  int32x4_t whole = vcvtnq_s32_f32(a);
  for (int l = 0; l < VL; l++) p[l] = (int8_t)whole[l];
}
/* pairs of a lane of each, rounded */
INLINE void v_store_bf16_pairs(uint16_t *p, vf even, vf odd) {
  uint32x4_t a = vmovl_u16(v_round_bf16(even)), b = vmovl_u16(v_round_bf16(odd));
  vst1q_u16(p, vreinterpretq_u16_u32(vorrq_u32(a, vshlq_n_u32(b, 16))));
}
/* as any other store: there is none past the caches */
INLINE void v_stream(float *p, vf a) { v_store(p, a); }
INLINE void v_stream_end(void) {}
