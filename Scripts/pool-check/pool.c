/* Checks the pool of workers: each part of a loop is done once, and its results are seen by the
 * caller, whatever the number of threads, the grain, and whether workers spin or sleep. Meant for
 * the thread sanitizer: pool [LOOPS]. Exits 1 on any difference. */
#define _POSIX_C_SOURCE 200809L
#include "meprop_kernels.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 1000 };

/* Plain memory: what two threads touch without an order is a race that the sanitizer reports. */
typedef struct {
  unsigned done[MOST];
  const unsigned *before;
} work;

static unsigned long long state = 0x9e3779b97f4a7c15u;
static atomic_int prepared;

static unsigned next_random(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 32);
}

static void prepare(void) { atomic_fetch_add(&prepared, 1); }

/* Reads what the caller wrote before the loop, writes what it reads after it. */
static void part(const void *arguments, size_t begin, size_t end) {
  work *all = *(work *const *)arguments;
  for (size_t i = begin; i < end; i++) all->done[i] += all->before[i];
}

static int check(int threads, long loops) {
  static unsigned before[MOST], expected[MOST];
  static work all;
  work *pointer = &all;
  memset(&all, 0, sizeof all);
  memset(expected, 0, sizeof expected);
  all.before = before;
  atomic_store(&prepared, 0);
  meprop_pool *pool = meprop_pool_create(threads, prepare);
  if (pool == NULL) {
    fprintf(stderr, "pool: no pool of %d threads\n", threads);
    return 1;
  }
  for (long loop = 0; loop < loops; loop++) {
    size_t count = next_random() % (MOST + 1), grain = 1 + next_random() % 40;
    for (size_t i = 0; i < count; i++) expected[i] += before[i] = next_random();
    meprop_pool_run(pool, part, &pointer, count, grain);
    for (size_t i = 0; i < MOST; i++)
      if (all.done[i] != expected[i]) {
        fprintf(stderr, "pool: %d threads, loop %ld, part %zu of %zu by %zu: done %u, not %u\n",
                threads, loop, i, count, grain, all.done[i], expected[i]);
        meprop_pool_destroy(pool);
        return 1;
      }
    /* Long enough for workers to fall asleep. */
    if (next_random() % 64 == 0) nanosleep(&(struct timespec){.tv_nsec = 400000}, NULL);
  }
  meprop_pool_destroy(pool);
  if (atomic_load(&prepared) != threads - 1) {
    fprintf(stderr, "pool: %d of %d workers prepared\n", atomic_load(&prepared), threads - 1);
    return 1;
  }
  return 0;
}

int main(int count, char **arguments) {
  long loops = count > 1 ? atol(arguments[1]) : 2000;
  for (int threads = 1; threads <= 8; threads++)
    if (check(threads, loops)) return 1;
  /* Pools that are gone before they did anything. */
  for (int i = 0; i < 200; i++)
    if (check(1 + i % 4, i % 2)) return 1;
  printf("pool: %ld loops of 1 to 8 threads, all as expected\n", 8 * loops);
  return 0;
}
