// Which nodes of a state a parser looks at: 18 of them, the last 12 with the label of their arc.

/// The nodes of a state that become features (Chen and Manning, 2014, section 3.1).
///
/// The first three of stack and buffer, then twelve dependents. For arc-standard and swap these are
/// the two outermost dependents on both sides of the two topmost nodes of the stack, and their
/// outermost one's own. In arc-hybrid the first node of the buffer gets dependents, so it takes the
/// place of some of the second's.
enum FeatureTemplate {
  /// The number of nodes.
  static let nodeCount = 18
  /// The number of those, the last ones, whose label is a feature too.
  static let labeledCount = 12

  /// Writes the nodes, -1 where there is none, to `nodes`.
  @inline(__always) static func write(
    _ state: ParserState, _ system: TransitionSystem, to nodes: UnsafeMutablePointer<Int32>
  ) {
    let top = state.onStack(0)
    let second = state.onStack(1)
    let first = state.inBuffer(0)
    nodes[0] = top
    nodes[1] = second
    nodes[2] = state.onStack(2)
    nodes[3] = first
    nodes[4] = state.inBuffer(1)
    nodes[5] = state.inBuffer(2)
    @inline(__always) func find(
      _ table: UnsafeMutablePointer<Int32>, _ node: Int32
    ) -> Int32 {
      node < 0 ? -1 : table[Int(node)]
    }
    nodes[6] = find(state.firstLeft, top)
    nodes[7] = find(state.firstRight, top)
    nodes[8] = find(state.secondLeft, top)
    nodes[9] = find(state.secondRight, top)
    if system == .arcHybrid {
      nodes[10] = find(state.firstLeft, second)
      nodes[11] = find(state.firstRight, second)
      nodes[12] = find(state.secondRight, second)
      nodes[13] = find(state.firstLeft, first)
      nodes[14] = find(state.secondLeft, first)
      nodes[15] = find(state.firstLeft, nodes[6])
      nodes[16] = find(state.firstRight, nodes[7])
      nodes[17] = find(state.firstLeft, nodes[13])
    } else {
      nodes[10] = find(state.firstLeft, second)
      nodes[11] = find(state.firstRight, second)
      nodes[12] = find(state.secondLeft, second)
      nodes[13] = find(state.secondRight, second)
      nodes[14] = find(state.firstLeft, nodes[6])
      nodes[15] = find(state.firstRight, nodes[7])
      nodes[16] = find(state.firstLeft, nodes[10])
      nodes[17] = find(state.firstRight, nodes[11])
    }
  }
}
