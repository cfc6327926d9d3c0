/* The allocation functions of the program, in the place of the C library's, which they call. */
#define _GNU_SOURCE
#include "allocation_counter.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* These sanitizers have allocation functions of their own. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__linux__) && defined(__GLIBC__) && !defined(SANITIZED)
#include <errno.h>
#include <link.h>
#include <string.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static __thread int counting;
static __thread long all, apart;
typedef struct {
  const char *name;
  uintptr_t first, last; /* where its code lies */
} library_range;

/* The library, and that of C++, whose operator new it calls; Swift's runtime calls malloc
 * itself. */
static __thread library_range ranges[2];

static int find(struct dl_phdr_info *info, size_t size, void *argument) {
  (void)size;
  library_range *range = argument;
  if (strstr(info->dlpi_name, range->name) == NULL) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
    uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
              end = start + info->dlpi_phdr[i].p_memsz;
    if (range->first == 0 || start < range->first) range->first = start;
    if (end > range->last) range->last = end;
  }
  return 1;
}

int allocation_counter_works(void) { return 1; }

void allocation_counter_begin(const char *library) {
  ranges[0] = (library_range){.name = library};
  ranges[1] = (library_range){.name = "libstdc++"};
  for (int i = 0; i < 2; i++) dl_iterate_phdr(find, &ranges[i]);
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
  for (int i = 0; i < 2; i++)
    if ((uintptr_t)caller >= ranges[i].first && (uintptr_t)caller < ranges[i].last) {
      apart++;
      return;
    }
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
