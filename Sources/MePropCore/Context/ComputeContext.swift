import CMePropKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The instruction sets that kernels exist for.
public enum InstructionSet: String, Sendable, CaseIterable {
  /// x86-64 with AMX-TILE and AMX-BF16, and what ``avx512bf16`` needs.
  case amx
  /// x86-64 with AVX-512 F, BW, DQ, VL, VNNI and BF16.
  case avx512bf16
  /// x86-64 with AVX-512 F, BW, DQ, VL and VNNI.
  case avx512vnni
  /// x86-64 with AVX-512 F, BW, DQ and VL.
  case avx512
  /// x86-64 with AVX2 and FMA.
  case avx2
  /// AArch64 with dot products of bytes (FEAT_DotProd).
  case neondot
  /// AArch64.
  case neon
  /// Plain C.
  case portable

  /// Whether this build and this processor have it.
  public var isAvailable: Bool { table != nil }

  /// Its kernels in C; `nil`: this build or this processor does not have it.
  package var table: meprop_kernels? { meprop_kernels_named(rawValue)?.pointee }

  /// Whether it has instructions that multiply bf16 numbers; without them ``Precision/bf16`` gains
  /// little or nothing.
  public var multipliesBF16: Bool { self == .amx || self == .avx512bf16 }

  /// Whether it has instructions with which ``Precision/int8`` is faster than f32, as measured.
  public var multipliesBytes: Bool {
    switch self {
    case .amx, .avx512bf16, .avx512vnni: true
    case .avx512, .avx2, .neondot, .neon, .portable: false
    }
  }

  /// The fastest that this processor has, or what the environment variable `MEPROP_SIMD` names if
  /// that is available.
  public static var preferred: InstructionSet {
    if let name = getenv("MEPROP_SIMD"),
      let forced = InstructionSet(rawValue: String(cString: name)),
      forced.isAvailable
    {
      return forced
    }
    return InstructionSet(rawValue: String(cString: meprop_kernels_best().pointee.name))
      ?? .portable
  }
}

/// Where computations run: a pool of threads and the kernels for one instruction set.
///
/// Results do not depend on the number of threads. A context does one thing at a time and belongs
/// to one thread; it is not `Sendable`.
public final class ComputeContext {
  /// The number of threads, the caller's included.
  public let threadCount: Int
  /// The instruction set of the kernels.
  public let instructionSet: InstructionSet
  /// The kernels.
  package let kernels: KernelTable
  private let pool: OpaquePointer

  /// The number of processors that this process may use.
  public static var availableThreads: Int { Int(meprop_available_processors()) }

  /// Creates a context.
  ///
  /// - Parameters:
  ///   - threadCount: Threads to compute with, at least 1.
  ///   - instructionSet: Must be available on this processor.
  public init(threadCount: Int = 1, instructionSet: InstructionSet = .preferred) {
    precondition(
      threadCount >= 1, "ComputeContext: found \(threadCount) threads, expected at least 1")
    guard let table = instructionSet.table else {
      preconditionFailure("ComputeContext: this processor does not have \(instructionSet.rawValue)")
    }
    self.instructionSet = instructionSet
    self.kernels = KernelTable(table)
    makeDenseLibrarySequential()
    guard let pool = meprop_pool_create(Int32(threadCount), makeDenseLibrarySequential) else {
      preconditionFailure("ComputeContext: the system gives no \(threadCount) threads")
    }
    self.pool = pool
    self.threadCount = threadCount
  }

  deinit { meprop_pool_destroy(pool) }

  /// Below this many multiply-adds (or the bytes that take as long) a loop stays on the calling
  /// thread: handing a part to another thread and waiting for it takes one to two microseconds.
  private static let worthSharing = 400_000

  /// Runs a kernel over `count` units of its range.
  ///
  /// - Parameters:
  ///   - kernel: The kernel.
  ///   - arguments: Its arguments.
  ///   - count: The length of its range.
  ///   - grain: Parts are multiples of this many units (the last may be short).
  ///   - work: Multiply-adds in all, roughly: decides whether threads pay.
  package func run<Arguments: BitwiseCopyable>(
    _ kernel: Kernel<Arguments>, _ arguments: inout Arguments, count: Int, grain: Int = 1,
    work: Int
  ) {
    guard count > 0 else { return }
    if threadCount == 1 || work < Self.worthSharing {
      meprop_pool_run(pool, kernel.part, &arguments, count, count)
      return
    }
    // Two parts a thread even out what other programs take of a processor.
    let parts = threadCount * 2
    let unit = (count + grain * parts - 1) / (grain * parts) * grain
    meprop_pool_run(pool, kernel.part, &arguments, count, unit)
  }

  /// Runs a kernel with one unit a part, whatever the work.
  package func runTiles<Arguments: BitwiseCopyable>(
    _ kernel: Kernel<Arguments>, _ arguments: inout Arguments, count: Int, work: Int
  ) {
    let isShared = threadCount > 1 && work >= Self.worthSharing
    meprop_pool_run(pool, kernel.part, &arguments, count, isShared ? 1 : count)
  }
}
