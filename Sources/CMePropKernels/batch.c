/* The exact threshold of a selection over a whole batch, from a list of candidates. */
#include "meprop_kernels.h"

#include <string.h>

static uint32_t magnitude(float a) {
  uint32_t bits;
  memcpy(&bits, &a, sizeof bits);
  return bits & 0x7fffffffu;
}

/* Candidates are counted in bins of 2^16 bit patterns, 128 to a doubling of the magnitude. */
#define BIN_BITS 16
#define BIN_COUNT 2048

static size_t bin_of(uint32_t bits, uint32_t low) {
  size_t bin = (bits - low) >> BIN_BITS;
  return bin < BIN_COUNT ? bin : BIN_COUNT - 1;
}

/* The `rank`-th largest of `count` bit patterns, from 1, by halving the range of values: at most 32
 * passes over few numbers, whatever they are. */
static uint32_t nth_largest(const uint32_t *bits, size_t count, size_t rank, size_t *above) {
  uint32_t low = 0, high = UINT32_MAX; /* at least `rank` reach low; fewer reach high */
  *above = 0;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    size_t reach = 0;
    for (size_t j = 0; j < count; j++) reach += bits[j] >= middle;
    if (reach >= rank) low = middle;
    else high = middle, *above = reach;
  }
  return low;
}

uint32_t meprop_batch_threshold(const float *values, size_t list_stride, const uint32_t *before,
                                const uint32_t *counts, size_t rows, size_t count, uint32_t low,
                                uint32_t *scratch, size_t *equals) {
  uint32_t bins[BIN_COUNT] = {0};
  for (size_t i = 0; i < rows; i++) {
    const float *own = values + i * list_stride;
    for (size_t j = before == NULL ? 0 : before[i]; j < counts[i]; j++)
      bins[bin_of(magnitude(own[j]), low)]++;
  }
  size_t bin = BIN_COUNT, above = 0;
  while (above + bins[--bin] < count) above += bins[bin];
  /* The threshold is in this bin, and `above` entries are in higher ones. */
  size_t some = 0;
  for (size_t i = 0; i < rows; i++) {
    const float *own = values + i * list_stride;
    for (size_t j = before == NULL ? 0 : before[i]; j < counts[i]; j++) {
      uint32_t bits = magnitude(own[j]);
      scratch[some] = bits;
      some += bin_of(bits, low) == bin;
    }
  }
  size_t reach;
  uint32_t threshold = nth_largest(scratch, some, count - above, &reach);
  *equals = count - above - reach;
  return threshold;
}

void meprop_keep_reaching(uint32_t *indices, float *values, size_t list_stride,
                          const uint32_t *before, uint32_t *counts, size_t rows,
                          uint32_t threshold, size_t equals) {
  for (size_t i = 0; i < rows; i++) {
    uint32_t *index = indices + i * list_stride;
    float *value = values + i * list_stride;
    size_t kept = before == NULL ? 0 : before[i];
    for (size_t j = kept; j < counts[i]; j++) {
      uint32_t bits = magnitude(value[j]);
      size_t is_equal = bits == threshold && equals > 0;
      index[kept] = index[j];
      value[kept] = value[j];
      equals -= is_equal;
      kept += bits > threshold || is_equal;
    }
    counts[i] = (uint32_t)kept;
  }
}
