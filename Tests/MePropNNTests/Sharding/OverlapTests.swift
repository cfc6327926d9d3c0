// Gradients of layers above travel while layers below are computed.

import Foundation
import MePropCore
import MePropNN
import Synchronization
import Testing

@Suite struct OverlapTests {
  /// The layer below holds each rank until gradients of the layer above have travelled.
  @Test(arguments: [SelectionPolicy.top(k: .count(2)), .unified(k: .count(2)), .dense])
  func gradientsTravelDuringBackPropagation(_ policy: SelectionPolicy) throws {
    var run = ShardRun(policy: policy, shards: 4, overlapMinimum: 1)
    let early = try Traffic(run)
    #expect(early.passes.count == 18 && early.passes.allSatisfy { $0 > 0 }, "\(early.passes)")
    run.overlapMinimum = 1 << 18
    let late = try Traffic(run)
    #expect(late.passes.allSatisfy { $0 == 0 } && late.outcomes == early.outcomes)
  }

  /// What two ranks that train a network of a held layer and another one exchange.
  private struct Traffic {
    let outcomes: [ShardOutcome]
    /// The early exchanges during the last pass of the held layer, by step and rank.
    let passes: [Int]

    init(_ run: ShardRun) throws {
      let holds = run.overlapMinimum == 1
      let watches = [Watch(holds: holds), Watch(holds: holds)]
      let ranks = LocalCommunicator.group(of: 2)
      let results = Mutex<[Int: Result<ShardOutcome, any Error>]>([:])
      ThreadTeam(count: 2).run { rank in
        let result = Result {
          var random = Philox(seed: 2)
          let model = Chain {
            Held(inner: Linear(4, 6, activation: .relu, using: &random), watch: watches[rank])
            Linear(6, 5, using: &random)
          }
          let sample = ShardCase("held", model) { examples in
            TrainingBatch(
              Matrix(examples.map { example in (0..<4).map { Float((example + $0) % 3) } }),
              examples.map { Int32($0 % 5) })
          }
          return try sample.train(
            run, WatchedLine(ranks[rank], WatchedLine(ranks[rank].secondLine, nil, watches[rank])))
        }
        results.withLock { $0[rank] = result }
      }
      outcomes = try results.withLock { $0 }.sorted { $0.key < $1.key }.map {
        try $0.value.get()
      }
      passes = watches.flatMap(\.passes)
    }
  }
}

/// Counts exchanges, and passes that wait for them.
private final class Watch: Sendable {
  private struct State {
    var exchanges = 0
    /// When a step began, and what there was since.
    var before: [Int: Int] = [:]
    var after: [Int: Int] = [:]
  }
  private let state = Mutex(State())
  private let holds: Bool

  init(holds: Bool) { self.holds = holds }

  /// By step from the second one on; the first one has nothing to go by.
  var passes: [Int] {
    state.withLock { state in
      state.after.filter { $0.key > 1 }.sorted { $0.key < $1.key }.map {
        $0.value - (state.before[$0.key] ?? 0)
      }
    }
  }

  func count() { state.withLock { $0.exchanges += 1 } }

  func begin(step: Int) {
    state.withLock { if $0.before[step] == nil { $0.before[step] = $0.exchanges } }
  }

  /// Waits, but not for ever, for an exchange since the step began.
  func hold(step: Int) {
    for _ in 0..<(holds && step > 1 ? 2000 : 0) {
      if state.withLock({ $0.exchanges > $0.before[step] ?? 0 }) { break }
      Thread.sleep(forTimeInterval: 0.001)
    }
    state.withLock { $0.after[step] = $0.exchanges }
  }
}

/// A communicator that is watched.
private final class WatchedLine: Communicator {
  private let inner: any Communicator
  private let watch: Watch?
  let secondLine: (any Communicator)?

  init(_ inner: (any Communicator)?, _ secondLine: WatchedLine?, _ watch: Watch? = nil) {
    self.inner = inner ?? SingleProcess()
    self.secondLine = secondLine
    self.watch = watch
  }

  var rank: Int { inner.rank }
  var size: Int { inner.size }
  func allGather(
    _ message: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer
  ) {
    inner.allGather(message, counts: counts, into: target)
  }
  func allToAll(
    _ messages: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer,
    targetCounts: [Int]
  ) {
    inner.allToAll(messages, counts: counts, into: target, targetCounts: targetCounts)
    watch?.count()
  }
  func broadcast(_ memory: UnsafeMutableRawBufferPointer) { inner.broadcast(memory) }
  func barrier() { inner.barrier() }
  func abort(code: Int32) -> Never { inner.abort(code: code) }
}

/// A linear layer whose backward pass ends when something has travelled.
private struct Held: Layer {
  var inner: Linear
  let watch: Watch

  var outputSize: Int { inner.outputSize }
  var description: String { inner.description }
  func makeScratch() -> Linear.Scratch { inner.makeScratch() }
  func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Linear.Scratch, _ step: inout Step
  ) {
    watch.begin(step: step.number)
    inner.forward(x, into: &y, &scratch, &step)
  }
  mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Linear.Scratch, _ step: inout Step
  ) throws {
    try inner.backward(x, y, &dy, into: &dx, &scratch, &step)
    watch.hold(step: step.number)
  }
  mutating func visit(_ visitor: inout some LayerVisitor) { inner.visit(&visitor) }
  func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units { inner.mapUnits(x, &map) }
}
