/* libFuzzer comes with the compiler; here is only its header. */
#include "fuzzer.h"
