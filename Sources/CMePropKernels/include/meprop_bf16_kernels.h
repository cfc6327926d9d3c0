/* Arguments of the dense products of bf16 operands. The legend and the contract of meprop_kernels.h
 * hold here too. */
#ifndef MEPROP_BF16_KERNELS_H
#define MEPROP_BF16_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "meprop_finish.h"

/* Rows of bf16 numbers start every multiple of this many, padded with zeros to whole lines. */
#define MEPROP_BF16_LINE 32

/* ---- bf16 operands --------------------------------------------------------------------------- */

/* Rows of floats rounded to bf16 (nearest, ties to even; NaN stays NaN). Part range: entries of
 * `rows`. */
typedef struct {
  const uint32_t *rows; /* NULL: part range is the rows themselves */
  const float *from;
  size_t from_stride, columns;
  uint16_t *to;
  size_t to_stride;
} meprop_round_rows_arguments;

/* y <- x w' of bf16 operands, summed in f32 as dot products. Overwrites. Part range: lines of 16
 * rows of w. */
typedef struct {
  const uint16_t *x;
  size_t x_stride, rows, columns;
  const uint16_t *w; /* [outputs, columns] */
  size_t w_stride, outputs;
  float *y;
  size_t y_stride;
} meprop_bf16_product_arguments;

/* Rows of b rounded into pairs: packed [panels of 64 columns, pairs of rows, 64 columns, 2], where
 * pairs are padded with zeros to a multiple of 16 and columns to a multiple of 64. Part range:
 * panels. */
typedef struct {
  const float *b;
  size_t stride, rows, columns;
  uint16_t *packed;
} meprop_pack_pairs_arguments;

/* c <- a b from a rounded and b packed as pairs, summed in f32. Overwrites. Part range: lines of 16
 * rows of c. */
typedef struct {
  const uint16_t *a; /* [rows, inner], padded to 32 columns with zeros; room for a multiple of 16
                      * rows */
  size_t a_stride, rows, inner;
  const uint16_t *packed; /* of b [inner, columns] */
  size_t columns;
  float *c;
  size_t c_stride;
} meprop_pair_product_arguments;

/* ---- matrix tiles ---------------------------------------------------------------------------- */

/* Examples as tiles of bf16 numbers, rounded. Part range: tiles of 16 rows of x. */
typedef struct {
  const float *x;
  size_t stride, rows, columns;
  uint16_t *packed; /* [tiles of 16 rows, steps of 32 columns, 16 pairs of columns, 16 rows, 2] */
} meprop_pack_tiles_arguments;

#define MEPROP_TILE_EXAMPLES 512

/* y <- x w' from packed x, of at most MEPROP_TILE_EXAMPLES rows, and w, which is rounded likewise;
 * finished. Overwrites. Part range: lines of 16 rows of w, best an even number. */
typedef struct {
  const uint16_t *packed;
  size_t rows, columns; /* of x */
  const float *w;       /* [outputs, columns] */
  size_t w_stride, outputs;
  float *y;
  size_t y_stride;
  meprop_finish finish;
  uint16_t *packed_y; /* y as pack_tiles packs it, for the product that reads it next; NULL: not
                       * wanted */
} meprop_tile_product_arguments;

#endif
