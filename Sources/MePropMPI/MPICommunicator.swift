// Processes that mpirun, or a cluster's scheduler, started.

import CMPI
import Foundation
import MePropCore

/// The processes of MPI's world.
///
/// Calls come from one thread at a time, which need not be the same.
public final class MPICommunicator: Communicator {
  /// The number of this process.
  public let rank: Int
  /// The number of processes.
  public let size: Int

  private init() {
    rank = Int(meprop_mpi_rank())
    size = Int(meprop_mpi_size())
  }

  /// Variables by which MPI's launchers tell a process that it is one of several.
  private static let marks = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "MPI_LOCALNRANKS"]

  /// Whether a launcher of MPI started this process; alone it starts faster without MPI.
  public static var isLaunched: Bool {
    let environment = ProcessInfo.processInfo.environment
    return marks.contains { environment[$0] != nil }
  }

  /// Starts MPI, once in a process; `nil` where this MPI cannot be called from several threads.
  public static func start() -> MPICommunicator? {
    meprop_mpi_start() != 0 ? MPICommunicator() : nil
  }

  /// Ends MPI when all processes have got here.
  public func finish() { meprop_mpi_finish() }

  /// MPI counts bytes in 32 bits.
  private static func counts(_ counts: [Int]) -> (counts: [Int32], starts: [Int32]) {
    let starts = counts.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
    precondition(
      (starts.last ?? 0) <= Int(Int32.max),
      "MPICommunicator: \(starts.last ?? 0) bytes at a time, expected at most \(Int32.max)")
    return (counts.map(Int32.init), starts.dropLast().map(Int32.init))
  }

  /// Gives all ranks the messages of all.
  public func allGather(
    _ message: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer
  ) {
    let (counts, starts) = Self.counts(counts)
    meprop_mpi_gather(message.baseAddress, counts[rank], target.baseAddress, counts, starts)
  }

  /// Sends each rank a message of its own.
  public func allToAll(
    _ messages: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer,
    targetCounts: [Int]
  ) {
    let (counts, starts) = Self.counts(counts)
    let (targetCounts, targetStarts) = Self.counts(targetCounts)
    meprop_mpi_exchange(
      messages.baseAddress, counts, starts, target.baseAddress, targetCounts, targetStarts)
  }

  /// Gives all ranks the memory of rank 0.
  public func broadcast(_ memory: UnsafeMutableRawBufferPointer) {
    let part = 1 << 30
    for start in stride(from: 0, to: memory.count, by: part) {
      meprop_mpi_broadcast(
        memory.baseAddress.map { $0 + start }, Int32(min(part, memory.count - start)))
    }
  }

  /// Waits for all.
  public func barrier() { meprop_mpi_barrier() }

  /// Ends all processes.
  public func abort(code: Int32) -> Never {
    meprop_mpi_abort(code)
    // MPI_Abort may return before the launcher ends this process.
    exit(code)
  }
}
