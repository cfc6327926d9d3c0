// PyTorch in processes beside ours: whole dense training steps of the same network, on request.

import Foundation

/// PyTorch could not be run.
public enum TorchError: Error, Equatable, CustomStringConvertible {
  /// The interpreter cannot be started.
  case notStarted(python: String, reason: String)
  /// The program ended; `output` is the last line that it printed.
  case ended(python: String, output: String)

  /// One line for the user.
  public var description: String {
    switch self {
    case .notStarted(let python, let reason):
      "--torch: cannot start \(python): \(reason); expected a Python interpreter"
    case .ended(let python, let output):
      "--torch: \(python) stopped: \(output.isEmpty ? "no message" : output); "
        + "expected an interpreter that has torch (python3 -m pip install torch)"
    }
  }
}

/// Dense training steps in PyTorch, in up to three variants that stay loaded while they take turns with ours.
final class TorchBaseline {
  /// The variants that run: `f32` as it comes, `f32, vendor check satisfied`, `bf16`.
  let variants: [String]
  private let workers: [Worker]

  /// Starts the variants.
  ///
  /// On AMD processors PyTorch's matrix library does not use AVX-512 unless a preloaded function tells it that the
  /// processor is Intel's; that variant is there if a C compiler is.
  init(python: String, threads: Int) throws {
    var variants = ["f32"]
    var workers = [try Worker(python: python, threads: threads, isBF16: false, preload: nil)]
    if let library = Self.vendorLibrary() {
      // Once the process has said that it is ready the library is loaded.
      defer {
        try? FileManager.default.removeItem(
          at: URL(fileURLWithPath: library).deletingLastPathComponent())
      }
      variants.append("f32, vendor check satisfied")
      workers.append(try Worker(python: python, threads: threads, isBF16: false, preload: library))
    }
    variants.append("bf16")
    workers.append(try Worker(python: python, threads: threads, isBF16: true, preload: nil))
    self.variants = variants
    self.workers = workers
  }

  /// Runs steps for about `seconds` and returns the time of each, in microseconds.
  func stepMicroseconds(variant: Int, batchSize: Int, hidden: Int, seconds: Double) throws
    -> [Double]
  {
    try workers[variant].request("\(batchSize) \(hidden) \(seconds)")
  }

  private static func vendorLibrary() -> String? {
    #if os(Linux) && arch(x86_64)
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "meprop-bench-\(getpid())")
      let source = folder.appendingPathComponent("vendor.c")
      let library = folder.appendingPathComponent("libvendor.so")
      do {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try "int mkl_serv_intel_cpu_true(void) { return 1; }\n".write(
          to: source, atomically: true, encoding: .utf8)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["cc", "-shared", "-fPIC", "-o", library.path, source.path]
        compiler.standardError = FileHandle.nullDevice
        try compiler.run()
        compiler.waitUntilExit()
        return compiler.terminationStatus == 0 ? library.path : nil
      } catch {
        return nil
      }
    #else
      return nil
    #endif
  }

  /// One interpreter that answers requests on its standard input.
  private final class Worker {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private let python: String
    private var lastLine = ""

    init(python: String, threads: Int, isBF16: Bool, preload: String?) throws {
      self.python = python
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [
        python, "-c", TorchBaseline.program, String(threads), isBF16 ? "bf16" : "f32",
      ]
      process.standardInput = input
      process.standardOutput = output
      process.standardError = output
      if let preload {
        var environment = ProcessInfo.processInfo.environment
        environment["LD_PRELOAD"] = preload
        process.environment = environment
      }
      do {
        try process.run()
      } catch {
        throw TorchError.notStarted(python: python, reason: error.localizedDescription)
      }
      // A program that fails to import torch closes its input at once: ask for the first line before writing.
      guard try readLine() == "ready" else {
        throw TorchError.ended(python: python, output: lastLine)
      }
    }

    deinit {
      try? input.fileHandleForWriting.close()
      if process.isRunning { process.terminate() }
    }

    func request(_ text: String) throws -> [Double] {
      input.fileHandleForWriting.write(Data((text + "\n").utf8))
      let times = try readLine().split(separator: " ").compactMap { Double($0) }
      guard !times.isEmpty else { throw TorchError.ended(python: python, output: lastLine) }
      return times
    }

    private var buffer = Data()

    private func readLine() throws -> String {
      while true {
        if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
          lastLine = String(decoding: buffer[buffer.startIndex..<end], as: UTF8.self)
          buffer.removeSubrange(buffer.startIndex...end)
          if lastLine == "ready" || lastLine.first?.isNumber == true { return lastLine }
          continue
        }
        let more = output.fileHandleForReading.availableData
        guard !more.isEmpty else { throw TorchError.ended(python: python, output: lastLine) }
        buffer.append(more)
      }
    }
  }

  /// Reads `BATCH HIDDEN SECONDS` lines and answers each with step times in microseconds.
  ///
  /// Denormals are flushed, Adam is the fused one; the network keeps training from request to
  /// request.
  static let program = """
    import sys, time, torch
    import torch.nn.functional as F
    torch.set_num_threads(int(sys.argv[1]))
    torch.set_flush_denormal(True)
    amp = sys.argv[2] == "bf16"
    state = {}
    print("ready", flush=True)
    for line in sys.stdin:
        batch, hidden, seconds = line.split()
        batch, hidden, seconds = int(batch), int(hidden), float(seconds)
        if (batch, hidden) not in state:
            torch.manual_seed(0)
            sizes = [784, hidden, hidden, 10]
            layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
            images = torch.rand(64, batch, 784) * (torch.rand(64, batch, 784) < 0.19)
            state[batch, hidden] = (layers, torch.optim.Adam(layers.parameters(), fused=True), images,
                                    torch.randint(0, 10, (64, batch)), [])
        layers, adam, images, labels, done = state[batch, hidden]
        times, begin, warm = [], time.perf_counter(), len(done) < 30
        while time.perf_counter() - begin < seconds or len(times) < 3:
            image, label = images[len(done) % 64], labels[len(done) % 64]
            start = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
                x = image
                for i, layer in enumerate(layers):
                    x = layer(x) if i == len(layers) - 1 else F.relu(layer(x))
            loss = F.cross_entropy(x.float(), label)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            done.append(0)
            if len(done) > 10:
                times.append((time.perf_counter() - start) * 1e6)
        print(*("%.1f" % t for t in times), flush=True)
    """
}
