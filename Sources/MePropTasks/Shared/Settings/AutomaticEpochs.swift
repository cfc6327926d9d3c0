// The number of epochs of tasks on treebanks, where nobody sets it.

import MePropTraining

/// Passes over the training sentences: few over a large treebank, more over a small one.
public struct AutomaticEpochs: Sendable {
  /// With as many sentences as the English Web Treebank has, or more.
  public let fewest: Int
  /// With very few.
  public let most: Int

  /// Creates a range.
  public init(fewest: Int, most: Int) {
    self.fewest = fewest
    self.most = most
  }

  /// Passes over `sentenceCount` sentences: their number grows with the root of what the sentences
  /// are fewer.
  func count(ofSentences sentenceCount: Int) -> Int {
    let fewer = 12_500 / Double(max(sentenceCount, 1))
    return min(max(Int(Double(fewest) * fewer.squareRoot()), fewest), most)
  }

  /// The key `epochs`.
  var key: ConfigurationKey {
    .init(
      "epochs", .auto(.int(1...1_000_000)), default: .auto, mayChangeOnResume: false,
      "passes over the training sentences; the learning rate follows it; auto is \(fewest), and up "
        + "to \(most) for small treebanks")
  }
}

extension Configuration {
  /// Sets `epochs`, where it is `auto`, to what suits `exampleCount` sentences; `nil`: not known
  /// yet, and many.
  mutating func decideEpochs(_ epochs: AutomaticEpochs, exampleCount: Int?) throws {
    guard value("epochs") == .auto else { return }
    let count = exampleCount.map(epochs.count) ?? epochs.fewest
    try set("epochs", to: String(count), from: origin(of: "epochs"))
  }
}
