// The transitions that build a given tree.

/// Finds the transitions that lead to a gold tree from its start: the static oracles of the three
/// systems.
///
/// Arc-standard and arc-hybrid attach as soon as they may (Nivre, 2004), and can build projective
/// trees with one root. Swap first arranges the words in the order in which the tree is projective,
/// and delays swaps while the word to be moved will still get dependents from the buffer (Nivre,
/// Kuhlmann and Hall, 2009).
package struct StaticOracle {
  private let system: TransitionSystem
  private let heads: [Int32]
  /// How many dependents of each node have no head yet.
  private var waiting: [Int32]
  /// For swaps: the place of each node in the projective order, and its maximal projective
  /// component.
  private var places: [Int32] = []
  private var components: [Int32] = []

  /// Creates the oracle of a tree; `heads` is by node from 0, and the root's own entry is not
  /// looked at.
  package init(_ system: TransitionSystem, heads: [Int32]) {
    self.system = system
    self.heads = heads
    waiting = Array(repeating: 0, count: heads.count)
    for node in 1..<max(heads.count, 1) { waiting[Int(heads[node])] += 1 }
    if system == .swap { arrange() }
  }

  /// The next transition, or `nil` if the tree cannot be built.
  package mutating func next(_ state: ParserState) -> TransitionKind? {
    let top = state.onStack(0)
    let second = state.onStack(1)
    if state.canLeft(system) {
      let child = system == .arcHybrid ? top : second
      let head = system == .arcHybrid ? state.inBuffer(0) : top
      if heads[Int(child)] == head, waiting[Int(child)] == 0 {
        waiting[Int(head)] -= 1
        return .left
      }
    }
    if state.canRight(), heads[Int(top)] == second, waiting[Int(top)] == 0 {
      waiting[Int(second)] -= 1
      return .right
    }
    if state.canSwap(system), places[Int(second)] > places[Int(top)] {
      let following = state.inBuffer(0)
      if following < 0 || components[Int(following)] != components[Int(top)] { return .swap }
    }
    return state.canShift() ? .shift : nil
  }

  /// Projective order (the tree gone through from left to right, dependents around their heads) and
  /// components.
  private mutating func arrange() {
    var children = [[Int32]](repeating: [], count: heads.count)
    for node in 1..<max(heads.count, 1) { children[Int(heads[node])].append(Int32(node)) }
    places = Array(repeating: 0, count: heads.count)
    var place: Int32 = 0
    var open: [(node: Int32, child: Int)] = [(0, 0)]
    var numbered = [Bool](repeating: false, count: heads.count)
    while let (node, child) = open.last {
      let list = children[Int(node)]
      if !numbered[Int(node)], child == list.count || list[child] > node {
        numbered[Int(node)] = true
        places[Int(node)] = place
        place += 1
      }
      if child < list.count {
        open[open.count - 1].child += 1
        open.append((list[child], 0))
      } else {
        open.removeLast()
      }
    }
    // What arc-standard can attach without swaps hangs together.
    var attached = [Int32](repeating: -1, count: heads.count)
    var left = waiting
    var stack: [Int32] = []
    for node in 0..<Int32(heads.count) {
      stack.append(node)
      while stack.count >= 2 {
        let top = stack[stack.count - 1]
        let second = stack[stack.count - 2]
        if second != 0, heads[Int(second)] == top, left[Int(second)] == 0 {
          attached[Int(second)] = top
          left[Int(top)] -= 1
          stack.remove(at: stack.count - 2)
        } else if second != 0, heads[Int(top)] == second, left[Int(top)] == 0 {
          attached[Int(top)] = second
          left[Int(second)] -= 1
          stack.removeLast()
        } else {
          break
        }
      }
    }
    components = (0..<Int32(heads.count)).map { node in
      var root = node
      while attached[Int(root)] >= 0 { root = attached[Int(root)] }
      return root
    }
  }
}
