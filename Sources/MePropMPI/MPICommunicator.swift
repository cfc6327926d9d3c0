// Processes that mpirun, or a cluster's scheduler, started.

import CMPI
import Foundation
import MePropCore

/// The processes of MPI's world.
///
/// Calls come from one thread at a time, which need not be the same. There is a ``secondLine`` if
/// the MPI library takes calls of several threads at once, and some process runs on another
/// machine: on one machine exchanges are work for its processors, which do not get faster by it.
public final class MPICommunicator: Communicator, @unchecked Sendable {
  /// The number of this process.
  public let rank: Int
  /// The number of processes.
  public let size: Int
  /// The same processes for another thread.
  public let secondLine: (any Communicator)?
  private let communicator: Int32
  /// Of the second line.
  private let patience: UnsafeMutablePointer<meprop_mpi_patience>?

  private init(_ communicator: Int32, secondLine: MPICommunicator? = nil, isSecond: Bool = false) {
    rank = Int(meprop_mpi_rank())
    size = Int(meprop_mpi_size())
    self.communicator = communicator
    self.secondLine = secondLine
    // It lives as long as the process.
    patience = isSecond ? .allocate(capacity: 1) : nil
    patience?.initialize(to: meprop_mpi_patience(leaves_processor: 0))
  }

  /// Variables by which MPI's launchers tell a process that it is one of several.
  private static let marks = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "MPI_LOCALNRANKS"]

  /// Whether a launcher of MPI started this process; alone it starts faster without MPI.
  public static var isLaunched: Bool {
    let environment = ProcessInfo.processInfo.environment
    return marks.contains { environment[$0] != nil }
  }

  /// When gradients travel while others are computed.
  public enum Overlap: String, CaseIterable {
    /// Where processes run on several machines.
    case auto
    /// Always.
    case always
    /// Never.
    case never
  }

  /// Starts MPI, once in a process.
  ///
  /// - Parameter overlap: Whether there is a ``secondLine``; the same in all processes.
  /// - Returns: All processes; `nil` where this MPI cannot be called from several threads.
  public static func start(overlap: Overlap = .auto) -> MPICommunicator? {
    let threads = meprop_mpi_start(overlap == .never ? 0 : 1)
    guard threads > 0 else { return nil }
    let world = meprop_mpi_world()
    let isWanted =
      switch overlap {
      case .auto: meprop_mpi_shares_memory() == 0
      case .always: true
      case .never: false
      }
    guard threads > 1, isWanted else { return MPICommunicator(world) }
    return MPICommunicator(
      world, secondLine: MPICommunicator(meprop_mpi_copy(world), isSecond: true))
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
    if let patience {
      meprop_mpi_gather_patiently(
        communicator, message.baseAddress, counts[rank], target.baseAddress, counts, starts,
        patience)
    } else {
      meprop_mpi_gather(
        communicator, message.baseAddress, counts[rank], target.baseAddress, counts, starts)
    }
  }

  /// Sends each rank a message of its own.
  public func allToAll(
    _ messages: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer,
    targetCounts: [Int]
  ) {
    let (counts, starts) = Self.counts(counts)
    let (targetCounts, targetStarts) = Self.counts(targetCounts)
    if let patience {
      meprop_mpi_exchange_patiently(
        communicator, messages.baseAddress, counts, starts, target.baseAddress, targetCounts,
        targetStarts, patience)
    } else {
      meprop_mpi_exchange(
        communicator, messages.baseAddress, counts, starts, target.baseAddress, targetCounts,
        targetStarts)
    }
  }

  /// Gives all ranks the memory of rank 0.
  public func broadcast(_ memory: UnsafeMutableRawBufferPointer) {
    let part = 1 << 30
    for start in stride(from: 0, to: memory.count, by: part) {
      meprop_mpi_broadcast(
        communicator, memory.baseAddress.map { $0 + start }, Int32(min(part, memory.count - start)))
    }
  }

  /// Says how calls wait on this line, if it is a second one.
  public func wait(patiently isPatient: Bool) {
    if let patience { meprop_mpi_set_patience(patience, isPatient ? 1 : 0) }
  }

  /// Waits for all.
  public func barrier() { meprop_mpi_barrier(communicator) }

  /// Ends all processes.
  public func abort(code: Int32) -> Never {
    meprop_mpi_abort(code)
    // MPI_Abort may return before the launcher ends this process.
    exit(code)
  }
}
