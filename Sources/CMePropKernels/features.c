/* Grouping the features of a batch by position and symbol. */
#include "meprop_kernels.h"

void meprop_group_features(const void *arguments, size_t begin, size_t end) {
  const meprop_group_features_arguments *a = arguments;
  uint32_t *slots = a->slots + begin * a->symbol_count;
  for (size_t p = begin; p < end; p++) {
    uint32_t *symbols = a->symbols + p * a->batch, *uses = a->uses + p * a->batch;
    uint32_t *starts = a->starts + p * (a->batch + 1), count = 0;
    for (size_t i = 0; i < a->batch; i++) {
      uint32_t symbol = a->features[i * a->positions + p], slot = slots[symbol];
      if (slot == 0) {
        symbols[count] = symbol;
        starts[count] = 0;
        slots[symbol] = slot = ++count;
      }
      a->pairs[i * a->positions + p] = slot - 1;
      starts[slot - 1]++;
    }
    uint32_t at = 0;
    for (uint32_t t = 0; t < count; t++) {
      slots[symbols[t]] = 0;
      uint32_t number = starts[t];
      starts[t] = at;
      at += number;
    }
    for (size_t i = 0; i < a->batch; i++)
      uses[starts[a->pairs[i * a->positions + p]]++] = (uint32_t)i;
    for (uint32_t t = count; t > 0; t--) starts[t] = starts[t - 1];
    starts[0] = 0;
    a->counts[p] = count;
  }
}
