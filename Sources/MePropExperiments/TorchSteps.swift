// Dense steps in PyTorch of the same shapes as an experiment's, on numbers that are made up.

import Foundation
import MePropBench
import MePropTraining

/// Measures dense training steps in PyTorch: the best of float32 as it comes and with its library's vendor check
/// satisfied, where that makes a difference.
struct TorchSteps {
  private let workers: [TorchWorker]

  /// Starts the interpreters.
  ///
  /// - Throws: `TorchError`.
  init(python: String, threads: Int) throws {
    func worker(preload: String?) throws -> TorchWorker {
      try TorchWorker(
        python: python, program: Self.program, arguments: [String(threads)], preload: preload)
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
  /// - Throws: `TorchError`.
  func measure(_ request: String, seconds: Double) throws -> TorchStep {
    let steps = try workers.map { worker in
      let answer = try worker.request("\(request) \(seconds)")
      return TorchStep(backward: answer[0] * 1e-6, total: answer[answer.count - 1] * 1e-6)
    }
    return steps.min { $0.total < $1.total } ?? TorchStep(backward: 0, total: 0)
  }

  /// The words of a request for a step like that of a task: kind, batch, hidden widths, optimizer.
  static func request(for task: String, _ configuration: Configuration) -> String {
    let hidden = configuration.value("hidden").text
    let optimizer = configuration.string("optimizer")
    return "\(task) \(configuration.int("batch")) \(hidden) \(optimizer)"
  }

  /// Reads `TASK BATCH WIDTHS OPTIMIZER SECONDS` lines and answers each with the medians of back propagation and of the
  /// whole step in microseconds.
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
            self.layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
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

    print("ready", flush=True)
    for line in sys.stdin:
        task, batch, widths, name, seconds = line.split()
        batch, hidden, seconds = int(batch), [int(w) for w in widths.split(",")], float(seconds)
        torch.manual_seed(0)
        if task == "digits":
            net, x, classes, count = Mlp(784, hidden, 10), torch.rand(batch, 784) * (torch.rand(batch, 784) < 0.19), 10, batch
        elif task == "parser":
            net, x, classes, count = Parser(hidden), torch.randint(0, 20000, (batch, 48)), 75, batch
        else:
            net, x, classes, count = Tagger(hidden[0]), torch.randint(0, 12000, (16, batch, 8)), 50, 16 * batch
        y = torch.randint(0, classes, (count,))
        if name == "adam":
            step = torch.optim.Adam(net.parameters(), fused=True)
        elif name == "adagrad":
            step = torch.optim.Adagrad(net.parameters())
        else:
            step = torch.optim.SGD(net.parameters(), 0.05)
        backs, times, begin = [], [], time.perf_counter()
        while time.perf_counter() - begin < seconds or len(times) < 4:
            start = time.perf_counter()
            loss = F.cross_entropy(net(x), y)
            step.zero_grad(set_to_none=True)
            middle = time.perf_counter()
            loss.backward()
            end = time.perf_counter()
            step.step()
            times.append((time.perf_counter() - start) * 1e6)
            backs.append((end - middle) * 1e6)
        drop = min(3, len(times) - 1)
        print("%.1f %.1f" % (statistics.median(backs[drop:]), statistics.median(times[drop:])), flush=True)
    """
}
