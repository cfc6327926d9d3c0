/* MPI for Swift, which sees no macros: the calls that the package makes, on all processes there
 * are. Messages are bytes. Errors end all processes, as MPI does unless it is told otherwise. */

#ifndef MEPROP_CMPI_SHIM_H
#define MEPROP_CMPI_SHIM_H

#include <mpi.h>

/* Starts MPI for calls from any one thread at a time; returns 0 where it cannot do that. */
static inline int meprop_mpi_start(void) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
  return provided >= MPI_THREAD_SERIALIZED;
}

static inline void meprop_mpi_finish(void) { MPI_Finalize(); }

static inline int meprop_mpi_rank(void) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

static inline int meprop_mpi_size(void) {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

static inline void meprop_mpi_gather(const void *message, int count, void *target,
                                     const int *counts, const int *starts) {
  MPI_Allgatherv(message, count, MPI_BYTE, target, counts, starts, MPI_BYTE, MPI_COMM_WORLD);
}

static inline void meprop_mpi_exchange(const void *messages, const int *counts, const int *starts,
                                       void *target, const int *target_counts,
                                       const int *target_starts) {
  MPI_Alltoallv(messages, counts, starts, MPI_BYTE, target, target_counts, target_starts, MPI_BYTE,
                MPI_COMM_WORLD);
}

static inline void meprop_mpi_broadcast(void *memory, int count) {
  MPI_Bcast(memory, count, MPI_BYTE, 0, MPI_COMM_WORLD);
}

static inline void meprop_mpi_barrier(void) { MPI_Barrier(MPI_COMM_WORLD); }

static inline void meprop_mpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

#endif
