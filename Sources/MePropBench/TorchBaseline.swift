// PyTorch in processes beside ours: whole dense training steps of the same network, on request.

import Foundation

/// Dense training steps in PyTorch, in up to three variants that stay loaded while they take turns
/// with ours.
package final class TorchBaseline {
  /// The variants that run: `f32` as it comes, `f32, vendor check satisfied`, `bf16`.
  package let variants: [String]
  /// Those of them that compute with floats: all but the last.
  var floatVariants: Range<Int> { 0..<variants.count - 1 }
  private let workers: [TorchWorker]

  /// Starts the variants.
  ///
  /// On AMD processors PyTorch's matrix library does not use AVX-512 unless a preloaded function
  /// tells it that the processor is Intel's; that variant is there if a C compiler is.
  ///
  /// - Parameters:
  ///   - python: The interpreter.
  ///   - threads: Of each variant.
  ///   - program: What they run: given the number of threads and `f32` or `bf16`, it answers
  ///     requests.
  ///   - isInterrupted: Asked while they are waited for.
  /// - Throws: ``TorchError``, ``BenchmarkInterrupted``.
  package init(
    python: String, threads: Int, program: String = TorchBaseline.program,
    isInterrupted: @escaping () -> Bool
  ) throws {
    func worker(_ precision: String, preload: String?) throws -> TorchWorker {
      try TorchWorker(
        python: python, program: program, arguments: [String(threads), precision],
        preload: preload, isInterrupted: isInterrupted)
    }
    var variants = ["f32"]
    var workers = [try worker("f32", preload: nil)]
    if let library = TorchWorker.vendorLibrary() {
      // Once the process has said that it is ready the library is loaded.
      defer {
        try? FileManager.default.removeItem(
          at: URL(fileURLWithPath: library).deletingLastPathComponent())
      }
      variants.append("f32, vendor check satisfied")
      workers.append(try worker("f32", preload: library))
    }
    variants.append("bf16")
    workers.append(try worker("bf16", preload: nil))
    self.variants = variants
    self.workers = workers
  }

  /// Runs steps for about `seconds` and returns the time of each, in microseconds.
  func stepMicroseconds(variant: Int, batchSize: Int, hidden: Int, seconds: Double) throws
    -> [Double]
  {
    try workers[variant].request("\(batchSize) \(hidden) \(seconds)")
  }

  /// Sends a request to a variant and returns its answer: times in microseconds.
  ///
  /// - Throws: ``TorchError``.
  package func request(_ text: String, variant: Int) throws -> [Double] {
    try workers[variant].request(text)
  }

  /// Reads `BATCH HIDDEN SECONDS` lines and answers each with step times in microseconds.
  ///
  /// Denormals are flushed, Adam is the fused one; the network keeps training from request to
  /// request.
  package static let program = """
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
            state[batch, hidden] = (layers, torch.optim.Adam(layers.parameters(), fused=True), \
    images,
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
