// Dense steps in PyTorch of the same shapes as an experiment's, on numbers that are made up.

import Foundation
import MePropBench
import MePropTasks
import MePropTraining

/// Measures dense training steps in PyTorch: the best of float32 as it comes and with its library's
/// vendor check satisfied, where that makes a difference.
package struct TorchSteps {
  private let python: String
  private let workers: [TorchWorker]

  /// Starts the interpreters.
  ///
  /// - Parameters:
  ///   - python: The interpreter.
  ///   - threads: Of each.
  ///   - isInterrupted: Asked while they are waited for, now and when steps are measured.
  /// - Throws: `TorchError`, `BenchmarkInterrupted`.
  init(python: String, threads: Int, isInterrupted: @escaping () -> Bool) throws {
    self.python = python
    func worker(preload: String?) throws -> TorchWorker {
      try TorchWorker(
        python: python, program: Self.program, arguments: [String(threads)], preload: preload,
        isInterrupted: isInterrupted)
    }
    var workers = [try worker(preload: nil)]
    if let library = TorchWorker.vendorLibrary() {
      defer {
        try? FileManager.default.removeItem(
          at: URL(fileURLWithPath: library).deletingLastPathComponent())
      }
      workers.append(try worker(preload: library))
    }
    self.workers = workers
  }

  /// Measures one shape and returns the faster variant's median step.
  ///
  /// - Throws: `TorchError`, `BenchmarkInterrupted`.
  func measure(_ request: String, seconds: Double) throws -> TorchStep {
    let steps = try workers.map { worker in
      let answer = try worker.request("\(request) \(seconds)")
      guard answer.count == 3 else {
        throw TorchError.ended(python: python, output: "\(answer.count) numbers for a step")
      }
      return TorchStep(
        products: answer[0] * 1e-6, backward: answer[1] * 1e-6, total: answer[2] * 1e-6)
    }
    return steps.min { $0.total < $1.total } ?? TorchStep(products: 0, backward: 0, total: 0)
  }

  /// The seconds that a measurement takes, about, of which `seconds` go to whole steps of a
  /// variant.
  func seconds(forSteps seconds: Double) -> Double { 1.25 * seconds * Double(workers.count) }

  /// The words of a request for a step like that of an experiment: kind, batch, hidden widths,
  /// optimizer.
  ///
  /// - Throws: `UsageError` where nothing in PyTorch is like the steps of the task.
  package static func request(
    for experiment: Experiment, _ configuration: Configuration
  ) throws -> String {
    guard let kind = try experiment.definition.torchSteps else {
      throw UsageError(
        "--torch: expected a task whose steps have their like in PyTorch, found "
          + "\(experiment.task); "
          + "leave it out")
    }
    let hidden = configuration.value("hidden").text
    let optimizer = configuration.string("optimizer")
    return "\(kind.rawValue) \(configuration.int("batch")) \(hidden) \(optimizer)"
  }

  /// Reads `KIND BATCH WIDTHS OPTIMIZER SECONDS` lines and answers each with the medians of the
  /// products of back propagation, done by themselves, of all back propagation, and of the whole
  /// step in microseconds.
  ///
  /// Sentences have 16 words; vocabularies are those of a treebank of 200,000 words.
  static let program = """
    import statistics, sys, time, torch
    import torch.nn.functional as F
    torch.set_num_threads(int(sys.argv[1]))
    torch.set_flush_denormal(True)

    class Mlp(torch.nn.Module):
        def __init__(self, inputs, hidden, classes):
            super().__init__()
            sizes = [inputs] + hidden + [classes]
            self.layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, \
    sizes[1:]))
        def forward(self, x):
            for layer in self.layers[:-1]:
                x = F.relu(layer(x))
            return self.layers[-1](x)

    class Parser(torch.nn.Module):
        def __init__(self, hidden):
            super().__init__()
            self.table, self.mlp = torch.nn.Embedding(20000, 50), Mlp(2400, hidden, 75)
        def forward(self, x):
            return self.mlp(self.table(x).flatten(1))

    class Tagger(torch.nn.Module):
        def __init__(self, hidden):
            super().__init__()
            self.word, self.feature = torch.nn.Embedding(20000, 50), torch.nn.Embedding(12000, 20)
            self.lstm = torch.nn.LSTM(190, hidden, bidirectional=True)
            self.out = torch.nn.Linear(2 * hidden, 50)
        def forward(self, x):
            words = torch.cat([self.word(x[..., 0]), self.feature(x[..., 1:]).flatten(2)], 2)
            return self.out(self.lstm(words)[0]).flatten(0, 1)

    def mlp_products(batch, sizes, first):
        # what .backward() multiplies in a stack of linear layers; the input of the first one \
    needs no gradient
        layers = [(torch.rand(batch, a), torch.rand(b, a), torch.rand(batch, b)) for a, b in \
    zip(sizes, sizes[1:])]
        def run():
            for i, (x, w, g) in enumerate(layers):
                torch.mm(g.t(), x)
                if i > 0 or first:
                    torch.mm(g, w)
        return run

    def lstm_products(length, batch, h):
        x, s = torch.rand(length * batch, 190), torch.rand(length * batch, h)
        g, wx, wh = torch.rand(length, batch, 4 * h), torch.rand(4 * h, 190), torch.rand(4 * h, h)
        def run():
            for direction in range(2):
                for t in range(length):
                    torch.mm(g[t], wh)
                flat = g.flatten(0, 1)
                torch.mm(flat.t(), s), torch.mm(flat.t(), x), torch.mm(flat, wx)
        return run

    def medians(run, seconds):
        times, begin = [], time.perf_counter()
        while time.perf_counter() - begin < seconds or len(times) < 4:
            start = time.perf_counter()
            answer = run()
            times.append(answer + (time.perf_counter() - start,))
        drop = min(3, len(times) - 1)
        return ["%.1f" % (statistics.median(column) * 1e6) for column in zip(*times[drop:])]

    print("ready", flush=True)
    for line in sys.stdin:
        kind, batch, widths, name, seconds = line.split()
        batch, hidden, seconds = int(batch), [int(w) for w in widths.split(",")], float(seconds)
        torch.manual_seed(0)
        if kind == "images":
            net, x, classes, count = Mlp(784, hidden, 10), torch.rand(batch, 784) * \
    (torch.rand(batch, 784) < 0.19), 10, batch
        elif kind == "symbols":
            net, x, classes, count = Parser(hidden), torch.randint(0, 20000, (batch, 48)), 75, batch
        elif kind == "words":
            net, x, classes, count = Tagger(hidden[0]), torch.randint(0, 12000, (16, batch, 8)), \
    50, 16 * batch
        else:
            sys.exit("found steps of kind " + kind + ", expected images, symbols or words")
        y = torch.randint(0, classes, (count,))
        if name == "adam":
            step = torch.optim.Adam(net.parameters(), fused=True)
        elif name == "adagrad":
            step = torch.optim.Adagrad(net.parameters())
        else:
            step = torch.optim.SGD(net.parameters(), 0.05)
        def whole():
            loss = F.cross_entropy(net(x), y)
            step.zero_grad(set_to_none=True)
            middle = time.perf_counter()
            loss.backward()
            end = time.perf_counter()
            step.step()
            return (end - middle,)
        if kind == "words":
            parts = [lstm_products(16, batch, hidden[0]), mlp_products(count, [2 * hidden[0], \
    classes], True)]
        else:
            parts = [mlp_products(batch, [784 if kind == "images" else 2400] + hidden + [classes], \
    kind == "symbols")]
        def alone():
            for part in parts:
                part()
            return ()
        with torch.no_grad():
            alone_times = medians(alone, seconds / 4)
        print(" ".join(alone_times + medians(whole, seconds)), flush=True)
    """
}
