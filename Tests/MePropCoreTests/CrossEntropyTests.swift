import MePropCore
import Testing
import _MePropTestSupport

@Suite struct CrossEntropyTests {
  @Test(arguments: InstructionSet.available)
  func agreesWithTheNaiveOne(set: InstructionSet) {
    var random = Philox(seed: 700)
    let context = ComputeContext(instructionSet: set)
    for classCount in [1, 2, 3, 10, 15, 16, 17, 31, 32, 33, 50, 100] {
      for scale in [1, 10] as [Float] {
        let logits = random.nextMatrix(7, classCount, scale: scale)
        let labels = random.nextLabels(7, classCount: classCount)
        let exact = DoubleMatrix(logits)
        var gradient = random.nextMatrix(7, classCount)
        var losses = [Float](repeating: -1, count: 7)
        context.crossEntropy(
          logits, labels: labels, scale: 1 / 7, gradient: &gradient, losses: &losses)
        let expected = (0..<7).map {
          NaiveReference.crossEntropy(exact.row($0), label: Int(labels[$0]))
        }
        // The loss is a difference of numbers of the size of the logits, up to some 40.
        expectClose(losses, expected, atol: 8e-6, rtol: 1e-6, "\(classCount) classes, \(set)")
        expectClose(
          gradient, NaiveReference.crossEntropyGradient(exact, labels: labels), atol: 2e-7, rtol: 0)
        expectZeroPadding(gradient)

        var evaluated = [Float](repeating: -1, count: 7)
        var predictions = [Int32](repeating: -1, count: 7)
        context.crossEntropy(
          logits, labels: labels, losses: &evaluated, predictions: &predictions)
        expectClose(evaluated, expected, atol: 8e-6, rtol: 1e-6, "\(classCount) classes, \(set)")
        for row in 0..<7 {
          let values = exact.row(row)
          #expect(values.firstIndex(of: values.max() ?? 0) == Int(predictions[row]))
        }

        var probabilities = logits
        context.softmax(&probabilities)
        for row in 0..<7 {
          expectClose(
            probabilities.withRow(row) { Array($0) }, NaiveReference.softmax(exact.row(row)),
            atol: 1e-9, rtol: 2e-6, "\(set)")
        }
        expectZeroPadding(probabilities)
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func extremeLogits(set: InstructionSet) {
    let context = ComputeContext(instructionSet: set)
    let logits = Matrix([
      [1000, -1000, 0], [-1000, -1000, -1000], [1e30, 0, 0], [3e38, 3e38, 3e38],
      [-3e38, -2e38, -1e38],
      [.leastNonzeroMagnitude, 0, -.leastNonzeroMagnitude], [88, -88, 80], [-200, 0, -100],
    ])
    let labels: [Int32] = [1, 0, 0, 2, 2, 1, 0, 0]
    let exact = DoubleMatrix(logits)
    var gradient = Matrix(rowCount: 8, columnCount: 3)
    var losses = [Float](repeating: 0, count: 8)
    context.crossEntropy(logits, labels: labels, scale: 0.125, gradient: &gradient, losses: &losses)
    let expected = (0..<8).map {
      NaiveReference.crossEntropy(exact.row($0), label: Int(labels[$0]))
    }
    // Large logits of equal size cancel: log 3 is lost beside 3e38, as f32 cannot hold it.
    for (row, (found, wanted)) in zip(losses, expected).enumerated() where row != 3 {
      expectClose([found], [wanted], atol: 1e-4, rtol: 1e-6, "row \(row), \(set)")
    }
    #expect(losses[3].isFinite)
    expectClose(
      gradient, NaiveReference.crossEntropyGradient(exact, labels: labels), atol: 2e-7, rtol: 0,
      "\(set)")
  }

  @Test(arguments: InstructionSet.available)
  func lossesOfBrokenLogitsAreNaN(set: InstructionSet) {
    let context = ComputeContext(instructionSet: set)
    for broken in [Float.nan, .infinity, -.infinity] {
      for place in 0..<20 {
        for label in [0, 19] as [Int32] {
          var logits = Matrix(rowCount: 2, columnCount: 20)
          logits[1, place] = broken
          var losses = [Float](repeating: 0, count: 2)
          var gradient = Matrix(rowCount: 2, columnCount: 20)
          context.crossEntropy(
            logits, labels: [0, label], scale: 0.5, gradient: &gradient, losses: &losses)
          #expect(losses[0].isFinite)
          #expect(losses[1].isNaN, "\(broken) at \(place), label \(label), \(set)")
          var predictions: [Int32] = [0, 0]
          context.crossEntropy(
            logits, labels: [0, label], losses: &losses, predictions: &predictions)
          #expect(losses[0].isFinite && losses[1].isNaN)
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func ofEqualLogitsTheLowerClassIsPredicted(set: InstructionSet) {
    let context = ComputeContext(instructionSet: set)
    let logits = Matrix([[1, 3, 3, 2], [0, 0, 0, 0], [-5, -5, -4, -4]])
    var losses = [Float](repeating: 0, count: 3)
    var predictions = [Int32](repeating: 9, count: 3)
    context.crossEntropy(
      logits, labels: [0, 0, 0], losses: &losses, predictions: &predictions)
    #expect(predictions == [1, 0, 2])
  }

  @Test func aGradientRowAddsUpToZero() {
    var random = Philox(seed: 701)
    let logits = random.nextMatrix(20, 13, scale: 4)
    var gradient = Matrix(rowCount: 20, columnCount: 13)
    var losses = [Float](repeating: 0, count: 20)
    ComputeContext().crossEntropy(
      logits, labels: random.nextLabels(20, classCount: 13), scale: 1, gradient: &gradient,
      losses: &losses)
    for row in 0..<20 {
      let sum = gradient.withRow(row) { $0.reduce(0) { $0 + Double($1) } }
      #expect(abs(sum) < 2e-6)
    }
  }

  @Test func threadsDoNotChangeTheBits() {
    var random = Philox(seed: 702)
    let logits = random.nextMatrix(500, 60, scale: 3)
    let labels = random.nextLabels(500, classCount: 60)
    var results: [(Matrix, [Float], Matrix)] = []
    for threads in 1...3 {
      let context = ComputeContext(threadCount: threads)
      var gradient = Matrix(rowCount: 500, columnCount: 60)
      var losses = [Float](repeating: 0, count: 500)
      context.crossEntropy(
        logits, labels: labels, scale: 0.002, gradient: &gradient, losses: &losses)
      var probabilities = logits
      context.softmax(&probabilities)
      results.append((gradient, losses, probabilities))
    }
    for result in results.dropFirst() {
      expectSameBits(result.0, results[0].0)
      #expect(result.1 == results[0].1)
      expectSameBits(result.2, results[0].2)
    }
  }
}
