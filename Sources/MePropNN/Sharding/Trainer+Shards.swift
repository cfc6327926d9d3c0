import MePropCore

extension Trainer {
  /// Cuts each batch into shards from now on, which this process or several compute.
  ///
  /// A step is the same for any number of processes and threads, to the bit: shards do their passes
  /// each for itself, with random numbers of their own; they agree on what a selection over the
  /// whole batch keeps; gradients are added up in an order that depends on the number of shards
  /// alone. All processes start from the state of rank 0. Steps are done by
  /// ``train(shardsOf:epoch:gather:)`` or
  /// ``fit(_:_:weights:batchSize:epochs:schedule:afterEpoch:)``.
  ///
  /// Another number of shards gives other roundings and other random numbers. Groups of examples
  /// that share a support end where a shard does, and so do all sentences of a batch for an LSTM
  /// under unified selection.
  ///
  /// - Parameters:
  ///   - count: The shards of a batch, 1 to 1024; of a batch of fewer examples one an example.
  ///   - communicator: The processes, at most as many as shards; each has a trainer of the same
  ///     model and settings and calls this.
  /// - Throws: ``ShardingError``.
  public func shard(
    into count: Int, communicator: any Communicator = SingleProcess()
  ) throws(ShardingError) {
    try shard(
      into: count, communicator: communicator, overlapMinimum: GradientExchange.overlapMinimum)
  }

  /// The same, with how many numbers of gradients travel at least while layers below are computed.
  package func shard(
    into count: Int, communicator: any Communicator, overlapMinimum: Int
  ) throws(ShardingError) {
    guard (1...ShardingError.largestCount).contains(count) else { throw .shardCount(count) }
    guard communicator.size <= count else {
      throw .tooManyRanks(ranks: communicator.size, shards: count)
    }
    if simplification != nil { throw .setting("simplification") }
    if inputGradient.isNeeded { throw .setting("the gradient at the model's input") }
    var preparation = ShardPreparation(step: step)
    currentModel.visit(&preparation)
    if let error = preparation.error { throw error }
    step.gradients = preparation.step.gradients
    if let rank = differingRank(preparation.shapes, communicator) { throw .otherModel(rank: rank) }
    takeState(ofFirstOf: communicator)
    sharding = Sharding(
      count, communicator, shapes: preparation.shapes, loss: loss,
      outputSize: output.columnCount, step: step, overlapMinimum: overlapMinimum)
  }

  /// The number of shards of a batch, if it is cut.
  public var shardCount: Int? { sharding?.count }

  /// The processes that share the shards; this one alone where batches are not cut.
  package var processes: any Communicator { sharding?.communicator ?? SingleProcess() }

  /// Bytes that this process sent to others in the last step.
  public var bytesSent: Int { sharding.map { $0.exchange.bytesSent } ?? 0 }

  /// The first rank whose parameters have other shapes than those of rank 0.
  private func differingRank(
    _ shapes: [(rowCount: Int, columnCount: Int)], _ communicator: any Communicator
  ) -> Int? {
    let numbers = shapes.flatMap { [$0.rowCount, $0.columnCount] }
    let all = communicator.gather(numbers.withUnsafeBytes { Array($0) })
    return all.firstIndex { $0 != all[0] }
  }

  /// Goes on from the state of rank 0.
  private func takeState(ofFirstOf communicator: any Communicator) {
    guard communicator.size > 1 else { return }
    var tensors = state
    for index in tensors.indices {
      tensors[index].values.withUnsafeMutableBytes { communicator.broadcast($0) }
    }
    var number = step.number
    withUnsafeMutableBytes(of: &number) { communicator.broadcast($0) }
    // Names and shapes are this trainer's own.
    try? restore(tensors, stepCount: number)
  }

  /// Does one step on a batch that is cut into shards; see ``shard(into:communicator:)``.
  ///
  /// - Parameters:
  ///   - exampleCount: The examples of the whole batch, at least 1.
  ///   - epoch: The epoch from 1, for the schedule.
  ///   - gather: Makes the batch of some neighboring examples: those of a shard of this process.
  /// - Returns: The loss added up over the rows of all shards, and their weights; the same in all
  ///   processes.
  /// - Throws: ``NonFiniteError``, in all processes; parameters are then as before the step. And
  ///   what `gather` throws.
  @discardableResult
  public func train(
    shardsOf exampleCount: Int, epoch: Int = 1,
    gather: (Range<Int>) throws -> TrainingBatch<Model.Input, L.Targets>
  ) throws -> LossSum {
    precondition(
      exampleCount >= 1, "Trainer.train(shardsOf:): \(exampleCount) examples, expected 1 or more")
    let count = min(shardCount ?? 1, exampleCount)
    return try train(shards: count, epoch: epoch) { shard in
      try gather(exampleCount * shard / count..<exampleCount * (shard + 1) / count)
    }
  }

  /// Does one step on shards that are gathered one by one, of any size each.
  ///
  /// - Parameters:
  ///   - count: The shards of the batch, at most as many as ``shard(into:communicator:)`` was told.
  ///   - epoch: The epoch from 1, for the schedule.
  ///   - gather: Makes the batch of a shard of this process: one example or more.
  /// - Returns: As ``train(shardsOf:epoch:gather:)``.
  /// - Throws: As ``train(shardsOf:epoch:gather:)``.
  @discardableResult
  public func train(
    shards count: Int, epoch: Int = 1,
    gather: (_ shard: Int) throws -> TrainingBatch<Model.Input, L.Targets>
  ) throws -> LossSum {
    guard let sharding else {
      preconditionFailure("Trainer.train(shards:): shard(into:communicator:) was not called")
    }
    precondition(
      (1...sharding.count).contains(count),
      "Trainer.train(shards:): \(count) shards, expected 1 to \(sharding.count)")
    sharding.exchange.resetCounts()
    step.number += 1
    step.epoch = epoch
    let tree = ShardTree(count: count)
    let workers = sharding.workers(ofCount: count)
    let start = Clock.now()
    for worker in workers {
      worker.batch = try gather(worker.shard)
      worker.model = currentModel
    }
    let gathered = Clock.now()
    step.times.data += gathered - start
    let sum = try forward(workers, sharding)
    step.times.forward += Clock.now() - gathered
    let exchanged = sharding.exchange.seconds
    step.times.forward -= exchanged
    let middle = Clock.now()
    try backward(workers, sharding, weight: sum.weight, tree)
    step.times.exchange += sharding.exchange.seconds
    step.times.backward += Clock.now() - middle - (sharding.exchange.seconds - exchanged)
    update()
    return sum
  }

  /// The forward passes, and the loss of all shards of all processes.
  private func forward(
    _ workers: [ShardWorker<Model, L>], _ sharding: Sharding<Model, L>
  ) throws -> LossSum {
    let whole = UncheckedBox(step)
    sharding.run(workers) { [meeting = sharding.meeting] worker in
      meeting.enter()
      worker.forward(as: whole.value)
      meeting.pause()
    }
    let messages = sharding.meeting.gather(
      workers.filter(\.counts).map { worker in
        (
          worker.shard,
          [worker.sum.sum, worker.sum.weight].withUnsafeBytes { Array($0) }
            + (keepsRowLosses ? worker.rowLosses.withUnsafeBytes { Array($0) } : [])
        )
      })
    var sum = LossSum(sum: 0, weight: 0)
    for message in messages {
      message.withUnsafeBytes {
        sum.sum += $0.loadUnaligned(as: Double.self)
        sum.weight += $0.loadUnaligned(fromByteOffset: 8, as: Double.self)
      }
    }
    if keepsRowLosses { takeRowLosses(messages.map { $0.dropFirst(16) }) }
    guard sum.sum.isFinite else {
      let names = sharding.meeting.gather(
        workers.filter(\.counts).map { ($0.shard, Array(($0.brokenLayer() ?? "").utf8)) })
      let name = names.first { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
      throw NonFiniteError(layer: name ?? "output", step: step.number, quantity: .output)
    }
    return sum
  }

  /// The backward passes, and the sums of all gradients and memories.
  private func backward(
    _ workers: [ShardWorker<Model, L>], _ sharding: Sharding<Model, L>, weight: Double,
    _ tree: ShardTree
  ) throws {
    let (meeting, exchange, desk) = (sharding.meeting, sharding.exchange, sharding.desk)
    meeting.begin(workers.count)
    let counting = workers.filter(\.counts)
    exchange.begin(
      counting,
      of: tree.shards(
        ofRank: sharding.communicator.rank, of: sharding.communicator.size), tree: tree,
      into: &step.gradients, everyRow: optimizer.updatesEveryRow)
    defer { exchange.end(giving: &step.gradients) }
    desk.begin(exchange.earlyGroups, shardCount: counting.count)
    exchange.startEarlyGroups(from: desk)
    sharding.run(workers) { worker in
      worker.backward(
        share: weight > 0 ? Float(worker.sum.weight / weight) : 0,
        parameterCount: exchange.parameterCount, desk, meeting)
    }
    exchange.finishEarlyGroups()
    for (place, worker) in workers.enumerated() {
      worker.report(to: &step, timesToo: place == 0)
    }
    do {
      try meeting.finish()
    } catch let failure as ShardFailure {
      throw NonFiniteError(layer: failure.reason, step: step.number, quantity: .gradient)
    }
    var memories = workers[0].memories
    exchange.addRest(memories: &memories)
    var writing = MemoryWriting(memories)
    currentModel.visit(&writing)
  }

  /// Applies the sums.
  private func update() {
    step.updates.weightRule = optimizer.rule(
      step: step.number, isBias: false, learningRateFactor: learningRateFactor)
    step.updates.plainRule = optimizer.rule(
      step: step.number, isBias: true, learningRateFactor: learningRateFactor)
    applyStoredGradients()
    updateAverage()
  }
}

/// Passes a value to threads that only read it while its owner waits.
private struct UncheckedBox<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

/// Refuses what shards cannot do exactly, and makes room for the sums of gradients.
private struct ShardPreparation: LayerVisitor {
  var path = LayerPath()
  var step: Step
  var shapes: [(rowCount: Int, columnCount: Int)] = []
  var error: ShardingError?

  init(step: Step) { self.step = step }

  mutating func begin(_ layer: some Layer) {
    // Its statistics are those of the whole batch.
    if layer is BatchNorm { refuse("batch normalization") }
  }

  mutating func visit(_ parameter: inout Parameter) {
    shapes.append((parameter.rowCount, parameter.columnCount))
    step.prepareGradient(of: parameter)
  }

  mutating func visit(_ selector: inout Selector) {
    if selector.usesMemory && selector.decidedPolicy.memoryScope == .slot {
      refuse("a memory for each place in the batch")
    }
    if case .unified = selector.decidedPolicy, selector.positionCount > 1 {
      refuse("unified selection of channels")
    }
  }

  private mutating func refuse(_ what: String) {
    if error == nil { error = .layer(path: path.text, what) }
  }
}

/// Gives selectors the memories of the whole batch.
private struct MemoryWriting: LayerVisitor {
  var path = LayerPath(keepsNames: false)
  private var memories: [Int: ShardMemory] = [:]

  init(_ memories: [ShardMemory]) {
    for memory in memories { self.memories[memory.index] = memory }
  }

  mutating func visit(_ selector: inout Selector) {
    guard let memory = memories[selector.index] else { return }
    if selector.usesShares { selector.shares = memory.shares }
    guard selector.usesMemory else { return }
    selector.memory.withMutableRow(0) { row in
      for place in row.indices { row[place] = memory.values[place] }
    }
  }
}
