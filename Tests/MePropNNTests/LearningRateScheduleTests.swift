import MePropNN
import Testing

@Suite struct LearningRateScheduleTests {
  @Test func schedulesStartWholeAndFallToZero() {
    for schedule in LearningRateSchedule.allCases {
      #expect(schedule.factor(progress: 0) == 1)
      let factors = stride(from: 0.0, through: 1, by: 0.125).map { schedule.factor(progress: $0) }
      #expect(zip(factors, factors.dropFirst()).allSatisfy { $0 >= $1 })
      #expect(schedule == .constant || factors.last == 0)
    }
    #expect(LearningRateSchedule.constant.factor(progress: 0.9) == 1)
    #expect(LearningRateSchedule.linear.factor(progress: 0.25) == 0.75)
    #expect(LearningRateSchedule.cosine.factor(progress: 0.5) == 0.5)
  }

  @Test func theFactorScalesEveryRate() {
    for method in [Optimizer.Method.gradientDescent(), .adaGrad(), .adam()] {
      var optimizer = Optimizer(method, learningRate: 0.5)
      optimizer.weightDecay = 0.25
      let whole = optimizer.rule(step: 3, isBias: false)
      let half = optimizer.rule(step: 3, isBias: false, learningRateFactor: 0.5)
      #expect(half.rate == whole.rate / 2)
      #expect(half.decay == whole.decay / 2)
      #expect(half.formula == whole.formula)
    }
  }
}
