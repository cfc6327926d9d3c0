/* Inputs that are mostly zero, transposition, bytes to floats, reductions. */
#include "check.h"

#include <math.h>

enum { BLOCK = 64 };

static void check_gather(const meprop_kernels *kernels, size_t rows, size_t columns) {
  size_t outputs = 1 + next_random() % 50, blocks = (columns + BLOCK - 1) / BLOCK,
         starts_stride = blocks + 1, room = (columns + 31) / 32 * 32;
  uint32_t *indices = guarded_new(rows * room, sizeof *indices);
  uint32_t *starts = guarded_new(rows * starts_stride, sizeof *starts);
  float *values = guarded_new(rows * room, sizeof *values);
  matrix x = matrix_new(rows, columns, RANDOM), wt = matrix_new(columns, outputs, RANDOM);
  matrix y = matrix_new(rows, outputs, GARBAGE);
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++)
      if (next_random() % 4 != 0) row_of(&x, r)[c] = 0;
  begin_case(kernels->name, "nonzeros", rows, columns, 0);
  meprop_nonzeros_arguments list = {.x = x.v,
                                    .stride = x.stride,
                                    .columns = columns,
                                    .indices = indices,
                                    .values = values,
                                    .list_stride = room,
                                    .starts = starts,
                                    .starts_stride = starts_stride};
  run_parts(kernels->nonzeros, &list, rows);
  for (size_t r = 0; r < rows; r++) {
    size_t found = 0;
    for (size_t c = 0; c < columns; c++) {
      if (c % BLOCK == 0)
        expect_equal("start", r, c / BLOCK, starts[r * starts_stride + c / BLOCK],
                     (long long)found);
      if (row_of(&x, r)[c] == 0) continue;
      expect_equal("index", r, found, indices[r * room + found], (long long)c);
      expect_near("value", r, found, values[r * room + found], row_of(&x, r)[c], 0, 0);
      found++;
    }
    expect_equal("end", r, blocks, starts[r * starts_stride + blocks], (long long)found);
  }
  begin_case(kernels->name, "gather_product", rows, columns, outputs);
  meprop_gather_product_arguments product = {.indices = indices,
                                             .values = values,
                                             .list_stride = room,
                                             .starts = starts,
                                             .starts_stride = starts_stride,
                                             .rows = rows,
                                             .blocks = blocks,
                                             .wt = wt.v,
                                             .wt_stride = wt.stride,
                                             .y = y.v,
                                             .y_stride = y.stride};
  run_parts(kernels->gather_product, &product, lines(outputs));
  for (size_t r = 0; r < rows; r++)
    for (size_t o = 0; o < outputs; o++) {
      double want = 0, magnitude = 0;
      for (size_t c = 0; c < columns; c++) {
        double term = (double)row_of(&x, r)[c] * row_of(&wt, c)[o];
        want += term;
        magnitude += fabs(term);
      }
      expect_near("y", r, o, row_of(&y, r)[o], want, magnitude, (double)columns + 1);
    }
  matrix plain = matrix_copy(&y), bias = matrix_new(1, outputs, RANDOM);
  for (int rectifies = 0; rectifies < 2; rectifies++) {
    product.finish = (meprop_finish){.bias = bias.v, .rectifies = rectifies};
    run_parts(kernels->gather_product, &product, lines(outputs));
    expect_finished(&y, &plain, &bias, rectifies);
  }
  begin_case(kernels->name, "gather_product of w", rows, columns, outputs);
  matrix w = matrix_new(outputs, columns, ZERO), same = matrix_like(&y, rows, GARBAGE);
  for (size_t o = 0; o < outputs; o++)
    for (size_t c = 0; c < columns; c++) row_of(&w, o)[c] = row_of(&wt, c)[o];
  product.wt = NULL;
  product.w = w.v;
  product.w_stride = w.stride;
  product.outputs = outputs;
  product.inputs = columns;
  product.y = same.v;
  product.y_stride = same.stride;
  product.finish = (meprop_finish){.bias = NULL};
  run_parts(kernels->gather_product, &product, lines(outputs));
  for (size_t r = 0; r < rows; r++)
    for (size_t o = 0; o < outputs; o++)
      expect_near("y", r, o, row_of(&same, r)[o], row_of(&plain, r)[o], 0, 0);
  matrix_free(&w, "w");
  matrix_free(&same, "y");
  matrix_free(&plain, "y without a bias");
  matrix_free(&bias, "bias");
  matrix_free(&x, "x");
  matrix_free(&wt, "wt");
  matrix_free(&y, "y");
  list_free(indices, "indices");
  list_free(starts, "starts");
  list_free(values, "values");
}

static void check_transpose(const meprop_kernels *kernels, size_t rows, size_t columns) {
  begin_case(kernels->name, "transpose", rows, columns, 0);
  matrix w = matrix_new(rows, columns, RANDOM), wt = matrix_new(columns, rows, GARBAGE);
  meprop_transpose_arguments a = {.w = w.v,
                                  .stride = w.stride,
                                  .rows = rows,
                                  .columns = columns,
                                  .wt = wt.v,
                                  .wt_stride = wt.stride};
  run_parts(kernels->transpose, &a, lines(rows));
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++)
      expect_near("wt", c, r, row_of(&wt, c)[r], row_of(&w, r)[c], 0, 0);
  matrix_free(&w, "w");
  matrix_free(&wt, "wt");
}

static void check_transpose_rows(const meprop_kernels *kernels, size_t rows, size_t columns) {
  begin_case(kernels->name, "transpose_rows", rows, columns, 0);
  matrix w = matrix_new(rows, columns, RANDOM), wt = matrix_new(columns, rows, RANDOM);
  matrix before = matrix_new(columns, rows, GARBAGE);
  for (size_t c = 0; c < columns; c++)
    for (size_t r = 0; r < rows; r++) row_of(&before, c)[r] = row_of(&wt, c)[r];
  size_t first = next_random() % 3, count = rows > first ? (rows - first + 2) / 3 : 0;
  uint32_t *listed = guarded_new(count, sizeof *listed);
  for (size_t t = 0; t < count; t++) listed[t] = (uint32_t)(first + 3 * t);
  meprop_transpose_rows_arguments a = {.w = w.v,
                                       .stride = w.stride,
                                       .columns = columns,
                                       .rows = listed,
                                       .row_count = count,
                                       .wt = wt.v,
                                       .wt_stride = wt.stride};
  run_parts(kernels->transpose_rows, &a, lines(columns));
  for (size_t r = 0, t = 0; r < rows; r++) {
    int is_listed = t < count && listed[t] == r;
    t += (size_t)is_listed;
    for (size_t c = 0; c < columns; c++)
      expect_near("wt", c, r, row_of(&wt, c)[r],
                  is_listed ? row_of(&w, r)[c] : row_of(&before, c)[r], 0, 0);
  }
  list_free(listed, "listed");
  matrix_free(&w, "w");
  matrix_free(&wt, "wt");
  matrix_free(&before, "before");
}

static void check_small_product(const meprop_kernels *kernels, size_t rows, size_t columns) {
  size_t outputs = 1 + next_random() % 40;
  begin_case(kernels->name, "small_product", rows, columns, outputs);
  matrix x = matrix_new(rows, columns, RANDOM), w = matrix_new(outputs, columns, RANDOM);
  matrix y = matrix_new(rows, outputs, GARBAGE);
  meprop_small_product_arguments a = {.x = x.v,
                                      .x_stride = x.stride,
                                      .rows = rows,
                                      .columns = columns,
                                      .w = w.v,
                                      .w_stride = w.stride,
                                      .outputs = outputs,
                                      .y = y.v,
                                      .y_stride = y.stride};
  run_parts(kernels->small_product, &a, lines(outputs));
  for (size_t r = 0; r < rows; r++)
    for (size_t o = 0; o < outputs; o++) {
      double want = 0, magnitude = 0;
      for (size_t c = 0; c < columns; c++) {
        double term = (double)row_of(&x, r)[c] * row_of(&w, o)[c];
        want += term;
        magnitude += fabs(term);
      }
      expect_near("y", r, o, row_of(&y, r)[o], want, magnitude, (double)columns + 1);
    }
  matrix_free(&x, "x");
  matrix_free(&w, "w");
  matrix_free(&y, "y");
}

static void check_bytes(const meprop_kernels *kernels, size_t rows, size_t columns) {
  uint8_t *bytes = guarded_new(rows * columns, 1);
  uint32_t *examples = guarded_new(rows, sizeof *examples);
  begin_case(kernels->name, "bytes", rows, columns, 0);
  for (size_t i = 0; i < rows * columns; i++) bytes[i] = (uint8_t)next_random();
  for (size_t r = 0; r < rows; r++) examples[r] = next_random() % (uint32_t)rows;
  matrix x = matrix_new(rows, columns, GARBAGE);
  float scale = 1.0f / 255;
  meprop_bytes_arguments a = {.bytes = bytes,
                              .examples = examples,
                              .columns = columns,
                              .scale = scale,
                              .x = x.v,
                              .stride = x.stride};
  run_parts(kernels->bytes, &a, rows);
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++)
      expect_near("x", r, c, row_of(&x, r)[c], (float)bytes[examples[r] * columns + c] * scale, 0,
                  0);
  matrix_free(&x, "x");
  list_free(bytes, "bytes");
  list_free(examples, "examples");
}

static void check_reductions(const meprop_kernels *kernels, size_t rows, size_t columns) {
  begin_case(kernels->name, "reduce", rows, columns, 0);
  matrix sums = matrix_new(rows, columns, RANDOM), out = matrix_new(1, columns, GARBAGE);
  meprop_reduce_arguments a = {.sums = sums.v, .chunks = rows, .stride = sums.stride, .out = out.v};
  run_parts(kernels->reduce, &a, lines(columns));
  double squares = 0;
  for (size_t c = 0; c < columns; c++) {
    double want = 0, magnitude = 0;
    for (size_t r = 0; r < rows; r++) {
      double entry = row_of(&sums, r)[c];
      want += entry;
      magnitude += fabs(entry);
      squares += entry * entry;
    }
    expect_near("out", 0, c, out.v[c], want, magnitude, (double)rows);
  }
  double got = 0;
  for (size_t r = 0; r < rows; r++)
    got += kernels->sum_of_squares(row_of(&sums, r), lines(columns) * MEPROP_LINE);
  expect_near("sum of squares", 0, 0, got, squares, squares, 256);
  matrix_free(&sums, "sums");
  matrix_free(&out, "out");
}

void check_data(const meprop_kernels *kernels, size_t rows, size_t columns) {
  check_gather(kernels, rows, columns);
  check_transpose(kernels, columns, rows);
  check_transpose_rows(kernels, columns, rows);
  check_small_product(kernels, rows, columns);
  check_bytes(kernels, rows, columns);
  check_reductions(kernels, rows, columns);
}
