/* Compares the time of kernels on ordinary numbers and on numbers too small for full precision,
 * which many processors compute with up to a hundred times slower: denormals [PERCENT]. The kernels
 * run as the trainers run them, in a pool. Exits 1 where denormals are slower by more (5 %). */
#define _POSIX_C_SOURCE 200809L
#include "meprop_kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 64, COLUMNS = 512, REPEATS = 9, LOOPS = 40 };

static float x[ROWS * COLUMNS], w[ROWS * COLUMNS], y[ROWS * ROWS], g[ROWS * COLUMNS];
static float first[ROWS * COLUMNS], second[ROWS * COLUMNS];
static float start_values[ROWS * COLUMNS];
static meprop_pool *pool;

/* Copies, which take the same time whatever the numbers are. */
static void renew(void) {
  memcpy(x, start_values, sizeof x);
  memcpy(w, start_values, sizeof w);
  memcpy(g, start_values, sizeof g);
  memcpy(first, start_values, sizeof first);
  memcpy(second, start_values, sizeof second);
}

/* Of this thread, so that whatever else runs does not count. */
static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void product(const meprop_kernels *kernels) {
  const meprop_small_product_arguments a = {.x = x, .x_stride = COLUMNS, .rows = ROWS,
    .columns = COLUMNS, .w = w, .w_stride = COLUMNS, .outputs = ROWS, .y = y, .y_stride = ROWS};
  meprop_pool_run(pool, kernels->small_product, &a, ROWS / MEPROP_LINE, 1);
}

static void adam(const meprop_kernels *kernels) {
  const meprop_update_rows_arguments a = {
    .update = {.kind = MEPROP_ADAM, .gradient_scale = 1, .clip = INFINITY, .rate = 1e-3f,
      .momentum = 0.9f, .beta2 = 0.999f, .second_correction = 1, .epsilon = 1e-8f},
    .g = g, .g_stride = COLUMNS, .w = w, .first = first, .second = second, .stride = COLUMNS,
    .columns = COLUMNS};
  meprop_pool_run(pool, kernels->update_rows, &a, ROWS, 1);
}

/* The shortest times of many runs with numbers of each scale, in turn. Numbers are made anew before
 * each run, because steps change them. */
static void time_of(void (*run)(const meprop_kernels *), const meprop_kernels *kernels,
                    double times[2]) {
  times[0] = times[1] = INFINITY;
  for (int repeat = 0; repeat < REPEATS; repeat++)
    for (int small = 0; small < 2; small++) {
      for (size_t i = 0; i < ROWS * COLUMNS; i++)
        start_values[i] = (small ? 1e-39f : 1) * (0.5f + (float)(i * 2654435761u % 97) / 97);
      for (int loop = 0; loop < LOOPS; loop++) {
        renew();
        double start = seconds();
        run(kernels);
        double time = seconds() - start;
        if (loop > 0 && time < times[small]) times[small] = time;
      }
    }
}

int main(int count, char **arguments) {
  double allowed = count > 1 ? atof(arguments[1]) : 5;
  static const struct {
    const char *name;
    void (*run)(const meprop_kernels *);
  } cases[] = {{"small_product", product}, {"update_rows, Adam", adam}};
  static const char *names[] = {"amx", "avx512bf16", "avx512vnni", "avx512", "avx2", "neondot",
                                "neon", "portable"};
  int status = 0;
  pool = meprop_pool_create(1, NULL);
  if (pool == NULL) return 1;
  for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
    const meprop_kernels *kernels = meprop_kernels_named(names[n]);
    for (size_t i = 0; kernels != NULL && i < sizeof cases / sizeof *cases; i++) {
      double times[2], more = INFINITY;
      /* On a machine with other work a time is wrong now and then, but not each time. */
      for (int attempt = 0; attempt < 5 && more > allowed; attempt++) {
        time_of(cases[i].run, kernels, times);
        more = 100 * (times[1] / times[0] - 1);
      }
      int is_slow = more > allowed;
      printf("%s %s: %.1f us, with denormals %.1f us (%+.1f %%)%s\n", names[n], cases[i].name,
             1e6 * times[0], 1e6 * times[1], more, is_slow ? ", too slow" : "");
      status |= is_slow;
    }
  }
  meprop_pool_destroy(pool);
  return status;
}
