/* Preloaded into a program, counts its allocations and prints the number at exit: allocations N of which M in LIBRARY.
 *
 * cc -shared -fPIC -o libcount.so count.c -ldl
 * COUNT_APART=libdnnl LD_PRELOAD=./libcount.so PROGRAM
 *
 * Calls that come from the library whose path contains COUNT_APART are counted apart. glibc only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <link.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_long all, apart;
static uintptr_t first, last; /* where the library's code lies */

static int find(struct dl_phdr_info *info, size_t size, void *name) {
  (void)size;
  if (strstr(info->dlpi_name, name) == NULL) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
    uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, end = start + info->dlpi_phdr[i].p_memsz;
    if (first == 0 || start < first) first = start;
    if (end > last) last = end;
  }
  return 1;
}

__attribute__((constructor)) static void begin(void) {
  char *name = getenv("COUNT_APART");
  if (name != NULL) dl_iterate_phdr(find, name);
}

__attribute__((destructor)) static void end(void) {
  fprintf(stderr, "allocations %ld of which %ld apart\n", atomic_load(&all), atomic_load(&apart));
}

static void count(void *caller) {
  atomic_fetch_add_explicit(&all, 1, memory_order_relaxed);
  /* operator new is in the C++ library, which nothing but the dense library uses in this program. */
  if ((uintptr_t)caller >= first && (uintptr_t)caller < last) atomic_fetch_add_explicit(&apart, 1, memory_order_relaxed);
}

void *malloc(size_t size) {
  count(__builtin_return_address(0));
  return __libc_malloc(size);
}
void *calloc(size_t count_, size_t size) {
  count(__builtin_return_address(0));
  return __libc_calloc(count_, size);
}
void *realloc(void *old, size_t size) {
  count(__builtin_return_address(0));
  return __libc_realloc(old, size);
}
void *memalign(size_t alignment, size_t size) {
  count(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  count(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}
int posix_memalign(void **out, size_t alignment, size_t size) {
  count(__builtin_return_address(0));
  *out = __libc_memalign(alignment, size);
  return *out == NULL ? ENOMEM : 0;
}
