/*
 * The arithmetic of meProp in C: selection, sparse products, optimizer rows, activations, random
 * numbers.
 *
 * Legend: B = batch size, n = outputs of a layer, m = inputs of a layer, k = entries kept of n,
 * d = gradient at a layer's pre-activation [B, n], x = a layer's input [B, m], w = weights [n, m].
 *
 * One contract for every kernel and every instruction set:
 *  - A matrix is row-major; its rows start every `stride` floats; stride is a multiple of
 *    MEPROP_LINE (16 floats, one cache line) and the floats between the last column and the next
 *    multiple of 16 are zero, before and after. Kernels work on whole lines, so there are no tails.
 *    Pointers need not be aligned.
 *  - Outputs never alias inputs unless said so. Nothing is allocated, and no clock is read but one
 *    that arguments name. No length may exceed INT32_MAX.
 *  - A parallel kernel has the form `void f(const void *arguments, size_t begin, size_t end)` and
 *    does the part [begin, end) of its range. Parts are independent, each output number is summed
 *    in one fixed order by one part, so the bits of a result depend neither on the number of
 *    threads nor on how the range was cut.
 */
#ifndef MEPROP_KERNELS_H
#define MEPROP_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "meprop_bf16_kernels.h"
#include "meprop_finish.h"
#include "meprop_selection_kernels.h"

#define MEPROP_LINE 16
/* Rows of a batch are summed in chunks of this many, so that partial sums do not depend on the
 * thread count. */
#define MEPROP_ROW_CHUNK 16

typedef void (*meprop_part)(const void *arguments, size_t begin, size_t end);

/* ---- activations ----------------------------------------------------------------------------- */

typedef enum {
  MEPROP_IDENTITY = 0,
  MEPROP_RELU = 1,
  MEPROP_TANH = 2,
  MEPROP_SIGMOID = 3
} meprop_activation;

/* y <- dropout(activation(y + bias)) in place. Part range: rows. */
typedef struct {
  float *y;
  size_t stride, columns;
  const float *bias; /* [columns], padded with zeros; NULL: none */
  meprop_activation activation;
  /* Inverted dropout: an entry is kept where its random number is >= threshold, and multiplied by
   * scale. Threshold 0: no dropout, scale is ignored. Random numbers: Philox, see
   * meprop_random_bits. */
  uint32_t threshold;
  float scale;
  uint64_t seed, stream;
} meprop_activate_arguments;

/* d <- beta * memory + dz * (d activation / d pre-activation), and sums over rows. Part range:
 * chunks of 16 rows. */
typedef struct {
  const float *dz;   /* gradient at the layer's output [rows, columns] */
  const float *z;    /* the layer's output, after dropout; NULL where the activation is the
                      * identity */
  size_t stride;     /* of dz, z and d */
  size_t rows, columns;
  meprop_activation activation;
  uint32_t threshold; /* dropout as in the forward pass */
  float scale;
  uint64_t seed, stream;
  const float *memory; /* [columns], or with a stride [rows, columns]; NULL: none */
  size_t memory_stride; /* 0: one memory for all rows */
  float beta;
  float *d;        /* may be dz */
  float *sums;     /* [chunks, sum_stride]: column sums of d of each chunk; NULL: not wanted */
  size_t sum_stride;
  float *norms; /* [rows]: sum of |d| of each row; NULL: not wanted */
} meprop_gradient_arguments;

/* Rows of logits to mean cross-entropy gradients. Part range: rows. */
typedef struct {
  const float *logits;
  size_t stride, columns;
  const int32_t *labels; /* [rows], each in 0..<columns */
  float scale;           /* usually 1 / rows */
  float *gradient;       /* [rows, columns]: (softmax - one-hot) * scale; may be logits; NULL:
                          * not wanted */
  float *losses;         /* [rows]: -log softmax[label], not scaled; not finite where a logit is
                          * not */
  int32_t *predictions;  /* [rows]: index of the largest logit, the lower of equals; NULL: not
                          * wanted */
} meprop_cross_entropy_arguments;

/* Rows of logits to probabilities, in place. Part range: rows. */
typedef struct {
  float *values;
  size_t stride, columns;
} meprop_softmax_arguments;

/* ---- sparse products ------------------------------------------------------------------------- */

/* A support regrouped by output: entries starts[t] ..< starts[t + 1] belong to output rows[t]. */
typedef struct {
  size_t row_count;
  const uint32_t *rows;
  const uint32_t *starts;
  const uint32_t *examples;
  const float *weights;
} meprop_support;

/* Regroups per-example entries by output with a counting sort; stable, so examples ascend within a
 * row. `cursor` is scratch of n + 1. With `all_rows` rows without entries are listed too. Returns
 * the row count, and in `touched` the number of rows that have entries. */
size_t meprop_regroup(const uint32_t *indices, const float *values, const uint32_t *counts,
                      size_t batch, size_t k, size_t n, int all_rows, uint32_t *cursor,
                      uint32_t *rows, uint32_t *starts, uint32_t *examples, float *weights,
                      size_t *touched);

/* From a list of kept outputs for each group of `group` examples, in the places of the first
 * examples, to one for each example, with its own values of d. */
void meprop_share_selection(const float *d, size_t stride, size_t batch, size_t k, size_t group,
                            uint32_t *indices, float *values, uint32_t *counts);

/* memory[r] <- (sums[r] - sum of the weights of r) / batch for all n outputs: what selection left
 * out, on average. */
void meprop_remainder(const meprop_support *support, const float *sums, size_t batch, size_t n,
                      float *memory);

/* dx <- W' s: dx[i] = sum over kept (i, r) of s[i, r] w[r]. Overwrites. Part range: lines of 16
 * columns of w. */
typedef struct {
  const uint32_t *indices; /* [batch, k], as selection leaves them: k is the room of a list */
  const float *values;     /* [batch, k] */
  const uint32_t *counts;  /* [batch] */
  size_t batch, k, outputs;
  size_t entries; /* of the whole batch */
  const float *w; /* [outputs, columns] */
  size_t w_stride;
  float *dx;
  size_t dx_stride;
} meprop_input_gradient_arguments;

typedef enum {
  MEPROP_STORE = 0,    /* the gradient row overwrites g */
  MEPROP_SGD = 1,      /* w -= rate g */
  MEPROP_MOMENTUM = 2, /* u = momentum u + g; w -= rate u */
  MEPROP_ADAGRAD = 3,  /* a += g^2; w -= rate g / sqrt(a + epsilon) */
  MEPROP_ADAM = 4      /* Kingma and Ba, with decoupled decay where asked for */
} meprop_update_kind;

/* What an optimizer step does to one number. Applied in the order: scale, clip, L2, step. */
typedef struct {
  meprop_update_kind kind;
  float gradient_scale; /* 1, or what clipping by norm leaves */
  float clip;           /* |gradient| is cut to it; INFINITY: not at all */
  float l2;             /* g += l2 * w */
  float decay;          /* w *= 1 - decay, before the step (decoupled; already multiplied by the
                         * rate) */
  float rate;           /* for Adam: rate / (1 - beta1^t) */
  float momentum;       /* momentum, or Adam's beta1 */
  float beta2;
  float second_correction; /* Adam: 1 / sqrt(1 - beta2^t) */
  float epsilon;
} meprop_update;

/* Gradient rows as weighted sums of rows of x, stored or applied at once. Part range: entries of
 * support.rows: what a core has written of the weights it finds in its own cache in the next
 * forward product, which goes by rows too. */
typedef struct {
  meprop_support support;
  const float *x;
  size_t x_stride;
  size_t batch, columns; /* of x */
  meprop_update update;
  float *g; /* MEPROP_STORE: row r of the gradient goes to g + r * stride */
  float *w, *first, *second; /* weights and moments, as the update kind needs them */
  size_t stride;             /* of g, w, first and second */
} meprop_weight_rows_arguments;

/* An optimizer step on rows whose gradient is stored. Part range: entries of `rows`. */
typedef struct {
  const uint32_t *rows; /* NULL: part range is the rows themselves */
  int compact;          /* the gradient of rows[t] is row t of g, not row rows[t] */
  meprop_update update;
  const float *g; /* NULL: the gradient is zero */
  size_t g_stride;
  float *w, *first, *second;
  size_t stride, columns;
} meprop_update_rows_arguments;

/* ---- forward products beside the dense library's --------------------------------------------- */

/* y <- x w' as dot products, for batches of a few examples. Overwrites. Part range: lines of 16
 * rows of w. */
typedef struct {
  const float *x;
  size_t x_stride, rows, columns;
  const float *w; /* [outputs, columns] */
  size_t w_stride, outputs;
  float *y;
  size_t y_stride;
} meprop_small_product_arguments;

/* ---- input that is mostly zero --------------------------------------------------------------- */

/* Non-zero entries of each row. Part range: rows. */
typedef struct {
  const float *x;
  size_t stride, columns;
  uint32_t *indices; /* [rows, list_stride], ascending */
  float *values;     /* [rows, list_stride]; left over beyond a row's count */
  size_t list_stride; /* room for all columns, and a multiple of 32 */
  uint32_t *starts; /* [rows, starts_stride]: where each block of 64 columns starts in the row's
                     * list, and its end */
  size_t starts_stride;
  int rounds; /* values are rounded to bf16 */
} meprop_nonzeros_arguments;

/* y <- x wt from lists of non-zeros: y[i] = sum over entries of value * wt[index], finished.
 * Overwrites. Where wt is NULL, w is read instead, with the same result to the bit. Part range:
 * lines of 16 columns of wt. */
typedef struct {
  const uint32_t *indices;
  const float *values;
  size_t list_stride;
  const uint32_t *starts;
  size_t starts_stride;
  size_t rows, blocks; /* blocks of 64 inputs, the last one may be short */
  const float *wt;     /* [inputs, outputs], or NULL */
  size_t wt_stride;
  float *y;
  size_t y_stride;
  meprop_finish finish;
  const float *w; /* [outputs, inputs]; not looked at where there is a wt */
  size_t w_stride, outputs, inputs;
} meprop_gather_product_arguments;

/* The same from a rounded copy of wt that K(transpose_bf16) has made. Part range: lines of 32
 * columns of wt. */
typedef struct {
  const uint32_t *indices;
  const float *values;
  size_t list_stride;
  const uint32_t *starts;
  size_t starts_stride;
  size_t rows, blocks;
  const uint16_t *wt;
  size_t wt_stride;
  float *y;
  size_t y_stride, outputs;
  meprop_finish finish;
} meprop_gather_bf16_arguments;

/* wt <- w' rounded to bf16, in an order of columns within each line of 32 that is the variant's
 * own. Part range: lines of 32 rows of w. */
typedef struct {
  const float *w; /* [rows, columns] */
  size_t stride, rows, columns;
  uint16_t *wt; /* [columns, rows] */
  size_t wt_stride;
} meprop_transpose_bf16_arguments;

/* wt <- w'. Part range: lines of 16 rows of w (16 columns of wt). */
typedef struct {
  const float *w; /* [rows, columns] */
  size_t stride, rows, columns;
  float *wt; /* [columns, rows] */
  size_t wt_stride;
} meprop_transpose_arguments;

/* The same for listed rows of w, whose columns of wt are overwritten. Part range: lines of 16
 * columns of w. */
typedef struct {
  const float *w;
  size_t stride, columns;
  const uint32_t *rows;
  size_t row_count;
  float *wt;
  size_t wt_stride;
} meprop_transpose_rows_arguments;

/* ---- features: a first layer as a sum -------------------------------------------------------- */

/* The input of a layer is P embeddings side by side, x[i] = (E[f[i][0]], ..., E[f[i][P - 1]]) of m
 * columns each, and its product is y[i] = sum over positions p of W[p] E[f[i][p]]. What position p
 * adds depends on the symbol there only, so it is computed once for each pair (position, symbol) of
 * a batch. Weights are [P * n, m]: row p * n + r belongs to output r at position p. */

/* Outputs that one part of the forward pass computes. */
#define MEPROP_FEATURE_BLOCK 64
/* The most columns of an embedding. */
#define MEPROP_FEATURE_COLUMNS 256
/* Pairs whose gradients are multiplied at once. */
#define MEPROP_FEATURE_TILE 4
/* What multiplying an entry costs, as a multiple of the cost for an output of a gradient that was
 * added up. */
#define MEPROP_FEATURE_ENTRY_COST 2

/* Lists the pairs of each position in order of first use, and their uses. Part range: positions. */
typedef struct {
  const uint32_t *features; /* [batch, positions]: symbols, each below symbol_count */
  size_t batch, positions, symbol_count;
  uint32_t *slots;   /* [positions, symbol_count]: zero before and after; parts use the slice of
                      * their first position */
  uint32_t *pairs;   /* [batch, positions]: the pair of each use, numbered from 0 at each
                      * position */
  uint32_t *counts;  /* [positions]: pairs */
  uint32_t *symbols; /* [positions, batch]: the symbol of each pair */
  uint32_t *starts;  /* [positions, batch + 1]: where the uses of each pair start */
  uint32_t *uses;    /* [positions, batch]: examples by pair, ascending */
} meprop_group_features_arguments;
void meprop_group_features(const void *arguments, size_t begin, size_t end);

/* y <- sums of what pairs add. Overwrites. Part range: blocks of MEPROP_FEATURE_BLOCK outputs. */
typedef struct {
  const float *e; /* embeddings [symbols, columns] */
  size_t e_stride, columns;
  const float *w; /* [positions * outputs, columns] */
  size_t w_stride, outputs;
  size_t batch, positions, pair_count;
  const uint32_t *pairs, *symbols; /* as grouped */
  const uint32_t *bases;           /* [positions + 1]: pairs of the positions before */
  float *table; /* scratch [blocks, pair_count, MEPROP_FEATURE_BLOCK]; parts use the slice of
                 * their first block */
  float *y;     /* [batch, outputs] */
  size_t y_stride;
} meprop_feature_forward_arguments;

/* A kept entry of an example that has `symbol` at some position. */
typedef struct {
  uint32_t symbol;
  float value;
} meprop_feature_entry;

/* Whether the gradients of a pair with so many uses, of which each keeps up to `kept` entries, are
 * added up before they are multiplied: cheaper where the pair is used often. */
static inline int meprop_feature_is_summed(size_t uses, size_t kept, size_t outputs) {
  return uses * kept * MEPROP_FEATURE_ENTRY_COST >= outputs;
}

/* Both gradients of such a layer, and the update of its weights. Pairs for which
 * meprop_feature_is_summed holds have their gradients added up first and multiplied densely, others
 * entry by entry. Part range: positions. */
typedef struct {
  const float *e;
  size_t e_stride, columns;
  float *w, *first, *second; /* weights [positions * outputs, columns] and moments, as the update
                              * kind needs them */
  size_t stride, outputs;
  size_t batch, positions;
  const uint32_t *symbols, *bases;
  const uint32_t *starts, *uses; /* by pair over all positions: entries starts[pair] ..<
                                  * starts[pair + 1] of uses */
  /* The gradient at the outputs: entries as selection leaves them, or where indices is NULL all of
   * d. */
  const uint32_t *indices;
  const float *values;
  const uint32_t *counts;
  size_t k;       /* the room of a list */
  size_t kept;    /* entries that an example keeps, on average */
  size_t entries_stride; /* those of the whole batch */
  const float *d;
  size_t d_stride;
  const uint32_t *rows; /* the outputs whose weights have a gradient or are updated; NULL: all */
  size_t row_count;
  meprop_update update;
  float *g; /* [positions * outputs, columns]: scratch, or with MEPROP_STORE the gradient of
             * listed rows */
  size_t g_stride;
  float *sums; /* scratch [positions, MEPROP_FEATURE_TILE, outputs rounded up to lines] */
  uint32_t *ends;                /* scratch [positions, outputs] */
  meprop_feature_entry *entries; /* scratch [positions, entries_stride]; not used where indices is
                                  * NULL */
  float *de;   /* [pairs, columns]: the gradient of each pair's embedding */
  size_t de_stride;
} meprop_feature_backward_arguments;

/* y[i] <- bias + sum over listed rows of two tables. Overwrites. Part range: rows of y. */
typedef struct {
  const uint32_t *rows; /* [batch, list_stride]: below `kept` rows of table, from there on rows
                         * of extra */
  size_t list_stride;
  const uint32_t *counts; /* [batch] */
  const float *table, *extra;
  uint32_t kept;
  size_t stride, columns; /* of both tables; columns also of y */
  const float *bias;
  float *y;
  size_t y_stride;
} meprop_row_sums_arguments;

/* y <- x^3, or with `gradient` y <- 3 x^2 y. y may be x. Part range: rows. */
typedef struct {
  const float *x;
  float *y;
  size_t stride, columns;
  int gradient;
} meprop_cube_arguments;

/* ---- small things ---------------------------------------------------------------------------- */

/* Bytes to floats times scale. Part range: rows. */
typedef struct {
  const uint8_t *bytes;    /* [examples, columns], contiguous */
  const uint32_t *examples; /* row i is example examples[i] */
  size_t columns;
  float scale;
  float *x;
  size_t stride;
} meprop_bytes_arguments;

/* out[c] = sum over chunks of partial sums, in order. Part range: lines of 16 columns. */
typedef struct {
  const float *sums;
  size_t chunks, stride;
  float *out;
} meprop_reduce_arguments;

/* ---- the variants ---------------------------------------------------------------------------- */

typedef struct {
  /* amx, avx512bf16, avx512vnni, avx512, avx2, neondot, neon or portable */
  const char *name;
  meprop_part activate, gradient, cross_entropy, softmax;
  meprop_part select, group_magnitudes, list_largest, list_sampled;
  meprop_part input_gradient, weight_rows, update_rows;
  meprop_part nonzeros, gather_product, small_product, transpose, transpose_rows;
  meprop_part round_rows, bf16_product, gather_bf16, transpose_bf16;
  meprop_part pack_pairs, pair_product; /* NULL but where bf16 numbers are multiplied */
  meprop_part pack_tiles, tile_product; /* NULL but with AMX */
  meprop_part bytes, reduce;
  /* For LSTM layers, and sums over rows. */
  meprop_part lstm_step, lstm_backward, lstm_backward_step, lstm_mask, column_sums, thin_product;
  /* For numbers of eight bits. Inputs are stored with input_offset added to each, modulo 256. */
  meprop_part quantize_rows, pack_bytes, byte_product, byte_linear, byte_lstm;
  uint8_t input_offset;
  /* For layers that are sums over features. */
  meprop_part feature_forward, feature_backward, row_sums, cube;
  /* For convolution and pooling. */
  meprop_part convolve, convolution_weights, convolution_spread;
  meprop_part convolution_rows, convolution_inputs;
  meprop_part move_images, gather_channels, pool, unpool, channel_sums;
  meprop_part norm_sums, norm, norm_gradient;
  /* Sum of squares of count floats (a multiple of 16), in double, in a fixed order. */
  double (*sum_of_squares)(const float *values, size_t count);
  /* The numbers of rows `row`, as dropout draws them: count 32-bit numbers (a multiple of 64). */
  void (*random_bits)(uint64_t seed, uint64_t stream, uint32_t row, uint32_t *bits, size_t count);
} meprop_kernels;

/* The fastest variant that this processor runs. */
const meprop_kernels *meprop_kernels_best(void);
/* The variant of that name, or NULL where this build or this processor lacks it. */
const meprop_kernels *meprop_kernels_named(const char *name);

/* Philox4x32-10 (Salmon et al., SC 2011) on one block. */
void meprop_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* ---- worker pool ----------------------------------------------------------------------------- */

typedef struct meprop_pool meprop_pool;

/* A pool of `threads` - 1 workers (the caller is one more), or NULL where threads cannot be had.
 * `prepare` is called once on each worker as it starts. */
meprop_pool *meprop_pool_create(int threads, void (*prepare)(void));
void meprop_pool_destroy(meprop_pool *pool);
/* The number of processors that this process may use, at least 1. */
int meprop_available_processors(void);
/* Does parts [0, grain), [grain, 2 grain), … of [0, count) on all workers and returns when all are
 * done. A worker begins with the same share of the parts each time, so that it meets data that it
 * had before, and then takes what others have left. Not reentrant. With one thread, or one part,
 * everything happens on the caller. Denormal numbers count as zero. */
void meprop_pool_run(meprop_pool *pool, meprop_part part, const void *arguments, size_t count,
                     size_t grain);

#endif
