// The settings that all tasks have, declared, decided and checked once: what differs between tasks
// is a value here.

import MePropCore
import MePropNN
import MePropTraining

/// What a task's settings of runs, of selection and of steps have in common with those of others.
///
/// ```swift
/// static let shared = SharedSettings(examples: "images", batch: 100, …)
/// static let schema = ConfigurationSchema(ownKeys + shared.runKeys + shared.selectionKeys +
/// shared.stepKeys)
/// ```
public struct SharedSettings: Sendable {
  /// How many passes over the examples there are where nobody says it.
  public enum Epochs: Sendable {
    /// Always so many; more may be asked for when a run is resumed.
    case constant(Int)
    /// As many as suit the number of training sentences.
    case automatic(AutomaticEpochs)
  }

  /// What is passed over in an epoch, plural.
  public var examples: String
  /// What a batch is counted in, plural, and what is said of a batch besides.
  public var batchUnit: (examples: String, note: String)
  /// The default batch size.
  public var batchSize: Int
  /// What chooses the best epoch, for example `dev accuracy`.
  public var metric: String
  /// The passes over the examples.
  public var epochs: Epochs
  /// The key of the figure at which a run stops; ``otherStopKey`` where `target` is something else.
  public var stopKey: String
  /// What selection chooses entries of.
  public var gradients: String
  /// The default policy of selection.
  public var policy: String
  /// The default of k.
  public var k: ConfigurationValue
  /// What k is a share of.
  public var whole: String
  /// What `memory: auto` stands for with some policies, and what is said of it; 0 with others.
  public var memory: (value: Double, note: String)
  /// Those policies.
  public var memoryPolicies: [String]
  /// The learning rate.
  public var rate: DefaultRate
  /// The default decay of a running mean; 0: none.
  public var average: Double
  /// What `weight-decay: auto` stands for, in words, where a task decides it; `nil`: there is none
  /// by default, and no `auto`.
  public var automaticWeightDecay: String?
  /// What a gradient may leave untouched.
  public var rows: String
  /// Whether epochs may leave out easy examples.
  public var skipsEasy: Bool
  /// Whether units may be cut in training; models say how wide what is left is.
  public var cutsUnits: Bool

  /// Creates a record.
  public init(
    examples: String, batchUnit: (examples: String, note: String), batchSize: Int, metric: String,
    epochs: Epochs, stopKey: String = SharedSettings.stopKey,
    gradients: String = "output gradients", policy: String = "top-k",
    k: ConfigurationValue = .ratio(0.1),
    whole: String = "the layer's width",
    memory: (value: Double, note: String) = (
      0.9, "0.9 with top-k, batch-top-k and unified, 0 with others"
    ), memoryPolicies: [String] = ["top-k", "batch-top-k", "unified"],
    rate: DefaultRate, average: Double = 0, automaticWeightDecay: String? = nil,
    rows: String = "weight rows", skipsEasy: Bool = false, cutsUnits: Bool = true
  ) {
    self.examples = examples
    self.batchUnit = batchUnit
    self.batchSize = batchSize
    self.metric = metric
    self.epochs = epochs
    self.stopKey = stopKey
    self.gradients = gradients
    self.policy = policy
    self.k = k
    self.whole = whole
    self.memory = memory
    self.memoryPolicies = memoryPolicies
    self.rate = rate
    self.average = average
    self.automaticWeightDecay = automaticWeightDecay
    self.rows = rows
    self.skipsEasy = skipsEasy
    self.cutsUnits = cutsUnits
  }

  /// The key of the figure at which a run stops.
  public static let stopKey = "target"
  /// The same, for tasks whose `target` is what is predicted.
  public static let otherStopKey = "stop-at"

  private static let positive = NumberBounds(lower: 1e-30, upper: 1e30)
  private static let notNegative = NumberBounds(lower: 0, upper: 1e30)
  private static let count = ConfigurationKind.int(1...Int.max)
  /// The decay of Adam's second moment where nobody sets it.
  static let beta2 = 0.999

  // MARK: Keys

  /// How long a run is and what it starts from: `epochs` to `threads`.
  public var runKeys: [ConfigurationKey] {
    let epochsKey: ConfigurationKey =
      switch epochs {
      case .constant(let count):
        .init(
          "epochs", .int(1...1_000_000), default: .int(count), mayChangeOnResume: true,
          "passes over the training \(examples)")
      case .automatic(let automatic): automatic.key
      }
    return [
      epochsKey,
      .init(
        "patience", .optional(Self.count), default: .none, mayChangeOnResume: true,
        "stop after so many epochs without a better \(metric)"),
      .init(
        stopKey, .optional(.double(NumberBounds(lower: 0, upper: 100))), default: .none,
        mayChangeOnResume: true, "stop once the \(metric), in percent, reaches this"),
      .init(
        "batch", .int(1...1_000_000), default: .int(batchSize),
        "\(batchUnit.examples) a step\(batchUnit.note)"),
    ] + skippingKeys + [
      .init(
        "shards", .optional(.int(1...ShardingError.largestCount)), default: .none,
        "cut each batch into so many parts, which several processes may share; results depend on "
          + "it, and not on the processes; none is 8 with several processes"),
      .init(
        "on-nan", .choice(["stop", "skip"]), default: .string("stop"), mayChangeOnResume: true,
        "what a step does whose outputs are not finite: end the run, or change nothing"),
      .init("seed", .int(0...Int.max), default: .int(1), "seed of all random numbers"),
      .init(
        "threads", .auto(.int(1...256)), default: .auto, mayChangeOnResume: true,
        "threads to compute with; auto measures a few steps; results do not depend on it"),
    ]
  }

  /// Which examples epochs leave out: `skip-easy` and `easy-loss`.
  private var skippingKeys: [ConfigurationKey] {
    guard skipsEasy else { return [] }
    return [
      .init(
        "skip-easy", .double(.share), default: .double(0), valueName: "p",
        "share of the easy \(examples) that each epoch after the first leaves out, others in each; "
          + "the easy ones that stay count for those too"),
      .init(
        "easy-loss", .double(Self.notNegative), default: .double(Self.easyLoss),
        "\(examples) are easy whose loss was below this when they were last trained on"),
    ]
  }

  /// The loss below which examples are easy where nobody says so.
  static let easyLoss = 0.01

  /// Which gradients are kept: `select` to `dense-every`.
  public var selectionKeys: [ConfigurationKey] {
    [
      .init(
        "select",
        .choice(["dense", "top-k", "batch-top-k", "sampled", "unified", "random-k", "auto"]),
        default: .string(policy), valueName: "policy",
        "which entries of \(gradients) take part in back propagation: the largest of each example, "
          + "of the whole batch, sampled in proportion to their size, or of units that all "
          + "examples share; auto measures a few steps first"
      ),
      .init(
        "k", .countOrRatio, default: k,
        "how many entries are kept, as a count or as a share of \(whole); of batch-top-k and "
          + "sampled the mean of an example"),
      .init(
        "k-epochs", .optional(.intList(1...Int.max)), default: .none,
        "k in epoch 1, 2, …; the last one holds from there on; overrides k"),
      .init(
        "memory", .auto(.double(NumberBounds(lower: 0, upper: 1))), default: .auto,
        valueName: "beta|auto",
        "unit memory: how much of what selection left out is added back; auto is \(memory.note)"),
      .init(
        "memory-scope", .choice(MemoryScope.allCases.map(\.rawValue)),
        default: .string(MemoryScope.unit.rawValue),
        "what a memory belongs to: slot, a control for experiments, is a unit in one place of the "
          + "batch"
      ),
      .init(
        "group", .optional(.int(1...Int.max)), default: .none,
        "with unified: \(batchUnit.examples) that share one support; none is the whole batch"),
      .init("dense-start", .int(0...Int.max), default: .int(0), "first steps that are dense"),
      .init(
        "dense-every", .int(0...Int.max), default: .int(0),
        "every how many steps one is dense; 0 is never"),
    ] + (cutsUnits ? simplificationKeys : [])
  }

  /// Which units are cut while a network trains: `simplify` to `target-width`.
  private var simplificationKeys: [ConfigurationKey] {
    [
      .init(
        "simplify", .optional(.double(.share)), default: .none, valueName: "rate",
        "cut units out of hidden layers that are kept in less than this share of \(examples), "
          + "eight times in each epoch with cuts"),
      .init("cycle", Self.count, default: .int(1), "epochs with cuts in each cycle"),
      .init(
        "settle", Self.count, default: .int(1),
        "epochs without cuts after them; so many at the end of a run have none either"),
      .init("minimum-width", Self.count, default: .int(8), "units that no layer loses"),
      .init(
        "target-width", .optional(Self.count), default: .none,
        "width that each hidden layer has after the last cut: units kept least go for it, whatever "
          + "the rate"),
    ]
  }

  /// How parameters follow their gradients: `optimizer` to `clip-norm`.
  public var stepKeys: [ConfigurationKey] {
    [
      .init(
        "optimizer", .choice(["adam", "adagrad", "sgd"]), default: .string("adam"),
        "how parameters follow their gradients"),
      learningRateKey,
      .init(
        "learning-rate-schedule", .choice(LearningRateSchedule.allCases.map(\.rawValue)),
        default: .string(LearningRateSchedule.linear.rawValue),
        "how the step size falls over all epochs"),
      .init("momentum", .double(.share), default: .double(0), "momentum of sgd"),
      .init(
        "beta2", .double(.share), default: .double(Self.beta2), valueName: "beta",
        "decay of adam's second moment; a smaller one forgets faster, which suits rows that are "
          + "seldom touched"),
      .init(
        "average", .double(.share), default: .double(average), valueName: "beta",
        "decay of the running mean of all parameters, which is what is used; 0 for none"),
      .init(
        "untouched", .choice(Optimizer.UntouchedRows.allCases.map(\.rawValue)),
        default: .string(Optimizer.UntouchedRows.skip.rawValue),
        "\(rows) that a gradient does not touch: as a dense optimizer would, or not at all"),
      .init(
        "l2", .double(Self.notNegative), default: .double(0),
        "factor of L2 regularization of weights"),
      weightDecayKey,
      .init(
        "clip-value", .optional(.double(Self.positive)), default: .none,
        "largest magnitude left of each gradient element"),
      .init(
        "clip-norm", .optional(.double(Self.positive)), default: .none,
        "largest norm left of all gradients together"),
    ]
  }

  private var weightDecayKey: ConfigurationKey {
    let meaning = "decoupled weight decay (AdamW)"
    guard let automaticWeightDecay else {
      return .init("weight-decay", .double(Self.notNegative), default: .double(0), meaning)
    }
    return .init(
      "weight-decay", .auto(.double(Self.notNegative)), default: .auto,
      "\(meaning); auto is \(automaticWeightDecay)")
  }

  private var learningRateKey: ConfigurationKey {
    let meaning = "step size at the start"
    return switch rate {
    case .constant(let rate):
      .init("learning-rate", .double(Self.positive), default: .double(rate), meaning)
    case .automatic(let rate):
      .init(
        "learning-rate", .auto(.double(Self.positive)), default: .auto,
        "\(meaning); \(rate.explanation)")
    }
  }

  // MARK: Values

  /// Decides what a configuration leaves open of these keys, and checks that they go together.
  ///
  /// - Parameters:
  ///   - configuration: With the presets applied that the task has.
  ///   - asked: As the user wrote it.
  ///   - exampleCount: How many examples are trained on; `nil` where that is not known yet.
  ///   - place: What `data` names, for messages, for example `the folder of a treebank`.
  /// - Throws: `ConfigurationError` naming the place of the setting to change.
  public func resolve(
    _ configuration: inout Configuration, asked: Configuration, exampleCount: Int? = nil,
    data place: String
  ) throws {
    try asked.requireDecidedSelection()
    try configuration.decideMemory(memory.value, with: memoryPolicies)
    if case .automatic(let rate) = rate { try configuration.decideLearningRate(rate) }
    if case .automatic(let epochs) = epochs {
      try configuration.decideEpochs(epochs, exampleCount: exampleCount)
    }
    try configuration.checkSelectionValues()
    try configuration.checkDenseSelection(asked: asked)
    if cutsUnits { try configuration.checkSimplification() }
    if skipsEasy { try configuration.checkSkipping() }
    if configuration.string("data").isEmpty {
      throw configuration.conflict("data", "expected \(place), found nothing; name it with --data")
    }
  }
}

extension Configuration {
  /// Sets keys that nobody set to the values of a preset, which `preset` names.
  mutating func apply(preset values: [(key: String, value: String)]) throws {
    let origin = origin(of: "preset")
    for (key, value) in values where self.origin(of: key) == .defaultValue {
      try set(key, to: value, from: origin)
    }
  }

  /// Throws where a network has more weights than fit into some 3 GB with moments.
  ///
  /// - Parameters:
  ///   - weights: Its weights.
  ///   - remedy: What to choose instead.
  /// - Throws: `ConfigurationError` that blames `hidden`.
  func checkWeightCount(_ weights: Int, _ remedy: String = "choose fewer or narrower layers") throws
  {
    let limit = 200_000_000
    guard weights <= limit else {
      throw conflict("hidden", "expected at most \(limit) weights, found \(weights); \(remedy)")
    }
  }

  /// The same for linear layers of these sizes, one after another.
  func checkWeightCount(ofLayers sizes: [Int]) throws {
    try checkWeightCount(zip(sizes, sizes.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 })
  }
}

/// The keys of tasks that are trained on treebanks.
enum TreebankKeys {
  /// What is said of treebanks before training.
  static let help = """
    The treebank is a folder with *-train.conllu, *-dev.conllu and *-test.conllu (each may also \
    end \
    in .gz), or the name of such a folder in MEPROP_DATA or the cache.
    """
  /// The treebank.
  static let data = ConfigurationKey(
    "data", .string, default: .string("ud-english-ewt"), valueName: "name|folder",
    "treebank: a folder of CoNLL-U files, or its name in MEPROP_DATA or the cache")
  /// How many sentences are trained on.
  static let trainingLimit = ConfigurationKey(
    "train-limit", .optional(.int(1...Int.max)), default: .none,
    "train on the first so many sentences only")

  /// The preset of the paper.
  static func preset(_ paper: String) -> ConfigurationKey {
    .init(
      "preset", .choice(["default", "paper"]), default: .string("default"), valueName: "name",
      "where other keys are not set: paper is \(paper)")
  }

  /// What words lose in training.
  static func wordDropout(_ what: String) -> ConfigurationKey {
    .init(
      "word-dropout", .double(.share), default: .double(0), valueName: "p",
      "share of words \(what) in training; for words seen once it is 0.5")
  }
}
