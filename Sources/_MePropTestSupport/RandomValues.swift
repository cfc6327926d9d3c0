import MePropCore

extension Philox {
  /// Returns a number uniform in `range`, from 32 random bits.
  public mutating func nextDouble(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * Double(next32()) * 0x1p-32
  }

  /// Returns a whole number uniform in `range`.
  public mutating func nextInt(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(next(below: UInt32(range.count)))
  }

  /// Returns a matrix of normal numbers with deviation `scale`, shape `[rowCount, columnCount]`.
  public mutating func nextMatrix(_ rowCount: Int, _ columnCount: Int, scale: Float = 1) -> Matrix {
    var elements: [Float] = []
    elements.reserveCapacity(rowCount * columnCount)
    for _ in 0..<(rowCount * columnCount) { elements.append(scale * nextNormal()) }
    return Matrix(rowCount: rowCount, columnCount: columnCount, elements: elements)
  }

  /// Returns a matrix of multiples of 1/64 within ±4, so that sums of some thousands are exact in
  /// any order and equal values are common, shape `[rowCount, columnCount]`.
  public mutating func nextExactMatrix(_ rowCount: Int, _ columnCount: Int) -> Matrix {
    var elements: [Float] = []
    elements.reserveCapacity(rowCount * columnCount)
    for _ in 0..<(rowCount * columnCount) {
      elements.append(Float(nextInt(in: -256...256)) / 64)
    }
    return Matrix(rowCount: rowCount, columnCount: columnCount, elements: elements)
  }

  /// Returns `count` labels in 0 ..< `classCount`.
  public mutating func nextLabels(_ count: Int, classCount: Int) -> [Int32] {
    (0..<count).map { _ in Int32(next(below: UInt32(classCount))) }
  }
}

extension InstructionSet {
  /// Those that this build and this processor have.
  public static var available: [InstructionSet] { allCases.filter(\.isAvailable) }
}
