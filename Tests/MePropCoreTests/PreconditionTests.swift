import MePropCore
import Testing
import _MePropTestSupport

/// A wrong call stops the program, and says (in debug builds) what was found and expected.
@Suite struct PreconditionTests {
  enum Misuse: String, CaseIterable, Codable, Sendable {
    case negativeShape, tooFewElements, unequalRows, rowOutOfRange, columnOutOfRange
    case negativeRowCount, noThreads, unknownInstructionSet, boundOfZero
    case productShapes, outputShape, transposedProductShapes
    case kOfZero, kAboveWidth, shortNorms, groupOfZero, exampleOutOfRange
    case supportWidth, weightShape, notShared
    case biasShape, differentiateShape, shortNormsOfDifferentiate, dropoutOfOne
    case tooFewLabels, byteExampleOutOfRange, byteRows
    case missingMoments, gradientShape
    case labelOutOfRange, negativeLabel, unifiedGradientShape, unifiedWeightShape

    /// What the message must contain.
    var text: String {
      switch self {
      case .negativeShape: "Matrix: shape is [-1, 2], expected no negative size"
      case .tooFewElements: "Matrix: [2, 2] needs 4 elements, found 3"
      case .unequalRows: "Matrix: row 1 has 1 elements, expected 2 as in row 0"
      case .rowOutOfRange: "Matrix: row 2 of a [2, 3] matrix"
      case .columnOutOfRange: "Matrix: column 3 of a [2, 3] matrix"
      case .negativeRowCount: "Matrix.setRowCount: found -1, expected 0 or more"
      case .noThreads: "ComputeContext: found 0 threads, expected at least 1"
      case .unknownInstructionSet: "ComputeContext: this processor does not have"
      case .boundOfZero: "found 0, expected 1 or more"
      case .productShapes: "shapes are [2, 3] and [4, 5] into [2, 4]"
      case .outputShape: "shapes are [2, 3] and [3, 5] into [2, 4]"
      case .transposedProductShapes: "shapes are [2, 3] and [3, 5] into [3, 5]"
      case .kOfZero: "k is 0 of 3 outputs"
      case .kAboveWidth: "k is 4 of 3 outputs"
      case .shortNorms: "selectTop: 1 norms for shape [2, 3]"
      case .groupOfZero: "selectUnified: group size is 0, expected at least 1"
      case .exampleOutOfRange: "GradientSupport: example 2 of a batch of 2"
      case .supportWidth: "inputGradient: support [2, 3], weights [4, 5] into [2, 5]"
      case .weightShape: "support [2, 3], input [2, 5], weights [3, 4]"
      case .notShared: "UnifiedProducts: the examples of this support keep different outputs"
      case .biasShape: "activate: bias is [1, 2], expected [1, 3]"
      case .differentiateShape: "differentiate: gradient is [2, 3], output is [2, 4]"
      case .shortNormsOfDifferentiate: "norms 1, for a gradient [2, 3]"
      case .dropoutOfOne: "Dropout: rate is 1.0, expected 0 or more and below 1"
      case .tooFewLabels: "crossEntropy: logits are [2, 3]"
      case .byteExampleOutOfRange: "gather: example 2 of 2"
      case .byteRows: "gather: 1 examples into [2, 3]"
      case .missingMoments: "update: moments are"
      case .labelOutOfRange: "crossEntropy: label 3 of example 1, expected 0 ..< 3"
      case .negativeLabel: "crossEntropy: label -1 of example 0, expected 0 ..< 3"
      case .unifiedGradientShape: "weightGradient: support [2, 3], input [2, 5] into [4, 5]"
      case .unifiedWeightShape: "updateWeights: support [2, 3], input [2, 5], weights [3, 4]"
      case .gradientShape: "update: gradient is [2, 4], weights are [2, 3]"
      }
    }

    func perform() throws {
      let context = ComputeContext()
      let m23 = Matrix(rowCount: 2, columnCount: 3)
      let m45 = Matrix(rowCount: 4, columnCount: 5)
      var result = Matrix(rowCount: 2, columnCount: 4)
      switch self {
      case .negativeShape: _ = Matrix(rowCount: -1, columnCount: 2)
      case .tooFewElements: _ = Matrix(rowCount: 2, columnCount: 2, elements: [1, 2, 3])
      case .unequalRows: _ = Matrix([[1, 2], [3]])
      case .rowOutOfRange: _ = m23[2, 0]
      case .columnOutOfRange: _ = m23[0, 3]
      case .negativeRowCount: result.setRowCount(-1)
      case .noThreads: _ = ComputeContext(threadCount: 0)
      case .unknownInstructionSet:
        let missing = InstructionSet.allCases.first { !$0.isAvailable }
        _ = ComputeContext(instructionSet: missing ?? .portable)
      case .boundOfZero:
        var random = Philox(seed: 1)
        _ = random.next(below: 0)
      case .productShapes: context.multiply(m23, byTransposeOf: m45, into: &result)
      case .outputShape:
        context.multiply(m23, by: Matrix(rowCount: 3, columnCount: 5), into: &result)
      case .transposedProductShapes:
        var g = Matrix(rowCount: 3, columnCount: 5)
        context.multiplyTranspose(of: m23, by: Matrix(rowCount: 3, columnCount: 5), into: &g)
      default: try performOnSupport(context, m23)
      }
    }

    private func performOnSupport(_ context: ComputeContext, _ d: Matrix) throws {
      let support = GradientSupport()
      var wide = Matrix(rowCount: 2, columnCount: 5)
      switch self {
      case .kOfZero: try support.selectTop(0, of: d, context: context)
      case .kAboveWidth: try support.selectRandom(4, of: d, seed: 1, stream: 1)
      case .shortNorms: try support.selectTop(1, of: d, norms: [0], context: context)
      case .groupOfZero: try support.selectUnified(1, of: d, groupSize: 0, context: context)
      case .exampleOutOfRange:
        try support.selectTop(1, of: d, context: context)
        _ = support.entries(ofExample: 2)
      case .supportWidth:
        try support.selectTop(1, of: d, context: context)
        context.inputGradient(
          of: support, weights: Matrix(rowCount: 4, columnCount: 5), into: &wide)
      case .weightShape:
        try support.selectTop(1, of: d, context: context)
        var gradient = WeightGradient(outputSize: 3, inputSize: 4)
        context.weightGradient(of: support, input: wide, into: &gradient)
      case .notShared:
        try support.selectTop(1, of: d, context: context)
        UnifiedProducts().gather(support)
      case .unifiedGradientShape, .unifiedWeightShape:
        let products = UnifiedProducts()
        try support.selectUnified(1, of: d, context: context)
        products.gather(support)
        if self == .unifiedGradientShape {
          var gradient = WeightGradient(outputSize: 4, inputSize: 5)
          products.weightGradient(of: support, input: wide, into: &gradient, context: context)
        } else {
          var weights = Matrix(rowCount: 3, columnCount: 4)
          var moments = Moments(count: 0, rowCount: 3, columnCount: 4)
          let rule = UpdateRule(formula: .gradientDescent, rate: 1)
          products.updateWeights(
            &weights, &moments, by: rule, support: support, input: wide, context: context)
        }
      default: performElementwise(context, d)
      }
    }

    private func performElementwise(_ context: ComputeContext, _ d: Matrix) {
      var m23 = d
      var norms: [Float] = [0, 0]
      var sums = (Matrix(rowCount: 1, columnCount: 3), Matrix(rowCount: 1, columnCount: 3))
      var moments = Moments(count: 0, rowCount: 2, columnCount: 3)
      let adaGrad = UpdateRule(formula: .adaGrad(epsilon: 1), rate: 1)
      switch self {
      case .biasShape:
        context.activate(&m23, bias: Matrix(rowCount: 1, columnCount: 2), activation: .relu)
      case .differentiateShape:
        context.differentiate(
          &m23, output: Matrix(rowCount: 2, columnCount: 4), activation: .relu, dropout: .none,
          memory: nil, beta: 0, partialSums: &sums.0, columnSums: &sums.1, norms: &norms)
      case .shortNormsOfDifferentiate:
        norms = [0]
        context.differentiate(
          &m23, output: d, activation: .relu, dropout: .none, memory: nil, beta: 0,
          partialSums: &sums.0, columnSums: &sums.1, norms: &norms)
      case .dropoutOfOne: _ = Dropout(rate: 1, seed: 1, stream: 1)
      case .tooFewLabels:
        context.crossEntropy(d, labels: [0], scale: 1, gradient: &m23, losses: &norms)
      case .labelOutOfRange:
        context.crossEntropy(d, labels: [2, 3], scale: 1, gradient: &m23, losses: &norms)
      case .negativeLabel:
        var predictions: [Int32] = [0, 0]
        context.crossEntropy(d, labels: [-1, 0], losses: &norms, predictions: &predictions)
      case .byteExampleOutOfRange:
        context.gather(
          [1, 2, 3, 4, 5, 6, 7], examples: [0, 2], scale: 1, into: &m23)
      case .byteRows: context.gather([1, 2, 3], examples: [0], scale: 1, into: &m23)
      case .missingMoments: context.update(&m23, &moments, by: adaGrad, gradient: d)
      case .gradientShape:
        moments = Moments(count: 1, rowCount: 2, columnCount: 3)
        context.update(
          &m23, &moments, by: adaGrad, gradient: Matrix(rowCount: 2, columnCount: 4))
      default: break
      }
    }
  }

  @Test(arguments: Misuse.allCases)
  func misuseStopsTheProgram(misuse: Misuse) async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [misuse] in
      try misuse.perform()
    }
    // Optimized builds leave the text out.
    #if DEBUG
      let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
      #expect(output.contains(misuse.text), "\(output.prefix(400))")
    #endif
  }
}
