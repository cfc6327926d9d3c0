/* What libFuzzer offers to programs that have a main of their own. */
#ifndef FUZZER_H
#define FUZZER_H

#include <stddef.h>
#include <stdint.h>

/* Calls `test` with bytes that it makes up, as the arguments say; returns an exit code. */
int LLVMFuzzerRunDriver(int *count, char ***arguments,
                        int (*test)(const uint8_t *bytes, size_t size));

#endif
