import Foundation
import MePropBench
import Testing

@Suite struct BenchmarkRowTests {
  private let row = BenchmarkRow(
    group: "kernels", name: "backward", batchSize: 10, inputSize: 784, outputSize: 500, k: 20,
    threads: 2, precision: .bf16, microseconds: 50, spread: 0.04, denseMicroseconds: 200,
    torchMicroseconds: 400, torchBestMicroseconds: 300, limitShare: 1.25)

  private func object(_ row: BenchmarkRow) throws -> [String: Any] {
    let data = Data(row.json.description.utf8)
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func jsonHasTheKeysThatItShould() throws {
    let object = try object(row)
    #expect(
      Set(object.keys) == [
        "group", "name", "batch", "inputs", "outputs", "k", "threads", "precision",
        "microseconds", "denseMicroseconds", "torchMicroseconds", "ratioDense", "ratioTorch",
        "limitShare",
        // Beyond those that were asked for.
        "spread", "torchBestMicroseconds", "ratioTorchBest", "perSecond", "data",
      ])
    #expect(object["precision"] as? String == "bf16")
    // A limit that is exceeded is shown as what it is.
    let numbers = [
      "batch": 10, "outputs": 500, "ratioDense": 4, "ratioTorch": 8, "ratioTorchBest": 6,
      "limitShare": 1.25,
    ]
    for (key, value) in numbers {
      #expect((object[key] as? NSNumber)?.doubleValue == value, "\(key)")
    }
  }

  @Test func whatWasNotMeasuredIsNull() throws {
    var row = row
    row.denseMicroseconds = nil
    row.torchMicroseconds = nil
    row.torchBestMicroseconds = nil
    row.limitShare = nil
    let object = try object(row)
    for key in ["denseMicroseconds", "torchMicroseconds", "ratioDense", "ratioTorch", "limitShare"]
    {
      #expect(object[key] is NSNull, "\(key)")
    }
  }

  @Test func theTableLeavesOutColumnsThatNoRowFills() {
    var plain = row
    plain.precision = .f32
    plain.torchMicroseconds = nil
    plain.torchBestMicroseconds = nil
    let lines = BenchmarkTable.lines([plain])
    #expect(
      lines[0] == [
        "", "batch", "in", "out", "k", "µs", "spread", "dense µs", "× dense", "of the limit",
      ])
    #expect(
      lines[1] == [
        "backward", "10", "784", "500", "20", "50.0", "4 %", "200.0", "4.00", "125 %",
      ])
    let both = BenchmarkTable.lines([plain, row])
    #expect(both[0].contains("reads") && both[0].contains("torch µs"))
    #expect(both.allSatisfy { $0.count == both[0].count })
  }

  @Test func groupsSayWhatTheyDependOn() {
    #expect(BenchmarkGroup.allCases.filter { !$0.hasTorch } == [.lstm])
    #expect(BenchmarkGroup.allCases.filter(\.hasPrecisions) == [.kernels, .steps, .parser])
  }
}
