// Moments, extremes and a sample of numbers that go by.

import Foundation
import MePropBase

/// Figures of numbers, in memory that does not grow with them.
struct NumberSummary: Sendable {
  /// How many there were.
  private(set) var count = 0
  /// The smallest and the largest.
  private(set) var (smallest, largest) = (Double.infinity, -Double.infinity)
  /// The mean.
  private(set) var mean = 0.0
  /// Some of them, drawn evenly; all where there are no more than ``sampleSize``.
  private(set) var sample: [Double] = []

  /// The sum of squares of differences from the mean.
  private var squares = 0.0
  private var random: Philox

  /// How many numbers are kept to tell quantiles from.
  static let sampleSize = 32_768

  /// Creates a summary of nothing; `stream` chooses the random numbers.
  init(stream: Int) {
    random = Philox(seed: 0x7461_626c, stream: RandomPurpose.task.stream(stream))
  }

  /// The root of the mean square difference from the mean; 0 of nothing.
  var deviation: Double { count > 0 ? (squares / Double(count)).squareRoot() : 0 }

  /// Counts a number (Welford, 1962).
  mutating func add(_ number: Double) {
    count += 1
    smallest = min(smallest, number)
    largest = max(largest, number)
    let difference = number - mean
    mean += difference / Double(count)
    squares += difference * (number - mean)
    // Every number has the same chance to be among those kept (Vitter, 1985).
    if sample.count < Self.sampleSize {
      sample.append(number)
    } else {
      let place = Int(random.next(below: UInt32(min(count, Int(UInt32.max)))))
      if place < Self.sampleSize { sample[place] = number }
    }
  }

  /// Adds the numbers of another summary (Chan, Golub and LeVeque, 1979).
  mutating func merge(_ other: NumberSummary) {
    guard other.count > 0 else { return }
    let (own, others) = (Double(count), Double(other.count))
    let difference = other.mean - mean
    mean += difference * others / (own + others)
    squares += other.squares + difference * difference * own * others / (own + others)
    smallest = min(smallest, other.smallest)
    largest = max(largest, other.largest)
    mergeSample(other)
    count += other.count
  }

  /// Draws from both samples as one would from all numbers of both: the next number is of one of
  /// them by how many of each are not drawn yet.
  private mutating func mergeSample(_ other: NumberSummary) {
    guard count + other.count > Self.sampleSize else {
      sample += other.sample
      return
    }
    var (first, second) = (sample, other.sample)
    var (firstCount, secondCount) = (count, other.count)
    sample.removeAll(keepingCapacity: true)
    while sample.count < Self.sampleSize {
      let all = Double(firstCount + secondCount)
      if Double(random.next32()) * 0x1p-32 * all < Double(firstCount) {
        sample.append(take(from: &first))
        firstCount -= 1
      } else {
        sample.append(take(from: &second))
        secondCount -= 1
      }
    }
  }

  private mutating func take(from numbers: inout [Double]) -> Double {
    let place = Int(random.next(below: UInt32(numbers.count)))
    numbers.swapAt(place, numbers.count - 1)
    return numbers.removeLast()
  }

  /// Writes all but the random numbers to come.
  func write(to message: inout MessageWriter) {
    message.add(count)
    for number in [smallest, largest, mean, squares] { message.add(number) }
    message.add(sample)
  }

  /// Reads what `write(to:)` has written.
  mutating func read(from message: inout MessageReader) {
    count = message.int()
    smallest = message.double()
    largest = message.double()
    mean = message.double()
    squares = message.double()
    sample = message.doubles()
  }
}
