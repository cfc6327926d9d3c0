/* Arguments of selection: what is kept of a gradient. The legend and the contract of
 * meprop_kernels.h hold here too. */
#ifndef MEPROP_SELECTION_KERNELS_H
#define MEPROP_SELECTION_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Per row, the k entries of largest magnitude; of equal magnitudes the lower index; zeros never.
 * Part range: rows. */
typedef struct {
  const float *d;
  size_t stride, columns;
  size_t k;           /* 1..columns */
  const float *norms; /* sum of |d| per row: where the search starts, the result does not depend
                       * on it */
  uint32_t *indices;  /* [rows, k], ascending in each row */
  float *values;      /* [rows, k] */
  uint32_t *counts;   /* [rows]: entries kept, at most k */
  /* Set to 1 + row where a row holds a NaN (0 before; the first where there are several). */
  int32_t *nan_row;
} meprop_select_arguments;

/* Sums of |d| over the examples of each group, and the sum of those. Part range: groups. */
typedef struct {
  const float *d;
  size_t stride, rows, columns;
  size_t group;      /* examples in a group, the last may have fewer */
  float *magnitudes; /* [groups, stride] */
  float *norms;      /* [groups] */
} meprop_group_magnitudes_arguments;

/* Per row, the entries of some columns whose magnitude reaches a threshold, after those that the
 * row's list has already. Part range: rows. */
typedef struct {
  const float *d;
  size_t stride;
  size_t first, columns;  /* from which column on, a multiple of 16, and how many */
  uint32_t threshold;     /* the bit pattern of a magnitude, above 0 */
  const float *norms;     /* sum of |d| per row: rows of 0 are passed over */
  const uint32_t *before; /* [rows]: entries that lists have already; NULL: none */
  uint32_t *indices;      /* [rows, list_stride], ascending in each row */
  float *values;          /* [rows, list_stride] */
  size_t list_stride;     /* room for all columns, rounded up to lines, and 16 more */
  uint32_t *counts;       /* [rows]: entries that lists have then */
} meprop_list_largest_arguments;

/* Per row, entries of some columns drawn by threshold sampling, after those that the row's list
 * has already: of a threshold t and a number u of 24 bits, uniform in [0, 1), an entry is listed
 * where |d| > t u, as the larger of |d| and t with the sign of d, so that its expectation is d.
 * Part range: rows. */
typedef struct {
  const float *d;
  size_t stride;
  size_t first, columns;
  float threshold; /* above 0 */
  const float *norms;
  /* u of row i and column c is a sequence in c that starts at random and goes on in equal steps
   * modulo 1. Start and step are a Philox block of `seed` with the counter (first, i, stream). */
  uint64_t seed, stream;
  const uint32_t *before;
  uint32_t *indices;
  float *values;
  size_t list_stride;
  uint32_t *counts;
  float *sums; /* [rows]: sum of min(|d|, t) of these columns: the expected number of entries times
                * t */
} meprop_list_sampled_arguments;

/* The threshold that `count` of the listed entries, from place before[i] of each list on, reach:
 * the bit pattern of the magnitude of the last of them. `equals` is how many of those that equal it
 * are among them. `scratch` has room for all of them. Entries must be at least `count`, 1 or
 * more, and reach the bit pattern `low`. */
uint32_t meprop_batch_threshold(const float *values, size_t list_stride, const uint32_t *before,
                                const uint32_t *counts, size_t rows, size_t count, uint32_t low,
                                uint32_t *scratch, size_t *equals);

/* Takes from the lists what does not reach a threshold and, of entries that equal it, all but the
 * first `equals`. */
void meprop_keep_reaching(uint32_t *indices, float *values, size_t list_stride,
                          const uint32_t *before, uint32_t *counts, size_t rows,
                          uint32_t threshold, size_t equals);

#endif
