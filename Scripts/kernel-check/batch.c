/* Selection over a whole batch: lists of entries that pass a threshold, and the exact threshold. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Those of the matrix in hand. */
static uint32_t *indices, *counts, *before;
static float *values, *sums, *norms;

static uint32_t magnitude(float a) {
  uint32_t bits;
  memcpy(&bits, &a, sizeof bits);
  return bits & 0x7fffffffu;
}

/* Lists that have entries already: `start[i]` of them. */
static void expect_before(size_t rows, size_t stride) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < before[i]; j++)
      expect_equal("entry before", i, j, indices[i * stride + j], (long long)(7 + j));
}

static void check_largest(const meprop_kernels *kernels, const matrix *d, size_t stride,
                          size_t first, uint32_t threshold) {
  begin_case(kernels->name, "list_largest", d->rows, d->columns, first);
  meprop_list_largest_arguments a = {.d = d->v,
                                     .stride = d->stride,
                                     .first = first,
                                     .columns = d->columns - first,
                                     .threshold = threshold,
                                     .norms = norms,
                                     .before = before,
                                     .indices = indices,
                                     .values = values,
                                     .list_stride = stride,
                                     .counts = counts};
  run_parts(kernels->list_largest, &a, d->rows);
  expect_before(d->rows, stride);
  for (size_t i = 0; i < d->rows; i++) {
    size_t count = before[i];
    for (size_t c = first; c < d->columns; c++) {
      float value = row_of(d, i)[c];
      if (norms[i] == 0 || magnitude(value) < threshold) continue;
      if (count < counts[i]) {
        expect_equal("index", i, count, indices[i * stride + count], (long long)c);
        expect_near("value", i, count, values[i * stride + count], value, 0, 0);
      }
      count++;
    }
    expect_equal("count", i, 0, counts[i], (long long)count);
  }
}

static void check_sampled(const meprop_kernels *kernels, const matrix *d, size_t stride,
                          size_t first, float threshold) {
  static const uint32_t slopes[8] = {0x9e3779b9u, 0x6a09e667u, 0xbb67ae85u, 0xa54ff53au,
                                     0x61c88647u, 0x95f61999u, 0x4498517bu, 0x5ab00ac6u};
  begin_case(kernels->name, "list_sampled", d->rows, d->columns, first);
  uint64_t seed = 77, stream = ((uint64_t)next_random() << 32) | next_random();
  meprop_list_sampled_arguments a = {.d = d->v,
                                     .stride = d->stride,
                                     .first = first,
                                     .columns = d->columns - first,
                                     .threshold = threshold,
                                     .norms = norms,
                                     .seed = seed,
                                     .stream = stream,
                                     .before = before,
                                     .indices = indices,
                                     .values = values,
                                     .list_stride = stride,
                                     .counts = counts,
                                     .sums = sums};
  run_parts(kernels->list_sampled, &a, d->rows);
  expect_before(d->rows, stride);
  for (size_t i = 0; i < d->rows; i++) {
    const uint32_t counter[4] = {(uint32_t)first, (uint32_t)i, (uint32_t)stream,
                                 (uint32_t)(stream >> 32)},
                   key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t random[4];
    meprop_philox(counter, key, random);
    size_t count = before[i];
    double sum = 0;
    for (size_t c = first; c < d->columns && norms[i] != 0; c++) {
      float value = row_of(d, i)[c], size = fabsf(value);
      uint32_t u = random[0] + (uint32_t)(c - first) * slopes[random[1] % 8];
      sum += size < threshold ? size : threshold;
      if (!(size > (float)(u >> 8) * (threshold * (1.0f / 16777216.0f)))) continue;
      if (count < counts[i]) {
        float kept = copysignf(size > threshold ? size : threshold, value);
        expect_equal("index", i, count, indices[i * stride + count], (long long)c);
        expect_near("value", i, count, values[i * stride + count], kept, 0, 0);
      }
      count++;
    }
    expect_equal("count", i, 0, counts[i], (long long)count);
    expect_near("sum", i, 0, sums[i], sum, sum, 32);
  }
}

static int descending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? 1 : x > y ? -1 : 0;
}

/* The threshold of all listed entries and what it leaves, against sorting them. */
static void check_threshold(const meprop_kernels *kernels, size_t rows, size_t stride,
                            uint32_t low) {
  size_t count = 0;
  for (size_t i = 0; i < rows; i++) count += counts[i] - before[i];
  if (count == 0) return;
  uint32_t *sorted = guarded_new(count, sizeof *sorted);
  uint32_t *scratch = guarded_new(count, sizeof *scratch);
  size_t listed = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = before[i]; j < counts[i]; j++)
      sorted[listed++] = magnitude(values[i * stride + j]);
  size_t wanted = 1 + next_random() % count, equals, ties = 0, kept = 0;
  begin_case(kernels->name, "threshold of a batch", rows, count, wanted);
  qsort(sorted, count, sizeof *sorted, descending);
  uint32_t threshold =
      meprop_batch_threshold(values, stride, before, counts, rows, wanted, low, scratch, &equals);
  for (size_t j = 0; j < wanted; j++) ties += sorted[j] == threshold;
  expect_equal("threshold", 0, 0, threshold, sorted[wanted - 1]);
  expect_equal("equals", 0, 0, (long long)equals, (long long)ties);
  meprop_keep_reaching(indices, values, stride, before, counts, rows, threshold, equals);
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = before[i]; j < counts[i]; j++)
      expect_equal("reaches", i, j, magnitude(values[i * stride + j]) >= threshold, 1);
    kept += counts[i] - before[i];
  }
  expect_equal("kept", 0, 0, (long long)kept, (long long)wanted);
  expect_before(rows, stride);
  list_free(sorted, "sorted");
  list_free(scratch, "scratch");
}

void check_batch(const meprop_kernels *kernels, const matrix *d) {
  size_t stride = (lines(d->columns) + 1) * MEPROP_LINE;
  size_t first = d->columns > MEPROP_LINE ? next_random() % lines(d->columns) * MEPROP_LINE : 0;
  indices = guarded_new(d->rows * stride, sizeof *indices);
  values = guarded_new(d->rows * stride, sizeof *values);
  counts = guarded_new(d->rows, sizeof *counts);
  before = guarded_new(d->rows, sizeof *before);
  sums = guarded_new(d->rows, sizeof *sums);
  norms = guarded_new(d->rows, sizeof *norms);
  for (size_t i = 0; i < d->rows; i++) {
    norms[i] = 0;
    for (size_t c = 0; c < d->columns; c++) norms[i] += fabsf(row_of(d, i)[c]);
    before[i] = first == 0 ? 0 : next_random() % (uint32_t)(first + 1);
    for (size_t j = 0; j < before[i]; j++) indices[i * stride + j] = (uint32_t)(7 + j);
  }
  float limits[3] = {0.7f, 0.02f, 0};
  for (int limit = 0; limit < 3; limit++) {
    uint32_t threshold = magnitude(limits[limit]);
    if (threshold == 0) threshold = 1;
    check_largest(kernels, d, stride, first, threshold);
    check_threshold(kernels, d->rows, stride, threshold);
    if (limits[limit] > 0) check_sampled(kernels, d, stride, first, limits[limit]);
  }
  list_free(indices, "indices");
  list_free(values, "values");
  list_free(counts, "counts");
  list_free(before, "before");
  list_free(sums, "sums");
  list_free(norms, "norms");
}
