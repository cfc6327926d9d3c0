/* Rounding to bf16 and products of bf16 operands. */
#include "check.h"

#include <math.h>
#include <string.h>

/* Two bf16 numbers lie in the place of a float: a matrix of half the columns holds them. */
static matrix bf16_new(size_t rows, size_t columns) {
  return matrix_new(rows, (columns + 1) / 2, GARBAGE);
}

static uint16_t *bf16_row(const matrix *a, size_t row) {
  return (uint16_t *)(void *)row_of(a, row);
}

static float widen(uint16_t a) {
  uint32_t bits = (uint32_t)a << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

/* The nearest bf16, found by trying both neighbours. */
static uint16_t nearest(float a) {
  uint32_t bits;
  memcpy(&bits, &a, sizeof bits);
  uint16_t below = (uint16_t)(bits >> 16), above = (uint16_t)(below + 1);
  if ((bits & 0xffff) == 0) return below;
  double down = fabs((double)a - widen(below)), up = fabs((double)widen(above) - a);
  return down < up ? below : up < down ? above : (below & 1) == 0 ? below : above;
}

static matrix rounded(const meprop_kernels *kernels, const matrix *a) {
  matrix b = bf16_new(a->rows, a->columns);
  /* a line more than the columns need, as the contract has it */
  for (size_t r = 0; r < a->rows; r++)
    memset(bf16_row(&b, r), 0xff, lines((a->columns + 1) / 2) * MEPROP_LINE * sizeof(float));
  meprop_round_rows_arguments arguments = {.from = a->v,
                                           .from_stride = a->stride,
                                           .columns = a->columns,
                                           .to = bf16_row(&b, 0),
                                           .to_stride = b.stride * 2};
  run_parts(kernels->round_rows, &arguments, a->rows);
  for (size_t r = 0; r < a->rows; r++) {
    for (size_t c = 0; c < a->columns; c++)
      expect_equal("rounded", r, c, bf16_row(&b, r)[c], nearest(row_of(a, r)[c]));
    for (size_t c = a->columns; c < lines((a->columns + 1) / 2) * MEPROP_BF16_LINE; c++)
      expect_equal("padding", r, c, bf16_row(&b, r)[c], 0);
  }
  return b;
}

/* Only listed rows change. */
static void check_listed_rows(const meprop_kernels *kernels, const matrix *w, matrix *copy) {
  uint32_t count = 0, *rows = guarded_new((w->rows + 1) / 3, sizeof *rows);
  matrix changed = matrix_like(w, w->rows, RANDOM);
  for (size_t r = 1; r < w->rows; r += 3) rows[count++] = (uint32_t)r;
  meprop_round_rows_arguments arguments = {.rows = rows,
                                           .from = changed.v,
                                           .from_stride = changed.stride,
                                           .columns = w->columns,
                                           .to = bf16_row(copy, 0),
                                           .to_stride = copy->stride * 2};
  run_parts(kernels->round_rows, &arguments, count);
  for (size_t r = 0; r < w->rows; r++)
    for (size_t c = 0; c < w->columns; c++)
      expect_equal("listed", r, c, bf16_row(copy, r)[c],
                   nearest(row_of(r % 3 == 1 ? &changed : w, r)[c]));
  matrix_free(&changed, "changed");
  list_free(rows, "rows");
}

/* The product that skips zeros, from lists of non-zeros and a rounded transpose. */
static void check_gather(const meprop_kernels *kernels, const matrix *w, size_t batch) {
  size_t n = w->rows, m = w->columns, blocks = (m + 63) / 64, list_stride = (m + 31) / 32 * 32;
  uint32_t *indices = guarded_new(batch * list_stride, sizeof *indices);
  uint32_t *starts = guarded_new(batch * (blocks + 1), sizeof *starts);
  float *values = guarded_new(batch * list_stride, sizeof *values);
  matrix x = matrix_new(batch, m, RANDOM), y = matrix_new(batch, n, GARBAGE),
         wt = bf16_new(m, (n + 31) / 32 * 32);
  for (size_t i = 0; i < batch; i++)
    for (size_t c = 0; c < m; c++)
      if (next_random() % 3 != 0) row_of(&x, i)[c] = 0;
  meprop_nonzeros_arguments list = {.x = x.v,
                                    .stride = x.stride,
                                    .columns = m,
                                    .indices = indices,
                                    .values = values,
                                    .list_stride = list_stride,
                                    .starts = starts,
                                    .starts_stride = blocks + 1,
                                    .rounds = 1};
  run_parts(kernels->nonzeros, &list, batch);
  meprop_transpose_bf16_arguments transpose = {.w = w->v,
                                               .stride = w->stride,
                                               .rows = n,
                                               .columns = m,
                                               .wt = bf16_row(&wt, 0),
                                               .wt_stride = wt.stride * 2};
  run_parts(kernels->transpose_bf16, &transpose, (n + 31) / 32);
  meprop_gather_bf16_arguments gather = {.indices = indices,
                                         .values = values,
                                         .list_stride = list_stride,
                                         .starts = starts,
                                         .starts_stride = blocks + 1,
                                         .rows = batch,
                                         .blocks = blocks,
                                         .wt = bf16_row(&wt, 0),
                                         .wt_stride = wt.stride * 2,
                                         .y = y.v,
                                         .y_stride = y.stride,
                                         .outputs = n};
  run_parts(kernels->gather_bf16, &gather, (n + 31) / 32);
  for (size_t i = 0; i < batch; i++)
    for (size_t r = 0; r < n; r++) {
      double sum = 0, magnitude = 0;
      for (size_t c = 0; c < m; c++) {
        double term =
            (double)widen(nearest(row_of(&x, i)[c])) * (double)widen(nearest(row_of(w, r)[c]));
        sum += term;
        magnitude += fabs(term);
      }
      expect_near("gathered", i, r, row_of(&y, i)[r], sum, magnitude, 8);
    }
  matrix plain = matrix_copy(&y), bias = matrix_new(1, n, RANDOM);
  gather.finish = (meprop_finish){.bias = bias.v, .rectifies = 1};
  run_parts(kernels->gather_bf16, &gather, (n + 31) / 32);
  expect_finished(&y, &plain, &bias, 1);
  matrix_free(&plain, "y without a bias");
  matrix_free(&bias, "bias");
  matrix_free(&x, "x");
  matrix_free(&y, "y");
  matrix_free(&wt, "wt");
  list_free(indices, "indices");
  list_free(starts, "starts");
  list_free(values, "values");
}

/* The product by matrix tiles, of factors that it rounds itself. */
static void check_tiles(const meprop_kernels *kernels, const matrix *x, const matrix *w) {
  if (kernels->tile_product == NULL) return;
  size_t batch = x->rows, n = w->rows, m = x->columns, tile = 16 * 32;
  size_t tiles = (batch + 15) / 16 * ((n + 31) / 32);
  uint16_t *packed = guarded_new((batch + 15) / 16 * ((m + 31) / 32) * tile, sizeof *packed);
  uint16_t *packed_y = guarded_new(tiles * tile, sizeof *packed_y);
  uint16_t *expected_y = guarded_new(tiles * tile, sizeof *expected_y);
  matrix y = matrix_new(batch, n, ZERO);
  meprop_pack_tiles_arguments packing = {
      .x = x->v, .stride = x->stride, .rows = batch, .columns = m, .packed = packed};
  run_parts(kernels->pack_tiles, &packing, (batch + 15) / 16);
  meprop_tile_product_arguments product = {.packed = packed, .rows = batch, .columns = m, .w = w->v,
    .w_stride = w->stride, .outputs = n, .y = y.v, .y_stride = y.stride};
  run_parts(kernels->tile_product, &product, lines(n));
  for (size_t i = 0; i < batch; i++)
    for (size_t r = 0; r < n; r++) {
      double sum = 0, magnitude = 0;
      for (size_t c = 0; c < m; c++) {
        double term =
            (double)widen(nearest(row_of(x, i)[c])) * (double)widen(nearest(row_of(w, r)[c]));
        sum += term;
        magnitude += fabs(term);
      }
      expect_near("tiles", i, r, row_of(&y, i)[r], sum, magnitude, 8);
    }
  matrix plain = matrix_copy(&y), bias = matrix_new(1, n, RANDOM);
  product.finish = (meprop_finish){.bias = bias.v, .rectifies = 1};
  product.packed_y = packed_y;
  run_parts(kernels->tile_product, &product, lines(n));
  expect_finished(&y, &plain, &bias, 1);
  packing = (meprop_pack_tiles_arguments){
      .x = y.v, .stride = y.stride, .rows = batch, .columns = n, .packed = expected_y};
  run_parts(kernels->pack_tiles, &packing, (batch + 15) / 16);
  for (size_t i = 0; i < tiles * tile; i++)
    /* what is no example may be anything */
    if (i / (tiles / ((batch + 15) / 16) * tile) * 16 + i / 2 % 16 < batch)
      expect_equal("packed y", i / tile, i % tile, packed_y[i], expected_y[i]);
  matrix_free(&y, "y");
  matrix_free(&plain, "y without a bias");
  matrix_free(&bias, "bias");
  list_free(packed, "packed");
  list_free(packed_y, "packed y");
  list_free(expected_y, "expected y");
}

/* The product of rounded rows and of rows packed as pairs: x w, of as many rows of w as x has
 * columns. */
static void check_pairs(const meprop_kernels *kernels, size_t batch, size_t n, size_t m) {
  if (kernels->pair_product == NULL) return;
  size_t panels = (n + 63) / 64, pairs = (m + 31) / 32 * 16;
  uint16_t *packed = guarded_new(panels * pairs * 128, sizeof *packed);
  matrix x = matrix_new(batch, m, RANDOM), b = matrix_new(m, n, RANDOM),
         c = matrix_new(batch, n, ZERO);
  matrix padded = matrix_new((batch + 15) / 16 * 16, (m + 31) / 32 * 32, ZERO);
  for (size_t i = 0; i < batch; i++) memcpy(row_of(&padded, i), row_of(&x, i), m * sizeof(float));
  matrix a = rounded(kernels, &padded);
  meprop_pack_pairs_arguments packing = {
      .b = b.v, .stride = b.stride, .rows = m, .columns = n, .packed = packed};
  run_parts(kernels->pack_pairs, &packing, (n + 63) / 64);
  meprop_pair_product_arguments product = {.a = bf16_row(&a, 0),
                                           .a_stride = a.stride * 2,
                                           .rows = batch,
                                           .inner = m,
                                           .packed = packed,
                                           .columns = n,
                                           .c = c.v,
                                           .c_stride = c.stride};
  run_parts(kernels->pair_product, &product, (batch + 15) / 16);
  for (size_t i = 0; i < batch; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0, magnitude = 0;
      for (size_t r = 0; r < m; r++) {
        double term =
            (double)widen(nearest(row_of(&x, i)[r])) * (double)widen(nearest(row_of(&b, r)[j]));
        sum += term;
        magnitude += fabs(term);
      }
      expect_near("pairs", i, j, row_of(&c, i)[j], sum, magnitude, 8);
    }
  matrix_free(&x, "x");
  matrix_free(&b, "b");
  matrix_free(&c, "c");
  matrix_free(&padded, "padded");
  matrix_free(&a, "a");
  list_free(packed, "packed");
}

void check_bf16(const meprop_kernels *kernels, size_t batch, size_t n, size_t m) {
  begin_case(kernels->name, "bf16", batch, n, m);
  matrix x = matrix_new(batch, m, RANDOM), w = matrix_new(n, m, RANDOM),
         y = matrix_new(batch, n, GARBAGE);
  matrix rounded_x = rounded(kernels, &x), rounded_w = rounded(kernels, &w);
  meprop_bf16_product_arguments arguments = {.x = bf16_row(&rounded_x, 0),
                                             .x_stride = rounded_x.stride * 2,
                                             .rows = batch,
                                             .columns = m,
                                             .w = bf16_row(&rounded_w, 0),
                                             .w_stride = rounded_w.stride * 2,
                                             .outputs = n,
                                             .y = y.v,
                                             .y_stride = y.stride};
  run_parts(kernels->bf16_product, &arguments, (n + MEPROP_LINE - 1) / MEPROP_LINE);
  for (size_t i = 0; i < batch; i++)
    for (size_t r = 0; r < n; r++) {
      double sum = 0, magnitude = 0;
      for (size_t c = 0; c < m; c++) {
        double term =
            (double)widen(bf16_row(&rounded_x, i)[c]) * (double)widen(bf16_row(&rounded_w, r)[c]);
        sum += term;
        magnitude += fabs(term);
      }
      expect_near("y", i, r, row_of(&y, i)[r], sum, magnitude, 8);
    }
  check_gather(kernels, &w, batch);
  check_tiles(kernels, &x, &w);
  check_pairs(kernels, batch, n, m);
  if (n <= 190) check_listed_rows(kernels, &w, &rounded_w);
  matrix_free(&x, "x");
  matrix_free(&w, "w");
  matrix_free(&y, "y");
  matrix_free(&rounded_x, "rounded x");
  matrix_free(&rounded_w, "rounded w");
}
