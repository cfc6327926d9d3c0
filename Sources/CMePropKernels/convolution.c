/* Places of kept entries of a convolution, and their regrouping by channel. */
#include "meprop_convolution_kernels.h"

#include <string.h>

void meprop_convolution_places(const void *arguments, size_t begin, size_t end) {
  const meprop_convolution_places_arguments *a = arguments;
  for (size_t i = begin; i < end; i++) {
    const uint32_t *indices = a->indices + i * a->list_stride;
    const float *values = a->values + i * a->list_stride;
    uint32_t *offsets = a->offsets + i * a->list_stride;
    uint32_t *channels = a->kept_channels + i * a->list_stride;
    float *kept = a->kept_values + i * a->list_stride;
    size_t count = a->counts[i], window = 0, first = 0;
    for (size_t e = 0; e < count; e++) {
      while (indices[e] >= (window + 1) * a->channels) window++, first = e;
      uint32_t channel = (uint32_t)(indices[e] - window * a->channels), offset;
      if (a->winners == NULL) {
        offset = a->x_offsets[window];
      } else {
        uint8_t tap = a->winners[i * a->winners_stride + indices[e]];
        offset = a->x_offsets[a->window_positions[window * a->taps + tap]];
      }
      size_t at = e;
      /* The entries of a window, by position; of a position they stay in order. */
      for (; at > first && offsets[at - 1] > offset; at--) {
        offsets[at] = offsets[at - 1];
        channels[at] = channels[at - 1];
        kept[at] = kept[at - 1];
      }
      offsets[at] = offset;
      channels[at] = channel;
      kept[at] = values[e];
    }
  }
}

size_t meprop_convolution_regroup(const meprop_convolution_entries *entries, size_t examples,
                                  size_t x_stride, size_t n, int all_rows,
                                  uint32_t *restrict cursor, uint32_t *restrict rows,
                                  uint32_t *restrict starts, uint32_t *restrict offsets,
                                  float *restrict weights, size_t *touched) {
  memset(cursor, 0, (n + 1) * sizeof *cursor);
  for (size_t i = 0; i < examples; i++) {
    const uint32_t *channels = entries->channels + i * entries->list_stride;
    for (size_t j = 0, count = entries->counts[i]; j < count; j++) cursor[channels[j]]++;
  }
  size_t row_count = 0, touched_count = 0;
  uint32_t at = 0;
  for (size_t r = 0; r < n; r++) {
    uint32_t found = cursor[r];
    cursor[r] = at;
    rows[row_count] = (uint32_t)r;
    starts[row_count] = at;
    row_count += (found != 0) | (all_rows != 0);
    touched_count += found != 0;
    at += found;
  }
  starts[row_count] = at;
  *touched = touched_count;
  for (size_t i = 0; i < examples; i++) {
    const uint32_t *channels = entries->channels + i * entries->list_stride;
    const uint32_t *own = entries->offsets + i * entries->list_stride;
    const float *values = entries->values + i * entries->list_stride;
    for (size_t j = 0, count = entries->counts[i]; j < count; j++) {
      uint32_t place = cursor[channels[j]]++;
      offsets[place] = (uint32_t)(i * x_stride) + own[j];
      weights[place] = values[j];
    }
  }
  return row_count;
}
