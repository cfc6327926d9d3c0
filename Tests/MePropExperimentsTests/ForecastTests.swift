// Forecasts: what parts that are finished say of those that are not, and steps of different
// lengths.

import MePropExperiments
import Testing

@Suite struct ForecastTests {
  @Test func finishedPartsCorrectThoseOfTheirGroup() {
    var forecast = Forecast()
    for _ in 0..<3 { forecast.add("a", seconds: 1_000, group: "tagger") }
    forecast.add("b", seconds: 1_000, group: "digits")
    forecast.add("c", seconds: 1_000)
    #expect(forecast.remaining == 5_000)
    #expect(forecast.estimate("a") == 1_000)
    forecast.finish("b", actual: 1_000)
    #expect(forecast.remaining == 4_000)
    forecast.finish("a", actual: 1_500)
    // Half as much again for the others of the group, nothing for what has no group.
    #expect(abs(forecast.estimate("a") - 1_500) < 10)
    #expect(abs(forecast.remaining - 4_000) < 20)
    #expect(forecast.estimate("c") == 1_000)
    forecast.finish("c", actual: nil)
    forecast.finish("a", actual: nil)
    forecast.finish("a", actual: nil)
    #expect(forecast.remaining == 0)
    forecast.finish("a", actual: 9)
    #expect(forecast.estimate("a") == 0)
  }

  /// Before anything of a group is finished, the others tell.
  @Test func anotherGroupIsBetterThanNothing() {
    var forecast = Forecast()
    forecast.add("a", seconds: 100, group: "tagger")
    forecast.add("b", seconds: 1_000, group: "digits")
    forecast.finish("b", actual: 2_000)
    #expect(abs(forecast.remaining - 200) < 2)
    // A few seconds say little.
    var early = Forecast()
    early.add("a", seconds: 100, group: "digits")
    early.add("b", seconds: 0.1, group: "digits")
    early.finish("b", actual: 0.3)
    #expect(early.remaining < 110)
  }

  @Test(arguments: [(40.2, "41 s"), (720, "12 min"), (12_600, "3.5 h")])
  func textsAreForPeople(seconds: Double, text: String) {
    #expect(Forecast.text(seconds) == text)
  }

  /// A few short sentences do not make all steps look short: 2 + 0.5 n seconds, of 4 to 8 words,
  /// where 20 are usual.
  @Test func stepsAreFollowedToTheUsualLength() {
    var samples = StepSamples()
    #expect(samples.seconds(ofExamples: 20) == 0)
    for words in [4, 8, 5, 7] { samples.add(examples: words, seconds: 2 + 0.5 * Double(words)) }
    #expect(samples.meanExamples == 6)
    #expect(abs(samples.seconds(ofExamples: 20) - 12) < 1e-9)
    #expect(!samples.isSettled)
  }

  @Test func stepsOfOneLengthAreAveraged() {
    var samples = StepSamples()
    for seconds in [1.0, 2, 6] { samples.add(examples: 10_000, seconds: seconds) }
    #expect(samples.isSettled)
    #expect(abs(samples.seconds(ofExamples: 10_000) - 3) < 1e-9)
    // The last batch of an epoch is short; it says nothing of others.
    #expect(abs(samples.seconds(ofExamples: 9_999) - 3) < 1e-9)
  }

  /// Noise makes no step cost less the longer it is, and none of them less than nothing.
  @Test func slopesAreBounded() {
    var falling = StepSamples()
    for (words, seconds) in [(4, 3.0), (8, 1)] { falling.add(examples: words, seconds: seconds) }
    #expect(abs(falling.seconds(ofExamples: 100) - 2) < 1e-9)
    var steep = StepSamples()
    for (words, seconds) in [(4, 0.1), (8, 4.1)] { steep.add(examples: words, seconds: seconds) }
    #expect(steep.seconds(ofExamples: 0) >= -1e-9)
    #expect(abs(steep.seconds(ofExamples: 12) - 4.2) < 1e-9)
  }
}
