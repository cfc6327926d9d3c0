/* The kernels for plain C, on every processor. */
#include "meprop_kernels.h"
#include "variants.h"

#include "simd_portable.h"
#define K(name) name##_portable
#include "kernels.inc"

const meprop_kernels meprop_kernels_portable = KERNEL_TABLE("portable");

