// What `meprop plan` finds out, and what it advises.

/// The expected cost of training with dense back propagation and with several k, on this machine
/// and these data.
public struct Plan: Sendable {
  /// One way to train.
  public struct Setting: Sendable, Equatable {
    /// The selection policy, `dense` for ordinary back propagation.
    public var policy: String
    /// k as it is written in a configuration; `nil` where dense.
    public var k: String?
    /// k as a share of the widest hidden layer; 1 where dense.
    public var share: Double
    /// The number of threads that it is fastest with.
    public var threads: Int
    /// The time of a step, with its part of what starting an epoch takes.
    public var step: StepTiming
    /// Bytes of weights, moments and memories.
    public var stateBytes: Int

    package init(
      policy: String, k: String?, share: Double, threads: Int, step: StepTiming, stateBytes: Int
    ) {
      self.policy = policy
      self.k = k
      self.share = share
      self.threads = threads
      self.step = step
      self.stateBytes = stateBytes
    }
  }

  /// The task's name.
  public var task: String
  /// The number of steps in an epoch.
  public var stepsPerEpoch: Int
  /// Dense first, then k from few to many.
  public var settings: [Setting]
  /// The share of the width that the task's default recipe keeps: fewer were not found to be
  /// accurate everywhere.
  public var smallestAdvisedShare: Double
  /// The most that this process had in memory while it trained one task densely, data included.
  public var residentBytes: Int
  /// Seconds that making the plan took.
  public var planSeconds: Double

  package init(
    task: String, stepsPerEpoch: Int, settings: [Setting], smallestAdvisedShare: Double,
    residentBytes: Int, planSeconds: Double
  ) {
    precondition(!settings.isEmpty, "Plan: found no settings, expected dense first")
    self.task = task
    self.stepsPerEpoch = stepsPerEpoch
    self.settings = settings
    self.smallestAdvisedShare = smallestAdvisedShare
    self.residentBytes = residentBytes
    self.planSeconds = planSeconds
  }

  /// How much faster than dense a setting has to be for a recommendation.
  static let leastGain = 1.05

  /// Dense back propagation.
  public var dense: Setting { settings[0] }

  /// Seconds of an epoch with a setting, evaluation and checkpoints left out.
  public func secondsPerEpoch(_ setting: Setting) -> Double {
    setting.step.seconds.total * Double(stepsPerEpoch)
  }

  /// How many times faster than dense a setting is.
  public func speedup(_ setting: Setting) -> Double {
    setting.step.seconds.total > 0 ? dense.step.seconds.total / setting.step.seconds.total : 1
  }

  /// The gain if the products of back propagation took no time (Amdahl's law on the phases of a
  /// dense step).
  public var boundOfFreeProducts: Double { bound(\.products) }

  /// The gain if back propagation and optimizer took no time at all: no selection can do more.
  public var boundOfFreeBackward: Double { bound { $0.backward + $0.optimizer } }

  private func bound(_ part: (PhaseSeconds) -> Double) -> Double {
    let seconds = dense.step.seconds
    let rest = seconds.total - part(seconds)
    return rest > 0 ? seconds.total / rest : .infinity
  }

  /// The fastest of the settings that keep no less than the task's default recipe; dense if none is
  /// 5 % faster than dense.
  ///
  /// Where a user asked for one k it is compared with dense only, whatever it is.
  public var advice: Setting {
    let allowed = settings.dropFirst().filter {
      settings.count == 2 || $0.share >= smallestAdvisedShare * (1 - 1e-9)
    }
    guard
      let fastest = allowed.min(by: { $0.step.seconds.total < $1.step.seconds.total }),
      speedup(fastest) >= Self.leastGain
    else { return dense }
    return fastest
  }

  /// Why that is the advice, in a line.
  public var reason: String {
    let chosen = advice
    guard chosen.policy != "dense" else {
      return "stay dense: no k of at least \(percent(smallestAdvisedShare)) of the width is "
        + "\(percent(Self.leastGain - 1)) faster than dense on this machine"
    }
    let kept =
      "\(chosen.policy) with k = \(chosen.k ?? "") is \(factor(speedup(chosen))) times as fast as "
      + "dense"
    return settings.count == 2
      ? kept
      : kept + ", the fastest that keeps at least \(percent(smallestAdvisedShare)) of the width as "
        + "the default recipe does; time alone was measured, fewer may cost accuracy"
  }

  private func percent(_ share: Double) -> String {
    "\(JSONValue.number((share * 1e3).rounded() / 10)) %"
  }

  private func factor(_ value: Double) -> String {
    "\(JSONValue.number((value * 100).rounded() / 100))"
  }
}

extension Plan {
  /// The plan as one object.
  public var json: JSONValue {
    func object(_ setting: Setting) -> JSONValue {
      let steps = Double(stepsPerEpoch)
      let seconds = setting.step.seconds
      let phases: [(String, Double)] = [
        ("total", seconds.total), ("forward", seconds.forward), ("backward", seconds.backward),
        ("selection", seconds.selection), ("products", seconds.products),
        ("optimizer", seconds.optimizer), ("data", seconds.data),
      ]
      return .object([
        .init("select", .string(setting.policy)),
        .init("k", setting.k.map { .string($0) } ?? .null),
        .init("share", .number(setting.share)), .init("threads", .integer(setting.threads)),
        .init("secondsPerEpoch", .number(secondsPerEpoch(setting))),
        .init("stepMicroseconds", .number(seconds.total * 1e6)),
        .init("spread", .number(setting.step.spread)),
        .init("speedup", .number(speedup(setting))),
        .init("seconds", .object(phases.map { .init($0.0, .number($0.1 * steps)) })),
        .init("stateBytes", .integer(setting.stateBytes)),
      ])
    }
    return .object([
      .init("task", .string(task)), .init("stepsPerEpoch", .integer(stepsPerEpoch)),
      .init("settings", .array(settings.map(object))),
      .init(
        "bounds",
        .object([
          .init("freeProducts", .number(boundOfFreeProducts)),
          .init("freeBackward", .number(boundOfFreeBackward)),
        ])),
      .init(
        "memory",
        .object([
          .init("residentBytes", .integer(residentBytes)),
          .init("stateBytes", .integer(advice.stateBytes)),
        ])),
      .init("threads", .integer(advice.threads)),
      .init(
        "advice",
        .object([
          .init("select", .string(advice.policy)),
          .init("k", advice.k.map { .string($0) } ?? .null),
          .init("threads", .integer(advice.threads)),
          .init("secondsPerEpoch", .number(secondsPerEpoch(advice))),
          .init("speedup", .number(speedup(advice))), .init("reason", .string(reason)),
        ])),
      .init("planSeconds", .number(planSeconds)),
    ])
  }

  /// The settings as rows of a table: a title, dense, then k from few to many.
  public var table: [[String]] {
    let head = [
      "select", "k", "threads", "s/epoch", "spread", "x dense", "forward", "products", "selection",
      "other back.",
      "optimizer", "data",
    ]
    return [head]
      + settings.map { setting in
        let seconds = setting.step.seconds
        let rest = max(0, seconds.backward - seconds.products - seconds.selection)
        func share(_ part: Double) -> String {
          text(seconds.total > 0 ? 100 * part / seconds.total : 0, 0) + " %"
        }
        return [
          setting.policy, setting.k ?? "-", String(setting.threads),
          text(secondsPerEpoch(setting), 3), text(100 * setting.step.spread, 0) + " %",
          text(speedup(setting), 2), share(seconds.forward),
          share(seconds.products), share(seconds.selection), share(rest), share(seconds.optimizer),
          share(seconds.data),
        ]
      }
  }

  /// What the table does not say, line by line; the advice last.
  public var lines: [String] {
    [
      "upper bound: \(text(boundOfFreeProducts, 2)) times as fast as dense if the products of back "
        + "propagation took no time, \(text(boundOfFreeBackward, 2)) if all of back propagation "
        + "and "
        + "the optimizer did not",
      "memory: \(megabytes(residentBytes)) MB in this process when training densely, of it "
        + "\(megabytes(dense.stateBytes)) MB weights and optimizer state",
      "threads: \(advice.threads)",
      "advice: \(reason)",
    ]
  }

  private func megabytes(_ bytes: Int) -> String { String((bytes + 500_000) / 1_000_000) }

  private func text(_ value: Double, _ places: Int) -> String {
    value.isFinite ? String(format: "%.\(places)f", value) : "-"
  }
}
