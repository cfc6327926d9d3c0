// Sentences of a file or stream that are predicted together.

/// Reads sentences in groups, in constant memory.
enum SentenceGroups {
  /// Calls `use` with groups of sentences, in their order.
  ///
  /// - Parameters:
  ///   - wordLimit: A group with so many words is complete.
  ///   - next: Returns the next sentence, `nil` at the end.
  ///   - goesOn: Whether a group may wait for more sentences.
  ///   - wordCount: The words of a sentence.
  ///   - use: Takes a group.
  /// - Throws: What the closures throw; where reading fails, sentences before the damage have been
  ///   used.
  static func forEach<Sentence>(
    wordLimit: Int, next: () throws -> Sentence?, goesOn: () throws -> Bool = { true },
    wordCount: (Sentence) -> Int, _ use: ([Sentence]) throws -> Void
  ) throws {
    var group: [Sentence] = []
    var words = 0
    func flush() throws {
      if !group.isEmpty { try use(group) }
      group.removeAll(keepingCapacity: true)
      words = 0
    }
    do {
      while let sentence = try next() {
        group.append(sentence)
        words += max(wordCount(sentence), 1)
        if try words >= wordLimit || !goesOn() { try flush() }
      }
    } catch {
      // What was read before the damage is good.
      try flush()
      throw error
    }
    try flush()
  }
}
