// What a step costs by the number of its examples, from a few steps.

/// Seconds of steps beside their examples, whose number differs from step to step where examples
/// are words.
///
/// Seconds are taken to be s = a + b n of n examples, with least squares, a and b not below 0: a is
/// what optimizers do whatever the batch. So a few short sentences do not make the others look
/// short.
package struct StepSamples {
  private var count = 0.0
  private var exampleSum = 0.0
  private var squareSum = 0.0
  private var secondSum = 0.0
  private var productSum = 0.0

  /// Creates a record of no steps.
  package init() {}

  /// Adds a step.
  package mutating func add(examples n: Int, seconds s: Double) {
    count += 1
    exampleSum += Double(n)
    squareSum += Double(n) * Double(n)
    secondSum += s
    productSum += Double(n) * s
  }

  /// The mean number of examples; 0 of no steps.
  package var meanExamples: Double { count > 0 ? exampleSum / count : 0 }

  private var variance: Double {
    count > 0 ? max(0, squareSum / count - meanExamples * meanExamples) : 0
  }

  /// Whether ``meanExamples`` is that of all steps, give or take 5 % (one standard error).
  package var isSettled: Bool {
    let error = 0.05 * meanExamples
    return count >= 2 && variance <= count * error * error
  }

  /// The seconds of a step of so many examples, a mean; 0 of no steps.
  package func seconds(ofExamples n: Double) -> Double {
    guard count > 0 else { return 0 }
    let mean = secondSum / count
    let meanExamples = meanExamples
    // As good as all alike.
    guard meanExamples > 0, variance > 1e-4 * meanExamples * meanExamples else { return mean }
    let covariance = productSum / count - meanExamples * mean
    let slope = min(max(0, covariance / variance), mean / meanExamples)
    return mean + slope * (n - meanExamples)
  }
}
