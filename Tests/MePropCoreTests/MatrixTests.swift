import MePropCore
import Testing
import _MePropTestSupport

@Suite struct MatrixTests {
  @Test func elementsComeBackInOrder() {
    let matrix = Matrix(rowCount: 2, columnCount: 3, elements: [1, 2, 3, 4, 5, 6])
    #expect(matrix.elements == [1, 2, 3, 4, 5, 6])
    #expect(matrix[0, 2] == 3)
    #expect(matrix[1, 0] == 4)
    #expect(matrix == Matrix([[1, 2, 3], [4, 5, 6]]))
    #expect(matrix.withRow(1) { Array($0) } == [4, 5, 6])
  }

  @Test func emptyMatricesWork() {
    #expect(Matrix([]).elements.isEmpty)
    #expect(Matrix(rowCount: 0, columnCount: 5).elements.isEmpty)
    #expect(Matrix(rowCount: 5, columnCount: 0).elements.isEmpty)
    #expect(Matrix(rowCount: 5, columnCount: 0).stride == 0)
    #expect(Matrix(rowCount: 0, columnCount: 5) != Matrix(rowCount: 0, columnCount: 4))
  }

  @Test(
    arguments: [
      (0, 0), (1, 16), (15, 16), (16, 16), (17, 48), (32, 48), (33, 48), (48, 48), (49, 80),
      (64, 80), (500, 528), (512, 528), (784, 784), (2048, 2064),
    ])
  func strideIsAnOddNumberOfLines(columns: Int, expected: Int) {
    #expect(Matrix.stride(columnCount: columns) == expected)
    #expect(Matrix(rowCount: 1, columnCount: columns).stride == expected)
  }

  @Test func rowsStartOnCacheLines() {
    for columns in [1, 15, 16, 17, 100] {
      var matrix = Matrix(rowCount: 3, columnCount: columns)
      let address = Int(bitPattern: matrix.unsafeMutableFloats())
      #expect(address % 64 == 0)
      #expect(matrix.stride % 16 == 0)
    }
  }

  @Test func copiesDoNotShareChanges() {
    let original = Matrix([[1, 2], [3, 4]])
    var copy = original
    copy[0, 0] = 9
    #expect(original == Matrix([[1, 2], [3, 4]]))
    #expect(copy == Matrix([[9, 2], [3, 4]]))

    var second = original
    second.withMutableRow(1) { $0[1] = 7 }
    #expect(original[1, 1] == 4)
    #expect(second[1, 1] == 7)

    var third = original
    third.setToZero()
    #expect(original[0, 0] == 1)
    #expect(third.elements == [0, 0, 0, 0])

    var fourth = original
    fourth.unsafeMutableFloats()[0] = 5
    #expect(original[0, 0] == 1)
    #expect(fourth[0, 0] == 5)

    var fifth = original
    fifth.setRowCount(1)
    fifth[0, 1] = 8
    #expect(original == Matrix([[1, 2], [3, 4]]))
    #expect(fifth == Matrix([[1, 8]]))
  }

  @Test func uniquelyHeldStorageStaysInPlace() {
    var matrix = Matrix(rowCount: 4, columnCount: 20)
    let before = matrix.unsafeFloats
    matrix[3, 19] = 1
    matrix.withMutableRow(2) { $0[0] = 2 }
    matrix.setToZero()
    _ = matrix.unsafeMutableFloats()
    matrix.setRowCount(2)
    matrix.setRowCount(4)
    #expect(matrix.unsafeFloats == before)
    let copy = matrix
    #expect(copy.unsafeFloats == before)
    matrix[0, 0] = 1
    #expect(matrix.unsafeFloats != before)
    #expect(copy.unsafeFloats == before)
  }

  @Test func paddingStaysZero() {
    var matrix = Matrix(
      rowCount: 3, columnCount: 17, elements: Array(repeating: 1, count: 51))
    matrix[1, 16] = 5
    matrix.withMutableRow(2) { row in
      #expect(row.count == 17)
      for index in row.indices { row[index] = 3 }
    }
    for row in 0..<3 {
      for column in 17..<matrix.stride {
        #expect(matrix.unsafeFloats[row * matrix.stride + column] == 0)
      }
    }
  }

  @Test func rowCountChangesWithoutTakingMemory() {
    var matrix = Matrix([[1, 2], [3, 4], [5, 6]])
    let before = matrix.unsafeFloats
    matrix.setRowCount(1)
    #expect(matrix == Matrix([[1, 2]]))
    matrix.setRowCount(3)
    #expect(matrix.unsafeFloats == before)
    #expect(matrix == Matrix([[1, 2], [3, 4], [5, 6]]))
    matrix.setRowCount(4)
    #expect(matrix.elements == Array(repeating: 0, count: 8))
    matrix.setRowCount(0)
    #expect(matrix.elements.isEmpty)
  }

  @Test func equalityComparesNumbersAndShapes() {
    #expect(Matrix([[1, 2]]) != Matrix([[1], [2]]))
    #expect(Matrix([[0, 1]]) == Matrix([[-0.0, 1]]))
    #expect(Matrix([[.nan]]) != Matrix([[.nan]]))
    #expect(Matrix([[1, 2], [3, 4]]) != Matrix([[1, 2], [3, 5]]))
  }

  @Test func largeMatricesAreZeroFilled() {
    let matrix = Matrix(rowCount: 1100, columnCount: 1000)
    #expect(matrix.withRow(0) { $0.allSatisfy { $0 == 0 } })
    #expect(matrix.withRow(1099) { $0.allSatisfy { $0 == 0 } })
  }

  @Test func anotherShapeHasZerosOnly() {
    var matrix = Matrix(rowCount: 6, columnCount: 20, elements: Array(repeating: 1, count: 120))
    let copy = matrix
    matrix.setShape(rowCount: 2, columnCount: 20)
    #expect(matrix[1, 19] == 1)
    for (rows, columns) in [(2, 7), (5, 33), (1, 3), (40, 70)] {
      matrix.setShape(rowCount: rows, columnCount: columns)
      #expect(matrix == Matrix(rowCount: rows, columnCount: columns))
      for row in 0..<rows { matrix[row, columns - 1] = 2 }
    }
    matrix.setShape(rowCount: 1, columnCount: 70)
    matrix.setRowCount(40)
    #expect(matrix[39, 69] == 2)
    #expect(copy[5, 19] == 1)
  }

  @Test func anotherShapeOfRoundedNumbersHasZerosOnly() {
    var rounded = BF16Matrix(rowCount: 3, columnCount: 6)
    let ones = Matrix(rowCount: 3, columnCount: 6, elements: Array(repeating: 1, count: 18))
    ComputeContext(threadCount: 1).round(ones, into: &rounded)
    #expect(rounded[2, 5] == 1)
    // As many pairs of numbers, and then again.
    for columns in [5, 6, 31] {
      rounded.setShape(rowCount: 3, columnCount: columns)
      for column in 0..<columns { #expect(rounded[2, column] == 0) }
    }
  }
}
