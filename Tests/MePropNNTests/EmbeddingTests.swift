import MePropCore
import MePropNN
import Testing

@Suite struct EmbeddingTests {
  private let table = Matrix([[1, 2], [3, 4], [5, 6], [7, 8]])
  private let source = Matrix([[1, 10, 100], [2, 20, 200]])

  private func step(_ optimizer: Optimizer, steps: Int = 1) -> Matrix {
    let trainer = EmbeddingTrainer(table, optimizer: optimizer, context: ComputeContext())
    for step in 1...steps {
      // Id 2 is used twice: its gradients add up.
      trainer.accumulate([(2, 0, 0), (0, 1, 1), (2, 1, 0)], from: source)
      trainer.update(step: step)
    }
    return trainer.table
  }

  @Test func gradientsOfAnIDAddUp() {
    let found = step(Optimizer(.gradientDescent(), learningRate: 1))
    #expect(found == Matrix([[1 - 20, 2 - 200], [3, 4], [5 - 3, 6 - 30], [7, 8]]))
    let twice = step(Optimizer(.gradientDescent(), learningRate: 1), steps: 2)
    #expect(twice == Matrix([[1 - 40, 2 - 400], [3, 4], [5 - 6, 6 - 60], [7, 8]]))
  }

  @Test func untouchedRowsMoveOnlyWhereAsked() {
    func after(_ rows: Optimizer.UntouchedRows) -> Matrix {
      let trainer = EmbeddingTrainer(
        table, optimizer: .adam(learningRate: 0.1, untouchedRows: rows), context: ComputeContext())
      trainer.accumulate([(1, 0, 0)], from: source)
      trainer.update(step: 1)
      trainer.accumulate([(3, 0, 0)], from: source)
      trainer.update(step: 2)
      return trainer.table
    }
    // Id 1 is used in the first step only: Adam's momentum moves it in the second if it may.
    #expect(abs(after(.skip)[1, 0] - 2.9) < 1e-4)
    #expect(after(.update)[1, 0] < 2.85)
    #expect(after(.skip)[0, 0] == 1)
    #expect(after(.update)[0, 0] == 1)
  }

  @Test func manyIDs() {
    let size = 500
    let big = Matrix(rowCount: size, columnCount: 3)
    let trainer = EmbeddingTrainer(
      big, optimizer: Optimizer(.gradientDescent(), learningRate: 1), context: ComputeContext())
    let gradients = Matrix((0..<size).map { [Float($0), 1, 2] })
    trainer.accumulate((0..<size).map { (UInt32($0), $0, 0) }, from: gradients)
    trainer.update(step: 1)
    for row in 0..<size { #expect(trainer.table[row, 0] == -Float(row)) }
  }
}
