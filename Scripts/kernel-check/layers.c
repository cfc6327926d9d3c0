/* Activations with dropout, their gradients, cross-entropy, softmax, products of few rows, sums
 * over rows, random numbers. */
#include "check.h"

#include <math.h>
#include <string.h>

enum { SEED = 77, STREAM = 5, MOST_COLUMNS = 256 };
static const double approximate = 16; /* roundings allowed where exp, tanh or log take part */

static double apply(meprop_activation activation, double x) {
  switch (activation) {
    case MEPROP_RELU: return x > 0 ? x : 0;
    case MEPROP_TANH: return tanh(x);
    case MEPROP_SIGMOID: return 1 / (1 + exp(-x));
    default: return x;
  }
}

/* Derivative, in terms of the activation's result. */
static double slope(meprop_activation activation, double z) {
  switch (activation) {
    case MEPROP_RELU: return z > 0;
    case MEPROP_TANH: return 1 - z * z;
    case MEPROP_SIGMOID: return z * (1 - z);
    default: return 1;
  }
}

static void check_activation(const meprop_kernels *kernels, size_t rows, size_t columns,
                             meprop_activation activation, uint32_t threshold) {
  float scale = threshold ? 1.25f : 1.0f, beta = 0.9f;
  uint32_t bits[MOST_COLUMNS];
  matrix y = matrix_new(rows, columns, RANDOM), bias = matrix_new(1, columns, RANDOM);
  matrix z = matrix_copy(&y);
  meprop_activate_arguments forward = {.y = z.v,
                                       .stride = z.stride,
                                       .columns = columns,
                                       .bias = bias.v,
                                       .activation = activation,
                                       .threshold = threshold,
                                       .scale = scale,
                                       .seed = SEED,
                                       .stream = STREAM};
  run_parts(kernels->activate, &forward, rows);

  size_t chunks = (rows + MEPROP_ROW_CHUNK - 1) / MEPROP_ROW_CHUNK;
  matrix dz = matrix_like(&y, rows, RANDOM), d = matrix_like(&y, rows, GARBAGE);
  matrix memory = matrix_new(1, columns, RANDOM), norms = matrix_new(1, rows, GARBAGE);
  matrix sums = matrix_new(chunks, columns, GARBAGE);
  meprop_gradient_arguments backward = {.dz = dz.v,
                                        .z = z.v,
                                        .stride = d.stride,
                                        .rows = rows,
                                        .columns = columns,
                                        .activation = activation,
                                        .threshold = threshold,
                                        .scale = scale,
                                        .seed = SEED,
                                        .stream = STREAM,
                                        .memory = memory.v,
                                        .beta = beta,
                                        .d = d.v,
                                        .sums = sums.v,
                                        .sum_stride = sums.stride,
                                        .norms = norms.v};
  run_parts(kernels->gradient, &backward, chunks);

  double wanted_sums[8][MOST_COLUMNS] = {{0}};
  for (size_t r = 0; r < rows; r++) {
    double norm = 0;
    kernels->random_bits(SEED, STREAM, (uint32_t)r, bits, MOST_COLUMNS);
    for (size_t c = 0; c < columns; c++) {
      int kept = threshold == 0 || bits[c] >= threshold;
      double x = (double)row_of(&y, r)[c] + (double)bias.v[c], result = apply(activation, x);
      begin_case(kernels->name, "activate", rows, columns, activation);
      expect_near("y", r, c, row_of(&z, r)[c], kept ? result * scale : 0, fabs(x) + 1, approximate);
      /* what backward sees, so that ReLU's kink agrees */
      double result32 = row_of(&z, r)[c] / scale;
      double want = (double)beta * memory.v[c] +
                    (kept ? row_of(&dz, r)[c] * scale * slope(activation, result32) : 0);
      begin_case(kernels->name, "gradient", rows, columns, activation);
      expect_near("d", r, c, row_of(&d, r)[c], want, 3, 4);
      norm += fabs(want);
      wanted_sums[r / MEPROP_ROW_CHUNK][c] += want;
    }
    expect_near("norm", r, 0, norms.v[r], norm, 3 * (double)columns, 8);
  }
  for (size_t i = 0; i < chunks; i++)
    for (size_t c = 0; c < columns; c++)
      expect_near("sum", i, c, row_of(&sums, i)[c], wanted_sums[i][c], 48, 4);
  matrix_free(&y, "y");
  matrix_free(&bias, "bias");
  matrix_free(&z, "z");
  matrix_free(&dz, "dz");
  matrix_free(&d, "d");
  matrix_free(&memory, "memory");
  matrix_free(&sums, "sums");
  matrix_free(&norms, "norms");
}

static void check_cross_entropy(const meprop_kernels *kernels, size_t rows, size_t columns) {
  begin_case(kernels->name, "cross_entropy", rows, columns, 0);
  matrix logits = matrix_new(rows, columns, RANDOM), gradient = matrix_like(&logits, rows, GARBAGE);
  matrix losses = matrix_new(1, rows, GARBAGE), again = matrix_new(1, rows, GARBAGE);
  int32_t *labels = guarded_new(rows, sizeof *labels);
  int32_t *predictions = guarded_new(rows, sizeof *predictions);
  for (size_t r = 0; r < rows; r++) {
    labels[r] = (int32_t)(next_random() % columns);
    for (size_t c = 0; c < columns; c++) row_of(&logits, r)[c] *= 9;
    if (columns > 1) row_of(&logits, r)[columns - 1] = row_of(&logits, r)[0]; /* a tie */
  }
  float scale = 1.0f / (float)rows;
  meprop_cross_entropy_arguments a = {.logits = logits.v,
                                      .stride = logits.stride,
                                      .columns = columns,
                                      .labels = labels,
                                      .scale = scale,
                                      .gradient = gradient.v,
                                      .losses = losses.v,
                                      .predictions = predictions};
  run_parts(kernels->cross_entropy, &a, rows);
  a.gradient = NULL;
  a.predictions = NULL;
  a.losses = again.v;
  run_parts(kernels->cross_entropy, &a, rows);
  matrix probabilities = matrix_copy(&logits);
  meprop_softmax_arguments s = {
      .values = probabilities.v, .stride = logits.stride, .columns = columns};
  run_parts(kernels->softmax, &s, rows);
  for (size_t r = 0; r < rows; r++) {
    const float *row = row_of(&logits, r);
    size_t best = 0;
    double sum = 0;
    for (size_t c = 1; c < columns; c++) best = row[c] > row[best] ? c : best;
    for (size_t c = 0; c < columns; c++) sum += exp((double)row[c] - row[best]);
    double loss = log(sum) + row[best] - row[labels[r]];
    expect_equal("prediction", r, 0, predictions[r], (long long)best);
    expect_near("loss", r, 0, losses.v[r], loss, 9 + loss, approximate);
    expect_near("loss alone", r, 0, again.v[r], loss, 9 + loss, approximate);
    for (size_t c = 0; c < columns; c++) {
      double p = exp((double)row[c] - row[best]) / sum;
      expect_near("probability", r, c, row_of(&probabilities, r)[c], p, 9 * p, approximate);
      double want = (p - (c == (size_t)labels[r])) * scale;
      expect_near("gradient", r, c, row_of(&gradient, r)[c], want, scale, approximate);
    }
  }
  matrix_free(&logits, "logits");
  matrix_free(&gradient, "gradient");
  matrix_free(&probabilities, "probabilities");
  matrix_free(&losses, "losses");
  matrix_free(&again, "losses");
  list_free(labels, "labels");
  list_free(predictions, "predictions");
}

void check_layers(const meprop_kernels *kernels, size_t rows, size_t columns) {
  for (int activation = MEPROP_IDENTITY; activation <= MEPROP_SIGMOID; activation++) {
    check_activation(kernels, rows, columns, (meprop_activation)activation, 0);
    /* p = 0.2 */
    check_activation(kernels, rows, columns, (meprop_activation)activation, 858993459u);
  }
  check_cross_entropy(kernels, rows, columns);
}

/* Each sum is made in one order, whatever rows there are beside its own. */
void check_thin_product(const meprop_kernels *kernels, size_t rows, size_t inner, size_t columns) {
  matrix x = matrix_new(rows, inner, RANDOM), w = matrix_new(columns, inner, RANDOM);
  matrix bias = matrix_new(1, columns, RANDOM);
  for (int biased = 0; biased < 2; biased++) {
    begin_case(kernels->name, biased ? "thin_product, bias" : "thin_product", rows, columns, inner);
    matrix y = matrix_new(rows, columns, GARBAGE), alone = matrix_like(&y, 1, GARBAGE);
    size_t own = next_random() % rows;
    meprop_thin_product_arguments a = {.x = x.v, .x_stride = x.stride, .rows = rows, .inner = inner,
      .w = w.v, .w_stride = w.stride, .columns = columns, .bias = biased ? bias.v : NULL,
      .y = y.v, .y_stride = y.stride};
    run_parts(kernels->thin_product, &a, lines(columns));
    a.x = row_of(&x, own);
    a.rows = 1;
    a.y = alone.v;
    run_parts(kernels->thin_product, &a, lines(columns));
    for (size_t r = 0; r < rows; r++)
      for (size_t c = 0; c < columns; c++) {
        double want = biased ? bias.v[c] : 0, magnitude = fabs(want);
        for (size_t i = 0; i < inner; i++) {
          double term = (double)row_of(&x, r)[i] * row_of(&w, c)[i];
          want += term;
          magnitude += fabs(term);
        }
        expect_near("y", r, c, row_of(&y, r)[c], want, magnitude, (double)inner / 8 + 4);
        if (r == own) expect_near("y alone", r, c, alone.v[c], row_of(&y, r)[c], 0, 0);
      }
    matrix_free(&y, "y");
    matrix_free(&alone, "y");
  }
  matrix_free(&x, "x");
  matrix_free(&w, "w");
  matrix_free(&bias, "bias");
}

/* Sums over rows in order, to the bit. */
void check_column_sums(const meprop_kernels *kernels, size_t rows, size_t columns) {
  begin_case(kernels->name, "column_sums", rows, columns, 0);
  matrix x = matrix_new(rows, columns, RANDOM), sums = matrix_new(1, columns, GARBAGE);
  meprop_column_sums_arguments a = {.x = x.v, .rows = rows, .stride = x.stride, .sums = sums.v};
  run_parts(kernels->column_sums, &a, lines(columns));
  for (size_t c = 0; c < columns; c++) {
    float want = 0;
    for (size_t r = 0; r < rows; r++) want += row_of(&x, r)[c];
    expect_near("sum", 0, c, sums.v[c], want, 0, 0);
  }
  matrix_free(&x, "x");
  matrix_free(&sums, "sums");
}

/* Word j of counter block 16 b + l is number 64 b + 16 j + l of its row. */
void check_random_bits(const meprop_kernels *kernels) {
  uint32_t *bits = guarded_new(192, sizeof *bits), block[4];
  uint64_t seed = 0x0123456789abcdefu, stream = 0xfedcba9876543210u;
  uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  begin_case(kernels->name, "random_bits", 1, 192, 0);
  kernels->random_bits(seed, stream, 9, bits, 192);
  for (uint32_t i = 0; i < 48; i++) {
    uint32_t counter[4] = {i, 9, (uint32_t)stream, (uint32_t)(stream >> 32)};
    meprop_philox(counter, key, block);
    for (size_t j = 0; j < 4; j++)
      expect_equal("number", i, j, bits[i / 16 * 64 + 16 * j + i % 16], block[j]);
  }
  list_free(bits, "bits");
  /* Known answer of Random123 for Philox4x32-10, counter and key of ones. */
  static const uint32_t answer[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
  uint32_t ones[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
  meprop_philox(ones, ones, block);
  for (size_t j = 0; j < 4; j++) expect_equal("known answer", 0, j, block[j], answer[j]);
}
