#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A counter-based random number generator: Philox4x32-10 (Salmon et al., SC 2011).
///
/// Number *i* of stream *s* under seed *k* is a function of *(k, s, i)* and of nothing else, so
/// parts of a computation can draw their numbers in any order, on any thread, and a run can resume
/// anywhere without a saved state.
public struct Philox: RandomNumberGenerator, Sendable, Equatable {
  /// The key: what a user calls the seed.
  public let seed: UInt64
  /// Which of the 2⁶⁴ sequences of this seed.
  public let stream: UInt64
  private var block: UInt64 = 0
  private var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
  private var used = 4

  /// Creates the generator of sequence `stream` of `seed`, at its start.
  public init(seed: UInt64, stream: UInt64 = 0) {
    self.seed = seed
    self.stream = stream
  }

  /// Returns the next 32 bits.
  public mutating func next32() -> UInt32 {
    if used == 4 {
      words = Self.words(seed: seed, stream: stream, block: block)
      block += 1
      used = 0
    }
    used += 1
    switch used {
    case 1: return words.0
    case 2: return words.1
    case 3: return words.2
    default: return words.3
    }
  }

  /// Returns the next 64 bits.
  public mutating func next() -> UInt64 {
    let low = next32()
    return UInt64(next32()) << 32 | UInt64(low)
  }

  /// Returns a number uniform in 0 ..< 1, a multiple of 2⁻²⁴.
  public mutating func nextUniform() -> Float { Float(next32() >> 8) * 0x1p-24 }

  /// Returns a number uniform in 0 ..< `bound`, without bias (Lemire's method).
  ///
  /// `bound` must not be 0.
  public mutating func next(below bound: UInt32) -> UInt32 {
    precondition(bound > 0, "Philox.next(below:): found 0, expected 1 or more")
    var product = UInt64(next32()) * UInt64(bound)
    if UInt32(truncatingIfNeeded: product) < bound {
      let rest = (0 &- bound) % bound
      while UInt32(truncatingIfNeeded: product) < rest {
        product = UInt64(next32()) * UInt64(bound)
      }
    }
    return UInt32(product >> 32)
  }

  /// Shuffles `items` in place (Fisher and Yates, from the end), every order equally likely.
  public mutating func shuffle(_ items: inout [UInt32]) {
    var last = items.count - 1
    while last > 0 {
      items.swapAt(last, Int(next(below: UInt32(last + 1))))
      last -= 1
    }
  }

  /// The four words of block `block` of a sequence; counter words are (block low, block high,
  /// stream low, stream high).
  ///
  /// The kernels have the same function as `meprop_philox`, so that this module needs none of them;
  /// both are tested with the known answers of Random123.
  public static func words(seed: UInt64, stream: UInt64, block: UInt64) -> (
    UInt32, UInt32, UInt32, UInt32
  ) {
    var (c0, c1) = (UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32))
    var (c2, c3) = (UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
    var (k0, k1) = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    for _ in 0..<10 {
      let (p, q) = (UInt64(0xD251_1F53) * UInt64(c0), UInt64(0xCD9E_8D57) * UInt64(c2))
      (c0, c2) = (UInt32(q >> 32) ^ c1 ^ k0, UInt32(p >> 32) ^ c3 ^ k1)
      (c1, c3) = (UInt32(truncatingIfNeeded: q), UInt32(truncatingIfNeeded: p))
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }

  /// Returns whether both are at the same place of the same sequence.
  public static func == (left: Philox, right: Philox) -> Bool {
    left.seed == right.seed && left.stream == right.stream && left.block == right.block
      && left.used == right.used
  }
}

/// What a random sequence is for: keeps the streams of one seed apart.
public enum RandomPurpose: UInt64, Sendable {
  /// Initial parameters; the index is the layer.
  case initialization = 1
  /// The order of examples; the index is the epoch.
  case order = 2
  /// Dropout; the index is step × layers + layer.
  case dropout = 3
  /// Random-k selection; the index is step × layers + layer.
  case selection = 4
  /// Anything else a task draws.
  case task = 5
  /// Which easy examples are left out; the index is the epoch.
  case pruning = 6

  /// The stream of the `index`-th sequence for this purpose.
  ///
  /// `index` below 2⁵⁶.
  public func stream(_ index: Int) -> UInt64 { rawValue << 56 | UInt64(index) }
}

extension Philox {
  /// Returns a number of the standard normal distribution, by Box and Muller's method from two
  /// uniform numbers.
  public mutating func nextNormal() -> Float {
    let radius = (-2 * log(Double(next32() >> 8) * 0x1p-24 + 0x1p-25)).squareRoot()
    let angle = 2 * Double.pi * Double(next32() >> 8) * 0x1p-24
    return Float(radius * cos(angle))
  }
}
