// Reproductions that are stopped before, while and after steps are measured, and go on.

import Foundation
import MePropExperiments
import MePropTasks
import MePropTraining
import Testing

@Suite struct ReproductionInterruptionTests {
  private func reproduction(
    _ images: SyntheticImages, resuming: Bool = false, _ flag: InterruptFlag
  ) throws -> Reproduction {
    Reproduction(
      .tiny(images), settings: .tiny,
      folder: try ReproductionFolder(
        at: images.url.appendingPathComponent("run"), resuming: resuming),
      data: ReproductionData(.tiny, locator: DataLocator(environment: [:])),
      status: StatusLine(descriptor: -1), handlesSignals: false, interrupt: flag)
  }

  @Test func aFlagThatIsSetStopsTheEstimate() throws {
    let images = try SyntheticImages()
    let flag = InterruptFlag()
    flag.request(SIGTERM)
    do {
      let stopped = try reproduction(images, flag)
      #expect(throws: ReproductionInterrupted(signal: SIGTERM)) { try stopped.run() }
    }
    let found = FileManager.default.subpaths(atPath: images.url.path + "/run") ?? []
    #expect(!found.contains { $0.hasSuffix(".jsonl") || $0.contains(".estimate") }, "\(found)")
    flag.clear()
    let resumed = try reproduction(images, resuming: true, flag)
    try resumed.run()
    #expect(try resumed.tables().first?.rows.allSatisfy { $0.test.values.count == 2 } == true)
  }

  /// Whatever is under way then, estimate, step times or training: it stops, nothing is lost, and
  /// it goes on.
  @Test(arguments: [0.02, 0.15, 0.4, 0.8])
  func aFlagStopsWhatIsUnderWay(after seconds: Double) throws {
    let images = try SyntheticImages()
    let flag = InterruptFlag()
    do {
      let stopped = try reproduction(images, flag)
      Thread.detachNewThread {
        Thread.sleep(forTimeInterval: seconds)
        flag.request(SIGINT)
      }
      let clock = ContinuousClock()
      let start = clock.now
      // Very fast machines are done before.
      do {
        try stopped.run()
      } catch {
        #expect(error as? ReproductionInterrupted == ReproductionInterrupted(signal: SIGINT))
      }
      #expect(start.duration(to: clock.now) < .seconds(20))
    }
    flag.clear()
    let resumed = try reproduction(images, resuming: true, flag)
    // The flag of the thread may be late.
    while true {
      do {
        try resumed.run()
        break
      } catch is ReproductionInterrupted {
        flag.clear()
      }
    }
    #expect(try resumed.tables().first?.rows.allSatisfy { $0.test.values.count == 2 } == true)
    #expect(try resumed.tables().first?.rows.allSatisfy { $0.whole != nil } == true)
  }
}
