/* The variants that a build has; which of them a processor runs is found out in dispatch.c. */
#ifndef MEPROP_VARIANTS_H
#define MEPROP_VARIANTS_H
#include <math.h>

#include "meprop_convolution_kernels.h"
#include "meprop_kernels.h"
#include "meprop_lstm_kernels.h"

#if defined(__x86_64__)
extern const meprop_kernels meprop_kernels_amx, meprop_kernels_avx512bf16,
    meprop_kernels_avx512vnni;
extern const meprop_kernels meprop_kernels_avx512, meprop_kernels_avx2;
#elif defined(__aarch64__)
extern const meprop_kernels meprop_kernels_neondot, meprop_kernels_neon;
#endif
extern const meprop_kernels meprop_kernels_portable;

#endif
