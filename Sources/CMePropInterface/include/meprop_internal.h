/* What the Swift side of the interface needs of C; not for callers. */
#ifndef MEPROP_INTERNAL_H
#define MEPROP_INTERNAL_H

/* Keeps the message of the calling thread, at most so many bytes of it. */
void meprop_keep_error(const char *message);

#endif
