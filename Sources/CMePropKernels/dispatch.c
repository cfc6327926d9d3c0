/* Which variant runs on this processor. */
#if defined(__linux__)
#define _GNU_SOURCE /* syscall */
#endif
#include "variants.h"

#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Whether the processor has tiles of bf16 numbers and the system lets this process use them, which
 * it has to ask for: their registers make each thread's saved state 8 KB larger. */
static int may_use_tiles(void) {
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  const unsigned needed = 1u << 22 | 1u << 24; /* AMX-BF16, AMX-TILE */
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & needed) == needed &&
         syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#elif defined(__x86_64__)
static int may_use_tiles(void) { return 0; }
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

/* Whether the processor multiplies and adds bytes four at a time (FEAT_DotProd). */
static int has_byte_dots(void) {
  const unsigned long needed = 1ul << 20; /* HWCAP_ASIMDDP */
  return (getauxval(AT_HWCAP) & needed) != 0;
}
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>

static int has_byte_dots(void) {
  int has = 0;
  size_t size = sizeof has;
  return sysctlbyname("hw.optional.arm.FEAT_DotProd", &has, &size, NULL, 0) == 0 && has;
}
#elif defined(__aarch64__)
static int has_byte_dots(void) { return 0; }
#endif

const meprop_kernels *meprop_kernels_named(const char *name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi2");
  int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  int vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  int bf16 = vnni && __builtin_cpu_supports("avx512bf16");
  if (strcmp(name, "amx") == 0) return bf16 && may_use_tiles() ? &meprop_kernels_amx : NULL;
  if (strcmp(name, "avx512bf16") == 0) return bf16 ? &meprop_kernels_avx512bf16 : NULL;
  if (strcmp(name, "avx512vnni") == 0) return vnni ? &meprop_kernels_avx512vnni : NULL;
  if (strcmp(name, "avx512") == 0) return avx512 ? &meprop_kernels_avx512 : NULL;
  if (strcmp(name, "avx2") == 0) return avx2 ? &meprop_kernels_avx2 : NULL;
#elif defined(__aarch64__)
  if (strcmp(name, "neondot") == 0) return has_byte_dots() ? &meprop_kernels_neondot : NULL;
  if (strcmp(name, "neon") == 0) return &meprop_kernels_neon;
#endif
  return strcmp(name, "portable") == 0 ? &meprop_kernels_portable : NULL;
}

const meprop_kernels *meprop_kernels_best(void) {
  static const char *const names[] = {"amx",    "avx512bf16", "avx512vnni", "avx512",
                                      "avx2",   "neondot",    "neon"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const meprop_kernels *kernels = meprop_kernels_named(names[i]);
    if (kernels != NULL) return kernels;
  }
  return &meprop_kernels_portable;
}
