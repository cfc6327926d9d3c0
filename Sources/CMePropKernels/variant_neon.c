/* The kernels for Advanced SIMD of AArch64. */
#include "meprop_kernels.h"
#include "variants.h"

#if defined(__aarch64__)
#include "simd_neon.h"
#define K(name) name##_neon
#include "kernels.inc"

const meprop_kernels meprop_kernels_neon = KERNEL_TABLE("neon");
#endif
