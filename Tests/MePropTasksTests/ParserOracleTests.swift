import MePropCore
import MePropData
import MePropTasks
import Testing

/// Transition systems and their oracles, on random trees.
@Suite struct ParserOracleTests {
  /// The heads that a system's oracle builds, or `nil` where it gives up.
  private func built(_ system: TransitionSystem, _ heads: [Int32]) -> [Int32]? {
    let pool = ParserStatePool()
    var state = pool.start(wordCounts: [heads.count - 1])[0]
    var oracle = StaticOracle(system, heads: heads)
    let numbers = TransitionNumbers(system: system, labelCount: 2)
    var steps = 0
    while !state.isFinal {
      guard let kind = oracle.next(state) else { return nil }
      let child = state.child(kind, system)
      let number = numbers.number(kind, label: child >= 0 ? Int(child) % 2 : 0)
      #expect(numbers.kind(number) == kind)
      state.apply(number, numbers)
      steps += 1
    }
    if system != .swap { #expect(steps == 2 * (heads.count - 1)) }
    for node in 1..<heads.count { #expect(Int(state.labels[node]) == node % 2) }
    return [0] + (1..<heads.count).map { state.heads[$0] }
  }

  @Test(arguments: TransitionSystem.allCases)
  func everyProjectiveTreeIsRebuilt(system: TransitionSystem) {
    var random = Philox(seed: 21)
    for count in [1, 2, 3, 5, 8, 13, 40] {
      for _ in 0..<60 {
        let heads = SyntheticTrees.heads(count, projective: true, &random)
        #expect(SyntheticTrees.tree(heads).isProjective)
        #expect(built(system, heads) == heads)
      }
    }
  }

  @Test func swapRebuildsEveryTree() {
    var random = Philox(seed: 22)
    var crossing = 0
    for count in [1, 2, 3, 4, 6, 9, 17, 30] {
      for _ in 0..<80 {
        let heads = SyntheticTrees.heads(count, projective: false, &random)
        if !SyntheticTrees.tree(heads).isProjective { crossing += 1 }
        #expect(built(.swap, heads) == heads)
      }
    }
    #expect(crossing > 300)
  }

  @Test(arguments: [TransitionSystem.arcStandard, .arcHybrid])
  func crossingArcsAndTwoRootsAreGivenUp(system: TransitionSystem) {
    // 1 → 3 crosses 2 → 4.
    #expect(built(system, [0, 3, 4, 0, 3]) == nil)
    #expect(built(system, [0, 0, 0]) == nil)
    #expect(built(.swap, [0, 0, 0]) == nil)
  }

  /// Walks at random, always by an allowed transition.
  @Test(arguments: TransitionSystem.allCases)
  func everyWalkEndsInATreeWithOneRoot(system: TransitionSystem) {
    var random = Philox(seed: 23)
    let pool = ParserStatePool()
    for count in [1, 2, 3, 7, 25] {
      for _ in 0..<100 {
        var state = pool.start(wordCounts: [count])[0]
        var steps = 0
        while !state.isFinal {
          var allowed: [TransitionKind] = []
          if state.canShift() { allowed.append(.shift) }
          if state.canLeft(system) { allowed.append(.left) }
          if state.canRight() { allowed.append(.right) }
          if state.canSwap(system) { allowed.append(.swap) }
          guard !allowed.isEmpty else {
            Issue.record("\(system): no transition is allowed")
            return
          }
          let kind = allowed[Int(random.next(below: UInt32(allowed.count)))]
          let numbers = TransitionNumbers(system: system, labelCount: 1)
          state.apply(numbers.number(kind, label: 0), numbers)
          steps += 1
          guard steps <= count * (count + 3) else {
            Issue.record("\(system): \(steps) transitions for \(count) words")
            return
          }
        }
        let heads = (1...count).map { Int(state.heads[$0]) }
        #expect(heads.allSatisfy { $0 >= 0 })
        #expect(DependencyTree.defects(ofHeads: heads).isEmpty, "\(system): \(heads)")
      }
    }
  }

  /// The most gold arcs that any continuation of a state has, by trying all.
  private func most(_ state: ParserState, _ heads: [Int32], _ pool: Depths, _ depth: Int) -> Int {
    if state.isFinal { return (1..<heads.count).count { state.heads[$0] == heads[$0] } }
    var best = -1
    for kind in [TransitionKind.shift, .left, .right] {
      if let next = pool.after(kind, state, depth) {
        best = max(best, most(next, heads, pool, depth + 1))
      }
    }
    return best
  }

  /// A memory for each depth of the search.
  private struct Depths {
    let pools: [ParserStatePool]
    let numbers = TransitionNumbers(system: .arcHybrid, labelCount: 1)

    init(_ count: Int) { pools = (0...2 * count + 1).map { _ in ParserStatePool() } }

    func after(_ kind: TransitionKind, _ state: ParserState, _ depth: Int) -> ParserState? {
      let isAllowed =
        switch kind {
        case .shift: state.canShift()
        case .left: state.canLeft(.arcHybrid)
        case .right: state.canRight()
        case .swap: false
        }
      guard isAllowed else { return nil }
      let memory = pools[depth].start(wordCounts: [Int(state.wordCount)])[0]
      var next = ParserState(copy: state, memory: memory.stack)
      next.apply(numbers.number(kind, label: 0), numbers)
      return next
    }
  }

  @Test func costsAreTheGoldArcsThatCanNoLongerBeBuilt() {
    var random = Philox(seed: 24)
    for count in 1...5 {
      for _ in 0..<12 {
        let heads = SyntheticTrees.heads(count, projective: true, &random)
        let oracle = DynamicOracle(heads: heads)
        let pool = Depths(count)
        var state = ParserStatePool().start(wordCounts: [count])[0]
        let own = ParserStatePool()
        state = own.start(wordCounts: [count])[0]
        while !state.isFinal {
          let before = most(state, heads, pool, 0)
          let costs = oracle.costs(state)
          var allowed: [TransitionKind] = []
          for (kind, cost) in [
            (TransitionKind.shift, costs.shift), (.left, costs.left), (.right, costs.right),
          ] {
            let next = pool.after(kind, state, 0)
            #expect((next == nil) == (cost == nil))
            guard let next, let cost else { continue }
            #expect(cost == before - most(next, heads, pool, 1), "\(heads), \(kind)")
            allowed.append(kind)
          }
          guard !allowed.isEmpty else { break }
          let kind = allowed[Int(random.next(below: UInt32(allowed.count)))]
          state.apply(pool.numbers.number(kind, label: 0), pool.numbers)
        }
      }
    }
  }
}
