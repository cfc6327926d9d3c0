// Whole steps of tasks take no memory once all shapes are known.

import MePropCore
import MePropTasks
import MePropTraining
import Testing
import _CMePropAllocationCounter

/// Counted as in the tests of layers: on the thread that trains, in optimized builds, without what
/// the dense library allocates for itself.
@Suite(
  .enabled(
    if: !_isDebugAssertConfiguration() && allocation_counter_works() != 0,
    "allocations are counted in optimized builds with glibc only"))
struct TaskAllocationTests {
  /// Allocations of the package in all steps of an epoch, which were done twice before.
  private func allocations(_ task: some TrainingTask) throws -> Int {
    try task.beginEpoch(1)
    for _ in 0..<2 { try task.train(steps: 0..<task.stepsPerEpoch, ofEpoch: 1) }
    allocation_counter_begin("libdnnl")
    for step in 0..<task.stepsPerEpoch { _ = try task.trainStep(step, ofEpoch: 1) }
    var library = 0
    let all = allocation_counter_end(&library)
    return all - library
  }

  @Test(
    arguments: [
      [], ["select=dense"], ["select=unified", "group=7"], ["select=random-k"],
      ["average=0.9"], ["clip-norm=0.1", "activation=tanh"], ["untouched=update"],
      ["batch=1"], ["optimizer=sgd", "momentum=0.9", "learning-rate=0.05"],
      ["precision=int8", "hidden=40,40"],
    ], [1, 2])
  func digits(assignments: [String], threads: Int) throws {
    #expect(try allocations(TinyTasks.digits(assignments, threads: threads)) == 0)
  }

  /// An epoch that leaves out images weighs others.
  @Test(arguments: [1, 2])
  func epochsWithoutEasyImages(threads: Int) throws {
    let task = try TinyTasks.digits(["skip-easy=0.5", "easy-loss=1.2"], threads: threads)
    let all = task.stepsPerEpoch
    for epoch in 1...3 {
      task.beginEpoch(epoch)
      try task.train(steps: 0..<task.stepsPerEpoch, ofEpoch: epoch)
    }
    #expect(task.stepsPerEpoch < all)
    task.beginEpoch(3)
    allocation_counter_begin("libdnnl")
    for step in 0..<task.stepsPerEpoch { _ = try task.trainStep(step, ofEpoch: 3) }
    var library = 0
    let count = allocation_counter_end(&library)
    #expect(count - library == 0)
  }

  @Test(
    arguments: [
      [], ["select=dense"], ["select=unified"], ["select=random-k"], ["average=0"],
      ["clip-norm=0.1"], ["untouched=update"], ["precision=f32"], ["batch=1"], ["memory=0.5"],
      ["precision=bf16"], ["layers=2", "variational=true", "dropout=0.2"],
    ], [1, 2])
  func tagger(assignments: [String], threads: Int) throws {
    #expect(try allocations(TinyTasks.tagger(assignments, threads: threads)) == 0)
  }

  @Test(
    arguments: [
      [], ["select=dense"], ["select=unified"], ["average=0"], ["clip-norm=0.1"],
      ["untouched=update"], ["hidden=40,30"], ["system=swap", "activation=tanh"],
      ["prefix=1", "suffix=2"],
    ], [1, 2])
  func parser(assignments: [String], threads: Int) throws {
    #expect(try allocations(TinyTasks.parser(assignments, threads: threads)) == 0)
  }
}
