import Foundation
import MePropBench
import MePropCore
import MePropTaskBench
import Testing

/// The Python programs, compiled where there is Python and run on small data where it has PyTorch.
@Suite(.serialized) struct TorchProgramTests {
  private static let python = ProcessInfo.processInfo.environment["MEPROP_PYTHON"] ?? "python3"

  private final class Folder {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-programs-\(UUID().uuidString)", isDirectory: true)

    init() throws {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func write(_ data: Data, _ name: String) throws {
      try data.write(to: url.appendingPathComponent(name))
    }
  }

  /// What a command left, or `nil` where it ended with an error.
  private func run(_ arguments: [String]) throws -> TimedProcess.Report? {
    let outcome = try TimedProcess([Self.python] + arguments)
      .run(isInterrupted: { false }, message: { _ in })
    guard case .ended(let report) = outcome, report.status == 0 else { return nil }
    return report
  }

  @Test(arguments: AccuracyTask.allCases)
  func theyCompile(task: AccuracyTask) throws {
    guard try run(["-c", "import py_compile"]) != nil else {
      print("SKIPPED Python programs: no \(Self.python)")
      return
    }
    let folder = try Folder()
    try folder.write(Data(task.torchProgram.utf8), "program.py")
    let path = folder.url.appendingPathComponent("program.py").path
    #expect(try run(["-m", "py_compile", path]) != nil)
  }

  @Test(arguments: AccuracyTask.allCases)
  func theyReachATargetOrMissIt(task: AccuracyTask) throws {
    guard try run(["-c", "import torch"]) != nil else {
      print("SKIPPED training in PyTorch: \(Self.python) has no torch")
      return
    }
    let folder = try Folder()
    if task == .digits { try writeImages(to: folder) } else { try writeTreebank(to: folder) }
    func last(_ target: Double, _ precision: Precision = .f32) throws -> String {
      let variant = TorchVariant(batchSize: 20, threads: 1, precision: precision)
      let settings = try task.torchSettings(variant, seed: 3, target: target)
      let report = try #require(
        try run(["-c", task.torchProgram, folder.url.path, settings.description]))
      return report.output.split(separator: "\n").last.map(String.init) ?? ""
    }
    // Both are as easy as that: the best of two reaches what the better half does.
    let missed = try last(100.5)
    let words = missed.split(separator: " ")
    #expect(words.first == "missed")
    let best = try #require(words.last.flatMap { Double($0) })
    #expect(best > 60 && best <= 100, "\(missed)")
    #expect(try last(50).hasPrefix("reached "))
    #expect(try last(0, .bf16) == "reached 1")
  }

  /// Images whose upper or lower half is bright, 5,000 of them for development.
  private func writeImages(to folder: Folder) throws {
    let count = 5_600
    let size = 6
    func header(_ dimensions: [Int]) -> Data {
      var bytes: [UInt8] = [0, 0, 8, UInt8(dimensions.count)]
      for number in dimensions { bytes += [24, 16, 8, 0].map { UInt8(number >> $0 & 255) } }
      return Data(bytes)
    }
    var random = Philox(seed: 5)
    var pixels = header([count, size, size])
    var labels = header([count])
    for _ in 0..<count {
      let label = random.next(below: 2)
      labels.append(UInt8(label))
      for place in 0..<UInt32(size * size) {
        let isBright = place / UInt32(size * size / 2) == label
        pixels.append(UInt8(random.next(below: 100)) + (isBright ? 150 : 0))
      }
    }
    try folder.write(pixels, "train-images-idx3-ubyte")
    try folder.write(labels, "train-labels-idx1-ubyte")
  }

  /// Sentences of determiners, nouns and verbs, with ranges, empty nodes and a comment.
  private func writeTreebank(to folder: Folder) throws {
    var random = Philox(seed: 6)
    for (part, count) in [("train", 400), ("dev", 40)] {
      var text = ""
      for number in 0..<count {
        text += "# sent_id = \(number)\n"
        let noun = "n\(random.next(below: 6))"
        let verb = "v\(random.next(below: 6))"
        var rows = [
          ["1-2", "the\(noun)", "_", "_", "_", "_", "_", "_", "_", "_"],
          ["1", "The", "_", "DET", "DT", "_", "2", "det:def", "_", "_"],
          ["2", noun, "_", "NOUN", "NN", "_", "3", "nsubj", "_", "_"],
          ["3", verb, "_", "VERB", "VB", "_", "0", "root", "_", "_"],
        ]
        if number % 2 == 0 {
          rows += [
            ["3.1", "x", "_", "X", "X", "_", "_", "_", "_", "_"],
            ["4", ".", "_", "PUNCT", ".", "_", "3", "punct", "_", "_"],
          ]
        }
        text += rows.map { $0.joined(separator: "\t") + "\n" }.joined() + "\n"
      }
      try folder.write(Data(text.utf8), "small-ud-\(part).conllu")
    }
  }
}
