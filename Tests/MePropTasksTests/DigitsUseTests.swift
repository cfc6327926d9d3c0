// Evaluating and predicting.

import Foundation
import MePropCore
import MePropNN
import MePropTasks
import Testing

@Suite("Evaluation and prediction of digits")
struct DigitsUseTests {
  @Test("Figures follow from the confusion matrix")
  func figures() throws {
    // A network that takes every image for the class of the first pixel's tens.
    let images = LabeledImages(
      rows: 1, columns: 2, pixels: [255, 0, 0, 255, 255, 0, 0, 255, 255, 0],
      labels: [0, 1, 1, 1, 0], classCount: 3)
    let layer = Linear(
      weight: Parameter(Matrix(rowCount: 3, columnCount: 2, elements: [20, 0, 0, 20, 0, 0])),
      bias: Parameter(Matrix(rowCount: 1, columnCount: 3), decays: false))
    let model = DigitsModel(
      network: Stack([layer]).named("layers"), imageRows: 1, imageColumns: 2,
      pixelScale: 1 / 255)
    let evaluation = try model.evaluate(on: images, context: ComputeContext())
    #expect(evaluation.confusion == [[2, 0, 0], [1, 2, 0], [0, 0, 0]])
    #expect(evaluation.count == 5)
    #expect(evaluation.accuracy == 80)
    #expect(abs(evaluation.loss - 4) < 1e-3)
    #expect(evaluation.perClass.map(\.goldCount) == [2, 3, 0])
    #expect(abs(evaluation.perClass[0].precision - 200.0 / 3) < 1e-9)
    #expect(evaluation.perClass[0].recall == 100)
    #expect(abs(evaluation.perClass[0].f1 - 80) < 1e-9)
    #expect(evaluation.perClass[1].precision == 100)
    #expect(abs(evaluation.perClass[1].recall - 200.0 / 3) < 1e-9)
    #expect(evaluation.perClass[2].f1 == 0)
    let report = evaluation.report(seconds: 0.5)
    #expect(report.rate == 10)
    #expect(report.headline(.test) == "test: accuracy 80.00 %, loss 4.0000, 5 images, 10 images/s")
    let json = report.json(task: "digits", split: .test).description
    for key in [
      "task", "split", "accuracy", "loss", "count", "confusion", "perClass", "imagesPerSecond",
    ] {
      #expect(json.contains("\"\(key)\":"))
    }
  }

  @Test("idx files and text give the same predictions, the most probable classes")
  func predictions() throws {
    let folder = try TemporaryFolder()
    let images = SyntheticDigits.images(600, seed: 5)
    let model = DigitsModel(
      network: .perceptron([30, 8, 4]), imageRows: 6,
      imageColumns: 5, pixelScale: 1 / 255)
    try IDX(dimensions: [600, 6, 5], bytes: images.pixels).write(to: folder("images"))
    let rows = stride(from: 0, to: images.pixels.count, by: 30).map { start in
      images.pixels[start..<(start + 30)].map(String.init).joined(separator: ",")
    }
    try rows.joined(separator: "\n").write(
      to: folder("rows.csv"), atomically: true, encoding: .utf8)
    func predict(_ name: String) throws -> [DigitsPrediction] {
      var all: [DigitsPrediction] = []
      try model.predict(InputFile(path: folder(name).path), threadCount: 1) { all += $0 }
      return all
    }
    let fromImages = try predict("images")
    #expect(fromImages.count == 600)
    #expect(try predict("rows.csv") == fromImages)
    let labeled = LabeledImages(
      rows: 6, columns: 5, pixels: images.pixels, labels: fromImages.map { UInt8($0.label) },
      classCount: 4)
    #expect(try model.evaluate(on: labeled, context: ComputeContext()).accuracy == 100)
    #expect(fromImages.allSatisfy { $0.probability >= 0.25 && $0.probability <= 1 })
  }

  @Test(
    "Bad images are refused with their place, rows before them are predicted",
    arguments: [
      ("nan", "2:1: field 1 is \"nan\""), ("-1", "2: field 1 is -1.0"), ("256", "2: field 1"),
      ("1,2", "2: expected 30 numbers, found 31"), ("abc", "2:1: field 1 is \"abc\""),
    ])
  func badRows(field: String, expected: String) throws {
    let folder = try TemporaryFolder()
    let good = Array(repeating: "7", count: 29).joined(separator: ",")
    try "0,\(good)\n\(field),\(good)\n".write(
      to: folder("rows"), atomically: true, encoding: .utf8)
    let model = DigitsModel(
      network: .perceptron([30, 8, 4]), imageRows: 6,
      imageColumns: 5, pixelScale: 1 / 255)
    var count = 0
    let text = message {
      try model.predict(InputFile(path: folder("rows").path)) { count += $0.count }
    }
    #expect(text.contains(expected), "\(text)")
    #expect(count == 1)
  }

  @Test("Images of another size are refused")
  func otherSize() throws {
    let folder = try TemporaryFolder()
    try SyntheticDigits.write(SyntheticDigits.data(), to: folder.url)
    let model = DigitsModel(
      network: .perceptron([20, 8, 4]), imageRows: 4,
      imageColumns: 5, pixelScale: 1 / 255, developmentCount: 60)
    let file = folder("t10k-images-idx3-ubyte")
    #expect(
      message { try model.predict(InputFile(path: file.path)) { _ in } }
        .contains("images are 6 x 5, expected 4 x 5"))
    #expect(
      message {
        _ = try model.evaluate(
          on: .test, of: folder.url.path, locator: DataLocator(environment: [:]))
      }.contains("images are 6 x 5, expected 4 x 5"))
  }

  @Test("Development images are those that were held out")
  func developmentSplit() throws {
    let folder = try TemporaryFolder()
    let data = SyntheticDigits.data()
    try SyntheticDigits.write(data, to: folder.url)
    let loaded = try DigitsData(folder: folder.url, developmentCount: 60, classCount: 4)
    #expect(loaded == data)
    #expect(
      try DigitsData(
        folder: folder.url, developmentCount: 60, classCount: 4, trainingLimit: 7
      ).training == data.training[0..<7])
    let model = DigitsModel(
      network: .perceptron([30, 8, 4]), imageRows: 6,
      imageColumns: 5, pixelScale: 1 / 255, developmentCount: 60)
    let locator = DataLocator(environment: [:])
    #expect(
      try model.evaluate(on: .dev, of: folder.url.path, locator: locator)
        == model.evaluate(on: data.development, context: ComputeContext()))
  }
}
