/* Memory between pages that nothing may touch: a kernel that reads or writes beyond its buffer ends
 * the check with the name of the case, however far it goes within a page. */
#define _GNU_SOURCE
#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif
#if defined(POISONS)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(from, count) ((void)(from), (void)(count))
#define ASAN_UNPOISON_MEMORY_REGION(from, count) ((void)(from), (void)(count))
#endif

enum { MOST_BUFFERS = 256, CANARY = 0xa5 };

/* `pages` readable pages from `start` on, and one that is not on each side. `memory` is what was
 * given away of them; NULL: nothing. */
typedef struct {
  unsigned char *start, *memory;
  size_t pages, length;
} buffer;

static buffer buffers[MOST_BUFFERS];
static size_t buffer_count;

static size_t page_size(void) {
  static size_t size;
  if (size == 0) size = (size_t)sysconf(_SC_PAGESIZE);
  return size;
}

_Noreturn static void give_up(const char *why) {
  fprintf(stderr, "kernel-check: %s\n", why);
  exit(1);
}

/* A buffer of that many pages that is free, or a new one, if need be in the place of another. */
static buffer *free_buffer(size_t pages) {
  buffer *a = NULL;
  for (size_t i = 0; i < buffer_count; i++) {
    if (buffers[i].memory != NULL) continue;
    if (buffers[i].pages == pages) return &buffers[i];
    a = &buffers[i];
  }
  size_t page = page_size();
  if (buffer_count < MOST_BUFFERS) {
    a = &buffers[buffer_count++];
  } else if (a != NULL) {
    ASAN_UNPOISON_MEMORY_REGION(a->start, a->pages * page);
    munmap(a->start - page, (a->pages + 2) * page);
  } else {
    give_up("too many buffers at once");
  }
  unsigned char *all =
      mmap(NULL, (pages + 2) * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED || mprotect(all + page, pages * page, PROT_READ | PROT_WRITE) != 0)
    give_up("out of memory");
  *a = (buffer){.start = all + page, .pages = pages};
  return a;
}

void *guarded_new(size_t count, size_t size) {
  size_t page = page_size(), length = count * size, pages = (length + page - 1) / page;
  if (pages == 0) pages = 1;
  buffer *a = free_buffer(pages);
  ASAN_UNPOISON_MEMORY_REGION(a->start, pages * page);
  /* Where it does not fill its pages, one of its ends is at a page that nothing may touch. */
  a->memory = a->start + (next_random() % 2 == 0 ? 0 : pages * page - length);
  a->length = length;
  memset(a->start, CANARY, pages * page);
  memset(a->memory, 0, length);
  size_t before = (size_t)(a->memory - a->start);
  ASAN_POISON_MEMORY_REGION(a->start, before);
  ASAN_POISON_MEMORY_REGION(a->memory + length, pages * page - before - length);
  return a->memory;
}

int guarded_free(void *memory) {
  buffer *a = NULL;
  for (size_t i = buffer_count; i-- > 0 && a == NULL;)
    if (buffers[i].memory == memory) a = &buffers[i];
  if (memory == NULL || a == NULL) give_up("freed what is no buffer");
  size_t length = a->pages * page_size();
  ASAN_UNPOISON_MEMORY_REGION(a->start, length);
  int intact = 1;
  for (unsigned char *at = a->start; at < a->start + length; at++) {
    if (at == a->memory) at += a->length;
    if (at < a->start + length) intact &= *at == CANARY;
  }
  a->memory = NULL;
  ASAN_POISON_MEMORY_REGION(a->start, length);
  return intact;
}

void list_free(void *list, const char *what) {
  expect_equal(what, 0, 0, guarded_free(list), 1);
}

/* Says in which case it was, with what a handler of a signal may call. */
static void tell_fault(int number) {
  static const char text[] = ": touched memory outside of its buffers\n";
  if (write(2, current, strlen(current)) < 0 || write(2, text, sizeof text - 1) < 0)
    _exit(2);
  signal(number, SIG_DFL);
  raise(number);
}

void guard_faults(void) {
#if !defined(POISONS) /* its own report says more */
  signal(SIGSEGV, tell_fault);
  signal(SIGBUS, tell_fault);
#else
  (void)tell_fault;
#endif
}
