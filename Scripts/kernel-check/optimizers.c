/* Optimizer steps: on stored gradients, and fused with the gradient's rows. */
#include "check.h"

#include <math.h>

typedef struct {
  double w, first, second;
} state;

static state step(const meprop_update *u, double g, state s) {
  g *= u->gradient_scale;
  if (g > u->clip) g = u->clip;
  if (g < -u->clip) g = -u->clip;
  g += u->l2 * s.w;
  s.w *= 1.0 - u->decay;
  switch (u->kind) {
    case MEPROP_SGD: s.w -= u->rate * g; break;
    case MEPROP_MOMENTUM:
      s.first = u->momentum * s.first + g;
      s.w -= u->rate * s.first;
      break;
    case MEPROP_ADAGRAD:
      s.first += g * g;
      s.w -= u->rate * g / sqrt(s.first + u->epsilon);
      break;
    case MEPROP_ADAM:
      s.first = u->momentum * s.first + (1.0 - u->momentum) * g;
      s.second = u->beta2 * s.second + (1.0 - u->beta2) * g * g;
      s.w -= u->rate * s.first / (sqrt(s.second) * u->second_correction + u->epsilon);
      break;
    case MEPROP_STORE: break;
  }
  return s;
}

typedef struct {
  matrix w, first, second;
} parameters;

static parameters parameters_new(size_t n, size_t m) {
  parameters p = {.w = matrix_new(n, m, RANDOM)};
  p.first = matrix_like(&p.w, n, RANDOM);
  p.second = matrix_like(&p.w, n, RANDOM);
  for (size_t r = 0; r < n; r++)
    for (size_t c = 0; c < m; c++) {
      row_of(&p.first, r)[c] = 0.5f + 0.4f * row_of(&p.first, r)[c];
      row_of(&p.second, r)[c] = 0.5f + 0.4f * row_of(&p.second, r)[c];
    }
  return p;
}

static parameters parameters_copy(const parameters *p) {
  return (parameters){matrix_copy(&p->w), matrix_copy(&p->first), matrix_copy(&p->second)};
}

static void parameters_free(parameters *p) {
  matrix_free(&p->w, "w");
  matrix_free(&p->first, "first moments");
  matrix_free(&p->second, "second moments");
}

/* Entry [row, column] after a step with gradient g, which is known to g_error; NULL: row was not to
 * be touched. */
static void expect_step(const meprop_update *u, const parameters *before, const parameters *after,
                        size_t row, size_t column, const double *g, double g_error) {
  size_t at = row * before->w.stride + column;
  state s = {before->w.v[at], before->first.v[at], before->second.v[at]};
  double magnitude = g == NULL ? 0 : 4 + 8 * (fabs(*g) + *g * *g) + g_error * 1e7;
  if (g != NULL) s = step(u, *g, s);
  expect_near("w", row, column, after->w.v[at], s.w, magnitude, 4);
  expect_near("first", row, column, after->first.v[at], s.first, magnitude, 4);
  expect_near("second", row, column, after->second.v[at], s.second, magnitude, 4);
}

static void check_stored(const meprop_kernels *kernels, const meprop_update *update, size_t n,
                         size_t m) {
  begin_case(kernels->name, "update_rows", n, m, update->kind);
  uint32_t *rows = guarded_new(n - (n + 1) / 3, sizeof *rows);
  size_t count = 0;
  for (uint32_t r = 0; r < n; r++)
    if (r % 3 != 1) rows[count++] = r;
  for (int layout = 0; layout < 4; layout++) { /* listed, listed and compact, all rows, no
                                                * gradient */
    parameters before = parameters_new(n, m), after = parameters_copy(&before);
    matrix g = matrix_new(n, m, RANDOM);
    meprop_update_rows_arguments a = {.rows = layout < 2 ? rows : NULL,
                                      .compact = layout == 1,
                                      .update = *update,
                                      .g = layout == 3 ? NULL : g.v,
                                      .g_stride = g.stride,
                                      .w = after.w.v,
                                      .first = after.first.v,
                                      .second = after.second.v,
                                      .stride = after.w.stride,
                                      .columns = m};
    run_parts(kernels->update_rows, &a, layout < 2 ? count : n);
    for (size_t r = 0, listed = 0; r < n; r++) {
      int touched = layout >= 2 || r % 3 != 1;
      for (size_t c = 0; c < m; c++) {
        double gradient = layout == 3 ? 0 : row_of(&g, layout == 1 ? listed : r)[c];
        expect_step(update, &before, &after, r, c, touched ? &gradient : NULL, 0);
      }
      listed += (size_t)touched;
    }
    parameters_free(&before);
    parameters_free(&after);
    matrix_free(&g, "g");
  }
  list_free(rows, "rows");
}

/* The fused step on rows 0, 2, 4, …: row r gets the sum over all examples of a weight times the
 * example's x. */
static void check_fused(const meprop_kernels *kernels, const meprop_update *update, size_t batch,
                        size_t n, size_t m) {
  begin_case(kernels->name, "weight_rows with a step", n, m, update->kind);
  size_t count = 0, room = (n + 1) / 2, uses = 0;
  for (size_t r = 0; r < n; r += 2) uses += batch > r % 3 ? (batch - r % 3 + 2) / 3 : 0;
  uint32_t *rows = guarded_new(room, sizeof *rows), *starts = guarded_new(room + 1, sizeof *starts);
  uint32_t *examples = guarded_new(uses, sizeof *examples), entries = 0;
  float *weights = guarded_new(uses, sizeof *weights);
  for (uint32_t r = 0; r < n; r += 2) {
    rows[count] = r;
    starts[count++] = entries;
    for (uint32_t i = r % 3; i < batch; i += 3) {
      examples[entries] = i;
      weights[entries++] = next_float();
    }
  }
  starts[count] = entries;
  parameters before = parameters_new(n, m), after = parameters_copy(&before);
  matrix x = matrix_new(batch, m, RANDOM);
  meprop_weight_rows_arguments a = {.support = {.row_count = count,
                                                .rows = rows,
                                                .starts = starts,
                                                .examples = examples,
                                                .weights = weights},
                                    .x = x.v,
                                    .x_stride = x.stride,
                                    .batch = batch,
                                    .columns = m,
                                    .update = *update,
                                    .w = after.w.v,
                                    .first = after.first.v,
                                    .second = after.second.v,
                                    .stride = after.w.stride};
  run_parts(kernels->weight_rows, &a, a.support.row_count);
  for (size_t r = 0; r < n; r++)
    for (size_t c = 0; c < m; c++) {
      double g = 0, magnitude = 0;
      for (uint32_t e = starts[r / 2]; r % 2 == 0 && e < starts[r / 2 + 1]; e++) {
        double term = (double)weights[e] * row_of(&x, examples[e])[c];
        g += term;
        magnitude += fabs(term);
      }
      expect_step(update, &before, &after, r, c, r % 2 == 0 ? &g : NULL,
                  magnitude * (double)batch * 1.2e-7);
    }
  parameters_free(&before);
  parameters_free(&after);
  matrix_free(&x, "x");
  list_free(rows, "rows");
  list_free(starts, "starts");
  list_free(examples, "examples");
  list_free(weights, "weights");
}

void check_optimizers(const meprop_kernels *kernels, size_t batch, size_t n, size_t m) {
  for (int kind = MEPROP_SGD; kind <= MEPROP_ADAM; kind++)
    for (int plain = 0; plain < 2; plain++) {
      meprop_update u = {.kind = (meprop_update_kind)kind,
                         .gradient_scale = plain ? 1 : 0.7f,
                         .clip = plain ? INFINITY : 0.5f,
                         .l2 = plain ? 0 : 0.01f,
                         .decay = plain ? 0 : 0.003f,
                         .rate = 0.1f,
                         .momentum = 0.9f,
                         .beta2 = 0.999f,
                         .second_correction = 1.5f,
                         .epsilon = 1e-8f};
      check_stored(kernels, &u, n, m);
      check_fused(kernels, &u, batch, n, m);
    }
}
