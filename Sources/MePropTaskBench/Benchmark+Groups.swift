// The groups of `meprop bench`.

import MePropBench

extension Benchmark {
  /// Runs one group.
  ///
  /// - Throws: `WrongResultError`, `TorchError`, `BenchmarkInterrupted`, and errors of training.
  public func run(_ group: BenchmarkGroup) throws {
    try tellingInterruptions {
      switch group {
      case .kernels: try runKernels(.standard)
      case .steps: try runSteps()
      case .lstm: try runLSTM()
      case .parser: try runParser()
      case .images: try runImages()
      case .widths: try runWidths()
      }
    }
  }
}
