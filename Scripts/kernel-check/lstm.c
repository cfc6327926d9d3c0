/* LSTM layers in f32: all steps of two directions forward, and backward with and without selection.
 *
 * Each step is checked by what the kernel itself made of the steps before it, so errors do not add
 * up and rounding cannot swap what a selection keeps. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_STEPS = 9, MOST_HIDDEN = 144, GATES = 4 };
enum { SEED = 1234567, STREAM = 40 };
static const double activation_error = 3e-7, rounding = 6e-8;

/* Word t of sentence i is at starts[t] + i; sentences are sorted by falling length. */
typedef struct {
  size_t sentences, steps, positions;
  uint32_t starts[MOST_STEPS + 1];
} packing;

/* A layer of two directions. With `twins` units are equal in pairs, so that magnitudes tie, and the
 * gradients of every third pair are zero. */
typedef struct {
  size_t hidden, padded;
  int twins;
  matrix w[2], bias[2], input[2], mask[2], gates[2], cell[2], previous[2];
  matrix output, output_gradient;
  meprop_lstm_direction directions[2];
} layer;

typedef enum { NO_MEMORY, BY_UNIT, BY_SENTENCE } memory_kind;

/* What backward is asked for. */
typedef struct {
  size_t k, group; /* k = 0: without selection */
  int random;
  memory_kind memory;
  int timed, breaks; /* with a clock; with a NaN in the gradient of the output */
} request;

/* What backward works on, and makes. Lists are [positions, 4 k]. */
typedef struct {
  matrix gates[2], state_gradient[2], cell_gradient[2], keys[2], memory[2];
  matrix values[2], whole[2], kept[2];
  uint32_t *indices[2], *counts[2];
  int32_t nan_position;
} results;

static uint32_t *list_new(size_t count) {
  uint32_t *list = guarded_new(count, sizeof *list);
  memset(list, 0xff, count * sizeof *list);
  return list;
}

static packing packing_new(size_t sentences) {
  packing a = {.sentences = sentences, .steps = 1 + next_random() % MOST_STEPS};
  size_t active = sentences;
  for (size_t t = 0; t < a.steps; t++) {
    a.starts[t + 1] = a.starts[t] + (uint32_t)active;
    size_t kind = next_random() % 3;
    if (active > 1) active -= kind == 2 ? next_random() % active : kind;
  }
  a.positions = a.starts[a.steps];
  return a;
}

/* The positions of sentence i in the order of a direction; returns their number. */
static size_t path_of(const packing *a, size_t i, int reversed, size_t *path) {
  size_t length = 0;
  while (length < a->steps && a->starts[length + 1] - a->starts[length] > i) length++;
  for (size_t j = 0; j < length; j++) path[j] = a->starts[reversed ? length - 1 - j : j] + i;
  return length;
}

static int is_silent(const layer *a, size_t unit) { return a->twins && unit % 6 >= 4; }

/* Makes padding of each part of `padded` columns zero, and twins of units. */
static void shape_units(const layer *a, matrix *x) {
  for (size_t r = 0; r < x->rows; r++)
    for (size_t c = 0; c < x->columns; c++) {
      size_t unit = c % a->padded;
      if (unit >= a->hidden) row_of(x, r)[c] = 0;
      else if (a->twins && unit % 2 == 1) row_of(x, r)[c] = row_of(x, r)[c - 1];
    }
}

static void silence_units(const layer *a, matrix *x) {
  for (size_t r = 0; r < x->rows; r++)
    for (size_t c = 0; c < x->columns; c++)
      if (is_silent(a, c % a->padded)) row_of(x, r)[c] = 0;
}

static matrix recurrent_weights(const layer *a) {
  matrix w = matrix_new(GATES * a->padded, a->hidden, RANDOM);
  float scale = 1.5f / sqrtf((float)a->hidden);
  shape_units(a, &w);
  silence_units(a, &w);
  for (size_t r = 0; r < w.rows; r++) {
    size_t unit = r % a->padded;
    const float *twin = a->twins && unit % 2 == 1 ? row_of(&w, r - 1) : NULL;
    for (size_t c = 0; c < w.columns; c++)
      row_of(&w, r)[c] = unit >= a->hidden ? 0 : twin != NULL ? twin[c] : scale * row_of(&w, r)[c];
  }
  return w;
}

static layer layer_new(const packing *p, size_t hidden, int masked, int twins) {
  layer a = {.hidden = hidden, .padded = lines(hidden) * MEPROP_LINE, .twins = twins};
  a.output = matrix_new(p->positions, 2 * a.padded, GARBAGE);
  a.output_gradient = matrix_like(&a.output, p->positions, RANDOM);
  shape_units(&a, &a.output_gradient);
  silence_units(&a, &a.output_gradient);
  for (int i = 0; i < 2; i++) {
    a.w[i] = recurrent_weights(&a);
    a.bias[i] = matrix_new(1, GATES * a.padded, RANDOM);
    shape_units(&a, &a.bias[i]);
    a.input[i] = matrix_new(p->positions, GATES * a.padded, RANDOM);
    for (size_t r = 0; r < p->positions; r++) /* some saturate their gate */
      for (size_t c = 0; c < GATES * a.padded; c++)
        row_of(&a.input[i], r)[c] *= next_random() % 16 == 0 ? 100 : 3;
    shape_units(&a, &a.input[i]);
    a.gates[i] = matrix_copy(&a.input[i]);
    a.cell[i] = matrix_new(p->positions, hidden, GARBAGE);
    a.previous[i] = matrix_like(&a.cell[i], p->positions, GARBAGE);
    a.mask[i] = matrix_like(&a.cell[i], p->sentences, RANDOM);
    for (size_t r = 0; r < p->sentences; r++)
      for (size_t c = 0; c < hidden; c++) row_of(&a.mask[i], r)[c] = next_random() % 3 ? 1.5f : 0;
    shape_units(&a, &a.mask[i]);
    a.directions[i] = (meprop_lstm_direction){
        .reversed = i,
        .w = a.w[i].v,
        .w_stride = a.w[i].stride,
        .bias = a.bias[i].v,
        .gates = a.gates[i].v,
        .gate_stride = a.gates[i].stride,
        .cell = a.cell[i].v,
        .previous = a.previous[i].v,
        .stride = a.cell[i].stride,
        .output = a.output.v + (size_t)i * a.padded,
        .output_stride = a.output.stride,
        .mask = masked ? a.mask[i].v : NULL,
        .output_gradient = a.output_gradient.v + (size_t)i * a.padded,
    };
  }
  return a;
}

static void layer_free(layer *a) {
  for (int i = 0; i < 2; i++) {
    matrix_free(&a->w[i], "w");
    matrix_free(&a->bias[i], "bias");
    matrix_free(&a->input[i], "input");
    matrix_free(&a->mask[i], "mask");
    matrix_free(&a->gates[i], "gates");
    matrix_free(&a->cell[i], "cell");
    matrix_free(&a->previous[i], "previous");
  }
  matrix_free(&a->output, "output");
  matrix_free(&a->output_gradient, "output gradient");
}

static void expect_within(const char *what, size_t row, size_t column, double got, double want,
                          double error) {
  expect_near(what, row, column, got, want, error / 1.2e-7, 1);
}

/* Position `at` of sentence `i`, which comes after position `before` unless it is the first. */
static void check_position(const layer *a, size_t direction, size_t i, size_t at, size_t before,
                           int is_first) {
  const float *gates = row_of(&a->gates[direction], at), *cell = row_of(&a->cell[direction], at);
  const float *previous = row_of(&a->previous[direction], at), *bias = a->bias[direction].v;
  const float *input = row_of(&a->input[direction], at);
  const float *output = row_of(&a->output, at) + direction * a->padded;
  const float *state_before = row_of(&a->output, before) + direction * a->padded;
  const float *mask = a->directions[direction].mask == NULL ? NULL : row_of(&a->mask[direction], i);
  double sum_steps = (double)a->hidden / 4 + 8;
  for (size_t u = 0; u < a->hidden; u++) {
    float factor = mask == NULL ? 1 : mask[u];
    expect_near("previous", at, u, previous[u], is_first ? 0 : state_before[u] * factor, 0, 0);
  }
  for (size_t u = 0; u < a->hidden; u++) {
    double gate[GATES];
    for (size_t g = 0; g < GATES; g++) {
      size_t row = g * a->padded + u;
      const float *w = row_of(&a->w[direction], row);
      double sum = (double)input[row] + (double)bias[row];
      double magnitude = fabs((double)input[row]) + fabs((double)bias[row]);
      for (size_t c = 0; c < a->hidden; c++) {
        double term = (double)w[c] * (double)previous[c];
        sum += term;
        magnitude += fabs(term);
      }
      double want = g == 2 ? tanh(sum) : 1 / (1 + exp(-sum));
      double slope = g == 2 ? 1 - want * want : want * (1 - want);
      double moved = sum_steps * rounding * magnitude; /* and so may the slope be, but by little */
      gate[g] = gates[row];
      expect_within("gate", at, row, gate[g], want, activation_error + (slope + moved) * moved);
    }
    double carried = is_first ? 0 : gate[1] * (double)row_of(&a->cell[direction], before)[u];
    double added = gate[0] * gate[2];
    expect_near("cell", at, u, cell[u], carried + added, fabs(carried) + fabs(added), 1);
    expect_within("output", at, u, output[u], gate[3] * tanh(cell[u]), activation_error + rounding);
  }
  for (size_t u = a->hidden; u < a->padded; u++) expect_near("padding", at, u, output[u], 0, 0, 0);
}

static void check_forward(const meprop_kernels *kernels, layer *a, const packing *p) {
  begin_case(kernels->name, "lstm_step", p->sentences, a->hidden, p->steps);
  meprop_lstm_step_arguments step = {.directions = a->directions,
                                     .hidden = a->hidden,
                                     .steps = p->steps,
                                     .starts = p->starts,
                                     .span = 1 + next_random() % (lines(a->hidden) + 1)};
  for (; step.step < p->steps; step.step++)
    run_parts(kernels->lstm_step, &step, 2 * lines(a->hidden));
  for (size_t direction = 0; direction < 2; direction++)
    for (size_t i = 0; i < p->sentences; i++) {
      size_t path[MOST_STEPS], length = path_of(p, i, (int)direction, path);
      for (size_t j = 0; j < length; j++)
        check_position(a, direction, i, path[j], path[j > 0 ? j - 1 : 0], j == 0);
    }
}

static results results_new(const layer *a, const packing *p, const request *q) {
  results r = {.nan_position = 0};
  size_t entries = p->positions * GATES * q->k, groups = (p->sentences + q->group - 1) / q->group;
  for (int i = 0; i < 2; i++) {
    r.gates[i] = matrix_copy(&a->gates[i]);
    r.state_gradient[i] = matrix_like(&a->cell[i], p->sentences, GARBAGE);
    r.cell_gradient[i] = matrix_like(&a->cell[i], p->sentences, GARBAGE);
    r.keys[i] = matrix_like(&a->cell[i], groups, GARBAGE);
    r.memory[i] =
        matrix_new(q->memory == BY_SENTENCE ? p->sentences : 1, GATES * a->padded, RANDOM);
    shape_units(a, &r.memory[i]);
    silence_units(a, &r.memory[i]);
    r.values[i] = matrix_new(1, entries, GARBAGE);
    r.whole[i] = matrix_new(1, p->positions, GARBAGE);
    r.kept[i] = matrix_new(1, p->positions, GARBAGE);
    r.indices[i] = list_new(entries);
    r.counts[i] = list_new(p->positions);
  }
  return r;
}

/* A NaN times the zeros of padding is NaN, so padding is of no account once one has spread. */
static void clear_padding(matrix *a) {
  for (size_t r = 0; r < a->rows; r++)
    memset(row_of(a, r) + a->columns, 0, (a->stride - a->columns) * sizeof(float));
}

static void results_free(results *r, const layer *a, const packing *p, const request *q) {
  for (int i = 0; i < 2; i++) {
    if (q->breaks) {
      clear_padding(&r->state_gradient[i]);
      clear_padding(&r->cell_gradient[i]);
      clear_padding(&r->keys[i]);
    }
    for (size_t row = 0; row < p->positions && !q->breaks; row++)
      for (size_t c = 0; c < GATES * a->padded; c++)
        if (c % a->padded >= a->hidden)
          expect_near("padding", row, c, row_of(&r->gates[i], row)[c], 0, 0, 0);
    matrix_free(&r->gates[i], "gates");
    matrix_free(&r->state_gradient[i], "state gradient");
    matrix_free(&r->cell_gradient[i], "cell gradient");
    matrix_free(&r->keys[i], "keys");
    matrix_free(&r->memory[i], "memory");
    matrix_free(&r->values[i], "values");
    matrix_free(&r->whole[i], "whole");
    matrix_free(&r->kept[i], "kept");
    list_free(r->indices[i], "indices");
    list_free(r->counts[i], "counts");
  }
}

/* The gradient at the state that position `at` started from, as its kept entries make it, and the
 * sums of magnitudes that go into it. */
static void state_gradient(const layer *a, const results *r, const request *q, size_t direction,
                           size_t at, double *sums, double *magnitudes) {
  size_t list = GATES * q->k, count = q->k == 0 ? GATES * a->padded : r->counts[direction][at];
  if (q->k > 0 && count > list) count = list; /* which has been told of by then */
  for (size_t u = 0; u < a->hidden; u++) sums[u] = magnitudes[u] = 0;
  for (size_t e = 0; e < count; e++) {
    size_t row = q->k == 0 ? e : r->indices[direction][at * list + e];
    float value = q->k == 0 ? row_of(&r->gates[direction], at)[e]
                            : r->values[direction].v[at * list + e];
    if (row >= a->w[direction].rows) continue;
    const float *w = row_of(&a->w[direction], row);
    for (size_t u = 0; u < a->hidden; u++) {
      double term = (double)value * (double)w[u];
      sums[u] += term;
      magnitudes[u] += fabs(term);
    }
  }
}

/* Gradients at the pre-activations of sentence i, with a bound of each error beside each number. */
static void check_gradients(const layer *a, const packing *p, const results *r, const request *q,
                            size_t direction, size_t i) {
  double dh[MOST_HIDDEN], dh_size[MOST_HIDDEN], dc[MOST_HIDDEN] = {0}, dc_error[MOST_HIDDEN] = {0};
  double beta = q->memory == NO_MEMORY ? 0 : (double)0.9f;
  double sum_steps = (double)(GATES * q->k) + 4;
  size_t path[MOST_STEPS], length = path_of(p, i, (int)direction, path);
  const float *memory = row_of(&r->memory[direction], q->memory == BY_SENTENCE ? i : 0);
  int masked = a->directions[direction].mask != NULL;
  for (size_t j = length; j-- > 0;) {
    size_t at = path[j];
    int is_last = j + 1 == length;
    if (!is_last) state_gradient(a, r, q, direction, path[j + 1], dh, dh_size);
    const float *gates = row_of(&a->gates[direction], at), *got = row_of(&r->gates[direction], at);
    const float *dy = row_of(&a->output_gradient, at) + direction * a->padded;
    for (size_t u = 0; u < a->hidden; u++) {
      double in = gates[u], forget = gates[a->padded + u], candidate = gates[2 * a->padded + u];
      double out = gates[3 * a->padded + u], state = tanh(row_of(&a->cell[direction], at)[u]);
      double c_before = j == 0 ? 0 : row_of(&a->cell[direction], path[j - 1])[u];
      double factor = is_last ? 0 : masked ? row_of(&a->mask[direction], i)[u] : 1;
      double gh = dy[u], gh_error = 0;
      if (!is_last) {
        gh += factor * dh[u];
        gh_error = sum_steps * rounding * (fabs((double)dy[u]) + factor * dh_size[u]);
      }
      double through = gh * out * (1 - state * state), gc = through + dc[u];
      double gc_error = gh_error + 3 * activation_error * fabs(gh) + dc_error[u] +
                        4 * rounding * (fabs(through) + fabs(dc[u]));
      double want[GATES] = {gc * candidate * in * (1 - in), gc * c_before * forget * (1 - forget),
                            gc * in * (1 - candidate * candidate), gh * state * out * (1 - out)};
      /* Factors are at most 1, but for the cell's. */
      double error[GATES] = {gc_error + 4 * rounding * fabs(gc),
                             (gc_error + 4 * rounding * fabs(gc)) * fabs(c_before),
                             gc_error + 4 * rounding * fabs(gc),
                             gh_error + (activation_error + 4 * rounding) * fabs(gh)};
      dc[u] = gc * forget;
      dc_error[u] = gc_error + rounding * fabs(gc);
      for (size_t g = 0; g < GATES; g++) {
        double remembered = beta * memory[g * a->padded + u];
        expect_within("gradient", at, g * a->padded + u, got[g * a->padded + u],
                      want[g] + remembered,
                      error[g] + 2 * rounding * (fabs(want[g]) + fabs(remembered)));
      }
    }
  }
}

/* Magnitudes as bits, by which the entries of one gate are ranked for sentences first ..< stop at
 * the step that starts at `start`. */
static void ranking_of(const layer *a, const results *r, const request *q, size_t direction,
                       size_t gate, size_t start, size_t first, size_t stop, uint32_t *ranking) {
  for (size_t u = 0; u < a->hidden; u++) {
    if (q->random) {
      uint32_t key[2] = {SEED, 0}, block[4];
      uint32_t counter[4] = {(uint32_t)(gate * a->padded + u / 64 * 64 + u % 16),
                             (uint32_t)(start + first), (uint32_t)(STREAM + direction), 0};
      meprop_philox(counter, key, block);
      ranking[u] = (block[u % 64 / 16] >> 2) + 1;
    } else {
      float sum = 0;
      for (size_t i = first; i < stop; i++)
        sum += fabsf(row_of(&r->gates[direction], start + i)[gate * a->padded + u]);
      memcpy(&ranking[u], &sum, sizeof sum);
    }
  }
}

/* What the sentences of one group keep in the step that starts at `start`. */
static void check_kept(const layer *a, const results *r, const request *q, size_t direction,
                       size_t start, size_t first, size_t stop) {
  size_t list = GATES * q->k, listed = 0;
  uint32_t ranking[MOST_HIDDEN];
  double kept[64] = {0};
  for (size_t gate = 0; gate < GATES; gate++) {
    ranking_of(a, r, q, direction, gate, start, first, stop, ranking);
    for (size_t u = 0; u < a->hidden; u++) {
      size_t rank = 0, row = gate * a->padded + u;
      for (size_t v = 0; v < a->hidden; v++)
        rank += ranking[v] > ranking[u] || (ranking[v] == ranking[u] && v < u);
      if (rank >= q->k || ranking[u] == 0) continue;
      for (size_t i = first; i < stop; i++) {
        float value = row_of(&r->gates[direction], start + i)[row];
        size_t entry = (start + i) * list + listed;
        expect_equal("index", start + i, listed, r->indices[direction][entry], (long long)row);
        expect_near("value", start + i, listed, r->values[direction].v[entry], value, 0, 0);
        kept[i - first] += fabs((double)value);
      }
      listed++;
    }
  }
  double sum_steps = (double)a->hidden + 8;
  for (size_t i = first; i < stop; i++) {
    const float *gates = row_of(&r->gates[direction], start + i);
    double whole = 0;
    for (size_t c = 0; c < GATES * a->padded; c++) whole += fabs((double)gates[c]);
    expect_equal("count", start + i, 0, r->counts[direction][start + i], (long long)listed);
    expect_near("whole", start + i, 0, r->whole[direction].v[start + i], whole, whole, sum_steps);
    expect_near("kept", start + i, 0, r->kept[direction].v[start + i], kept[i - first],
                kept[i - first], sum_steps);
  }
}

/* A NaN counts as larger than all numbers, and a position that keeps one is named. */
static void check_nan(const results *r, const packing *p, const request *q, size_t broken) {
  size_t list = GATES * q->k;
  int found = 0, found_there = 0, found_where_broken = 0;
  for (int direction = 0; direction < 2; direction++)
    for (size_t at = 0; at < p->positions; at++)
      for (size_t e = 0; e < r->counts[direction][at] && e < list; e++) {
        if (!isnan(r->values[direction].v[at * list + e])) continue;
        found = 1;
        found_there |= at + 1 == (size_t)r->nan_position;
        found_where_broken |= at == broken;
      }
  if (!q->random) expect_equal("NaN kept where it is", broken, 0, found_where_broken, 1);
  expect_equal("NaN named", broken, 0, r->nan_position != 0, found);
  expect_equal("NaN at the named position", broken, 0, found_there, found);
}

static double ticks;
static double tick(void) { return ticks += 1; }

/* A caller's part of backward without selection: products with all gradients of a step. */
static void fill_state_gradients(const layer *a, const packing *p, const request *q, results *r,
                                 size_t step) {
  double sums[MOST_HIDDEN], magnitudes[MOST_HIDDEN];
  for (int direction = 0; direction < 2; direction++)
    for (size_t i = 0; i < p->sentences; i++) {
      size_t path[MOST_STEPS], length = path_of(p, i, direction, path);
      size_t skipped = direction ? p->steps - length : 0; /* steps before the sentence begins */
      if (step <= skipped || step >= skipped + length) continue;
      state_gradient(a, r, q, (size_t)direction, path[step - skipped], sums, magnitudes);
      for (size_t u = 0; u < a->hidden; u++)
        row_of(&r->state_gradient[direction], i)[u] = (float)sums[u];
    }
}

static void check_backward(const meprop_kernels *kernels, layer *a, const packing *p,
                           const request *q) {
  static const char *const memories[] = {"", ", memory by unit", ", memory by sentence"};
  char what[96];
  snprintf(what, sizeof what, "%s%s%s, groups of %zu%s%s",
           q->k == 0 ? "lstm_backward_step" : "lstm_backward", q->random ? ", random" : "",
           q->breaks ? ", NaN" : "", q->group, memories[q->memory], a->twins ? ", twins" : "");
  begin_case(kernels->name, what, p->sentences, a->hidden, q->k);
  results r = results_new(a, p, q);
  size_t groups = (p->sentences + q->group - 1) / q->group;
  meprop_lstm_direction directions[2];
  for (int i = 0; i < 2; i++) {
    directions[i] = a->directions[i];
    directions[i].gates = r.gates[i].v;
    directions[i].output = NULL;
    directions[i].state_gradient = r.state_gradient[i].v;
    directions[i].cell_gradient = r.cell_gradient[i].v;
    directions[i].memory = q->memory == NO_MEMORY ? NULL : r.memory[i].v;
    directions[i].memory_stride = q->memory == BY_SENTENCE ? r.memory[i].stride : 0;
    if (q->k == 0) continue;
    directions[i].keys = q->group > 1 || q->random ? r.keys[i].v : NULL;
    directions[i].indices = r.indices[i];
    directions[i].values = r.values[i].v;
    directions[i].counts = r.counts[i];
    directions[i].whole = r.whole[i].v;
    directions[i].kept = r.kept[i].v;
  }
  size_t broken = next_random() % p->positions;
  float *entry = row_of(&a->output_gradient, broken) + next_random() % 2 * a->padded +
                 next_random() % a->hidden;
  float before = *entry;
  if (q->breaks) *entry = NAN;
  meprop_lstm_backward_arguments backward = {.directions = directions,
                                             .hidden = a->hidden,
                                             .steps = p->steps,
                                             .starts = p->starts,
                                             .sentences = p->sentences,
                                             .k = q->k,
                                             .group = q->group,
                                             .random = q->random,
                                             .seed = SEED,
                                             .stream = STREAM,
                                             .beta = 0.9f,
                                             .nan_position = &r.nan_position,
                                             .now = q->timed ? tick : NULL};
  double *clocks = guarded_new(2 * groups * 3, sizeof *clocks);
  if (q->timed) backward.seconds = clocks;
  if (q->k > 0) run_parts(kernels->lstm_backward, &backward, 2 * groups);
  for (size_t step = p->steps; q->k == 0 && step-- > 0;) {
    backward.step = step;
    run_parts(kernels->lstm_backward_step, &backward, 2 * p->sentences);
    fill_state_gradients(a, p, q, &r, step);
  }
  *entry = before;

  if (q->breaks) {
    check_nan(&r, p, q, broken);
  } else {
    expect_equal("position with NaN", 0, 0, r.nan_position, 0);
    for (size_t direction = 0; direction < 2; direction++) {
      for (size_t t = 0; q->k > 0 && t < p->steps; t++) {
        size_t active = p->starts[t + 1] - p->starts[t];
        for (size_t first = 0; first < active; first += q->group)
          check_kept(a, &r, q, direction, p->starts[t], first,
                     first + q->group < active ? first + q->group : active);
      }
      for (size_t i = 0; i < p->sentences; i++) check_gradients(a, p, &r, q, direction, i);
    }
  }
  for (size_t part = 0; part < 2 * groups; part++) /* a tick for each kind of work in timed steps */
    for (size_t kind = 0; kind < 3; kind++) {
      double steps = clocks[3 * part];
      expect_near("seconds", part, kind, clocks[3 * part + kind], floor(steps), 0, 0);
      expect_equal("timed steps", part, kind, steps <= (q->timed ? (double)p->steps : 0), 1);
    }
  list_free(clocks, "seconds");
  results_free(&r, a, p, q);
}

static void check_mask(const meprop_kernels *kernels, const packing *p, size_t columns) {
  begin_case(kernels->name, "lstm_mask", p->sentences, columns, p->steps);
  matrix x = matrix_new(p->positions, columns, RANDOM), before = matrix_copy(&x);
  matrix mask = matrix_new(p->sentences, columns, RANDOM);
  const meprop_lstm_mask_arguments a = {.x = x.v,
                                        .stride = x.stride,
                                        .columns = columns,
                                        .mask = mask.v,
                                        .mask_stride = mask.stride,
                                        .starts = p->starts};
  run_parts(kernels->lstm_mask, &a, p->steps);
  for (size_t t = 0; t < p->steps; t++)
    for (size_t at = p->starts[t]; at < p->starts[t + 1]; at++)
      for (size_t c = 0; c < columns; c++)
        expect_near("x", at, c, row_of(&x, at)[c],
                    row_of(&before, at)[c] * row_of(&mask, at - p->starts[t])[c], 0, 0);
  matrix_free(&x, "x");
  matrix_free(&before, "x");
  matrix_free(&mask, "mask");
}

void check_lstm(const meprop_kernels *kernels, size_t sentences, size_t hidden) {
  size_t some = hidden / 3 + 1;
  const request requests[] = {
      {.k = 0, .group = 1},
      {.k = 0, .group = 1, .memory = BY_UNIT},
      {.k = 0, .group = 1, .memory = BY_SENTENCE},
      {.k = 1, .group = 1},
      {.k = some, .group = 1, .memory = BY_SENTENCE, .timed = 1},
      {.k = hidden, .group = 1, .memory = BY_UNIT},
      {.k = hidden, .group = 1},
      {.k = 1, .group = sentences, .memory = BY_UNIT},
      {.k = some, .group = 3, .memory = BY_SENTENCE, .timed = 1},
      {.k = hidden, .group = 4},
      {.k = 1, .group = 1, .random = 1, .memory = BY_SENTENCE},
      {.k = some, .group = 1, .random = 1},
      {.k = hidden, .group = 1, .random = 1, .memory = BY_UNIT},
      {.k = some, .group = 1, .breaks = 1},
      {.k = 1, .group = 3, .breaks = 1, .memory = BY_UNIT},
      {.k = some, .group = 1, .random = 1, .breaks = 1},
  };
  for (int masked = 0; masked < 2; masked++)
    for (int twins = 0; twins < 2; twins++) {
      packing p = packing_new(sentences);
      check_mask(kernels, &p, hidden);
      layer a = layer_new(&p, hidden, masked, twins);
      check_forward(kernels, &a, &p);
      for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        check_backward(kernels, &a, &p, &requests[i]);
      layer_free(&a);
    }
}
