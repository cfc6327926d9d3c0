/* Which variant runs on this processor. */
#include "variants.h"

#include <string.h>

const meprop_kernels *meprop_kernels_named(const char *name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  int vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  int bf16 = vnni && __builtin_cpu_supports("avx512bf16");
  if (strcmp(name, "avx512bf16") == 0) return bf16 ? &meprop_kernels_avx512bf16 : NULL;
  if (strcmp(name, "avx512vnni") == 0) return vnni ? &meprop_kernels_avx512vnni : NULL;
  if (strcmp(name, "avx512") == 0) return avx512 ? &meprop_kernels_avx512 : NULL;
  if (strcmp(name, "avx2") == 0) return avx2 ? &meprop_kernels_avx2 : NULL;
#elif defined(__aarch64__)
  if (strcmp(name, "neon") == 0) return &meprop_kernels_neon;
#endif
  return strcmp(name, "portable") == 0 ? &meprop_kernels_portable : NULL;
}

const meprop_kernels *meprop_kernels_best(void) {
  static const char *const names[] = {"avx512bf16", "avx512vnni", "avx512", "avx2", "neon"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const meprop_kernels *kernels = meprop_kernels_named(names[i]);
    if (kernels != NULL) return kernels;
  }
  return &meprop_kernels_portable;
}
