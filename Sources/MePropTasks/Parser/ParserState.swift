// Where a parser stands in a sentence.

/// The state of one sentence: stack, buffer, arcs.
///
/// A view of memory that a ``ParserStatePool`` owns.
/// Nodes are 0 for the root and 1 ... n for the words. Outermost and second outermost dependents on
/// both sides are kept because features ask for them.
package struct ParserState {
  /// The number of words.
  package let wordCount: Int32
  /// The nodes on the stack, the root first.
  package let stack: UnsafeMutablePointer<Int32>
  /// The nodes on the stack.
  package var stackCount: Int32
  /// The words in their current order; those from place `next` on are the buffer.
  package let order: UnsafeMutablePointer<Int32>
  /// Where the buffer starts in `order`; `wordCount` where it is empty.
  package var next: Int32
  /// By node: its head, or -1.
  package let heads: UnsafeMutablePointer<Int32>
  /// By node: the label of the arc to its head.
  package let labels: UnsafeMutablePointer<Int32>
  /// By node: its first dependent to the left, the second, the last and the last but one to the
  /// right; -1 for none.
  package let firstLeft: UnsafeMutablePointer<Int32>
  package let secondLeft: UnsafeMutablePointer<Int32>
  package let firstRight: UnsafeMutablePointer<Int32>
  package let secondRight: UnsafeMutablePointer<Int32>

  /// The number of 32-bit numbers that a sentence takes.
  package static func size(wordCount: Int) -> Int { 8 * (wordCount + 2) }

  /// Starts a sentence in `memory`.
  package init(wordCount: Int, memory: UnsafeMutablePointer<Int32>) {
    let width = wordCount + 2
    self.wordCount = Int32(wordCount)
    stack = memory
    order = memory + width
    heads = memory + 2 * width
    labels = memory + 3 * width
    firstLeft = memory + 4 * width
    secondLeft = memory + 5 * width
    firstRight = memory + 6 * width
    secondRight = memory + 7 * width
    (memory + 2 * width).update(repeating: -1, count: 6 * width)
    stack[0] = 0
    stackCount = 1
    next = 0
    for word in 0..<wordCount { order[word] = Int32(word + 1) }
  }

  /// Makes a copy of another state of the same sentence in `memory`.
  package init(copy other: ParserState, memory: UnsafeMutablePointer<Int32>) {
    self.init(wordCount: Int(other.wordCount), memory: memory)
    memory.update(from: other.stack, count: Self.size(wordCount: Int(other.wordCount)))
    stackCount = other.stackCount
    next = other.next
  }

  package var bufferIsEmpty: Bool { next == wordCount }
  package var isFinal: Bool { bufferIsEmpty && stackCount == 1 }

  /// The node `depth` below the top of the stack, or -1.
  @inline(__always) package func onStack(_ depth: Int32) -> Int32 {
    depth < stackCount ? stack[Int(stackCount - 1 - depth)] : -1
  }

  /// The node `place` places into the buffer, or -1.
  @inline(__always) package func inBuffer(_ place: Int32) -> Int32 {
    next + place < wordCount ? order[Int(next + place)] : -1
  }

  // MARK: Transitions

  /// The node that the root may now be attached to: the only one left on the stack, once the buffer
  /// is empty.
  @inline(__always) package var mayAttachRoot: Bool { stackCount == 2 && bufferIsEmpty }

  @inline(__always) package func canShift() -> Bool { !bufferIsEmpty }

  @inline(__always) package func canLeft(_ system: TransitionSystem) -> Bool {
    system == .arcHybrid ? stackCount >= 2 && !bufferIsEmpty : stackCount >= 3
  }

  @inline(__always) package func canRight() -> Bool { stackCount >= 3 || mayAttachRoot }

  @inline(__always) package func canSwap(_ system: TransitionSystem) -> Bool {
    system == .swap && stackCount >= 3
      && stack[Int(stackCount) - 2] < stack[Int(stackCount) - 1]
  }

  package mutating func shift() {
    stack[Int(stackCount)] = order[Int(next)]
    stackCount += 1
    next += 1
  }

  package mutating func left(_ system: TransitionSystem, label: Int) {
    let top = Int(stackCount) - 1
    if system == .arcHybrid {
      attach(stack[top], to: order[Int(next)], label)
    } else {
      attach(stack[top - 1], to: stack[top], label)
      stack[top - 1] = stack[top]
    }
    stackCount -= 1
  }

  package mutating func right(label: Int) {
    let top = Int(stackCount) - 1
    attach(stack[top], to: stack[top - 1], label)
    stackCount -= 1
  }

  /// Moves the second node of the stack back to the buffer.
  package mutating func swap() {
    let top = Int(stackCount) - 1
    next -= 1
    order[Int(next)] = stack[top - 1]
    stack[top - 1] = stack[top]
    stackCount -= 1
  }

  package mutating func apply(_ number: Int, _ numbers: TransitionNumbers) {
    switch numbers.kind(number) {
    case .shift: shift()
    case .left: left(numbers.system, label: numbers.label(number))
    case .right: right(label: numbers.label(number))
    case .swap: swap()
    }
  }

  private func attach(_ child: Int32, to head: Int32, _ label: Int) {
    heads[Int(child)] = head
    labels[Int(child)] = Int32(label)
    let place = Int(head)
    if child < head {
      insert(child, firstLeft + place, secondLeft + place) { $0 < $1 }
    } else {
      insert(child, firstRight + place, secondRight + place) { $0 > $1 }
    }
  }

  /// Puts a dependent among the two outermost; with swaps a new one need not be the outermost.
  @inline(__always) private func insert(
    _ child: Int32, _ first: UnsafeMutablePointer<Int32>, _ second: UnsafeMutablePointer<Int32>,
    isOutside: (Int32, Int32) -> Bool
  ) {
    if first.pointee < 0 || isOutside(child, first.pointee) {
      second.pointee = first.pointee
      first.pointee = child
    } else if second.pointee < 0 || isOutside(child, second.pointee) {
      second.pointee = child
    }
  }
}

/// Memory for the states of a batch of sentences, kept from batch to batch.
package final class ParserStatePool {
  private var memory = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
  private var capacity = 1

  package init() {}

  deinit { memory.deallocate() }

  /// Starts `copies` states of each sentence; states of earlier calls are no longer valid.
  package func start(wordCounts: [Int], copies: Int = 1) -> [ParserState] {
    let total = wordCounts.reduce(0) { $0 + ParserState.size(wordCount: $1) } * copies
    if total > capacity {
      memory.deallocate()
      memory = .allocate(capacity: total)
      memory.initialize(repeating: 0, count: total)
      capacity = total
    }
    var place = memory
    var states: [ParserState] = []
    states.reserveCapacity(wordCounts.count * copies)
    for count in wordCounts {
      for _ in 0..<copies {
        states.append(ParserState(wordCount: count, memory: place))
        place += ParserState.size(wordCount: count)
      }
    }
    return states
  }
}
