// The number of epochs of tasks, where nobody sets it.

import MePropTraining

/// Passes over the training examples: few over many, more over few.
public struct AutomaticEpochs: Sendable {
  /// With `enough` examples, or more.
  public let fewest: Int
  /// With very few.
  public let most: Int
  /// How many examples are many: by default as many sentences as the English Web Treebank has.
  public let enough: Int
  /// What is passed over, plural, and what few of them are called.
  public let words: (examples: String, few: String)

  /// Creates a range.
  public init(
    fewest: Int, most: Int, enough: Int = 12_500,
    words: (examples: String, few: String) = ("sentences", "small treebanks")
  ) {
    self.fewest = fewest
    self.most = most
    self.enough = enough
    self.words = words
  }

  /// Passes over `exampleCount` examples: their number grows with the root of what the examples are
  /// fewer.
  func count(ofExamples exampleCount: Int) -> Int {
    let fewer = Double(enough) / Double(max(exampleCount, 1))
    return min(max(Int(Double(fewest) * fewer.squareRoot()), fewest), most)
  }

  /// The key `epochs`.
  var key: ConfigurationKey {
    .init(
      "epochs", .auto(.int(1...1_000_000)), default: .auto, mayChangeOnResume: false,
      "passes over the training \(words.examples); the learning rate follows it; auto is "
        + "\(fewest), and up to \(most) for \(words.few)")
  }
}

extension Configuration {
  /// Sets `epochs`, where it is `auto`, to what suits `exampleCount` examples; `nil`: not known
  /// yet, and many.
  mutating func decideEpochs(_ epochs: AutomaticEpochs, exampleCount: Int?) throws {
    guard value("epochs") == .auto else { return }
    let count = exampleCount.map(epochs.count) ?? epochs.fewest
    try set("epochs", to: String(count), from: origin(of: "epochs"))
  }
}
