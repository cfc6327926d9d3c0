/* The kernels for AVX2 with FMA. */
#include "meprop_kernels.h"
#include "variants.h"

#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target("avx2,fma,bmi,bmi2,popcnt,lzcnt"))), apply_to = function)
#include "simd_avx2.h"
#define K(name) name##_avx2
#include "kernels.inc"

const meprop_kernels meprop_kernels_avx2 = KERNEL_TABLE("avx2");
#pragma clang attribute pop
#endif
