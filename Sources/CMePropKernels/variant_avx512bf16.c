/* The kernels for AVX-512 with VNNI and BF16 products. */
#include "meprop_kernels.h"
#include "variants.h"

#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target( \
        "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16," \
        "avx2,fma,bmi,bmi2,popcnt,lzcnt"))), \
    apply_to = function)
#define MEPROP_BF16
#define MEPROP_VNNI
#include "simd_avx512.h"
#define K(name) name##_avx512bf16
#define PLAIN_FROM(name) name##_avx512
#define BYTES_FROM(name) name##_avx512vnni
#include "kernels.inc"

const meprop_kernels meprop_kernels_avx512bf16 = KERNEL_TABLE("avx512bf16");
#pragma clang attribute pop
#endif
