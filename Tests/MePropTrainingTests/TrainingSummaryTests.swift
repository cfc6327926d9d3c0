import Foundation
import MePropData
import MePropTraining
import Testing

@Suite struct PrintedJSONTests {
  /// What is printed is escaped once more, which must change nothing.
  @Test func textsAreStillJSONWhereTheyArePrinted() throws {
    let scalars = (0...0x2100).compactMap(UnicodeScalar.init)
    let all = String(String.UnicodeScalarView(scalars))
    let text = JSONValue.string(all).description
    #expect(text.printable == text)
    let decoded = try JSONDecoder().decode([String].self, from: Data("[\(text)]".utf8))
    #expect(decoded.first.map { Array($0.unicodeScalars) } == scalars)
  }
}

@Suite struct TrainingSummaryTests {
  private func record(_ epoch: Int, _ accuracy: Double) -> EpochRecord {
    var seconds = PhaseSeconds()
    seconds.total = 2
    seconds.forward = 1.0 / 3
    return EpochRecord(
      epoch: epoch, seconds: seconds, trainLoss: 0.1 + 0.2, exampleCount: 3000,
      exampleUnit: "words",
      dev: Evaluation([.init("uas", accuracy), .init("las", 80)]),
      test: Evaluation([.init("uas", 100.0 / 3), .init("las", 70)]),
      layers: [
        LayerReport(name: "hidden.0", touchedRows: 51.123456789, keptMagnitude: 0.98765432),
        LayerReport(name: "hidden.1", touchedRows: 5, keptMagnitude: 1),
      ])
  }

  @Test func hasTheKeysInOrder() {
    let summary = TrainingSummary(
      task: "parser", run: "runs/a", threads: 2, epochs: [record(1, 85.25), record(2, 84)])
    let text = summary.json.description
    #expect(
      text.hasPrefix(
        """
        {"task":"parser","run":"runs/a","threads":2,"best":{"epoch":1,"dev":{"uas":85.25,"las":80},\
        "test":{"uas":33.333333,"las":70}},"epochs":[{"epoch":1,"seconds":{"total":2,\
        "forward":0.333333,"backward":0,"selection":0,"products":0,"optimizer":0,"data":0},\
        "train":{"loss":0.3},"dev":{"uas":85.25,"las":80},"test":{"uas":33.333333,"las":70},\
        "wordsPerSecond":1500,"touchedRows":[51.123457,5],"keptMagnitude":[0.987654,1]},\
        {"epoch":2,
        """), "\(text)")
  }

  @Test func encodesTheSameObject() throws {
    let summary = TrainingSummary(task: "t", run: nil, threads: 1, epochs: [record(1, 98.12)])
    let encoded = try JSONSerialization.jsonObject(with: JSONEncoder().encode(summary))
    let direct = try JSONSerialization.jsonObject(with: Data(summary.json.description.utf8))
    #expect(encoded as? NSDictionary == direct as? NSDictionary)
    let empty = TrainingSummary(task: "t", run: nil, threads: 1, epochs: [])
    #expect(
      empty.json.description == #"{"task":"t","run":null,"threads":1,"best":null,"epochs":[]}"#)
  }

  @Test(
    arguments: [
      (0, "0"), (1, "1"), (-2.5, "-2.5"), (98.12, "98.12"), (0.1 + 0.2, "0.3"), (.nan, "null"),
      (.infinity, "null"), (1.0 / 3, "0.333333"), (1.23456789e-7, "1.23457e-07"), (1e300, "1e+300"),
      (123_456.789, "123456.789"), (.leastNonzeroMagnitude, "0"), (97.985_000_1, "97.985"),
    ] as [(Double, String)])
  func numbersAreShortAndFinite(value: Double, expected: String) {
    #expect(JSONValue.number(value).description == expected)
  }

  @Test func textsAreEscaped() throws {
    let text = "a\"\\\n\r\t\u{1}ü/😀"
    let json = JSONValue.object([.init(text, .string(text))]).description
    let parsed = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String]
    #expect(parsed == [text: text])
    #expect(!json.contains("\n"))
  }
}
