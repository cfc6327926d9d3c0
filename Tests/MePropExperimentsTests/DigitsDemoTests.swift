import Foundation
import MePropExperiments
import MePropNN
import MePropTasks
import Testing

@Suite struct DigitsDemoTests {
  /// A run whose epochs take `seconds` each and reach these accuracies.
  private func run(_ name: String, seconds: Double, _ accuracies: [Double]) -> DigitsDemo.Run {
    var phases = PhaseSeconds()
    phases.total = seconds
    phases.forward = seconds / 4
    phases.backward = seconds / 2
    phases.optimizer = seconds / 4
    let epochs = accuracies.enumerated().map { place, accuracy in
      EpochRecord(
        epoch: place + 1, seconds: phases, trainLoss: 1, exampleCount: 10, exampleUnit: "images",
        dev: Evaluation([.init("accuracy", accuracy)]),
        test: Evaluation([.init("accuracy", accuracy - 1)]), layers: [])
    }
    return DigitsDemo.Run(name: name, epochs: epochs)
  }

  @Test func timeIsCountedToTheAccuracyThatBothReach() {
    let demo = DigitsDemo(
      dense: run("dense", seconds: 8, [80, 86.9, 88.4]),
      sparse: run("top-k 0.1", seconds: 2, [70, 85, 87.9, 87.2]),
      report: URL(fileURLWithPath: "report.html"))
    // 87.9, rounded down to a half; dense reaches it in its third epoch, sparse in its third.
    #expect(demo.target == 87.5)
    #expect(demo.runs.map { $0.seconds(to: demo.target) } == [24, 6])
    #expect(demo.runs[1].seconds(to: 88) == nil)
    #expect(
      demo.table == [
        ["", "dense", "top-k 0.1", "gain"],
        ["seconds to 87.5 % of dev", "24.0", "6.0", "4.0 x"],
        ["seconds of all epochs", "24.0", "8.0", "3.0 x"],
        ["  forward and loss", "6.0", "2.0", "3.0 x"],
        ["  backward and optimizer", "18.0", "6.0", "3.0 x"],
        // After the best epochs on development images, the last and the one before.
        ["test accuracy, %", "87.40", "86.90", "-0.50"],
      ])
    #expect(
      demo.bars(width: 8) == [
        "dense      ████████ 24.0 s",
        "top-k 0.1  ██ 6.0 s",
      ])
  }

  @Test func bothRunsAreTrainedAlikeAndCompared() throws {
    let images = try SyntheticImages()
    let folder = images.url.appendingPathComponent("demo", isDirectory: true)
    let demo = try DigitsDemo(
      assignments: [
        "data=\(images.url.path)", "classes=3", "dev-count=40", "hidden=16", "batch=8", "epochs=2",
      ],
      in: folder, source: DataSource(), recorders: [])
    let recipe = Configuration(schema: Digits.schema)
    let policy = recipe.string("select")
    #expect(demo.runs.map(\.name) == ["dense", "\(policy) \(recipe.value("k").text)"])
    #expect(demo.runs.allSatisfy { $0.epochs.count == 2 && $0.seconds.total > 0 })
    let page = try String(contentsOf: demo.report, encoding: .utf8)
    #expect(page.contains("dense") && page.contains(policy))
    for (name, select) in [("dense", "dense"), ("default", policy)] {
      let configuration = folder.appendingPathComponent("\(name)/config.yaml")
      #expect(try String(contentsOf: configuration, encoding: .utf8).contains("select: \(select)"))
    }
    #expect(demo.runs.allSatisfy { $0.seconds(to: demo.target) != nil })
  }
}
