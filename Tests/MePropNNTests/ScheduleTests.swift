import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

@Suite struct SelectionScheduleTests {
  private let policy = SelectionPolicy.top(k: .count(5), memory: 0.5)

  @Test func anEmptyScheduleChangesNothing() {
    for step in [1, 2, 1000] {
      #expect(SelectionSchedule().policy(policy, step: step, epoch: 3) == policy)
    }
  }

  @Test func theFirstStepsAreDense() {
    let schedule = SelectionSchedule(denseStart: 3)
    let found = (1...5).map { schedule.policy(policy, step: $0, epoch: 1) }
    #expect(found == [.dense, .dense, .dense, policy, policy])
  }

  @Test func everyNthStepIsDense() {
    let schedule = SelectionSchedule(denseEvery: 3)
    let dense = (1...9).filter { schedule.policy(policy, step: $0, epoch: 1) == .dense }
    #expect(dense == [3, 6, 9])
  }

  @Test func theLastKHolds() {
    let schedule = SelectionSchedule(kByEpoch: [.count(9), .ratio(0.5)])
    let found = (1...4).map { schedule.policy(policy, step: 100, epoch: $0) }
    let half = SelectionPolicy.top(k: .ratio(0.5), memory: 0.5)
    #expect(found == [.top(k: .count(9), memory: 0.5), half, half, half])
    let unified = SelectionPolicy.unified(k: .count(3), groupSize: 7, memory: 0.25)
    #expect(
      schedule.policy(unified, step: 1, epoch: 1)
        == .unified(k: .count(9), groupSize: 7, memory: 0.25))
    #expect(schedule.policy(.random(k: .count(3)), step: 1, epoch: 1) == .random(k: .count(9)))
    #expect(schedule.policy(.dense, step: 1, epoch: 1) == .dense)
  }
}

@Suite struct SelectionCountTests {
  @Test func ratiosAreRoundedAndAtLeastOne() {
    #expect(SelectionCount.ratio(0.04).resolved(outputSize: 500) == 20)
    #expect(SelectionCount.ratio(0.001).resolved(outputSize: 500) == 1)
    #expect(SelectionCount.ratio(0.001).resolved(outputSize: 10) == 1)
    #expect(SelectionCount.ratio(0.25).resolved(outputSize: 7) == 2)
    #expect(SelectionCount.ratio(1).resolved(outputSize: 7) == 7)
    #expect(SelectionCount.count(30).resolved(outputSize: 7) == 30)
  }

  @Test func nonsenseIsInvalid() {
    #expect(SelectionCount.count(1).isValid && SelectionCount.ratio(1e-9).isValid)
    for count in [
      SelectionCount.count(0), .count(-1), .ratio(0), .ratio(-0.5), .ratio(1.01), .ratio(.nan),
    ] {
      #expect(!count.isValid, "\(count)")
    }
  }

  @Test func aLayerAtMostAsWideAsKIsDense() {
    #expect(SelectionPolicy.top(k: .count(5)).isDense(outputSize: 5))
    #expect(!SelectionPolicy.top(k: .count(5)).isDense(outputSize: 6))
    #expect(SelectionPolicy.dense.isDense(outputSize: 1))
    #expect(SelectionPolicy.unified(k: .ratio(1)).isDense(outputSize: 6))
  }
}
