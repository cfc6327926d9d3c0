import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

@Suite struct EmbeddingTests {
  private let table = Matrix([[1, 2], [3, 4], [5, 6], [7, 8]])

  private func trainer(
    _ layer: Embedding, _ optimizer: Optimizer
  ) -> Trainer<Embedding, GivenGradient> {
    Trainer(layer, loss: GivenGradient(), optimizer: optimizer, context: ComputeContext())
  }

  /// Symbols with the gradients of their vectors, one a row.
  private let symbols = Symbols([2, 0, 2], rowCount: 3)
  private let gradient = Matrix([[1, 10], [20, 200], [2, 20]])

  private func after(_ optimizer: Optimizer, steps: Int = 1) throws -> Matrix {
    let trainer = trainer(
      Embedding(tables: [.init("vectors", table)], positions: [0]), optimizer)
    for _ in 1...steps { try trainer.train(symbols, gradient) }
    #expect(trainer.output.rowCount == 3)
    return trainer.currentModel.tables[0].vectors.value
  }

  @Test func vectorsLieSideBySide() {
    let other = Matrix([[-1, -2, -3], [-4, -5, -6]])
    let layer = Embedding(
      tables: [.init("words", table), .init("tags", other)], positions: [0, 1, 0])
    #expect(layer.outputSize == 7)
    #expect(layer.parameters.map(\.name) == ["words", "tags"])
    #expect(layer.description == "Embedding(words 2 × 2, tags 3)")
    let symbols = Symbols([3, 1, 0, 2, 0, 2], rowCount: 2, positionCount: 3)
    let found = Predictor(layer, context: ComputeContext()).withOutput(of: symbols) { $0 }
    #expect(found == Matrix([[7, 8, -4, -5, -6, 1, 2], [5, 6, -1, -2, -3, 5, 6]]))
  }

  @Test func gradientsOfASymbolAddUp() throws {
    let found = try after(Optimizer(.gradientDescent(), learningRate: 1))
    #expect(found == Matrix([[1 - 20, 2 - 200], [3, 4], [5 - 3, 6 - 30], [7, 8]]))
    let twice = try after(Optimizer(.gradientDescent(), learningRate: 1), steps: 2)
    #expect(twice == Matrix([[1 - 40, 2 - 400], [3, 4], [5 - 6, 6 - 60], [7, 8]]))
  }

  @Test func positionsThatShareATableAddUpToo() throws {
    let layer = Embedding(
      tables: [.init("a", table), .init("b", table)], positions: [0, 1, 0])
    let trainer = trainer(layer, Optimizer(.gradientDescent(), learningRate: 1))
    try trainer.train(
      Symbols([2, 1, 2, 0, 1, 3], rowCount: 2, positionCount: 3),
      Matrix([[1, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50, 60]]))
    let (a, b) = (trainer.currentModel.tables[0], trainer.currentModel.tables[1])
    #expect(a.vectors.value == Matrix([[-9, -18], [3, 4], [-1, -2], [-43, -52]]))
    #expect(b.vectors.value == Matrix([[1, 2], [-30, -40], [5, 6], [7, 8]]))
  }

  @Test func vectorsDoNotDecay() throws {
    var optimizer = Optimizer(.gradientDescent(), learningRate: 1)
    optimizer.l2 = 0.5
    optimizer.weightDecay = 0.25
    #expect(
      try after(optimizer) == after(Optimizer(.gradientDescent(), learningRate: 1)))
  }

  @Test func untouchedRowsMoveOnlyWhereAsked() throws {
    func after(_ rows: Optimizer.UntouchedRows, clipNorm: Float?) throws -> Matrix {
      var optimizer = Optimizer.adam(learningRate: 0.1, untouchedRows: rows)
      optimizer.clipNorm = clipNorm
      let trainer = trainer(
        Embedding(tables: [.init("vectors", table)], positions: [0]), optimizer)
      try trainer.train(Symbols([1], rowCount: 1), Matrix([[1, 10]]))
      try trainer.train(Symbols([3], rowCount: 1), Matrix([[1, 10]]))
      return trainer.currentModel.tables[0].vectors.value
    }
    // Symbol 1 is used in the first step only: Adam's momentum moves it in the second if it may.
    for clipNorm in [nil, 1e6] as [Float?] {
      let (skip, update) = (
        try after(.skip, clipNorm: clipNorm), try after(.update, clipNorm: clipNorm)
      )
      #expect(abs(skip[1, 0] - 2.9) < 1e-4)
      #expect(update[1, 0] < 2.85)
      #expect(skip[0, 0] == 1)
      #expect(update[0, 0] == 1)
    }
  }

  @Test func clippingByNormCountsAllRows() throws {
    var optimizer = Optimizer(.gradientDescent(), learningRate: 1)
    optimizer.clipNorm = 0.5
    for rows in Optimizer.UntouchedRows.allCases {
      optimizer.untouchedRows = rows
      let found = try after(optimizer)
      var square = 0.0
      for (a, b) in zip(found.elements, table.elements) {
        square += (Double(a) - Double(b)) * (Double(a) - Double(b))
      }
      expectClose([square.squareRoot()], [0.5], atol: 1e-5, rtol: 0)
      #expect(found.withRow(1) { Array($0) } == [3, 4])
    }
  }

  @Test func manySymbols() throws {
    let size = 500
    let layer = Embedding(
      tables: [.init("vectors", Matrix(rowCount: size, columnCount: 3))], positions: [0])
    let trainer = trainer(layer, Optimizer(.gradientDescent(), learningRate: 1))
    try trainer.train(
      Symbols((0..<size).map(UInt32.init), rowCount: size),
      Matrix((0..<size).map { [Float($0), 1, 2] }))
    let found = trainer.currentModel.tables[0].vectors.value
    for row in 0..<size { #expect(found[row, 0] == -Float(row)) }
  }
}
