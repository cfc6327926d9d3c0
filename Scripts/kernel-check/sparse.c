/* Selection, regrouping, and the two sparse products. */
#include "check.h"

#include <math.h>
#include <string.h>

enum { MOST_COLUMNS = 256 };

/* What selection leaves: [batch, k], [batch]. */
static uint32_t *indices, *counts;
static float *values;

/* Whether entry a of a row goes before entry b: the larger magnitude, of equals the lower index. */
static int precedes(const float *row, size_t a, size_t b) {
  float x = fabsf(row[a]), y = fabsf(row[b]);
  return x > y || (x == y && a < b);
}

static void check_selection(const meprop_kernels *kernels, const matrix *d, size_t k) {
  begin_case(kernels->name, "select", d->rows, d->columns, k);
  matrix norms = matrix_new(1, d->rows, ZERO);
  for (size_t r = 0; r < d->rows; r++)
    for (size_t c = 0; c < d->columns; c++) norms.v[r] += fabsf(row_of(d, r)[c]);
  int32_t nan_row = 0;
  meprop_select_arguments a = {.d = d->v,
                               .stride = d->stride,
                               .columns = d->columns,
                               .k = k,
                               .norms = norms.v,
                               .indices = indices,
                               .values = values,
                               .counts = counts,
                               .nan_row = &nan_row};
  run_parts(kernels->select, &a, d->rows);
  expect_equal("row with NaN", 0, 0, nan_row, 0);
  for (size_t r = 0; r < d->rows; r++) {
    const float *row = row_of(d, r);
    size_t kept = 0;
    for (size_t c = 0; c < d->columns; c++) {
      size_t rank = 0;
      for (size_t other = 0; other < d->columns; other++) rank += (size_t)precedes(row, other, c);
      if (rank >= k || row[c] == 0) continue;
      if (kept < counts[r]) {
        expect_equal("index", r, kept, indices[r * k + kept], (long long)c);
        expect_near("value", r, kept, values[r * k + kept], row[c], 0, 0);
      }
      kept++;
    }
    expect_equal("count", r, 0, counts[r], (long long)kept);
  }
  float *broken = row_of(d, d->rows / 2) + next_random() % d->columns;
  float before = *broken;
  *broken = NAN;
  run_parts(kernels->select, &a, d->rows);
  expect_equal("row with NaN", 0, 0, nan_row, (long long)(d->rows / 2) + 1);
  *broken = before;
  run_parts(kernels->select, &a, d->rows);
  matrix_free(&norms, "norms");
}

/* Sums of magnitudes over groups of 16 examples, and what a support leaves in unit memory. */
static void check_groups(const meprop_kernels *kernels, const matrix *d) {
  size_t group = 16, groups = (d->rows + group - 1) / group;
  matrix out = matrix_like(d, groups, GARBAGE), norms = matrix_new(1, groups, GARBAGE);
  begin_case(kernels->name, "group_magnitudes", d->rows, d->columns, 0);
  meprop_group_magnitudes_arguments a = {.d = d->v,
                                         .stride = d->stride,
                                         .rows = d->rows,
                                         .columns = d->columns,
                                         .group = group,
                                         .magnitudes = out.v,
                                         .norms = norms.v};
  run_parts(kernels->group_magnitudes, &a, groups);
  for (size_t g = 0; g < groups; g++) {
    double norm = 0;
    for (size_t c = 0; c < d->columns; c++) {
      double want = 0;
      for (size_t i = g * group; i < d->rows && i < (g + 1) * group; i++)
        want += fabs(row_of(d, i)[c]);
      expect_near("sum", g, c, row_of(&out, g)[c], want, want, 16);
      norm += want;
    }
    expect_near("norm", g, 0, norms.v[g], norm, norm, 64);
  }
  matrix_free(&out, "magnitudes");
  matrix_free(&norms, "norms");
}

static void check_remainder(const char *variant, const meprop_support *support, size_t batch,
                            size_t n) {
  begin_case(variant, "remainder", batch, n, 0);
  matrix sums = matrix_new(1, n, RANDOM), memory = matrix_new(1, n, GARBAGE);
  double kept[MOST_COLUMNS] = {0};
  for (size_t t = 0; t < support->row_count; t++)
    for (size_t e = support->starts[t]; e < support->starts[t + 1]; e++)
      kept[support->rows[t]] += support->weights[e];
  meprop_remainder(support, sums.v, batch, n, memory.v);
  for (size_t c = 0; c < n; c++)
    expect_near("memory", 0, c, memory.v[c], (sums.v[c] - kept[c]) / (double)batch, 40, 4);
  matrix_free(&sums, "sums");
  matrix_free(&memory, "memory");
}

static void check_products(const meprop_kernels *kernels, size_t batch, size_t n, size_t m,
                           size_t k) {
  uint32_t *cursor = guarded_new(n + 1, sizeof *cursor), *rows = guarded_new(n, sizeof *rows);
  uint32_t *starts = guarded_new(n + 1, sizeof *starts);
  uint32_t *examples = guarded_new(batch * k, sizeof *examples);
  float *weights = guarded_new(batch * k, sizeof *weights);
  for (int all_rows = 0; all_rows < 2; all_rows++) {
    size_t touched;
    size_t row_count = meprop_regroup(indices, values, counts, batch, k, n, all_rows, cursor, rows,
                                      starts, examples, weights, &touched);
    size_t with_entries = 0;
    for (size_t t = 0; t < row_count; t++) with_entries += starts[t] != starts[t + 1];
    begin_case(kernels->name, "regroup", batch, n, k);
    expect_equal("touched rows", 0, 0, (long long)touched, (long long)with_entries);
    meprop_support support = {.row_count = row_count,
                              .rows = rows,
                              .starts = starts,
                              .examples = examples,
                              .weights = weights};
    check_remainder(kernels->name, &support, batch, n);
    matrix x = matrix_new(batch, m, RANDOM), w = matrix_new(n, m, RANDOM);
    matrix dx = matrix_new(batch, m, GARBAGE), g = matrix_new(n, m, GARBAGE);
    begin_case(kernels->name, "input_gradient", batch, m, k);
    meprop_input_gradient_arguments input = {.indices = indices,
                                             .values = values,
                                             .counts = counts,
                                             .batch = batch,
                                             .k = k,
                                             .outputs = n,
                                             .entries = batch * k,
                                             .w = w.v,
                                             .w_stride = w.stride,
                                             .dx = dx.v,
                                             .dx_stride = dx.stride};
    run_parts(kernels->input_gradient, &input, lines(m));
    for (size_t i = 0; i < batch; i++)
      for (size_t c = 0; c < m; c++) {
        double want = 0, magnitude = 0;
        for (size_t j = 0; j < counts[i]; j++) {
          double term = (double)values[i * k + j] * row_of(&w, indices[i * k + j])[c];
          want += term;
          magnitude += fabs(term);
        }
        expect_near("dx", i, c, row_of(&dx, i)[c], want, magnitude, (double)k + 1);
      }

    begin_case(kernels->name, "weight_rows", n, m, k);
    meprop_weight_rows_arguments weight = {.support = support,
                                           .x = x.v,
                                           .x_stride = x.stride,
                                           .batch = batch,
                                           .columns = m,
                                           .update = {.kind = MEPROP_STORE},
                                           .g = g.v,
                                           .stride = g.stride};
    run_parts(kernels->weight_rows, &weight, row_count);
    size_t listed = 0;
    for (size_t r = 0; r < n; r++) {
      int touched = all_rows;
      for (size_t i = 0; i < batch; i++)
        for (size_t j = 0; j < counts[i]; j++) touched |= indices[i * k + j] == r;
      if (touched && listed < row_count) expect_equal("row", listed, 0, rows[listed], (long long)r);
      listed += (size_t)touched;
      for (size_t c = 0; c < m; c++) {
        double want = 0, magnitude = 0;
        for (size_t i = 0; i < batch; i++)
          for (size_t j = 0; j < counts[i]; j++)
            if (indices[i * k + j] == r) {
              double term = (double)values[i * k + j] * row_of(&x, i)[c];
              want += term;
              magnitude += fabs(term);
            }
        if (touched) expect_near("dW", r, c, row_of(&g, r)[c], want, magnitude, (double)batch + 1);
        else expect_equal("untouched dW is still garbage", r, c, isnan(row_of(&g, r)[c]) != 0, 1);
      }
    }
    expect_equal("rows listed", 0, 0, (long long)row_count, (long long)listed);
    matrix_free(&x, "x");
    matrix_free(&w, "w");
    matrix_free(&dx, "dx");
    matrix_free(&g, "dW");
  }
  list_free(cursor, "cursor");
  list_free(rows, "rows");
  list_free(starts, "starts");
  list_free(examples, "examples");
  list_free(weights, "weights");
}

void check_sparse(const meprop_kernels *kernels, size_t batch, size_t n, size_t m, size_t k) {
  matrix d = matrix_new(batch, n, RANDOM);
  for (size_t r = 0; r < batch; r++)
    for (size_t c = 0; c < n; c++) {
      float *entry = row_of(&d, r) + c;
      if (r % 4 == 1) *entry = roundf(*entry * 3) / 3;             /* ties and zeros */
      if (r % 4 == 2) *entry = ldexpf(*entry, (int)(c % 40) - 30); /* many scales */
      if (r % 4 == 3) *entry = c % 3 == 0 ? *entry : 0;            /* mostly zeros */
    }
  if (batch > 4) memset(row_of(&d, 4), 0, d.columns * sizeof(float));
  indices = guarded_new(batch * k, sizeof *indices);
  values = guarded_new(batch * k, sizeof *values);
  counts = guarded_new(batch, sizeof *counts);
  check_selection(kernels, &d, k);
  check_groups(kernels, &d);
  check_batch(kernels, &d);
  check_products(kernels, batch, n, m, k);
  list_free(indices, "indices");
  list_free(values, "values");
  list_free(counts, "counts");
  matrix_free(&d, "d");
}
