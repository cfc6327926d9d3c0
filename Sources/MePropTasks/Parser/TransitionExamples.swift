// Training examples: states as the nodes that are looked at, with the transition to learn.

import MePropCore
import MePropData

/// States of training sentences, compactly, each with the transition that is right there.
///
/// Nodes instead of symbols, so that an example takes 66 bytes, and words can be hidden anew in
/// each epoch.
struct TransitionExamples: Sendable {
  /// The most words of a sentence that is trained on.
  static let maximumWordCount = Int(UInt16.max) - 1
  private static let noNode = UInt16.max

  /// The sentence of each example.
  private(set) var sentences: [UInt32] = []
  /// Its transition.
  private(set) var transitions: [UInt16] = []
  private var nodes: [UInt16] = []
  private var labels: [UInt16] = []

  var count: Int { transitions.count }

  mutating func removeAll() {
    sentences.removeAll(keepingCapacity: true)
    transitions.removeAll(keepingCapacity: true)
    nodes.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
  }

  mutating func reserveCapacity(_ count: Int) {
    sentences.reserveCapacity(count)
    transitions.reserveCapacity(count)
    nodes.reserveCapacity(count * FeatureTemplate.nodeCount)
    labels.reserveCapacity(count * FeatureTemplate.labeledCount)
  }

  /// Removes the examples from number `count` on.
  mutating func truncate(to count: Int) {
    sentences.removeLast(sentences.count - count)
    transitions.removeLast(transitions.count - count)
    nodes.removeLast(nodes.count - count * FeatureTemplate.nodeCount)
    labels.removeLast(labels.count - count * FeatureTemplate.labeledCount)
  }

  /// Adds a state, given the nodes of the template.
  mutating func append(
    _ state: ParserState, nodes found: UnsafePointer<Int32>, sentence: Int, transition: Int
  ) {
    for place in 0..<FeatureTemplate.nodeCount {
      nodes.append(found[place] < 0 ? Self.noNode : UInt16(found[place]))
    }
    let first = FeatureTemplate.nodeCount - FeatureTemplate.labeledCount
    for place in first..<FeatureTemplate.nodeCount {
      labels.append(found[place] < 0 ? 0 : UInt16(state.labels[Int(found[place])] + 1))
    }
    sentences.append(UInt32(sentence))
    transitions.append(UInt16(transition))
  }

  /// Adds the examples of another list.
  mutating func append(contentsOf other: TransitionExamples) {
    sentences += other.sentences
    transitions += other.transitions
    nodes += other.nodes
    labels += other.labels
  }

  /// Takes the examples of all processes, in their order.
  mutating func gather(from processes: any Communicator) {
    sentences = processes.gather(elements: sentences)
    transitions = processes.gather(elements: transitions)
    nodes = processes.gather(elements: nodes)
    labels = processes.gather(elements: labels)
  }

  /// Writes the features of an example, a symbol a position.
  @inline(__always) func writeFeatures(
    _ example: Int, _ trees: EncodedTrees, symbols: UnsafeBufferPointer<UInt32>,
    to row: UnsafeMutablePointer<UInt32>
  ) {
    let kinds = trees.kindCount
    let start = trees.starts[Int(sentences[example])]
    nodes.withUnsafeBufferPointer { nodes in
      let first = example * FeatureTemplate.nodeCount
      for place in 0..<FeatureTemplate.nodeCount {
        let node = nodes[first + place]
        for kind in 0..<kinds {
          row[kind * FeatureTemplate.nodeCount + place] =
            node == Self.noNode
            ? UInt32(trees.layout.nodeBlocks[kind].firstSymbol)
            : symbols[(start + Int(node)) * kinds + kind]
        }
      }
    }
    let base = UInt32(trees.layout.labels.firstSymbol)
    let at = kinds * FeatureTemplate.nodeCount
    let from = example * FeatureTemplate.labeledCount
    for place in 0..<FeatureTemplate.labeledCount {
      row[at + place] = base + UInt32(labels[from + place])
    }
  }
}

extension TransitionExamples {
  /// The examples of all trees that the static oracle of `numbers.system` can build.
  ///
  /// - Returns: The examples, and how many trees it cannot build.
  static func following(
    _ trees: EncodedTrees, _ numbers: TransitionNumbers
  ) -> (examples: TransitionExamples, leftOut: Int) {
    var examples = TransitionExamples()
    examples.reserveCapacity(2 * trees.wordCount)
    var leftOut = 0
    let pool = ParserStatePool()
    var nodes = [Int32](repeating: -1, count: FeatureTemplate.nodeCount)
    for sentence in 0..<trees.count {
      let count = trees.wordCount(sentence)
      let start = trees.starts[sentence]
      let before = examples.count
      var isBuilt = count <= maximumWordCount
      if isBuilt {
        var state = pool.start(wordCounts: [count])[0]
        var oracle = StaticOracle(
          numbers.system, heads: Array(trees.heads[start..<trees.starts[sentence + 1]]))
        while !state.isFinal {
          guard let kind = oracle.next(state) else {
            isBuilt = false
            break
          }
          let child = state.child(kind, numbers.system)
          let label = child < 0 ? 0 : Int(trees.labels[start + Int(child)])
          nodes.withUnsafeMutableBufferPointer { nodes in
            guard let base = nodes.baseAddress else { return }
            FeatureTemplate.write(state, numbers.system, to: base)
            examples.append(
              state, nodes: base, sentence: sentence,
              transition: numbers.number(kind, label: label))
          }
          state.apply(numbers.number(kind, label: label), numbers)
        }
      }
      if !isBuilt {
        examples.truncate(to: before)
        leftOut += 1
      }
    }
    return (examples, leftOut)
  }
}

extension ParserState {
  /// The node that a transition gives a head, or -1.
  @inline(__always) package func child(_ kind: TransitionKind, _ system: TransitionSystem) -> Int32
  {
    switch kind {
    case .left: onStack(system == .arcHybrid ? 0 : 1)
    case .right: onStack(0)
    case .shift, .swap: -1
    }
  }
}
