/* Arguments of the kernels for LSTM layers, in f32 and in numbers of eight bits. The legend and the
 * contract of meprop_kernels.h hold here too. */
#ifndef MEPROP_LSTM_KERNELS_H
#define MEPROP_LSTM_KERNELS_H

#include "meprop_finish.h"

#include <stddef.h>
#include <stdint.h>

/* ---- LSTM ------------------------------------------------------------------------------------ */

/* Sentences are sorted by falling length. Position p = starts[t] + i is word t of sentence i; the
 * starts[t + 1] - starts[t] sentences that have a word t are the first ones, so nothing is padded.
 * A layer of `hidden` units (h) pads each gate to hp = h rounded up to whole lines: gate g (input,
 * forget, candidate, output) of unit u is number g hp + u, and numbers of padding are zero
 * everywhere but in gates between forward and backward. */

/* One direction of a layer. Matrices by position or sentence of h columns have the row distance
 * `stride`. */
typedef struct {
  int reversed;   /* from the last word to the first */
  const float *w; /* recurrent weights [4 hp, h] */
  size_t w_stride;
  const float *bias; /* [4 hp] */
  float *gates;      /* [positions, 4 hp]: products of the input; forward: gates; backward:
                      * gradients before them */
  size_t gate_stride;
  float *cell;     /* [positions, h] */
  float *previous; /* [positions, h]: the state that the step at this position started from,
                    * after its mask */
  size_t stride;
  float *output; /* [positions, ...] */
  size_t output_stride; /* of output and output_gradient */
  const float *mask; /* [sentences, h]: factors of the state on its way to the next step; NULL:
                      * none */
  /* Backward only. */
  const float *output_gradient;          /* [positions, ...] */
  float *state_gradient, *cell_gradient; /* [sentences, h]: scratch */
  const float *memory;                   /* [4 hp], or with a stride [sentences, 4 hp]; NULL:
                                          * none */
  size_t memory_stride;                  /* 0: one memory for all sentences */
  float *keys;                           /* [groups, h]: scratch for groups and random selection */
  uint32_t *indices; /* [positions, 4 k]: rows of w that are kept, ascending */
  float *values;     /* [positions, 4 k] */
  uint32_t *counts;  /* [positions] */
  float *whole, *kept; /* [positions]: sums of magnitudes of all and of the kept entries */
} meprop_lstm_direction;

/* Forward, one step of all directions. Part range: directions x lines of 16 units. */
typedef struct {
  const meprop_lstm_direction *directions;
  size_t hidden, steps, step; /* step: in the order of each direction */
  const uint32_t *starts;     /* [steps + 1] */
  size_t span; /* 1 or more: every second step goes through each run of so many lines from its
                * end, where the step before has left its weights in the cache */
} meprop_lstm_step_arguments;

/* Backward: all steps with selection (part range: directions x groups of sentences), or one step
 * without (part range: directions x sentences), after which the caller has to fill
 * state_gradient. */
typedef struct {
  const meprop_lstm_direction *directions;
  size_t hidden, steps, step;
  const uint32_t *starts;
  size_t sentences;
  size_t k, group; /* entries kept of each gate; sentences that keep the same ones in a step */
  int random;      /* k at random instead of the largest; group is 1 then */
  uint64_t seed, stream;
  float beta;
  int32_t *nan_position; /* set to 1 + a position where NaN was kept */
  double (*now)(void); /* seconds on the caller's clock, which must be monotonic; NULL: nothing
                        * is measured */
  double *seconds;     /* [parts, 3]: time of element-wise work, of selection and of products;
                        * not used without `now` */
} meprop_lstm_backward_arguments;

/* x[p] <- x[p] * mask[sentence of p]. Part range: steps. */
typedef struct {
  float *x;
  size_t stride, columns;
  const float *mask;
  size_t mask_stride;
  const uint32_t *starts;
} meprop_lstm_mask_arguments;

/* sums <- sum over rows of x. Part range: lines of 16 columns. */
typedef struct {
  const float *x;
  size_t rows, stride;
  float *sums;
} meprop_column_sums_arguments;

/* y <- x w' + bias where x has few rows. Part range: lines of 16 rows of w. */
typedef struct {
  const float *x;
  size_t x_stride, rows, inner;
  const float *w; /* [columns, inner] */
  size_t w_stride, columns;
  const float *bias; /* [columns], padded; NULL: none */
  float *y;
  size_t y_stride;
} meprop_thin_product_arguments;

/* ---- Numbers of eight bits ------------------------------------------------------------------- */

/* Rows x ~ scale q with whole q in -127...127, stored with the table's input_offset, as x of
 * products and states are too. Part range: rows. */
typedef struct {
  const float *x;
  size_t x_stride, columns;
  int8_t *q; /* [rows, columns], padded with zeros to whole lines of 16 */
  size_t q_stride;
  float *scales; /* [rows]; NaN where x is not finite */
} meprop_quantize_arguments;

/* Weights of four gates of hp rows, w[r] ~ scales[r] q[r]. For each line of 16 units, and there for
 * each four inputs, gate by gate, 16 units by 4 inputs; inputs beyond the last are zero. */
typedef struct {
  const int8_t *q;
  const float *scales; /* [4 hp] */
  const int32_t *sums; /* [4 hp]: sum of q of each row */
  size_t inputs;
} meprop_byte_weights;

/* Makes rows of meprop_byte_weights of rows of floats, rounded as by quantize_rows. Part range:
 * entries of `rows`. */
typedef struct {
  const uint32_t *rows; /* NULL: part range is the rows themselves */
  const float *x;       /* [4 hp, columns], padded with zeros */
  size_t x_stride, columns;
  size_t padded; /* hp; rows beyond 4 hp are the next weights of four gates, behind these */
  int8_t *q;
  float *scales;
  int32_t *sums;
} meprop_pack_bytes_arguments;

/* y <- x w' + bias. Part range: lines of 16 units. */
typedef struct {
  meprop_byte_weights w;
  size_t padded;   /* hp */
  const int8_t *x; /* [rows, inputs], padded with zeros to a multiple of 4 */
  size_t x_stride, rows;
  const float *x_scales; /* [rows]; NULL: all are 1/127, as of states */
  const float *bias;     /* [4 hp] */
  float *y;              /* [rows, 4 hp] */
  size_t y_stride;
} meprop_byte_product_arguments;

/* y <- x w', finished; w is packed with hp = 16: 64 outputs, and 64 more. Part range: blocks of 64
 * outputs x blocks of 32 rows, whose blocks of rows are next to each other. */
typedef struct {
  meprop_byte_weights w; /* scales and sums of whole blocks */
  const int8_t *x;       /* [rows, inputs], padded with zeros to a multiple of 4 */
  size_t x_stride, rows;
  const float *x_scales; /* [rows] */
  float *y;              /* [rows, outputs] */
  size_t y_stride, outputs;
  meprop_finish finish;
} meprop_byte_linear_arguments;

/* One direction of a layer. */
typedef struct {
  int reversed; /* from the last word to the first */
  meprop_byte_weights w;
  const float *gates; /* [positions, 4 hp]: products of the input, and the bias; NULL: made on
                       * the way from `input` */
  size_t gate_stride;
  meprop_byte_product_arguments input; /* its y is not used */
  float *cell; /* [sentences, hp] */
  size_t cell_stride;
  int8_t *states; /* [positions, hp]: round(127 h / largest_state), h after its mask */
  size_t state_stride;
  float *output; /* [positions, hp]: h */
  size_t output_stride;
  /* For training; NULL: not wanted. */
  float *kept_gates; /* [positions, 4 hp]: activations of the gates; may be `gates` */
  size_t kept_gate_stride;
  float *kept_cell, *previous; /* [positions, h]: as in meprop_lstm_direction */
  size_t kept_stride;
  const float *mask; /* [sentences, h]: factors of the state on its way to the next step */
  size_t mask_stride;
} meprop_byte_direction;

/* All steps of each direction. Part range: directions x groups of sentences. */
typedef struct {
  const meprop_byte_direction *directions;
  size_t hidden, steps;
  const uint32_t *starts; /* [steps + 1], as above */
  size_t sentences, group;
  float largest_state; /* no state is larger after its mask: 1, or the mask's largest factor */
} meprop_byte_lstm_arguments;

#endif
