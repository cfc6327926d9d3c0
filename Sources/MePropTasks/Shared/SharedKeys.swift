// The keys that all tasks have, declared once: what differs between tasks is an argument.

import MePropCore
import MePropNN
import MePropTraining

/// Keys of selection and of steps, which mean the same in every task.
enum SharedKeys {
  private static let positive = NumberBounds(lower: 1e-30, upper: 1e30)
  private static let notNegative = NumberBounds(lower: 0, upper: 1e30)

  /// What `memory: auto` stands for in stacks of layers that have memory at all.
  static let autoMemory = 0.9

  /// Which gradients are kept.
  ///
  /// - Parameters:
  ///   - gradients: What entries are chosen from.
  ///   - k: The default of k, and of what it is a share.
  ///   - autoMemory: What `memory: auto` stands for.
  ///   - examples: What shares a support with `unified`.
  /// - Returns: `select` to `dense-every`.
  static func selection(
    of gradients: String, k: (value: ConfigurationValue, whole: String), autoMemory: String,
    examples: String
  ) -> [ConfigurationKey] {
    [
      .init(
        "select", .choice(["dense", "top-k", "unified", "random-k", "auto"]),
        default: .string("top-k"),
        "which entries of \(gradients) take part in back propagation; auto measures a few steps first"
      ),
      .init(
        "k", .countOrRatio, default: k.value,
        "how many entries are kept, as a count or as a share of \(k.whole)"),
      .init(
        "k-epochs", .optional(.intList(1...Int.max)), default: .none,
        "k in epoch 1, 2, …; the last one holds from there on; overrides k"),
      .init(
        "memory", .auto(.double(NumberBounds(lower: 0, upper: 1))), default: .auto,
        "unit memory: how much of what selection left out is added back; auto is \(autoMemory)"),
      .init(
        "memory-scope", .choice(MemoryScope.allCases.map(\.rawValue)),
        default: .string(MemoryScope.unit.rawValue),
        "what a memory belongs to: slot, a control for experiments, is a unit in one place of the batch"
      ),
      .init(
        "group", .optional(.int(1...Int.max)), default: .none,
        "with unified: \(examples) that share one support; none is the whole batch"),
      .init("dense-start", .int(0...Int.max), default: .int(0), "first steps that are dense"),
      .init(
        "dense-every", .int(0...Int.max), default: .int(0),
        "every how many steps one is dense; 0 is never"),
    ]
  }

  /// How parameters follow their gradients.
  ///
  /// - Parameters:
  ///   - rate: The default learning rate.
  ///   - average: The default decay of a running mean; `nil`: the task has none.
  ///   - rows: What a gradient may leave untouched.
  /// - Returns: `optimizer` to `clip-value`.
  static func steps(rate: DefaultRate, average: Double?, rows: String) -> [ConfigurationKey] {
    [
      .init(
        "optimizer", .choice(["adam", "adagrad", "sgd"]), default: .string("adam"),
        "how parameters follow their gradients"),
      learningRate(rate),
      .init(
        "learning-rate-schedule", .choice(LearningRateSchedule.allCases.map(\.rawValue)),
        default: .string(LearningRateSchedule.linear.rawValue),
        "how the step size falls over all epochs"),
      .init("momentum", .double(.share), default: .double(0), "momentum of sgd"),
    ]
      + (average.map {
        [
          .init(
            "average", .double(.share), default: .double($0),
            "decay of the running mean of all parameters, which is what is used; 0 for none")
        ]
      } ?? []) + [
        .init(
          "untouched", .choice(Optimizer.UntouchedRows.allCases.map(\.rawValue)),
          default: .string(Optimizer.UntouchedRows.skip.rawValue),
          "\(rows) that a gradient does not touch: as a dense optimizer would, or not at all"),
        .init(
          "l2", .double(notNegative), default: .double(0), "factor of L2 regularization of weights"),
        .init(
          "weight-decay", .double(notNegative), default: .double(0),
          "decoupled weight decay (AdamW)"),
        .init(
          "clip-value", .optional(.double(positive)), default: .none,
          "largest magnitude left of each gradient element"),
      ]
  }

  private static func learningRate(_ rate: DefaultRate) -> ConfigurationKey {
    let meaning = "step size at the start"
    return switch rate {
    case .constant(let rate):
      .init("learning-rate", .double(positive), default: .double(rate), meaning)
    case .automatic(let rate):
      .init(
        "learning-rate", .auto(.double(positive)), default: .auto,
        "\(meaning); \(rate.explanation)")
    }
  }

  /// The largest norm of all gradients, for tasks that compute them all before any is used.
  static let clipNorm = ConfigurationKey(
    "clip-norm", .optional(.double(positive)), default: .none,
    "largest norm left of all gradients together")
}
