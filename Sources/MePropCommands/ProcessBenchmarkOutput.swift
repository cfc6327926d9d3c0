// meprop bench mpi: messages between processes, and steps with them.

import Foundation
import MePropBench
import MePropCore
import MePropTasks

/// Measures the processes that this one was started with, and prints what was found.
struct ProcessBenchmarkOutput {
  let threads: Int
  let isJSON: Bool

  func run() throws {
    let processes = ProcessGroup.current
    guard processes.size > 1 else {
      throw UsageError(
        "mpi: expected two processes or more, found one; build with MEPROP_MPI=1 and start it as "
          + "'mpirun -n 2 meprop bench mpi'")
    }
    let benchmark = ProcessBenchmark(processes, threadCount: threads) {
      StandardError.write("bench: \($0)")
    }
    let exchanges = benchmark.exchanges()
    let steps = try benchmark.steps()
    if isJSON {
      return try StandardOutput.write(
        JSONValue.object([
          .init("processes", .integer(processes.size)), .init("threads", .integer(threads)),
          .init("exchanges", .array(exchanges.map(\.json))),
          .init("steps", .array(steps.map(\.json))),
        ]).description + "\n")
    }
    try StandardOutput.write("\(processes.size) processes of \(threads) thread(s)\n\n")
    try StandardOutput.write(
      table: [["message to each process", "µs", "MB/s"]]
        + exchanges.map {
          [
            "\($0.bytes) bytes", text($0.seconds * 1e6, 1),
            text(Double($0.bytes) / $0.seconds * 1e-6, 0),
          ]
        })
    try StandardOutput.write("\n")
    try StandardOutput.write(
      table: [
        ["step", "batch", "one ms", "all ms", "faster", "exchange ms", "KB sent", "of dense"]
      ]
        + steps.map {
          [
            "\($0.network), \($0.policy)", "\($0.batchSize)", text($0.secondsAlone * 1e3, 2),
            text($0.seconds * 1e3, 2), text($0.secondsAlone / $0.seconds, 2) + "x",
            text($0.exchangeSeconds * 1e3, 2), text(Double($0.bytesSent) * 1e-3, 0),
            text(100 * Double($0.bytesSent) / Double($0.denseBytes), 1) + " %",
          ]
        })
  }

  private func text(_ value: Double, _ places: Int) -> String {
    String(format: "%.\(places)f", value)
  }
}
