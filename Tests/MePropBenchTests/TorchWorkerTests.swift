import Foundation
import MePropBench
import Testing
import _MePropTestSupport

/// Workers on shell scripts that stand in for Python.
@Suite(.serialized) struct TorchWorkerTests {
  /// A program in a folder of its own, which goes with it.
  private final class FakePython {
    let path: String
    private let folder: URL

    init(_ script: String) throws {
      folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("meprop-torch-\(UUID().uuidString)", isDirectory: true)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      path = folder.appendingPathComponent("python").path
      try ScriptFile.write(script, to: path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func start(
      timeout: Double = 20, isInterrupted: @escaping () -> Bool = { false }
    ) throws -> TorchWorker {
      try TorchWorker(
        python: path, program: "the program", arguments: ["1", "f32"], preload: nil,
        readyTimeout: timeout, isInterrupted: isInterrupted)
    }
  }

  @Test func requestsAreAnswered() throws {
    // Is given -c, the program and its arguments; says more than it should.
    let python = try FakePython(
      """
      echo "a warning"
      echo ready
      while read -r first rest; do
        echo "another warning"
        echo "$first 2.5 $#"
      done
      """)
    let worker = try python.start()
    #expect(try worker.request("12 0.01") == [12, 2.5, 4])
    #expect(try worker.request("7 0.01") == [7, 2.5, 4])
  }

  @Test func aProgramThatEndsIsToldWithItsLastLine() throws {
    let python = try FakePython("echo 'no module named torch' >&2; exit 3")
    #expect(throws: TorchError.ended(python: python.path, output: "no module named torch")) {
      _ = try python.start()
    }
  }

  @Test func anInterpreterThatIsNotThere() {
    #expect(throws: TorchError.self) {
      _ = try TorchWorker(
        python: "/nonexistent/python", program: "", arguments: [], preload: nil)
    }
  }

  @Test func aProgramThatIsNeverReadyIsKilled() throws {
    let python = try FakePython("exec sleep 30")
    #expect(throws: TorchError.silent(python: python.path, seconds: 0.3)) {
      _ = try python.start(timeout: 0.3)
    }
  }

  @Test func aProgramThatDoesNotAnswerIsKilled() throws {
    let python = try FakePython("echo ready; exec sleep 30")
    let worker = try python.start()
    #expect(throws: TorchError.silent(python: python.path, seconds: 0.2)) {
      _ = try worker.request("1 0.01", timeout: 0.2)
    }
  }

  @Test func anInterruptionEndsTheWaiting() throws {
    let python = try FakePython("exec sleep 30")
    let start = Date.now
    #expect(throws: BenchmarkInterrupted()) {
      _ = try python.start(isInterrupted: { Date.now.timeIntervalSince(start) > 0.2 })
    }
    #expect(Date.now.timeIntervalSince(start) < 10)
  }

  @Test func whatIsSilentIsSaid() {
    let error = TorchError.silent(python: "python3", seconds: 120)
    #expect(error.description.hasPrefix("--torch: python3 did not answer for 120 s"))
  }
}
