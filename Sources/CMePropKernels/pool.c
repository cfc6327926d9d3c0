/* A pool of workers for loops that last microseconds: idle workers spin for a moment, then
 * sleep. */
#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#endif
#include "meprop_kernels.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

/* Numbers too small for full precision are taken for zero while kernels run: moments that decay end
 * there, and processors compute with them up to a hundred times slower. Each thread has a setting
 * of its own. */
#if defined(__x86_64__)
typedef unsigned int float_mode;
static float_mode flush_denormals(void) {
  float_mode before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040u); /* flush to zero, denormals are zero */
  return before;
}
static void restore_floats(float_mode mode) { __builtin_ia32_ldmxcsr(mode); }
#elif defined(__aarch64__)
typedef uint64_t float_mode;
static float_mode flush_denormals(void) {
  float_mode before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(before | (1ull << 24)));
  return before;
}
static void restore_floats(float_mode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
typedef int float_mode;
static float_mode flush_denormals(void) { return 0; }
static void restore_floats(float_mode mode) { (void)mode; }
#endif

/* About 50 to 100 microseconds: longer than the gaps within a training step, short beside those
 * between steps. */
enum { SPINS = 4000 };

/* A thread's share of a loop's range, on a cache line of its own. */
typedef struct {
  _Alignas(64) atomic_size_t next;
  size_t end;
} share;

typedef struct {
  meprop_pool *pool;
  int thread;
} worker;

struct meprop_pool {
  int workers; /* beside the caller */
  pthread_t *threads;
  worker *arguments_of_workers;
  void (*prepare)(void);
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  atomic_uint generation; /* counts loops */
  atomic_int sleeping, stopping;
  /* A worker enters (inside + 1), and takes parts only if the loop is open. The caller closes the
   * loop when no part is left and waits for those inside, so one that wakes late never holds
   * anybody up. */
  atomic_int inside, open;
  meprop_part part;
  const void *arguments;
  size_t grain;
  share *shares; /* one a thread, the caller's first */
};

/* The thread's own share first, then what is left of the others'. */
static void take_parts(meprop_pool *pool, int thread) {
  int threads = pool->workers + 1;
  for (int i = 0; i < threads; i++) {
    share *from = &pool->shares[(thread + i) % threads];
    for (;;) {
      size_t begin = atomic_fetch_add_explicit(&from->next, pool->grain, memory_order_relaxed);
      if (begin >= from->end) break;
      size_t end = from->end - begin < pool->grain ? from->end : begin + pool->grain;
      pool->part(pool->arguments, begin, end);
    }
  }
}

static void *work(void *argument) {
  meprop_pool *pool = ((worker *)argument)->pool;
  int thread = ((worker *)argument)->thread;
  flush_denormals();
  if (pool->prepare != NULL) pool->prepare();
  unsigned seen = 0;
  for (;;) {
    unsigned now = seen;
    for (int spin = 0; spin < SPINS && now == seen; spin++) {
      now = atomic_load_explicit(&pool->generation, memory_order_acquire);
      PAUSE();
    }
    if (now == seen) {
      pthread_mutex_lock(&pool->mutex);
      atomic_fetch_add(&pool->sleeping, 1);
      while ((now = atomic_load(&pool->generation)) == seen)
        pthread_cond_wait(&pool->wake, &pool->mutex);
      atomic_fetch_sub(&pool->sleeping, 1);
      pthread_mutex_unlock(&pool->mutex);
    }
    seen = now;
    if (atomic_load(&pool->stopping)) return NULL;
    atomic_fetch_add(&pool->inside, 1);
    if (atomic_load(&pool->open)) take_parts(pool, thread);
    atomic_fetch_sub(&pool->inside, 1);
  }
}

static void announce(meprop_pool *pool) {
  atomic_fetch_add(&pool->generation, 1);
  if (atomic_load(&pool->sleeping) != 0) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
  }
}

static void release(meprop_pool *pool) {
  free(pool->threads);
  free(pool->arguments_of_workers);
  free(pool->shares);
  free(pool);
}

meprop_pool *meprop_pool_create(int threads, void (*prepare)(void)) {
  meprop_pool *pool = calloc(1, sizeof *pool);
  if (pool == NULL) return NULL;
  pool->prepare = prepare;
  size_t workers = (size_t)(threads > 1 ? threads - 1 : 1);
  pool->threads = calloc(workers, sizeof *pool->threads);
  pool->arguments_of_workers = calloc(workers, sizeof *pool->arguments_of_workers);
  pool->shares = aligned_alloc(64, (workers + 1) * sizeof *pool->shares);
  if (pool->threads == NULL || pool->arguments_of_workers == NULL || pool->shares == NULL) {
    release(pool);
    return NULL;
  }
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  /* Workers take no signals: the dense library multiplies with the stack pointer in its heap
   * memory, and a signal that comes then overwrites what lies below. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = 0;
  for (int i = 0; i < threads - 1 && !failed; i++) {
    pool->arguments_of_workers[i] = (worker){.pool = pool, .thread = i + 1};
    failed = pthread_create(&pool->threads[i], NULL, work, &pool->arguments_of_workers[i]) != 0;
    if (!failed) pool->workers++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed) {
    meprop_pool_destroy(pool);
    return NULL;
  }
  return pool;
}

void meprop_pool_destroy(meprop_pool *pool) {
  atomic_store(&pool->stopping, 1);
  announce(pool);
  for (int i = 0; i < pool->workers; i++) pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
  release(pool);
}

void meprop_pool_run(meprop_pool *pool, meprop_part part, const void *arguments, size_t count,
                     size_t grain) {
  if (count == 0) return;
  float_mode before = flush_denormals();
  if (pool->workers == 0 || count <= grain) {
    part(arguments, 0, count);
    restore_floats(before);
    return;
  }
  pool->part = part;
  pool->arguments = arguments;
  pool->grain = grain;
  int threads = pool->workers + 1;
  size_t parts = (count + grain - 1) / grain, begin = 0;
  for (int i = 0; i < threads; i++) {
    size_t end = parts * (size_t)(i + 1) / (size_t)threads * grain;
    pool->shares[i].end = end < count ? end : count;
    atomic_store_explicit(&pool->shares[i].next, begin, memory_order_relaxed);
    begin = end;
  }
  atomic_store(&pool->open, 1);
  announce(pool);
  take_parts(pool, 0);
  atomic_store(&pool->open, 0);
  while (atomic_load(&pool->inside) != 0) PAUSE();
  restore_floats(before);
}

int meprop_available_processors(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int)count : 1;
}
