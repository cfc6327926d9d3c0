/* LSTM layers with numbers of eight bits: rounding, products, and all steps of two directions. */
#include "check.h"

#include <math.h>

/* Weights of four gates of `hidden` rows, or of so many outputs in blocks of 64 (padded is 16
 * then), packed, with what they are made of. */
typedef struct {
  meprop_byte_weights packed;
  int8_t *q, *plain; /* plain: [4 hp, inputs] */
  float *scales;
  int32_t *sums;
  size_t padded;
} byte_matrix;

/* Where a weight is packed. */
static size_t place(size_t padded, size_t quads, size_t row, size_t c) {
  size_t block = row / (4 * padded), gate = row % (4 * padded) / padded, unit = row % padded;
  size_t line = (unit / MEPROP_LINE * quads + c / 4) * 4 + gate;
  return block * 4 * padded * quads * 4 + (line * MEPROP_LINE + unit % MEPROP_LINE) * 4 + c % 4;
}

/* `rows` of which those count whose unit is below `hidden`. */
static byte_matrix byte_rows_new(size_t rows, size_t padded, size_t hidden, size_t inputs,
                                 float largest) {
  size_t quads = (inputs + 3) / 4;
  byte_matrix a = {.padded = padded,
                   .q = guarded_new(rows * quads * 4, 1),
                   .plain = guarded_new(rows * inputs, 1),
                   .scales = guarded_new(rows, sizeof(float)),
                   .sums = guarded_new(rows, sizeof(int32_t))};
  for (size_t row = 0; row < rows; row++) {
    if (row % padded >= hidden) continue;
    a.scales[row] = largest / 127 * (next_float() + 1.5f);
    for (size_t c = 0; c < inputs; c++) {
      /* The extreme values are frequent: they show saturation. */
      int value = next_random() % 3 == 0 ? (next_random() % 2 ? 127 : -127)
                                         : (int)(next_random() % 255) - 127;
      a.plain[row * inputs + c] = (int8_t)value;
      a.sums[row] += value;
      a.q[place(padded, quads, row, c)] = (int8_t)value;
    }
  }
  a.packed = (meprop_byte_weights){.q = a.q, .scales = a.scales, .sums = a.sums, .inputs = inputs};
  return a;
}

static byte_matrix byte_matrix_new(size_t hidden, size_t inputs, float largest) {
  size_t padded = lines(hidden) * MEPROP_LINE;
  return byte_rows_new(4 * padded, padded, hidden, inputs, largest);
}

static void byte_matrix_free(byte_matrix *a) {
  list_free(a->q, "q");
  list_free(a->plain, "plain");
  list_free(a->scales, "scales");
  list_free(a->sums, "sums");
}

/* An input without its offset. */
static int input(const meprop_kernels *kernels, int8_t stored) {
  return (int8_t)((uint8_t)stored - kernels->input_offset);
}

static double product(const meprop_kernels *kernels, const byte_matrix *w, size_t row,
                      const int8_t *x) {
  long sum = 0;
  for (size_t c = 0; c < w->packed.inputs; c++)
    sum += (long)w->plain[row * w->packed.inputs + c] * input(kernels, x[c]);
  return (double)sum * (double)w->scales[row];
}

static double sigmoid(double a) { return 1 / (1 + exp(-a)); }

/* Every other row of a number that is a multiple of 4 `padded`; the rest stays as it was. */
static void check_packing(const meprop_kernels *kernels, size_t all, size_t padded, size_t inputs) {
  size_t quads = (inputs + 3) / 4, count = 0;
  begin_case(kernels->name, "pack_bytes", all, padded, inputs);
  matrix x = matrix_new(all, inputs, RANDOM);
  int8_t *q = guarded_new(all * quads * 4, 1);
  float *scales = guarded_new(all, sizeof(float));
  int32_t *sums = guarded_new(all, sizeof(int32_t));
  uint32_t *rows = guarded_new(all, sizeof(uint32_t));
  for (size_t row = 1; row < all; row += 2) rows[count++] = (uint32_t)row;
  const meprop_pack_bytes_arguments pack = {.rows = rows,
                                            .x = x.v,
                                            .x_stride = x.stride,
                                            .columns = inputs,
                                            .padded = padded,
                                            .q = q,
                                            .scales = scales,
                                            .sums = sums};
  run_parts(kernels->pack_bytes, &pack, count);
  for (size_t row = 0; row < all; row++) {
    double largest = 0;
    long sum = 0;
    for (size_t c = 0; c < inputs; c++) largest = fmax(largest, fabs((double)row_of(&x, row)[c]));
    for (size_t c = 0; c < quads * 4; c++) {
      int got = q[place(padded, quads, row, c)];
      double exact = c < inputs && row % 2 ? row_of(&x, row)[c] : 0;
      expect_near("packed", row, c, got * largest / 127, exact, 0.501 * largest / 127 / 1.2e-7, 1);
      sum += got;
    }
    expect_equal("sum", row, 0, sums[row], sum);
    expect_near("scale", row, 0, scales[row], row % 2 ? largest / 127 : 0, largest, 1);
  }
  matrix_free(&x, "x");
  list_free(q, "q");
  list_free(scales, "scales");
  list_free(sums, "sums");
  list_free(rows, "rows");
}

static void check_rounding_and_products(const meprop_kernels *kernels, size_t batch, size_t hidden,
                                        size_t inputs) {
  size_t padded = lines(hidden) * MEPROP_LINE, stride = lines(inputs) * MEPROP_LINE;
  begin_case(kernels->name, "quantize_rows", batch, inputs, 0);
  matrix x = matrix_new(batch, inputs, RANDOM);
  for (size_t c = 0; c < inputs; c++) row_of(&x, 0)[c] = 0;
  int8_t *q = guarded_new(batch * stride, 1);
  float *scales = guarded_new(batch, sizeof(float));
  const meprop_quantize_arguments quantize = {.x = x.v,
                                              .x_stride = x.stride,
                                              .columns = inputs,
                                              .q = q,
                                              .q_stride = stride,
                                              .scales = scales};
  run_parts(kernels->quantize_rows, &quantize, batch);
  for (size_t r = 0; r < batch; r++) {
    double largest = 0;
    for (size_t c = 0; c < inputs; c++) largest = fmax(largest, fabs((double)row_of(&x, r)[c]));
    expect_near("scale", r, 0, scales[r], largest / 127, largest, 1);
    for (size_t c = 0; c < stride; c++) {
      double exact = c < inputs ? row_of(&x, r)[c] : 0;
      /* Half a step, and a little for the rounding of the factor. */
      expect_near("rounding", r, c, input(kernels, q[r * stride + c]) * (double)scales[r], exact,
                  0.501 * (double)scales[r] / 1.2e-7, 1);
    }
  }
  matrix_free(&x, "x");
  check_packing(kernels, 4 * padded, padded, inputs);
  size_t blocks = (hidden + 63) / 64 * 64;
  check_packing(kernels, blocks, MEPROP_LINE, inputs);

  begin_case(kernels->name, "byte_product", batch, hidden, inputs);
  byte_matrix w = byte_matrix_new(hidden, inputs, 1);
  matrix bias = matrix_new(1, 4 * padded, ZERO), y = matrix_new(batch, 4 * padded, GARBAGE);
  for (size_t row = 0; row < 4 * padded; row++)
    bias.v[row] = row % padded < hidden ? next_float() : 0;
  for (int state = 0; state < 2; state++) {
    const meprop_byte_product_arguments multiply = {.w = w.packed,
                                                    .padded = padded,
                                                    .x = q,
                                                    .x_stride = stride,
                                                    .rows = batch,
                                                    .x_scales = state ? NULL : scales,
                                                    .bias = bias.v,
                                                    .y = y.v,
                                                    .y_stride = y.stride};
    run_parts(kernels->byte_product, &multiply, lines(hidden));
    for (size_t r = 0; r < batch; r++)
      for (size_t row = 0; row < 4 * padded; row++) {
        double scale = state ? 1.0 / 127 : (double)scales[r];
        double want = product(kernels, &w, row, q + r * stride) * scale + (double)bias.v[row];
        expect_near("y", r, row, row_of(&y, r)[row], want,
                    fabs(want) + fabs((double)bias.v[row]) + 1e-3, 4);
      }
  }
  matrix_free(&bias, "bias");
  matrix_free(&y, "y");
  byte_matrix_free(&w);

  begin_case(kernels->name, "byte_linear", batch, hidden, inputs);
  w = byte_rows_new(blocks, MEPROP_LINE, MEPROP_LINE, inputs, 1);
  for (size_t row = hidden; row < blocks; row++) w.scales[row] = 0;
  bias = matrix_new(1, hidden, RANDOM);
  y = matrix_new(batch, hidden, GARBAGE);
  for (int finished = 0; finished < 3; finished++) {
    const meprop_byte_linear_arguments multiply = {
        .w = w.packed,
        .x = q,
        .x_stride = stride,
        .rows = batch,
        .x_scales = scales,
        .y = y.v,
        .y_stride = y.stride,
        .outputs = hidden,
        .finish = {.bias = finished > 0 ? bias.v : NULL, .rectifies = finished == 2}};
    run_parts(kernels->byte_linear, &multiply, blocks / 64 * ((batch + 31) / 32));
    for (size_t r = 0; r < batch; r++)
      for (size_t row = 0; row < hidden; row++) {
        double sum = product(kernels, &w, row, q + r * stride) * (double)scales[r],
               want = finished > 0 ? sum + (double)bias.v[row] : sum;
        if (finished == 2) want = fmax(want, 0);
        expect_near("y", r, row, row_of(&y, r)[row], want, fabs(sum) + 1, 4);
      }
  }
  matrix_free(&bias, "bias");
  matrix_free(&y, "y");
  byte_matrix_free(&w);
  list_free(q, "q");
  list_free(scales, "scales");
}

/* Sentences of falling lengths, about one for each of the batch; groups of three. In training with
 * masks of 0 and 2. */
static void check_steps(const meprop_kernels *kernels, size_t sentences, size_t hidden, int ahead,
                        int training) {
  size_t padded = lines(hidden) * MEPROP_LINE, longest = 1 + sentences / 3, positions = 0;
  uint32_t *starts = guarded_new(longest + 1, sizeof *starts);
  for (size_t t = 0; t < longest; t++) starts[t + 1] = starts[t] + (uint32_t)(sentences - t * 2);
  positions = starts[longest];
  begin_case(kernels->name, training ? "byte_lstm, training" : "byte_lstm", sentences, hidden,
             longest);
  byte_matrix w = byte_matrix_new(hidden, hidden, 0.2f);
  matrix gates = matrix_new(positions, 4 * padded, ZERO),
         cell = matrix_new(sentences, padded, GARBAGE);
  matrix second = matrix_new(sentences, padded, GARBAGE),
         output = matrix_new(positions, 2 * padded, GARBAGE);
  for (size_t p = 0; p < positions; p++)
    for (size_t row = 0; row < 4 * padded; row++)
      row_of(&gates, p)[row] = row % padded < hidden ? 2 * next_float() : 0;
  /* Gates ahead, or products with one input. */
  byte_matrix in = byte_matrix_new(hidden, 1, 0.5f);
  matrix bias = matrix_new(1, 4 * padded, ZERO);
  int8_t *one = guarded_new(positions * 4, 1);
  for (size_t row = 0; row < 4 * padded; row++)
    bias.v[row] = row % padded < hidden ? next_float() : 0;
  for (size_t p = 0; p < positions; p++) one[p * 4] = (int8_t)(next_random() % 255 - 127);
  if (!ahead)
    for (size_t p = 0; p < positions; p++)
      for (size_t row = 0; row < 4 * padded; row++)
        row_of(&gates, p)[row] =
            (float)(product(kernels, &in, row, one + p * 4) / 127) + bias.v[row];
  int8_t *states = guarded_new(positions * 2 * padded, 1);
  matrix kept_gates = matrix_new(2 * positions, 4 * padded, GARBAGE),
         kept_cell = matrix_new(2 * positions, padded, GARBAGE);
  matrix previous = matrix_like(&kept_cell, 2 * positions, GARBAGE),
         mask = matrix_new(sentences, padded, ZERO);
  double largest_state = training ? 2 : 1;
  for (size_t i = 0; i < sentences; i++)
    for (size_t u = 0; u < hidden; u++)
      row_of(&mask, i)[u] = training ? (float)(next_random() % 2 * 2) : 1;
  meprop_byte_direction directions[2];
  for (int direction = 0; direction < 2; direction++)
    directions[direction] =
        (meprop_byte_direction){.reversed = direction,
                                .w = w.packed,
                                .gates = ahead ? gates.v : NULL,
                                .gate_stride = gates.stride,
                                .input = {.w = in.packed,
                                          .padded = padded,
                                          .x = one,
                                          .x_stride = 4,
                                          .rows = positions,
                                          .bias = bias.v},
                                .cell = direction ? second.v : cell.v,
                                .cell_stride = direction ? second.stride : cell.stride,
                                .states = states + (size_t)direction * padded,
                                .state_stride = 2 * padded,
                                .output = output.v + (size_t)direction * padded,
                                .output_stride = output.stride};
  for (size_t direction = 0; training && direction < 2; direction++) {
    directions[direction].kept_gates = row_of(&kept_gates, direction * positions);
    directions[direction].kept_gate_stride = kept_gates.stride;
    directions[direction].kept_cell = row_of(&kept_cell, direction * positions);
    directions[direction].previous = row_of(&previous, direction * positions);
    directions[direction].kept_stride = kept_cell.stride;
    directions[direction].mask = mask.v;
    directions[direction].mask_stride = mask.stride;
  }
  const meprop_byte_lstm_arguments steps = {.directions = directions,
                                            .hidden = hidden,
                                            .steps = longest,
                                            .starts = starts,
                                            .sentences = sentences,
                                            .group = 3,
                                            .largest_state = (float)largest_state};
  run_parts(kernels->byte_lstm, &steps, 2 * ((sentences + 2) / 3));

  double *c = guarded_new(hidden, sizeof *c), *h_before = guarded_new(padded, sizeof *h_before);
  for (size_t direction = 0; direction < 2; direction++)
    for (size_t i = 0; i < sentences; i++) {
      int8_t *before = NULL;
      for (size_t u = 0; u < hidden; u++) c[u] = h_before[u] = 0;
      for (size_t step = 0; step < longest; step++) {
        size_t t = direction ? longest - 1 - step : step, p = starts[t] + i;
        if (i >= starts[t + 1] - starts[t]) continue;
        for (size_t u = 0; u < padded; u++) {
          float got = row_of(&output, p)[direction * padded + u];
          int state = input(kernels, states[p * 2 * padded + direction * padded + u]);
          double h = 0;
          if (u < hidden) {
            double in[4];
            for (size_t gate = 0; gate < 4; gate++) {
              in[gate] = row_of(&gates, p)[gate * padded + u];
              if (before != NULL)
                in[gate] += product(kernels, &w, gate * padded + u, before) / 127 * largest_state;
              in[gate] = gate == 2 ? tanh(in[gate]) : sigmoid(in[gate]);
            }
            c[u] = in[1] * c[u] + in[0] * in[2];
            h = in[3] * tanh(c[u]);
            if (training) {
              size_t row = direction * positions + p;
              for (size_t gate = 0; gate < 4; gate++)
                expect_near("gate", row, u, row_of(&kept_gates, row)[gate * padded + u], in[gate],
                            1, 30);
              expect_near("cell", row, u, row_of(&kept_cell, row)[u], c[u], 1 + (double)step, 30);
              expect_near("previous", row, u, row_of(&previous, row)[u], h_before[u],
                          1 + (double)step, 60);
              h_before[u] = h * (double)row_of(&mask, i)[u];
            }
          }
          expect_near("h", p, u, got, h, 1 + (double)step, 30);
          /* The next step starts from the rounded state that was stored, so errors do not add up
           * here. */
          double masked = u < hidden ? h * (double)row_of(&mask, i)[u] : 0;
          expect_near("state", p, u, state, 127 * masked / largest_state, 0.502 / 1.2e-7, 1);
        }
        before = states + p * 2 * padded + direction * padded;
      }
    }
  matrix_free(&kept_gates, "kept gates");
  matrix_free(&kept_cell, "kept cell");
  matrix_free(&previous, "previous");
  matrix_free(&mask, "mask");
  list_free(c, "c");
  list_free(h_before, "h_before");
  list_free(states, "states");
  list_free(starts, "starts");
  list_free(one, "one");
  byte_matrix_free(&in);
  matrix_free(&bias, "bias");
  matrix_free(&gates, "gates");
  matrix_free(&cell, "cell");
  matrix_free(&second, "cell");
  matrix_free(&output, "output");
  byte_matrix_free(&w);
}

void check_byte_lstm(const meprop_kernels *kernels, size_t batch, size_t hidden, size_t inputs) {
  check_rounding_and_products(kernels, batch, hidden, inputs);
  for (int ahead = 0; ahead < 2; ahead++)
    for (int training = 0; training < 2; training++)
      check_steps(kernels, batch, hidden, ahead, training);
}
