/* Regrouping of per-example selections by output, and Philox on one block. */
#include "meprop_kernels.h"

#include <string.h>

size_t meprop_regroup(const uint32_t *indices, const float *values, const uint32_t *counts,
                      size_t batch, size_t k, size_t n, int all_rows, uint32_t *restrict cursor,
                      uint32_t *restrict rows, uint32_t *restrict starts,
                      uint32_t *restrict examples, float *restrict weights, size_t *touched) {
  memset(cursor, 0, (n + 1) * sizeof *cursor);
  for (size_t i = 0; i < batch; i++) {
    const uint32_t *outputs = indices + i * k;
    for (size_t j = 0, count = counts[i]; j < count; j++) cursor[outputs[j]]++;
  }
  /* Without branches, as nobody can foresee which outputs are kept. */
  size_t row_count = 0, touched_count = 0;
  uint32_t at = 0;
  for (size_t r = 0; r < n; r++) {
    uint32_t entries = cursor[r];
    cursor[r] = at;
    rows[row_count] = (uint32_t)r;
    starts[row_count] = at;
    row_count += (entries != 0) | (all_rows != 0);
    touched_count += entries != 0;
    at += entries;
  }
  starts[row_count] = at;
  *touched = touched_count;
  for (size_t i = 0; i < batch; i++) {
    const uint32_t *outputs = indices + i * k;
    const float *own = values + i * k;
    for (size_t j = 0, count = counts[i]; j < count; j++) {
      uint32_t place = cursor[outputs[j]]++;
      examples[place] = (uint32_t)i;
      weights[place] = own[j];
    }
  }
  return row_count;
}

void meprop_share_selection(const float *d, size_t stride, size_t batch, size_t k, size_t group,
                            uint32_t *indices, float *values, uint32_t *counts) {
  /* Last first, because the lists of the groups are where those of the first examples go. */
  for (size_t i = batch; i-- > 0;) {
    size_t from = i / group, count = counts[from];
    if (i != from) memcpy(indices + i * k, indices + from * k, count * sizeof *indices);
    counts[i] = (uint32_t)count;
    for (size_t j = 0; j < count; j++) values[i * k + j] = d[i * stride + indices[i * k + j]];
  }
}

void meprop_remainder(const meprop_support *support, const float *sums, size_t batch, size_t n,
                      float *memory) {
  memcpy(memory, sums, n * sizeof *memory);
  for (size_t t = 0; t < support->row_count; t++) {
    float kept = 0;
    for (uint32_t e = support->starts[t]; e < support->starts[t + 1]; e++)
      kept += support->weights[e];
    memory[support->rows[t]] -= kept;
  }
  float scale = 1 / (float)batch;
  for (size_t r = 0; r < n; r++) memory[r] *= scale;
}

void meprop_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0],
           k1 = key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t p = (uint64_t)0xD2511F53u * c0, q = (uint64_t)0xCD9E8D57u * c2;
    c0 = (uint32_t)(q >> 32) ^ c1 ^ k0;
    c2 = (uint32_t)(p >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)q;
    c3 = (uint32_t)p;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}
