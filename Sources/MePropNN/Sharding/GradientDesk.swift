import MePropCore

/// Where shards of a rank lay down gradients as soon as they are final, group by group, while their
/// backward passes go on through the layers below.
final class GradientDesk: @unchecked Sendable {
  /// Ranges of the parameters' indices, the last ones first: the order in which a backward pass
  /// through a chain of layers comes to them.
  private(set) var groups: [Range<Int>] = []
  private let monitor = Monitor()
  private var shardCount = 0
  private var finished: [Int] = []

  /// Begins a pass of so many shards that lay down gradients.
  func begin(_ groups: [Range<Int>], shardCount: Int) {
    self.groups = groups
    self.shardCount = shardCount
    finished = groups.map { _ in 0 }
  }

  /// A shard has laid down all gradients of a group.
  func finish(group: Int) {
    monitor.locked {
      finished[group] += 1
      if finished[group] == shardCount { monitor.notify() }
    }
  }

  /// Returns when all shards have laid down all gradients of a group.
  func wait(for group: Int) {
    monitor.locked { monitor.wait { finished[group] == shardCount } }
  }
}

/// The gradients that one shard lays down.
///
/// A gradient belongs to the shard until it is laid down, then to whoever adds up, until the shard
/// takes it back for its next pass.
final class ShardDelivery {
  /// A gradient that changes hands.
  private final class Box { var gradient = WeightGradient(outputSize: 0, inputSize: 0) }

  private var boxes: [Box] = []
  private var isDelivered: [Bool] = []
  private var missing: [Int] = []
  private var stage = 0
  private var desk: GradientDesk?
  private var meeting: ShardMeeting?

  /// Gives a shard back the gradients of its last pass, to be written again.
  ///
  /// - Parameters:
  ///   - gradients: Of the shard's step.
  ///   - parameterCount: How many there are.
  ///   - desk: Where groups are told to be complete; `nil` for a shard whose gradients nobody adds.
  ///   - meeting: Where the shard lets others go first after each group.
  func begin(
    _ gradients: inout [WeightGradient], parameterCount: Int, at desk: GradientDesk?,
    _ meeting: ShardMeeting
  ) {
    while boxes.count < parameterCount { boxes.append(Box()) }
    while gradients.count < parameterCount {
      gradients.append(WeightGradient(outputSize: 0, inputSize: 0))
    }
    for (index, delivered) in isDelivered.enumerated() where delivered {
      swap(&gradients[index], &boxes[index].gradient)
    }
    isDelivered = Array(repeating: false, count: parameterCount)
    missing = desk?.groups.map(\.count) ?? []
    stage = 0
    self.desk = desk
    self.meeting = meeting
  }

  /// The gradient of a parameter that was laid down.
  func gradient(of index: Int) -> WeightGradient { boxes[index].gradient }

  /// Lays down gradients that are final; those that were before are left out.
  func deliver(_ indices: some Sequence<Int>, of gradients: inout [WeightGradient]) {
    for index in indices where index < isDelivered.count && !isDelivered[index] {
      swap(&gradients[index], &boxes[index].gradient)
      isDelivered[index] = true
      guard let desk, let group = desk.groups.firstIndex(where: { $0.contains(index) }) else {
        continue
      }
      missing[group] -= 1
      if missing[group] == 0 { desk.finish(group: group) }
    }
    while stage < missing.count && missing[stage] == 0 {
      stage += 1
      if stage < missing.count { meeting?.yield(stage: stage) }
    }
  }

  /// Lays down all others, and forgets whom to tell.
  func finish(_ gradients: inout [WeightGradient]) {
    meeting = nil
    deliver(isDelivered.indices, of: &gradients)
    desk = nil
  }

  /// Forgets all gradients.
  func releaseMemory() {
    boxes = []
    isDelivered = []
  }
}

extension Step {
  /// Lays down the gradients of a layer whose backward pass is over, where others wait for them.
  package mutating func deliver(_ layer: inout some Layer) {
    guard let delivery else { return }
    var parameters = ParameterIndices()
    layer.visit(&parameters)
    delivery.deliver(parameters.indices, of: &gradients)
  }
}

/// The indices of all parameters.
private struct ParameterIndices: LayerVisitor {
  var path = LayerPath(keepsNames: false)
  var indices: [Int] = []
  mutating func visit(_ parameter: inout Parameter) { indices.append(parameter.index) }
}
