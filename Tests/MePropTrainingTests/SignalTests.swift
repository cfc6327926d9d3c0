import Foundation
import MePropTraining
import Testing

/// Signals belong to the whole process, so each of these tests has one of its own.
@Suite struct SignalTests {
  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalStopsTheLoopAtTheNextStep(signal number: Int32) async {
    await #expect(processExitsWith: .success) { [number] in
      let folder = try TemporaryFolder()
      let run = try RunFolder(at: folder("run"), resuming: false)
      let task = ToyTask()
      task.willTrain = { epoch, step in
        if epoch == 2 && step == 3 { send(number) }
      }
      let log = EventLog()
      let loop = TrainingLoop(
        task: task, stopping: StoppingRule(epochs: 3), run: run, recorders: [log],
        handlesSignals: true)
      let result = try loop.run()
      #expect(result.outcome == .interrupted(signal: number))
      #expect(result.position == TrainingPosition(epoch: 2, step: 4))
      #expect(log.names.suffix(2) == ["checkpointSaved", "interrupted"])
      let last = try RunFolder.loadCheckpoint(from: run.lastCheckpointURL)
      #expect(last.state.position == result.position)
      #expect(last.state.progress.exampleCount == 12)
    }
  }

  @Test func aSecondSignalEndsTheProcess() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      let task = ToyTask()
      task.willTrain = { _, step in
        guard step == 2 else { return }
        send(SIGTERM)
        send(SIGTERM)
        sleep(10)
      }
      _ = try TrainingLoop(
        task: task, stopping: StoppingRule(epochs: 1), handlesSignals: true
      ).run()
    }
  }

  /// The dense library multiplies with the stack pointer in its heap memory, where no signal may be
  /// handled.
  @Test func handlersHaveAStackOfTheirOwn() async {
    await #expect(processExitsWith: .success) {
      var (before, during, after) = (stack_t(), stack_t(), stack_t())
      var action = sigaction()
      sigaltstack(nil, &before)
      let task = ToyTask()
      task.willTrain = { _, _ in
        sigaltstack(nil, &during)
        sigaction(SIGINT, nil, &action)
      }
      _ = try TrainingLoop(task: task, stopping: StoppingRule(epochs: 1), handlesSignals: true)
        .run()
      sigaltstack(nil, &after)
      #expect(Int(during.ss_size) == SignalTrap.stackSize)
      #expect(Int(action.sa_flags) & Int(SA_ONSTACK) != 0)
      #expect(after.ss_sp == before.ss_sp && after.ss_flags == before.ss_flags)
    }
  }

  /// Of two loops that overlap, the one that ends first leaves the handlers to the other.
  @Test func theLastTrapPutsHandlersBack() async {
    await #expect(processExitsWith: .success) {
      #expect(!handlesTermination())
      let first = SignalTrap()
      let second = SignalTrap()
      first.restore()
      #expect(handlesTermination())
      second.restore()
      #expect(!handlesTermination())
    }
  }
}

/// Whether something handles SIGTERM.
private func handlesTermination() -> Bool {
  var action = sigaction()
  sigaction(SIGTERM, nil, &action)
  #if canImport(Darwin)
    return action.__sigaction_u.__sa_handler != nil
  #else
    return action.__sigaction_handler.sa_handler != nil
  #endif
}

/// Sends a signal to this process and waits until some thread has handled it.
private func send(_ signal: Int32) {
  kill(getpid(), signal)
  for _ in 0..<5000 where InterruptFlag.process.signal == nil { usleep(1000) }
}
