/* The variants that a build has; which of them a processor runs is found out in dispatch.c. */
#ifndef MEPROP_VARIANTS_H
#define MEPROP_VARIANTS_H
#include <math.h>

#include "meprop_convolution_kernels.h"
#include "meprop_kernels.h"
#include "meprop_lstm_kernels.h"

#if defined(__x86_64__)
extern const meprop_kernels meprop_kernels_amx, meprop_kernels_avx512bf16,
    meprop_kernels_avx512vnni;
extern const meprop_kernels meprop_kernels_avx512, meprop_kernels_avx2;
#elif defined(__aarch64__)
extern const meprop_kernels meprop_kernels_neondot, meprop_kernels_neon;
#endif
extern const meprop_kernels meprop_kernels_portable;

/* The kernels of a table, by what a variant may do in its own way: with numbers of eight bits, with
 * bf16 numbers, and all others. kernels.inc adds those that few variants have, and two that are
 * called otherwise. */
typedef void meprop_kernel(const void *arguments, size_t begin, size_t end);
#define PLAIN_KERNELS(X) \
  X(activate) X(gradient) X(cross_entropy) X(softmax) \
  X(select) X(group_magnitudes) X(list_largest) X(list_sampled) \
  X(input_gradient) X(weight_rows) X(update_rows) \
  X(gather_product) X(small_product) X(transpose) X(transpose_rows) \
  X(bytes) X(reduce) \
  X(lstm_step) X(lstm_backward) X(lstm_backward_step) X(lstm_mask) X(column_sums) X(thin_product) \
  X(feature_forward) X(feature_backward) X(row_sums) X(cube) \
  X(convolve) X(convolution_weights) X(convolution_spread) \
  X(convolution_rows) X(convolution_inputs) \
  X(move_images) X(gather_channels) X(pool) X(unpool) X(channel_sums) \
  X(norm_sums) X(norm) X(norm_gradient)
#define BYTE_KERNELS(X) X(quantize_rows) X(pack_bytes) X(byte_product) X(byte_linear) X(byte_lstm)
#define BF16_KERNELS(X) \
  X(nonzeros) X(round_rows) X(bf16_product) X(gather_bf16) X(transpose_bf16)

#endif
