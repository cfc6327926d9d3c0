/* What comes after the sums of a product: y <- y + bias, and max(0, y) where it rectifies. */
#ifndef MEPROP_FINISH_H
#define MEPROP_FINISH_H

typedef struct {
  const float *bias; /* [outputs], padded with zeros to a line; NULL: none */
  int rectifies;
} meprop_finish;

#endif
