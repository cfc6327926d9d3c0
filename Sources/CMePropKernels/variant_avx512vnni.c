/* The kernels for AVX-512 (F, BW, DQ and VL) with VNNI: products of bytes. */
#include "meprop_kernels.h"
#include "variants.h"

#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target( \
        "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni," \
        "avx2,fma,bmi,bmi2,popcnt,lzcnt"))), \
    apply_to = function)
#define MEPROP_VNNI
#include "simd_avx512.h"
#define K(name) name##_avx512vnni
#define PLAIN_FROM(name) name##_avx512
#define BF16_FROM(name) name##_avx512
#include "kernels.inc"

const meprop_kernels meprop_kernels_avx512vnni = KERNEL_TABLE("avx512vnni");
#pragma clang attribute pop
#endif
