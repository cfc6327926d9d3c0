import MePropCore

/// When selection departs from its policy: dense steps at the start or now and then, and k over
/// epochs.
public struct SelectionSchedule: Sendable, Equatable {
  /// The first steps of a run that are dense, 0 or more.
  public var denseStart: Int
  /// Every how many steps one is dense: n means steps n, 2n, 3n, …; 0: none.
  public var denseEvery: Int
  /// k in epoch 1, 2, …; the last one holds from there on.
  ///
  /// Empty: the policy's own.
  public var kByEpoch: [SelectionCount]

  /// Creates a schedule; without arguments one that changes nothing.
  public init(denseStart: Int = 0, denseEvery: Int = 0, kByEpoch: [SelectionCount] = []) {
    precondition(
      denseStart >= 0 && denseEvery >= 0,
      "SelectionSchedule: dense start \(denseStart) and every \(denseEvery), expected 0 or more")
    self.denseStart = denseStart
    self.denseEvery = denseEvery
    self.kByEpoch = kByEpoch
  }

  /// What `policy` becomes in `step` (of the run, from 1) within `epoch` (from 1).
  public func policy(_ policy: SelectionPolicy, step: Int, epoch: Int) -> SelectionPolicy {
    if step <= denseStart || (denseEvery > 0 && step % denseEvery == 0) { return .dense }
    guard !kByEpoch.isEmpty else { return policy }
    return policy.with(k: kByEpoch[min(epoch, kByEpoch.count) - 1])
  }
}
