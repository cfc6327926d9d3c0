/* The allocation functions of the program, in the place of the C library's, which they call. */
#define _GNU_SOURCE
#include "allocation_counter.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__linux__) && defined(__GLIBC__)
#include <errno.h>
#include <link.h>
#include <string.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static __thread int counting;
static __thread long all, apart;
static __thread uintptr_t first, last; /* where the library's code lies */

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

int allocation_counter_works(void) { return 1; }

void allocation_counter_begin(const char *library) {
  first = last = 0;
  dl_iterate_phdr(find, (void *)(uintptr_t)library);
  all = apart = 0;
  counting = 1;
}

long allocation_counter_end(long *of_library) {
  counting = 0;
  *of_library = apart;
  return all;
}

static void count(void *caller) {
  if (!counting) return;
  all++;
  if ((uintptr_t)caller >= first && (uintptr_t)caller < last) apart++;
}

void *malloc(size_t size) {
  count(__builtin_return_address(0));
  return __libc_malloc(size);
}
void *calloc(size_t items, size_t size) {
  count(__builtin_return_address(0));
  return __libc_calloc(items, size);
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
  void *memory = __libc_memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *out = memory;
  return 0;
}
#else
int allocation_counter_works(void) { return 0; }
void allocation_counter_begin(const char *library) { (void)library; }
long allocation_counter_end(long *of_library) {
  *of_library = 0;
  return 0;
}
#endif
