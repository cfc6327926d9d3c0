// The official evaluation, PyPI's udtools, run on many pairs of files in one process.

import Foundation

/// What the official evaluation makes of pairs of files.
enum UDTools {
  /// The counts and fractions of one metric.
  struct Score: Decodable, Equatable {
    var precision: Double
    var recall: Double
    var f1: Double
    var alignedAccuracy: Double?
    var correct: Int
    var gold: Int
    var system: Int
    var aligned: Int?
  }

  /// The scores by metric, or the message with which it refuses.
  struct Verdict: Decodable {
    var error: String?
    var scores: [String: Score]?
  }

  private static let script = """
    import json, sys
    try:
        from udtools import udeval
    except ImportError as error:
        print("SKIPPED", error)
        sys.exit(0)
    for line in sys.stdin:
        gold, system = line.rstrip("\\n").split("\\t")
        try:
            result = udeval.evaluate(udeval.load_conllu_file(gold), udeval.load_conllu_file(system))
        except Exception as error:
            print(json.dumps({"error": type(error).__name__ + ": " + str(error)}))
            continue
        scores = {name: dict(precision=s.precision, recall=s.recall, f1=s.f1,
                             alignedAccuracy=s.aligned_accuracy, correct=s.correct,
                             gold=s.gold_total, system=s.system_total, aligned=s.aligned_total)
                  for name, s in result.items()}
        print(json.dumps({"scores": scores}))
    """

  /// The verdicts on pairs of files, or `nil` and a line that says what is not tested.
  static func verdicts(on pairs: [(gold: URL, system: URL)], for test: String) throws -> [Verdict]?
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let python = ProcessInfo.processInfo.environment["MEPROP_PYTHON"] ?? "python3"
    process.arguments = [python, "-c", script]
    let folder = try TemporaryFolder()
    let list = pairs.map { "\($0.gold.path)\t\($0.system.path)\n" }.joined()
    process.standardInput = try FileHandle(forReadingFrom: folder.write(list, to: "pairs"))
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      print("SKIPPED \(test): \(error)")
      return nil
    }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    if lines.first?.hasPrefix("SKIPPED") != false {
      print("SKIPPED \(test): \(lines.first ?? "no \(python)")")
      return nil
    }
    return try lines.map { try JSONDecoder().decode(Verdict.self, from: Data($0.utf8)) }
  }
}
