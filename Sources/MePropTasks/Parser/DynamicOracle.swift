// The best that can still be made of any state (Goldberg and Nivre, 2013).

/// The dynamic oracle of arc-hybrid: what each transition costs, in gold arcs that can no longer be
/// built.
///
/// With top s, second s' and first of the buffer b:
///
/// - left (s ← b) loses the arc to s from s' or from the buffer behind b, and those from s into
///   the buffer;
/// - right (s' → s) loses the arc to s from the buffer, and those from s into the buffer;
/// - shift loses the arc to b from the stack below s, and those from b into the stack.
///
/// Exact for projective trees; for others a lower bound of the loss.
package struct DynamicOracle {
  private let heads: [Int32]
  private let starts: [Int32]
  private let dependents: [Int32]

  /// Creates the oracle of a tree; `heads` is by node from 0, and the root's own entry is not
  /// looked at.
  package init(heads: [Int32]) {
    self.heads = heads
    var starts = [Int32](repeating: 0, count: heads.count + 1)
    for node in 1..<max(heads.count, 1) { starts[Int(heads[node]) + 1] += 1 }
    for node in heads.indices { starts[node + 1] += starts[node] }
    var cursor = starts
    var dependents = [Int32](repeating: 0, count: max(heads.count - 1, 0))
    for node in 1..<max(heads.count, 1) {
      dependents[Int(cursor[Int(heads[node])])] = Int32(node)
      cursor[Int(heads[node])] += 1
    }
    self.starts = starts
    self.dependents = dependents
  }

  /// The gold arcs that each transition loses; `nil` for one that is not allowed.
  package func costs(_ state: ParserState) -> (shift: Int?, left: Int?, right: Int?) {
    let top = state.onStack(0)
    let second = state.onStack(1)
    let first = state.inBuffer(0)
    var shift: Int?
    var left: Int?
    var right: Int?
    if first >= 0 {
      let head = heads[Int(first)]
      // The root is on the stack all the time.
      let isBelow = head != top && (head == 0 || isOnStack(head, state))
      shift = (isBelow ? 1 : 0) + dependentsOnStack(of: first, state)
    }
    if top > 0 {
      let head = heads[Int(top)]
      let lost = dependentsInBuffer(of: top, state)
      let isAhead = first >= 0 && head >= first
      if state.canLeft(.arcHybrid) {
        left = lost + (head == second || (isAhead && head != first) ? 1 : 0)
      }
      if state.canRight() { right = lost + (isAhead ? 1 : 0) }
    }
    return (shift, left, right)
  }

  /// Words are shifted in order, so a word before the buffer is on the stack until it has a head.
  private func isOnStack(_ node: Int32, _ state: ParserState) -> Bool {
    let first = state.inBuffer(0)
    return (first < 0 || node < first) && state.heads[Int(node)] < 0
  }

  private func dependentsOnStack(of node: Int32, _ state: ParserState) -> Int {
    dependents[Int(starts[Int(node)])..<Int(starts[Int(node) + 1])]
      .count { $0 < node && state.heads[Int($0)] < 0 }
  }

  private func dependentsInBuffer(of node: Int32, _ state: ParserState) -> Int {
    let first = state.inBuffer(0)
    guard first >= 0 else { return 0 }
    return dependents[Int(starts[Int(node)])..<Int(starts[Int(node) + 1])].count { $0 >= first }
  }
}
