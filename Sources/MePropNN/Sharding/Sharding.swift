import MePropCore

/// How a trainer's batches are cut, and what that needs.
final class Sharding<Model: Layer, L: Loss> {
  /// The shards of a batch that has as many examples, or more.
  let count: Int
  let meeting: ShardMeeting
  let exchange: GradientExchange
  let desk = GradientDesk()
  private let workers: [ShardWorker<Model, L>]
  private let team: ThreadTeam?

  init(
    _ count: Int, _ communicator: any Communicator,
    shapes: [(rowCount: Int, columnCount: Int)], loss: L, outputSize: Int, step: Step,
    overlapMinimum: Int
  ) {
    self.count = count
    let context = step.context
    let ownCount = (count + communicator.size - 1) / communicator.size
    let limit = min(context.threadCount, ownCount)
    meeting = ShardMeeting(communicator, limit: limit)
    exchange = GradientExchange(shapes, meeting.line, overlapMinimum: overlapMinimum)
    team = ownCount > 1 ? ThreadTeam(count: ownCount) : nil
    let (seed, entries, instructions) = (step.seed, step.ledger.entries, context.instructionSet)
    let threads = max(1, context.threadCount / ownCount)
    workers = (0..<ownCount).map { _ in
      ShardWorker(loss, outputSize: outputSize) {
        // A context belongs to the thread that makes it.
        var step = Step(
          context: ownCount == 1
            ? context : ComputeContext(threadCount: threads, instructionSet: instructions),
          seed: seed)
        step.ledger.entries = entries
        return step
      }
    }
  }

  var communicator: any Communicator { meeting.communicator }

  /// Workers for the shards of this rank, of `count` there are; one for the first shard where it
  /// has none, so that it goes through the same meetings.
  func workers(ofCount count: Int) -> [ShardWorker<Model, L>] {
    let shards = ShardTree(count: count).shards(ofRank: communicator.rank, of: communicator.size)
    guard !shards.isEmpty else {
      workers[0].shard = 0
      workers[0].counts = false
      return [workers[0]]
    }
    for (worker, shard) in zip(workers, shards) {
      worker.shard = shard
      worker.counts = true
    }
    return Array(workers[..<shards.count])
  }

  /// Calls `body` with each worker on its thread.
  func run(
    _ active: [ShardWorker<Model, L>], _ body: @escaping @Sendable (ShardWorker<Model, L>) -> Void
  ) {
    guard let team else { return active.forEach(body) }
    team.run { index in if index < active.count { body(active[index]) } }
  }

  func releaseMemory() { for worker in workers { worker.releaseMemory() } }
}
