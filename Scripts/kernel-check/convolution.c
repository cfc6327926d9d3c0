/* Convolution: forward with pooling, dense gradients, and both products of kept entries. */
#include "check.h"
#include "meprop_convolution_kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

/* An image of `side` x `side` pixels of m channels, a kernel of 3 x 2, n output channels. */
typedef struct {
  size_t batch, side, m, n, run, lines, rows, columns, positions;
  uint32_t inputs[MOST], outputs[MOST], runs[MOST], tap_x[3], tap_w[3];
} shape;

static shape shape_new(size_t batch, size_t n, size_t m) {
  shape s = {.batch = batch, .side = 5, .m = m, .n = n, .run = 2 * m};
  s.lines = lines(s.run);
  s.rows = s.side - 2, s.columns = s.side - 1;
  s.positions = s.rows * s.columns;
  for (size_t p = 0; p < s.positions; p++) {
    s.inputs[p] = (uint32_t)((p / s.columns * s.side + p % s.columns) * m);
    s.outputs[p] = (uint32_t)(p * n);
    s.runs[p] = (uint32_t)(p * s.lines * MEPROP_LINE);
  }
  for (size_t r = 0; r < 3; r++) s.tap_x[r] = (uint32_t)(r * s.side * m);
  return s;
}

/* A matrix whose kernel rows are padded with zeros, as weights are. */
static void clear_padding(const shape *s, const matrix *w) {
  for (size_t r = 0; r < w->rows; r++)
    for (size_t tap = 0; tap < 3; tap++)
      for (size_t c = s->run; c < s->lines * MEPROP_LINE; c++)
        row_of(w, r)[tap * s->lines * MEPROP_LINE + c] = 0;
}

static meprop_convolve_arguments convolve_arguments(const shape *s, const matrix *x,
                                                    const matrix *wt, const matrix *bias,
                                                    const matrix *y) {
  return (meprop_convolve_arguments){.x = x->v,
                                     .x_stride = x->stride,
                                     .x_offsets = s->inputs,
                                     .w = wt->v,
                                     .w_stride = wt->stride,
                                     .tap_x = s->tap_x,
                                     .tap_w = s->tap_w,
                                     .taps = 3,
                                     .inputs = s->run,
                                     .finish = {.bias = bias->v, .rectifies = 1},
                                     .y = y->v,
                                     .y_stride = y->stride,
                                     .y_offsets = s->outputs,
                                     .positions = s->positions,
                                     .outputs = s->n};
}

static void check_forward(const meprop_kernels *kernels, shape *s, const matrix *x,
                          const matrix *w, const matrix *bias) {
  size_t width = s->n;
  matrix wt = matrix_new(3 * s->lines * MEPROP_LINE, s->n, ZERO);
  for (size_t o = 0; o < s->n; o++)
    for (size_t c = 0; c < wt.rows; c++) row_of(&wt, c)[o] = row_of(w, o)[c];
  for (size_t r = 0; r < 3; r++) s->tap_w[r] = (uint32_t)(r * s->lines * MEPROP_LINE * wt.stride);
  matrix y = matrix_new(s->batch, s->positions * width, GARBAGE);
  matrix pooled = matrix_new(s->batch, 2 * s->n, GARBAGE);
  uint8_t *winners = guarded_new(s->batch * 2 * s->n, 1);
  for (int pools = 0; pools < 2; pools++) {
    meprop_convolve_arguments a = convolve_arguments(s, x, &wt, bias, &y);
    if (pools) {
      a.pooled = pooled.v, a.pooled_stride = pooled.stride, a.winners = winners;
      a.pooling = (meprop_pooling){.rows = s->rows,
                                   .columns = s->columns,
                                   .channels = s->n,
                                   .window_rows = 3,
                                   .window_columns = 2,
                                   .step_rows = 3,
                                   .step_columns = 2,
                                   .out_rows = 1,
                                   .out_columns = 2};
    }
    run_parts(kernels->convolve, &a, s->batch);
    if (pools) break;
    for (size_t i = 0; i < s->batch; i++)
      for (size_t p = 0; p < s->positions; p++)
        for (size_t o = 0; o < s->n; o++) {
          double sum = bias->v[o], size = fabs(sum);
          for (size_t tap = 0; tap < 3; tap++)
            for (size_t c = 0; c < s->run; c++) {
              double term = (double)row_of(x, i)[s->inputs[p] + s->tap_x[tap] + c] *
                            row_of(w, o)[tap * s->lines * MEPROP_LINE + c];
              sum += term, size += fabs(term);
            }
          expect_near("convolve", i, p * s->n + o, row_of(&y, i)[p * s->n + o],
                      sum > 0 ? sum : 0, size, 3 * (double)s->run + 2);
        }
  }
  matrix plain = matrix_new(s->batch, s->positions * s->n, GARBAGE);
  meprop_convolve_arguments a = convolve_arguments(s, x, &wt, bias, &plain);
  run_parts(kernels->convolve, &a, s->batch);
  for (size_t i = 0; i < s->batch; i++)
    for (size_t window = 0; window < 2; window++)
      for (size_t o = 0; o < s->n; o++) {
        float most = -INFINITY;
        uint8_t first = 0;
        for (size_t t = 0; t < 6; t++) {
          size_t p = t / 2 * s->columns + window * 2 + t % 2;
          float value = row_of(&plain, i)[p * s->n + o];
          if (value > most) most = value, first = (uint8_t)t;
        }
        size_t place = window * s->n + o;
        expect_near("pooled", i, place, row_of(&pooled, i)[place], most, 0, 0);
        expect_equal("winner", i, place, winners[i * 2 * s->n + place], first);
      }
  matrix_free(&wt, "wt"), matrix_free(&y, "y"), matrix_free(&pooled, "pooled");
  matrix_free(&plain, "plain");
  list_free(winners, "winners");
}

/* Gradients of the weights (g) and of the input (dx), the plain way. */
static void reference(const shape *s, const matrix *x, const matrix *w, const matrix *d, double *g,
                      double *g_size, double *dx, double *dx_size) {
  size_t width = 3 * s->lines * MEPROP_LINE, pixels = s->side * s->side * s->m;
  memset(g, 0, s->n * width * sizeof *g), memset(g_size, 0, s->n * width * sizeof *g);
  memset(dx, 0, s->batch * pixels * sizeof *dx), memset(dx_size, 0, s->batch * pixels * sizeof *dx);
  for (size_t i = 0; i < s->batch; i++)
    for (size_t p = 0; p < s->positions; p++)
      for (size_t o = 0; o < s->n; o++) {
        double value = row_of(d, i)[p * s->n + o];
        for (size_t tap = 0; tap < 3; tap++)
          for (size_t c = 0; c < s->run; c++) {
            size_t from = s->inputs[p] + s->tap_x[tap] + c;
            size_t to = tap * s->lines * MEPROP_LINE + c;
            double a = value * row_of(x, i)[from], b = value * row_of(w, o)[to];
            g[o * width + to] += a, g_size[o * width + to] += fabs(a);
            dx[i * pixels + from] += b, dx_size[i * pixels + from] += fabs(b);
          }
      }
}

static void compare(const shape *s, const char *what, const matrix *g, const matrix *dx,
                    const double *want_g, const double *g_size, const double *want_dx,
                    const double *dx_size) {
  size_t width = 3 * s->lines * MEPROP_LINE, pixels = s->side * s->side * s->m;
  double terms = (double)(s->batch * s->positions) + 6.0 * (double)s->n;
  for (size_t o = 0; o < s->n; o++)
    for (size_t c = 0; c < width; c++)
      expect_near(what, o, c, row_of(g, o)[c], want_g[o * width + c], g_size[o * width + c], terms);
  for (size_t i = 0; i < s->batch; i++)
    for (size_t c = 0; c < pixels; c++)
      expect_near(what, i, c, row_of(dx, i)[c], want_dx[i * pixels + c], dx_size[i * pixels + c],
                  terms);
}

void check_convolution(const meprop_kernels *kernels, size_t batch, size_t n, size_t m) {
  shape s = shape_new(batch, n, m);
  size_t width = 3 * s.lines * MEPROP_LINE, pixels = s.side * s.side * m;
  size_t outputs = s.positions * n;
  begin_case(kernels->name, "convolution", batch, n, m);
  /* Kernels read and write a line beyond the last pixel. */
  matrix x = matrix_new(batch, pixels + MEPROP_LINE, RANDOM), w = matrix_new(n, width, RANDOM);
  matrix bias = matrix_new(1, n, RANDOM), d = matrix_new(batch, outputs, RANDOM);
  clear_padding(&s, &w);
  check_forward(kernels, &s, &x, &w, &bias);

  double *want_g = malloc(n * width * sizeof *want_g), *g_size = malloc(n * width * sizeof *g_size);
  double *want_dx = malloc(batch * pixels * sizeof *want_dx);
  double *dx_size = malloc(batch * pixels * sizeof *dx_size);
  matrix g = matrix_new(n, width, GARBAGE), dx = matrix_new(batch, pixels + MEPROP_LINE, GARBAGE);
  matrix scratch = matrix_new(batch, s.positions * s.lines * MEPROP_LINE, GARBAGE);
  reference(&s, &x, &w, &d, want_g, g_size, want_dx, dx_size);
  meprop_convolution_weights_arguments weights = {.x = x.v,
                                                  .x_stride = x.stride,
                                                  .x_offsets = s.inputs,
                                                  .d = d.v,
                                                  .d_stride = d.stride,
                                                  .examples = batch,
                                                  .positions = s.positions,
                                                  .outputs = n,
                                                  .tap_x = s.tap_x,
                                                  .lines = s.lines,
                                                  .inputs = s.run,
                                                  .g = g.v,
                                                  .stride = g.stride};
  run_parts(kernels->convolution_weights, &weights, 3 * s.lines);
  meprop_convolution_spread_arguments spread = {.d = d.v,
                                                .d_stride = d.stride,
                                                .d_offsets = s.outputs,
                                                .w = w.v,
                                                .w_stride = w.stride,
                                                .x_offsets = s.inputs,
                                                .tap_x = s.tap_x,
                                                .positions = s.positions,
                                                .outputs = n,
                                                .kernel_rows = 3,
                                                .lines = s.lines,
                                                .inputs = s.run,
                                                .scratch_offsets = s.runs,
                                                .scratch = scratch.v,
                                                .scratch_stride = scratch.stride,
                                                .dx = dx.v,
                                                .dx_stride = dx.stride,
                                                .count = pixels + MEPROP_LINE};
  run_parts(kernels->convolution_spread, &spread, batch);
  compare(&s, "dense gradients", &g, &dx, want_g, g_size, want_dx, dx_size);

  /* Every third entry is kept. */
  size_t k = (outputs + 2) / 3;
  uint32_t *indices = guarded_new(batch * k, sizeof *indices);
  uint32_t *counts = guarded_new(batch, sizeof *counts);
  float *values = guarded_new(batch * k, sizeof *values);
  float *kept = guarded_new(batch * k, sizeof *kept);
  uint32_t *offsets = guarded_new(batch * k, sizeof *offsets);
  uint32_t *channels = guarded_new(batch * k, sizeof *channels);
  for (size_t i = 0; i < batch; i++) {
    counts[i] = 0;
    for (size_t u = 0; u < outputs; u++) {
      if (u % 3 != i % 3 || counts[i] == k) row_of(&d, i)[u] = 0;
      else {
        indices[i * k + counts[i]] = (uint32_t)u;
        values[i * k + counts[i]++] = row_of(&d, i)[u];
      }
    }
  }
  reference(&s, &x, &w, &d, want_g, g_size, want_dx, dx_size);
  meprop_convolution_places_arguments places = {.indices = indices,
                                                .values = values,
                                                .counts = counts,
                                                .list_stride = k,
                                                .channels = n,
                                                .x_offsets = s.inputs,
                                                .offsets = offsets,
                                                .kept_channels = channels,
                                                .kept_values = kept};
  run_parts(meprop_convolution_places, &places, batch);
  meprop_convolution_entries entries = {
      .offsets = offsets, .channels = channels, .values = kept, .counts = counts, .list_stride = k};
  uint32_t *cursor = guarded_new((n + 1), sizeof *cursor), *rows = guarded_new(n, sizeof *rows);
  uint32_t *starts = guarded_new((n + 1), sizeof *starts), *at = guarded_new(batch * k, sizeof *at);
  float *by_channel = guarded_new(batch * k, sizeof *by_channel);
  size_t touched;
  size_t row_count = meprop_convolution_regroup(&entries, batch, x.stride, n, 1, cursor, rows,
                                                starts, at, by_channel, &touched);
  expect_equal("rows", 0, 0, (long long)row_count, (long long)n);
  matrix sparse_g = matrix_new(n, width, GARBAGE);
  matrix sparse_dx = matrix_new(batch, pixels + MEPROP_LINE, GARBAGE);
  meprop_convolution_rows_arguments by_rows = {.support = {.row_count = row_count,
                                                           .rows = rows,
                                                           .starts = starts,
                                                           .offsets = at,
                                                           .weights = by_channel},
                                               .x = x.v,
                                               .tap_x = s.tap_x,
                                               .kernel_rows = 3,
                                               .lines = s.lines,
                                               .inputs = s.run,
                                               .update = {.kind = MEPROP_STORE},
                                               .g = sparse_g.v,
                                               .stride = sparse_g.stride};
  run_parts(kernels->convolution_rows, &by_rows, row_count);
  meprop_convolution_inputs_arguments by_inputs = {.entries = entries,
                                                   .w = w.v,
                                                   .w_stride = w.stride,
                                                   .tap_x = s.tap_x,
                                                   .kernel_rows = 3,
                                                   .lines = s.lines,
                                                   .dx = sparse_dx.v,
                                                   .dx_stride = sparse_dx.stride,
                                                   .count = pixels + MEPROP_LINE};
  run_parts(kernels->convolution_inputs, &by_inputs, batch);
  compare(&s, "kept gradients", &sparse_g, &sparse_dx, want_g, g_size, want_dx, dx_size);

  free(want_g);
  free(g_size);
  free(want_dx);
  free(dx_size);
  list_free(indices, "indices");
  list_free(counts, "counts");
  list_free(values, "values");
  list_free(kept, "kept");
  list_free(offsets, "offsets");
  list_free(channels, "channels");
  list_free(cursor, "cursor");
  list_free(rows, "rows");
  list_free(starts, "starts");
  list_free(at, "at"), list_free(by_channel, "by_channel");
  matrix_free(&x, "x"), matrix_free(&w, "w"), matrix_free(&bias, "bias"), matrix_free(&d, "d");
  matrix_free(&g, "g"), matrix_free(&dx, "dx"), matrix_free(&scratch, "scratch");
  matrix_free(&sparse_g, "sparse_g"), matrix_free(&sparse_dx, "sparse_dx");
}
