/* The kernels for AVX-512: F, BW, DQ and VL. */
#include "meprop_kernels.h"
#include "variants.h"

#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target( \
        "avx512f,avx512bw,avx512dq,avx512vl," \
        "avx2,fma,bmi,bmi2,popcnt,lzcnt"))), \
    apply_to = function)
#include "simd_avx512.h"
#define K(name) name##_avx512
#include "kernels.inc"

const meprop_kernels meprop_kernels_avx512 = KERNEL_TABLE("avx512");
#pragma clang attribute pop
#endif
