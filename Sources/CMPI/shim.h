/* MPI for Swift, which sees no macros: the calls that the package makes, on all processes there
 * are. Messages are bytes. Errors end all processes, as MPI does unless it is told otherwise.
 * Communicators are numbers, as in Fortran: MPI libraries have different types for them. */

#ifndef MEPROP_CMPI_SHIM_H
#define MEPROP_CMPI_SHIM_H

#include <mpi.h>
#include <time.h>

/* Starts MPI for calls of several threads at once, or in turn; returns how many may make calls at a
 * time: 2 for any number of them, 1 for any one, 0 where only one thread may at all. */
static inline int meprop_mpi_start(int at_once) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(NULL, NULL, at_once ? MPI_THREAD_MULTIPLE : MPI_THREAD_SERIALIZED, &provided);
  return provided >= MPI_THREAD_MULTIPLE ? 2 : provided >= MPI_THREAD_SERIALIZED;
}

static inline int meprop_mpi_world(void) { return (int)MPI_Comm_c2f(MPI_COMM_WORLD); }

/* Whether all processes run on one machine, with memory that they share. */
static inline int meprop_mpi_shares_memory(void) {
  MPI_Comm neighbors;
  int all = 1, near = 1;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &neighbors);
  MPI_Comm_size(MPI_COMM_WORLD, &all);
  MPI_Comm_size(neighbors, &near);
  MPI_Comm_free(&neighbors);
  return near == all;
}

/* The same processes, whose messages are told apart from those of others. */
static inline int meprop_mpi_copy(int communicator) {
  MPI_Comm copy;
  MPI_Comm_dup(MPI_Comm_f2c(communicator), &copy);
  return (int)MPI_Comm_c2f(copy);
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

static inline void meprop_mpi_gather(int communicator, const void *message, int count,
                                     void *target, const int *counts, const int *starts) {
  MPI_Allgatherv(message, count, MPI_BYTE, target, counts, starts, MPI_BYTE,
                 MPI_Comm_f2c(communicator));
}

static inline void meprop_mpi_exchange(int communicator, const void *messages, const int *counts,
                                       const int *starts, void *target, const int *target_counts,
                                       const int *target_starts) {
  MPI_Alltoallv(messages, counts, starts, MPI_BYTE, target, target_counts, target_starts, MPI_BYTE,
                MPI_Comm_f2c(communicator));
}

/* How calls wait that are told where this is. */
typedef struct {
  int leaves_processor;
} meprop_mpi_patience;

static inline void meprop_mpi_set_patience(meprop_mpi_patience *patience, int leaves_processor) {
  __atomic_store_n(&patience->leaves_processor, leaves_processor, __ATOMIC_RELAXED);
}

/* Looks again and again; every 20 microseconds only while others need the processor. */
static inline void meprop_mpi_wait(MPI_Request *request, const meprop_mpi_patience *patience) {
  const struct timespec pause = {0, 20000};
  int is_done = 0;
  for (;;) {
    MPI_Test(request, &is_done, MPI_STATUS_IGNORE);
    if (is_done) return;
    if (__atomic_load_n(&patience->leaves_processor, __ATOMIC_RELAXED)) nanosleep(&pause, NULL);
  }
}

static inline void meprop_mpi_gather_patiently(int communicator, const void *message, int count,
                                               void *target, const int *counts, const int *starts,
                                               const meprop_mpi_patience *patience) {
  MPI_Request request;
  MPI_Iallgatherv(message, count, MPI_BYTE, target, counts, starts, MPI_BYTE,
                  MPI_Comm_f2c(communicator), &request);
  meprop_mpi_wait(&request, patience);
}

static inline void meprop_mpi_exchange_patiently(int communicator, const void *messages,
                                                 const int *counts, const int *starts,
                                                 void *target, const int *target_counts,
                                                 const int *target_starts,
                                                 const meprop_mpi_patience *patience) {
  MPI_Request request;
  MPI_Ialltoallv(messages, counts, starts, MPI_BYTE, target, target_counts, target_starts,
                 MPI_BYTE, MPI_Comm_f2c(communicator), &request);
  meprop_mpi_wait(&request, patience);
}

static inline void meprop_mpi_broadcast(int communicator, void *memory, int count) {
  MPI_Bcast(memory, count, MPI_BYTE, 0, MPI_Comm_f2c(communicator));
}

static inline void meprop_mpi_barrier(int communicator) {
  MPI_Barrier(MPI_Comm_f2c(communicator));
}

static inline void meprop_mpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

#endif
