/* The kernels for Advanced SIMD of AArch64 with dot products of bytes. */
#include "meprop_kernels.h"
#include "variants.h"

#if defined(__aarch64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif
#define MEPROP_DOTPROD
#include "simd_neon.h"
#define K(name) name##_neondot
#define PLAIN_FROM(name) name##_neon
#define BF16_FROM(name) name##_neon
#include "kernels.inc"

const meprop_kernels meprop_kernels_neondot = KERNEL_TABLE("neondot");
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
