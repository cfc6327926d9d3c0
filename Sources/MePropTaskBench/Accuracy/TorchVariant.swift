// One way to compute in PyTorch, and which ways are tried.

import Foundation
import MePropCore
import MePropTraining

/// How PyTorch trains.
package struct TorchVariant: Sendable, Equatable {
  /// Examples a step, in the units of the task.
  package var batchSize: Int
  /// Threads.
  package var threads: Int
  /// What its products read: `bf16` under autocast.
  package var precision = Precision.f32
  /// Whether a preloaded function tells its matrix library that the processor is Intel's.
  package var satisfiesVendorCheck = false

  /// Creates a way to compute.
  package init(
    batchSize: Int, threads: Int, precision: Precision = .f32, satisfiesVendorCheck: Bool = false
  ) {
    self.batchSize = batchSize
    self.threads = threads
    self.precision = precision
    self.satisfiesVendorCheck = satisfiesVendorCheck
  }

  /// For people: `batches of 100, 2 thread(s), f32`.
  package var text: String {
    "batches of \(batchSize), \(threads) thread(s), \(precision.rawValue)"
      + (satisfiesVendorCheck ? ", vendor check satisfied" : "")
  }

  /// For programs.
  var json: [JSONValue.Member] {
    [
      .init("batch", .integer(batchSize)), .init("threads", .integer(threads)),
      .init("precision", .string(precision.rawValue)),
      .init("vendorCheckSatisfied", .bool(satisfiesVendorCheck)),
    ]
  }

  /// Finds the fastest variant, one property after another: the batch size first, then how products
  /// are done, then the threads.
  ///
  /// - Parameters:
  ///   - start: PyTorch as it comes.
  ///   - batchSizes: The other batch sizes to try.
  ///   - triesVendorCheck: Whether there is a library to preload.
  ///   - triesBF16: Whether the processor multiplies bf16 numbers.
  ///   - seconds: Measures a variant, but stops when it has taken as long as the second argument,
  ///     the best time so far; `nil` then, and where it does not reach the target.
  /// - Returns: The fastest; `start` where none reached the target.
  package static func fastest(
    from start: TorchVariant, batchSizes: [Int], triesVendorCheck: Bool, triesBF16: Bool,
    seconds: (TorchVariant, _ best: Double?) throws -> Double?
  ) rethrows -> TorchVariant {
    var best = start
    var least = try seconds(start, nil)
    func attempt(_ changes: [(inout TorchVariant) -> Void]) throws {
      // All of them differ from what was best before the first.
      let base = best
      for change in changes {
        var variant = base
        change(&variant)
        if variant != base, let time = try seconds(variant, least), time < least ?? .infinity {
          (best, least) = (variant, time)
        }
      }
    }
    try attempt(batchSizes.map { size in { $0.batchSize = size } })
    var products: [(inout TorchVariant) -> Void] = []
    if triesVendorCheck { products.append { $0.satisfiesVendorCheck = true } }
    if triesBF16 { products.append { $0.precision = .bf16 } }
    try attempt(products)
    try attempt([{ $0.threads = 1 }])
    return best
  }

  /// Whether a matrix library that is made for Intel's processors may hold back on this one.
  static var vendorMatters: Bool {
    #if os(Linux) && arch(x86_64)
      let processor = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
      return processor?.contains("GenuineIntel") != true
    #else
      return false
    #endif
  }
}
