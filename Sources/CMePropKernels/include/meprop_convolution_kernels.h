/* Arguments of the kernels for convolution and pooling. The contract of meprop_kernels.h holds here
 * too, but for this: an image is a row of a matrix, [height, width, channels] with channels
 * fastest, so that lines of 16 floats begin anywhere, and tails are looked after by each kernel.
 *
 * Legend: B = examples, P = positions of an image of outputs, n = output channels. A kernel of h x
 * w on m channels has weights [n, h s]: what a row of the kernel reads lies side by side in the
 * input, w m floats, and takes s of them in the weights, the next multiple of 16; the others are
 * zero. */
#ifndef MEPROP_CONVOLUTION_KERNELS_H
#define MEPROP_CONVOLUTION_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "meprop_kernels.h"

/* Windows of pooling, all within the image. */
typedef struct {
  size_t rows, columns, channels; /* of the input */
  size_t window_rows, window_columns, step_rows, step_columns;
  size_t out_rows, out_columns;
} meprop_pooling;

/* y <- sums over taps t and c < inputs of x[x_offsets[p] + tap_x[t] + c] w[tap_w[t] + c w_stride],
 * for n channels at each position, finished. Part range: examples. */
typedef struct {
  const float *x;
  size_t x_stride;           /* between examples */
  const uint32_t *x_offsets; /* [positions] */
  const float *w;            /* whole lines of channels are read */
  size_t w_stride;
  const uint32_t *tap_x, *tap_w;
  size_t taps, inputs;
  meprop_finish finish;
  float *y;
  size_t y_stride;
  const uint32_t *y_offsets; /* [positions] */
  size_t positions, outputs;
  /* Pooling of what was computed; NULL: none. Then y is scratch, in which a part uses the place of
   * its first example, and taps that gave a maximum go to `winners` where that is not NULL. */
  float *pooled;
  size_t pooled_stride;
  meprop_pooling pooling;
  uint8_t *winners; /* [examples, pooled numbers] */
} meprop_convolve_arguments;

/* g <- sums over examples and positions of d x: the gradient of the weights. Part range: lines of
 * 16 columns of g. */
typedef struct {
  const float *x; /* readable for a line beyond what the last position reads */
  size_t x_stride;
  const uint32_t *x_offsets; /* [positions] */
  const float *d;            /* [examples, positions, outputs] */
  size_t d_stride;
  size_t examples, positions, outputs;
  const uint32_t *tap_x;   /* [rows of the kernel] */
  size_t lines, inputs;    /* of a row of the kernel: s / 16, and w m */
  float *g;
  size_t stride;
} meprop_convolution_weights_arguments;

/* dx <- gradient of the input from a whole gradient d: the products d w of all positions, each
 * added where its position reads. Overwrites. Part range: examples. */
typedef struct {
  const float *d; /* [examples, positions, outputs] */
  size_t d_stride;
  const uint32_t *d_offsets; /* [positions]: of a position's channels */
  const float *w;            /* [outputs, kernel_rows s] */
  size_t w_stride;
  const uint32_t *x_offsets; /* [positions]: where each reads */
  const uint32_t *tap_x;     /* [kernel_rows] */
  size_t positions, outputs, kernel_rows, lines, inputs;
  const uint32_t *scratch_offsets; /* [positions]: multiples of 16 lines */
  float *scratch; /* [examples, scratch_stride]; a part uses the place of its first example */
  size_t scratch_stride;
  float *dx;
  size_t dx_stride, count; /* floats of an example */
} meprop_convolution_spread_arguments;

/* Kept entries of gradients by output channel: entries starts[t] ..< starts[t + 1] belong to
 * channel rows[t], and are at floats `offsets` of the input. */
typedef struct {
  size_t row_count;
  const uint32_t *rows, *starts, *offsets;
  const float *weights;
} meprop_convolution_support;

/* The same restricted to kept entries, stored or applied at once. Part range: entries of
 * support.rows. */
typedef struct {
  meprop_convolution_support support;
  const float *x; /* as above */
  const uint32_t *tap_x;
  size_t kernel_rows, lines, inputs;
  meprop_update update;
  float *g;
  float *w, *first, *second;
  size_t stride;
} meprop_convolution_rows_arguments;

/* Kept entries by example, as places of the input: those of example i are from i list_stride on,
 * counts[i] of them, positions ascending, and of a position channels ascending. */
typedef struct {
  const uint32_t *offsets;  /* of the position, within the example */
  const uint32_t *channels;
  const float *values;
  const uint32_t *counts;
  size_t list_stride;
} meprop_convolution_entries;

/* dx <- sums over kept entries of value w[channel], each at its position. Overwrites. Part range:
 * examples. */
typedef struct {
  meprop_convolution_entries entries;
  const float *w; /* [outputs, kernel_rows s] */
  size_t w_stride;
  const uint32_t *tap_x;
  size_t kernel_rows, lines;
  float *dx; /* room for a line beyond what the last position takes, in each row */
  size_t dx_stride, count; /* floats of an example */
} meprop_convolution_inputs_arguments;

/* Kept outputs, as numbers of a row [positions, channels], to places of the input. Sorts where
 * pooling has mixed positions. Part range: examples. */
typedef struct {
  const uint32_t *indices;
  const float *values;
  const uint32_t *counts;
  size_t list_stride, channels;
  const uint32_t *x_offsets; /* of positions of the convolution */
  /* Pooling: NULL, or what gave each maximum. */
  const uint8_t *winners;
  size_t winners_stride;
  const uint32_t *window_positions; /* [windows, taps]: positions of the convolution */
  size_t taps;
  /* The results. */
  uint32_t *offsets, *kept_channels;
  float *kept_values;
} meprop_convolution_places_arguments;
void meprop_convolution_places(const void *arguments, size_t begin, size_t end);

/* Regroups entries by channel with a counting sort; examples ascend within a channel, and positions
 * within an example. `cursor` is scratch of n + 1. With `all_rows` channels without entries are
 * listed too. Returns the row count, and in `touched` the number of channels that have entries. */
size_t meprop_convolution_regroup(const meprop_convolution_entries *entries, size_t examples,
                                  size_t x_stride, size_t n, int all_rows, uint32_t *cursor,
                                  uint32_t *rows, uint32_t *starts, uint32_t *offsets,
                                  float *weights, size_t *touched);

/* Rows of pixels from one picture to another, with other distances. Part range: examples. */
typedef struct {
  const float *from;
  size_t from_stride, from_pitch;
  float *to;
  size_t to_stride, to_pitch;
  size_t rows, count; /* floats of a row of pixels */
} meprop_move_arguments;

/* Numbers of listed channels only: to[p, j] <- from[p, channels[j]], and 0 from channel_count on.
 * Part range: examples. */
typedef struct {
  const float *from;
  size_t from_stride, from_channels;
  const uint32_t *channels;
  size_t channel_count, positions;
  float *to;
  size_t to_stride, to_channels;
} meprop_gather_channels_arguments;

/* y <- maxima or means of windows. Part range: examples. */
typedef struct {
  const float *x;
  size_t x_stride;
  float *y;
  size_t y_stride;
  meprop_pooling pooling;
  int averages;
  uint8_t *winners; /* [examples, winners_stride]: the tap that gave a maximum; NULL: not wanted */
  size_t winners_stride;
} meprop_pool_arguments;

/* dx <- gradients of windows at what gave the maximum, or a share of it at all. Overwrites. Part
 * range: examples. */
typedef struct {
  const float *dy;
  size_t dy_stride;
  float *dx;
  size_t dx_stride, dx_count;
  meprop_pooling pooling;
  int averages;
  const uint8_t *winners;
  size_t winners_stride;
} meprop_unpool_arguments;

/* sums[c] <- sum over positions of |x| (or of x), by chunk of 16 examples. Part range: chunks. */
typedef struct {
  const float *x;
  size_t x_stride, examples, positions, channels;
  int magnitudes;
  float *sums;
  size_t sum_stride;
} meprop_channel_sums_arguments;

/* Batch normalization. Sums of x and x^2 or of dy and dy n over the positions of 16 examples. Part
 * range: chunks. */
typedef struct {
  const float *x;         /* forward: the input; backward: dy */
  const float *normalized; /* backward: n; NULL: forward */
  size_t stride, examples, positions, channels;
  double *sums; /* [chunks, 2 * channels] */
} meprop_norm_sums_arguments;

/* y <- activation(scale x + shift) by channel. Part range: examples. */
typedef struct {
  const float *x;
  float *normalized; /* takes (x - mean) / deviation; NULL: not wanted */
  float *y;
  size_t stride, positions, channels;
  const float *mean, *inverse, *gain, *bias; /* [channels] */
} meprop_norm_arguments;

/* dx <- gain inverse (dy - a - n b) by channel. Part range: examples. */
typedef struct {
  const float *dy, *normalized;
  float *dx;
  size_t stride, positions, channels;
  const float *factor, *a, *b; /* [channels] */
} meprop_norm_gradient_arguments;

#endif
