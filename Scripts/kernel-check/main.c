/* Checks variants of the kernels against plain references: kernel-check [--every N] NAME... Exits 1
 * on any difference. --every N takes every N-th pair of batch and size only, for emulators. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 67, MOST_THIN_ROWS = 48 };
static const float guard = 12345.678f;
static uint64_t state = 0x9e3779b97f4a7c15u;
char current[160];
static long failures, comparisons;

static void fail(void) {
  if (++failures > 20) {
    fprintf(stderr, "kernel-check: too many differences, stopping\n");
    exit(1);
  }
}

uint32_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}

float next_float(void) { return (float)(next_random() >> 8) / 8388608.0f - 1.0f; }

static matrix matrix_allocate(size_t rows, size_t columns, size_t stride) {
  matrix a = {.rows = rows, .columns = columns, .stride = stride};
  a.guard = next_random() % 3 == 0 ? GUARD : 0;
  a.length = rows * stride + 2 * a.guard;
  a.memory = guarded_new(a.length, sizeof(float));
  for (size_t i = 0; i < a.length; i++) a.memory[i] = guard;
  a.v = a.memory + a.guard;
  return a;
}

static matrix matrix_filled(size_t rows, size_t columns, size_t stride, filling fill) {
  matrix a = matrix_allocate(rows, columns, stride);
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < a.stride; c++)
      row_of(&a, r)[c] = c >= columns || fill == ZERO ? 0 : fill == RANDOM ? next_float() : NAN;
  return a;
}

matrix matrix_new(size_t rows, size_t columns, filling fill) {
  return matrix_filled(rows, columns, (lines(columns) + next_random() % 2) * MEPROP_LINE, fill);
}

matrix matrix_like(const matrix *a, size_t rows, filling fill) {
  return matrix_filled(rows, a->columns, a->stride, fill);
}

matrix matrix_copy(const matrix *a) {
  matrix b = matrix_allocate(a->rows, a->columns, a->stride);
  memcpy(b.v, a->v, a->rows * a->stride * sizeof(float));
  return b;
}

void matrix_free(matrix *a, const char *what) {
  int intact = 1;
  for (size_t i = 0; i < a->guard; i++)
    intact &= a->memory[i] == guard && a->memory[a->length - 1 - i] == guard;
  for (size_t r = 0; r < a->rows; r++)
    for (size_t c = a->columns; c < a->stride; c++)
      if (row_of(a, r)[c] != 0) {
        fprintf(stderr, "%s: padding of %s [%zu, %zu] is %g, expected 0\n", current, what, r, c,
                (double)row_of(a, r)[c]);
        fail();
        r = a->rows - 1;
        break;
      }
  intact &= guarded_free(a->memory);
  if (!intact) {
    fprintf(stderr, "%s: wrote outside of %s\n", current, what);
    fail();
  }
  a->memory = a->v = NULL;
}

void begin_case(const char *variant, const char *kernel, size_t rows, size_t columns, size_t k) {
  snprintf(current, sizeof current, "%s %s %zux%zu k=%zu", variant, kernel, rows, columns, k);
}

void expect_near(const char *what, size_t row, size_t column, double got, double want,
                 double magnitude, double steps) {
  comparisons++;
  if (fabs(got - want) <= steps * 1.2e-7 * magnitude + 1e-37) return; /* false for NaN */
  fprintf(stderr, "%s: %s [%zu, %zu] is %.9g, expected %.9g\n", current, what, row, column, got,
          want);
  fail();
}

void expect_equal(const char *what, size_t row, size_t column, long long got, long long want) {
  comparisons++;
  if (got == want) return;
  fprintf(stderr, "%s: %s [%zu, %zu] is %lld, expected %lld\n", current, what, row, column, got,
          want);
  fail();
}

void expect_finished(const matrix *y, const matrix *plain, const matrix *bias, int rectifies) {
  for (size_t r = 0; r < y->rows; r++)
    for (size_t c = 0; c < y->columns; c++) {
      float want = row_of(plain, r)[c] + bias->v[c];
      expect_near("finished", r, c, row_of(y, r)[c], rectifies && want < 0 ? 0 : want, 0, 0);
    }
}

void run_parts(meprop_part part, const void *arguments, size_t count) {
  size_t cut = count / 3;
  if (cut > 0) part(arguments, 0, cut);
  if (cut < count) part(arguments, cut, count);
}

int main(int count, char **names) {
  static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65, 100, 130};
  static const size_t batches[] = {1, 3, 10, 16, 17, 33};
  size_t size_count = sizeof sizes / sizeof *sizes;
  guard_faults();
  int first = 1;
  size_t every = 1;
  if (count > 2 && strcmp(names[1], "--every") == 0) {
    every = strtoul(names[2], NULL, 10);
    first = 3;
  }
  if (count <= first || every == 0) {
    fprintf(stderr, "usage: kernel-check [--every N] NAME... (of amx, avx512bf16, avx512vnni, "
                    "avx512, avx2, neondot, neon, portable), "
                    "or available: all that this processor has\n");
    return 64;
  }
  static char *all[] = {"amx",  "avx512bf16", "avx512vnni", "avx512",
                        "avx2", "neondot",    "neon",       "portable"};
  int takes_all = count == first + 1 && strcmp(names[first], "available") == 0;
  if (takes_all) {
    names = all;
    first = 0;
    count = sizeof all / sizeof *all;
  }
  for (int i = first; i < count; i++) {
    const meprop_kernels *kernels = meprop_kernels_named(names[i]);
    if (kernels == NULL && takes_all) continue;
    if (kernels == NULL) {
      fprintf(stderr, "kernel-check: this build or processor has no variant '%s'\n", names[i]);
      return 1;
    }
    comparisons = 0;
    check_random_bits(kernels);
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
      for (size_t s = 0; s < size_count; s++) {
        size_t pair = b * size_count + s;
        if (pair % every != 0) continue;
        size_t batch = batches[b], n = sizes[s], m = sizes[(s * 5 + b) % size_count];
        check_layers(kernels, batch, n);
        check_data(kernels, batch, n);
        check_thin_product(kernels, batch, n, m);
        check_thin_product(kernels, 1 + pair % MOST_THIN_ROWS, m, n);
        check_column_sums(kernels, batch, n);
        check_lstm(kernels, batch, n);
        check_byte_lstm(kernels, batch, n, m);
        check_optimizers(kernels, batch, n, m);
        check_bf16(kernels, batch, n, m);
        if (batch > 0 && n > 0 && m > 0 && m <= MEPROP_FEATURE_COLUMNS)
          check_features(kernels, batch, n, m);
        check_row_sums(kernels, batch, n);
        if (n > 0 && m > 0) check_convolution(kernels, batch, n, m <= 33 ? m : 33);
        for (size_t k = 1; k <= n; k += k < 4 ? 1 : n / 3 + 1)
          check_sparse(kernels, batch, n, m, k);
      }
    if (failures == 0) printf("%s: %ld comparisons, all as expected\n", names[i], comparisons);
  }
  return failures == 0 ? 0 : 1;
}
