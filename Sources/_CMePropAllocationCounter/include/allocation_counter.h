/* Counts what a thread allocates, for tests. glibc only: elsewhere nothing is counted, and it says
 * so. */
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

/* Whether allocations are counted on this system. */
int allocation_counter_works(void);
/* From here on allocations of the calling thread are counted. Those made by calls from the library
 * whose path contains `library` are counted apart. */
void allocation_counter_begin(const char *library);
/* Ends that, and returns the allocations that were counted; in `apart` those of the library. */
long allocation_counter_end(long *apart);

#endif
