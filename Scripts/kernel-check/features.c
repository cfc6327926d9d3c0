/* First layers as sums over features: grouping, both passes, sums of listed rows, cubes. */
#include "check.h"

#include <math.h>
#include <string.h>

enum { POSITIONS = 3, SYMBOLS = 11 };

/* The grouped features of a batch. */
typedef struct {
  uint32_t *features, *slots, *pairs, *symbols, *local, *starts, *uses;
  uint32_t counts[POSITIONS], bases[POSITIONS + 1];
} groups;

static groups groups_new(size_t batch) {
  size_t count = batch * POSITIONS;
  groups g = {.features = guarded_new(count, 4),
              .slots = guarded_new(POSITIONS * SYMBOLS, 4),
              .pairs = guarded_new(count, 4),
              .symbols = guarded_new(count, 4),
              .local = guarded_new(count + POSITIONS, 4),
              .starts = guarded_new(count + 1, 4),
              .uses = guarded_new(count, 4)};
  for (size_t i = 0; i < count; i++)
    g.features[i] = next_random() % (next_random() % 2 ? 2 : SYMBOLS);
  meprop_group_features_arguments a = {.features = g.features,
                                       .batch = batch,
                                       .positions = POSITIONS,
                                       .symbol_count = SYMBOLS,
                                       .slots = g.slots,
                                       .pairs = g.pairs,
                                       .counts = g.counts,
                                       .symbols = g.symbols,
                                       .starts = g.local,
                                       .uses = g.uses};
  run_parts(meprop_group_features, &a, POSITIONS);
  g.bases[0] = 0;
  for (size_t p = 0; p < POSITIONS; p++) {
    g.bases[p + 1] = g.bases[p] + g.counts[p];
    for (size_t t = 0; t < g.counts[p]; t++)
      g.starts[g.bases[p] + t] = g.local[p * (batch + 1) + t] + (uint32_t)(p * batch);
  }
  g.starts[g.bases[POSITIONS]] = (uint32_t)count;
  for (size_t i = 0; i < batch; i++)
    for (size_t p = 0; p < POSITIONS; p++)
      expect_equal("symbol", i, p, g.symbols[p * batch + g.pairs[i * POSITIONS + p]],
                   g.features[i * POSITIONS + p]);
  return g;
}

static void groups_free(groups *g) {
  for (size_t i = 0; i < POSITIONS * SYMBOLS; i++) expect_equal("slot", 0, i, g->slots[i], 0);
  list_free(g->features, "features");
  list_free(g->slots, "slots");
  list_free(g->pairs, "pairs");
  list_free(g->symbols, "symbols");
  list_free(g->local, "local");
  list_free(g->starts, "starts"), list_free(g->uses, "uses");
}

static void check_backward(const meprop_kernels *kernels, const groups *g, const matrix *e,
                           const matrix *w, size_t batch, size_t n, size_t k) {
  size_t m = e->columns, width = lines(n) * MEPROP_LINE, pairs = g->bases[POSITIONS];
  matrix d = matrix_new(batch, n, RANDOM), gradient = matrix_like(w, POSITIONS * n, GARBAGE);
  matrix de = matrix_new(pairs, m, GARBAGE), kept = matrix_like(&d, batch, ZERO);
  uint32_t *indices = guarded_new(batch * k + 1, 4), *counts = guarded_new(batch, 4);
  float *values = guarded_new(batch * k + 1, 4),
        *sums = guarded_new(POSITIONS * MEPROP_FEATURE_TILE * width, 4);
  uint32_t *ends = guarded_new(POSITIONS * n, 4);
  meprop_feature_entry *entries = guarded_new(POSITIONS * batch * k + 1, sizeof *entries);
  for (size_t i = 0; i < batch; i++) {
    counts[i] = (uint32_t)k;
    for (size_t j = 0; j < k; j++) {
      uint32_t r = (uint32_t)(j * n / k);
      indices[i * k + j] = r;
      values[i * k + j] = row_of(&kept, i)[r] = row_of(&d, i)[r];
    }
  }
  begin_case(kernels->name, "feature_backward", batch, n, k);
  meprop_feature_backward_arguments a = {.e = e->v,
                                         .e_stride = e->stride,
                                         .columns = m,
                                         .w = w->v,
                                         .stride = w->stride,
                                         .outputs = n,
                                         .batch = batch,
                                         .positions = POSITIONS,
                                         .symbols = g->symbols,
                                         .bases = g->bases,
                                         .starts = g->starts,
                                         .uses = g->uses,
                                         .indices = k == n ? NULL : indices,
                                         .values = values,
                                         .counts = counts,
                                         .k = k,
                                         .kept = k,
                                         .entries_stride = batch * k,
                                         .d = d.v,
                                         .d_stride = d.stride,
                                         .row_count = n,
                                         .update = {.kind = MEPROP_STORE},
                                         .g = gradient.v,
                                         .g_stride = gradient.stride,
                                         .sums = sums,
                                         .ends = ends,
                                         .entries = entries,
                                         .de = de.v,
                                         .de_stride = de.stride};
  run_parts(kernels->feature_backward, &a, POSITIONS);
  for (size_t p = 0; p < POSITIONS; p++) {
    for (size_t r = 0; r < n; r++)
      for (size_t c = 0; c < m; c++) {
        double want = 0, magnitude = 0;
        for (size_t i = 0; i < batch; i++) {
          double term = (double)row_of(&kept, i)[r] * row_of(e, g->features[i * POSITIONS + p])[c];
          want += term;
          magnitude += fabs(term);
        }
        expect_near("dw", p * n + r, c, row_of(&gradient, p * n + r)[c], want, magnitude,
                    2 * (double)batch + 2);
      }
    for (size_t t = g->bases[p]; t < g->bases[p + 1]; t++)
      for (size_t c = 0; c < m; c++) {
        double want = 0, magnitude = 0;
        for (size_t i = 0; i < batch; i++) {
          if (g->bases[p] + g->pairs[i * POSITIONS + p] != t) continue;
          for (size_t r = 0; r < n; r++) {
            double term = (double)row_of(&kept, i)[r] * row_of(w, p * n + r)[c];
            want += term;
            magnitude += fabs(term);
          }
        }
        expect_near("de", t, c, row_of(&de, t)[c], want, magnitude, (double)(batch + n) + 2);
      }
  }
  list_free(indices, "indices");
  list_free(counts, "counts");
  list_free(values, "values");
  list_free(sums, "sums");
  list_free(ends, "ends");
  list_free(entries, "entries");
  matrix_free(&d, "d"), matrix_free(&gradient, "dw"), matrix_free(&de, "de"),
      matrix_free(&kept, "kept");
}

void check_features(const meprop_kernels *kernels, size_t batch, size_t n, size_t m) {
  begin_case(kernels->name, "feature_forward", batch, n, m);
  groups g = groups_new(batch);
  matrix e = matrix_new(SYMBOLS, m, RANDOM), w = matrix_new(POSITIONS * n, m, RANDOM),
         y = matrix_new(batch, n, GARBAGE);
  size_t pairs = g.bases[POSITIONS], blocks = (n + MEPROP_FEATURE_BLOCK - 1) / MEPROP_FEATURE_BLOCK;
  float *table = guarded_new(blocks * pairs * MEPROP_FEATURE_BLOCK, 4);
  meprop_feature_forward_arguments a = {.e = e.v,
                                        .e_stride = e.stride,
                                        .columns = m,
                                        .w = w.v,
                                        .w_stride = w.stride,
                                        .outputs = n,
                                        .batch = batch,
                                        .positions = POSITIONS,
                                        .pair_count = pairs,
                                        .pairs = g.pairs,
                                        .symbols = g.symbols,
                                        .bases = g.bases,
                                        .table = table,
                                        .y = y.v,
                                        .y_stride = y.stride};
  run_parts(kernels->feature_forward, &a, blocks);
  for (size_t i = 0; i < batch; i++)
    for (size_t r = 0; r < n; r++) {
      double want = 0, magnitude = 0;
      for (size_t p = 0; p < POSITIONS; p++)
        for (size_t c = 0; c < m; c++) {
          double term =
              (double)row_of(&w, p * n + r)[c] * row_of(&e, g.features[i * POSITIONS + p])[c];
          want += term;
          magnitude += fabs(term);
        }
      expect_near("y", i, r, row_of(&y, i)[r], want, magnitude, POSITIONS * (double)m + 2);
    }
  for (size_t c = n; c < lines(n) * MEPROP_LINE; c++)
    for (size_t i = 0; i < batch; i++) row_of(&y, i)[c] = 0;
  check_backward(kernels, &g, &e, &w, batch, n, n);
  check_backward(kernels, &g, &e, &w, batch, n, n < 3 ? 1 : 2);
  list_free(table, "table");
  groups_free(&g);
  matrix_free(&e, "e"), matrix_free(&w, "w"), matrix_free(&y, "y");
}

void check_row_sums(const meprop_kernels *kernels, size_t rows, size_t columns) {
  begin_case(kernels->name, "row_sums", rows, columns, 0);
  matrix table = matrix_new(5, columns, RANDOM), extra = matrix_like(&table, 3, RANDOM);
  matrix bias = matrix_new(1, columns, RANDOM), y = matrix_new(rows, columns, GARBAGE);
  uint32_t *lists = guarded_new(rows * 4, 4), *counts = guarded_new(rows, 4);
  for (size_t i = 0; i < rows; i++) {
    counts[i] = next_random() % 5;
    for (size_t j = 0; j < 4; j++) lists[i * 4 + j] = next_random() % 8;
  }
  meprop_row_sums_arguments a = {.rows = lists,
                                 .list_stride = 4,
                                 .counts = counts,
                                 .table = table.v,
                                 .extra = extra.v,
                                 .kept = 5,
                                 .stride = table.stride,
                                 .columns = columns,
                                 .bias = bias.v,
                                 .y = y.v,
                                 .y_stride = y.stride};
  run_parts(kernels->row_sums, &a, rows);
  for (size_t i = 0; i < rows; i++)
    for (size_t c = 0; c < columns; c++) {
      double want = bias.v[c], magnitude = fabs(want);
      for (size_t j = 0; j < counts[i]; j++) {
        uint32_t row = lists[i * 4 + j];
        double term = row < 5 ? row_of(&table, row)[c] : row_of(&extra, row - 5)[c];
        want += term;
        magnitude += fabs(term);
      }
      expect_near("y", i, c, row_of(&y, i)[c], want, magnitude, 5);
    }
  begin_case(kernels->name, "cube", rows, columns, 0);
  matrix before = matrix_copy(&y), x = matrix_like(&y, rows, RANDOM);
  meprop_cube_arguments cube = {.x = y.v, .y = y.v, .stride = y.stride, .columns = columns};
  run_parts(kernels->cube, &cube, rows);
  matrix gradient = matrix_like(&y, rows, RANDOM), old = matrix_copy(&gradient);
  meprop_cube_arguments back = {
      .x = x.v, .y = gradient.v, .stride = y.stride, .columns = columns, .gradient = 1};
  run_parts(kernels->cube, &back, rows);
  for (size_t i = 0; i < rows; i++)
    for (size_t c = 0; c < columns; c++) {
      double v = row_of(&before, i)[c], u = row_of(&x, i)[c];
      expect_near("cube", i, c, row_of(&y, i)[c], v * v * v, fabs(v * v * v), 2);
      double want = 3 * u * u * row_of(&old, i)[c];
      expect_near("gradient", i, c, row_of(&gradient, i)[c], want, fabs(want), 3);
    }
  list_free(lists, "lists"), list_free(counts, "counts");
  matrix_free(&table, "table"), matrix_free(&extra, "extra"), matrix_free(&bias, "bias"),
      matrix_free(&y, "y");
  matrix_free(&before, "before"), matrix_free(&x, "x"), matrix_free(&gradient, "gradient"),
      matrix_free(&old, "old");
}
