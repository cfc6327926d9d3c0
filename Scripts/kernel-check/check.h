/*
 * Helpers of the kernel check: guarded matrices, random numbers, comparisons.
 *
 * A matrix lies at an odd offset between two guards that no kernel may write to, or at the edge of
 * a page that it may not even read; its padding is zero and must stay zero. Lists lie at such an
 * edge too. Outputs start as garbage. References sum in double, and a result may differ from its
 * reference by `steps` roundings of the sum of magnitudes that went into it.
 */
#ifndef KERNEL_CHECK_H
#define KERNEL_CHECK_H

#include "meprop_kernels.h"
#include "meprop_lstm_kernels.h"

typedef struct {
  float *v;
  size_t rows, columns, stride;
  float *memory;
  size_t length, guard; /* floats in all, and of them on each side of the matrix */
} matrix;

typedef enum { RANDOM, GARBAGE, ZERO } filling;

uint32_t next_random(void);
float next_float(void); /* in [-1, 1) */

matrix matrix_new(size_t rows, size_t columns, filling fill);
/* As many columns, and the same stride. */
matrix matrix_like(const matrix *a, size_t rows, filling fill);
/* Checks the guards and the padding, and frees. */
void matrix_free(matrix *a, const char *what);
matrix matrix_copy(const matrix *a);

/* Zeros with nothing behind them or before them that may be touched, by turns. */
void *guarded_new(size_t count, size_t size);
/* Frees them; returns whether what lies around them in their pages is as it was. */
int guarded_free(void *memory);
/* Frees them, and tells of a difference if something was written around them. */
void list_free(void *list, const char *what);
/* From now on a fault is told with the case in hand. */
void guard_faults(void);

/* The case in hand, for messages. */
extern char current[160];
void begin_case(const char *variant, const char *kernel, size_t rows, size_t columns, size_t k);
void expect_near(const char *what, size_t row, size_t column, double got, double want,
                 double magnitude, double steps);
void expect_equal(const char *what, size_t row, size_t column, long long got, long long want);
/* y is that of a product without a bias, plus the bias, and no less than zero where it
 * rectifies. */
void expect_finished(const matrix *y, const matrix *plain, const matrix *bias, int rectifies);
/* Runs [0, count) in two uneven parts: results may not depend on the cut. */
void run_parts(meprop_part part, const void *arguments, size_t count);

static inline size_t lines(size_t n) { return (n + MEPROP_LINE - 1) / MEPROP_LINE; }
static inline float *row_of(const matrix *a, size_t row) { return a->v + row * a->stride; }

void check_layers(const meprop_kernels *kernels, size_t rows, size_t columns);
void check_thin_product(const meprop_kernels *kernels, size_t rows, size_t inner, size_t columns);
void check_column_sums(const meprop_kernels *kernels, size_t rows, size_t columns);
void check_random_bits(const meprop_kernels *kernels);
void check_bf16(const meprop_kernels *kernels, size_t batch, size_t n, size_t m);
void check_sparse(const meprop_kernels *kernels, size_t batch, size_t n, size_t m, size_t k);
/* d has at most 64 rows and 256 columns. */
void check_batch(const meprop_kernels *kernels, const matrix *d);
void check_data(const meprop_kernels *kernels, size_t rows, size_t columns);
void check_lstm(const meprop_kernels *kernels, size_t sentences, size_t hidden);
void check_byte_lstm(const meprop_kernels *kernels, size_t batch, size_t hidden, size_t inputs);
void check_features(const meprop_kernels *kernels, size_t batch, size_t n, size_t m);
void check_convolution(const meprop_kernels *kernels, size_t batch, size_t n, size_t m);
void check_row_sums(const meprop_kernels *kernels, size_t rows, size_t columns);
void check_optimizers(const meprop_kernels *kernels, size_t batch, size_t n, size_t m);

#endif
