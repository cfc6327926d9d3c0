// What several tasks read out of a configuration in the same way, and check alike.

import MePropCore
import MePropNN
import MePropTraining

extension Configuration {
  /// The policy of `select`, `k`, `memory` and `group`.
  var selectionPolicy: SelectionPolicy {
    let k = selectionCount
    let memory = Float(double("memory"))
    switch string("select") {
    case "top-k":
      let scope = MemoryScope(rawValue: string("memory-scope")) ?? .unit
      return .top(k: k, memory: memory, scope: scope)
    case "unified": return .unified(k: k, groupSize: optionalInt("group"), memory: memory)
    case "batch-top-k": return .batchTop(k: k, memory: memory)
    case "sampled": return .sampled(k: k, memory: memory)
    case "random-k": return .random(k: k)
    default: return .dense
    }
  }

  /// The optimizer of `optimizer`, `learning-rate` and what goes with them.
  var stepOptimizer: Optimizer {
    let method: Optimizer.Method =
      switch string("optimizer") {
      case "sgd": .gradientDescent(momentum: Float(double("momentum")))
      case "adagrad": .adaGrad()
      default: .adam(beta2: Float(double("beta2")))
      }
    var optimizer = Optimizer(
      method, learningRate: Float(double("learning-rate")),
      untouchedRows: string("untouched") == "skip" ? .skip : .update)
    optimizer.l2 = Float(double("l2"))
    optimizer.weightDecay = Float(double("weight-decay"))
    optimizer.clipValue = optionalDouble("clip-value").map { Float($0) }
    optimizer.clipNorm = optionalDouble("clip-norm").map { Float($0) }
    return optimizer
  }

  /// The stopping rule of `epochs`, `patience` and `target`, or what stands for it.
  var stoppingRule: StoppingRule {
    let other = SharedSettings.otherStopKey
    return StoppingRule(
      epochs: int("epochs"), patience: optionalInt("patience"),
      target: optionalDouble(schema[other] == nil ? SharedSettings.stopKey : other))
  }

  /// When `dense-start`, `dense-every` and `k-epochs` make selection depart from its policy.
  var selectionSchedule: SelectionSchedule {
    SelectionSchedule(
      denseStart: int("dense-start"), denseEvery: int("dense-every"),
      kByEpoch: kByEpoch.map(SelectionCount.count))
  }

  /// The schedule of `learning-rate-schedule`.
  var learningRateSchedule: LearningRateSchedule {
    LearningRateSchedule(rawValue: string("learning-rate-schedule")) ?? .linear
  }

  /// k as a count or ratio.
  var selectionCount: SelectionCount {
    switch value("k") {
    case .ratio(let ratio): .ratio(ratio)
    case .count(let count): .count(count)
    default: preconditionFailure("Configuration: 'k' is \(value("k")), expected a count or ratio")
    }
  }

  /// k by epoch; empty where it does not change.
  var kByEpoch: [Int] { value("k-epochs") == .none ? [] : intList("k-epochs") }

  /// What `skip-easy` and `easy-loss` leave out; `nil` for nothing.
  var pruning: ExamplePruning? {
    guard schema["skip-easy"] != nil, double("skip-easy") > 0 else { return nil }
    return ExamplePruning(share: double("skip-easy"), loss: Float(double("easy-loss")))
  }

  /// Throws where it is said which examples are easy, and none is left out.
  ///
  /// - Throws: `ConfigurationError`.
  func checkSkipping() throws {
    if pruning == nil, value("easy-loss") != schema["easy-loss"]?.defaultValue {
      throw conflict("easy-loss", "nothing is left out with --skip-easy 0; leave it out")
    }
  }

  /// What `simplify` to `target-width` cut; `nil` for nothing.
  var simplification: SimplificationPolicy? {
    guard schema["simplify"] != nil else { return nil }
    let (rate, target) = (optionalDouble("simplify"), optionalInt("target-width"))
    guard rate != nil || target != nil else { return nil }
    return SimplificationPolicy(
      pruneRate: rate ?? 0, cycleEpochs: int("cycle"), settleEpochs: int("settle"),
      minimumWidth: int("minimum-width"), targetWidth: target)
  }

  /// Throws where units are to be cut and nothing tells which, or there is no time to.
  ///
  /// - Throws: `ConfigurationError`.
  func checkSimplification() throws {
    let isAsked = value("simplify") != .none || value("target-width") != .none
    guard isAsked else {
      let others = ["cycle", "settle", "minimum-width"]
      if let key = others.first(where: { value($0) != schema[$0]?.defaultValue }) {
        throw conflict(key, "nothing is cut without --simplify or --target-width; leave it out")
      }
      return
    }
    let key = value("simplify") != .none ? "simplify" : "target-width"
    if string("select") == "dense" {
      throw conflict(
        key, "--select dense keeps all entries, which tells nothing of units; choose another policy"
      )
    }
    guard value("epochs") != .auto else { return }
    if int("settle") >= int("epochs") {
      throw conflict(
        key,
        "no epoch is left for cuts: found \(int("epochs")) epochs, of which the last "
          + "\(int("settle")) have none; choose more epochs")
    }
  }

  /// Puts in the place of `memory: auto` what it stands for: `memory` where the policy gains by it,
  /// else 0.
  mutating func decideMemory(_ memory: Double, with policies: [String]) throws {
    guard value("memory") == .auto else { return }
    let hasMemory = policies.contains(string("select"))
    try set("memory", to: String(hasMemory ? memory : 0), from: origin(of: "memory"))
  }

  /// Throws where `select` is dense and a value asks for selection.
  ///
  /// - Parameter asked: As the user wrote it: a complete file has a k even where the policy has
  ///   none, while a flag is meant.
  /// - Throws: `ConfigurationError`.
  func checkDenseSelection(asked: Configuration) throws {
    guard string("select") == "dense" else { return }
    switch asked.origin(of: "k") {
    case .flag, .assignment:
      throw conflict("k", "--select dense keeps all entries; leave k out")
    case .file, .defaultValue: break
    }
    let hasOutputSelection = schema["select-output"] != nil && bool("select-output")
    let meaningless = [
      ("k-epochs", value("k-epochs") != .none), ("dense-start", int("dense-start") > 0),
      ("dense-every", int("dense-every") > 0), ("select-output", hasOutputSelection),
    ]
    if let (key, _) = meaningless.first(where: \.1) {
      throw conflict(key, "--select dense is always dense; leave it out")
    }
  }

  /// Throws where more entries are to be kept than the widest of the layers that are selected in
  /// has, or so few that a rate of cuts would spare no unit.
  ///
  /// - Parameters:
  ///   - widest: Its width.
  ///   - description: What the width is, for the message.
  /// - Throws: `ConfigurationError`.
  func checkKeptCount(upTo widest: Int, _ description: String) throws {
    guard string("select") != "dense" else { return }
    let byEpoch = kByEpoch
    let counts = byEpoch.isEmpty ? [selectionCount.resolved(outputSize: widest)] : byEpoch
    if let k = counts.first(where: { $0 > widest }) {
      throw conflict(
        byEpoch.isEmpty ? "k" : "k-epochs",
        "\(k) is above \(description); choose at most \(widest), or --select dense")
    }
    try checkPruneRate(keptShare: Double(counts.min() ?? widest) / Double(widest))
  }

  /// Throws where units are cut that are kept in less than a share of the examples that units do
  /// not even reach on average, and no width ends that: k falls with the width.
  ///
  /// - Parameter keptShare: k of the units, in the widest layer.
  /// - Throws: `ConfigurationError`.
  private func checkPruneRate(keptShare: Double) throws {
    guard let simplification, simplification.targetWidth == nil,
      simplification.pruneRate >= keptShare,
      value("minimum-width") == schema["minimum-width"]?.defaultValue
    else { return }
    let share = (keptShare * 10_000).rounded() / 10_000
    throw conflict(
      "simplify",
      "on average k keeps a unit in \(share) of the examples, so a rate of "
        + "\(simplification.pruneRate) would cut on down to --minimum-width; choose a rate well "
        + "below \(share), a larger --k, or say how wide layers stay with --target-width or "
        + "--minimum-width")
  }

  /// Throws where a value that only sgd, or only some policy of selection, has is given with
  /// another.
  func checkSelectionValues() throws {
    let policy = string("select")
    if double("memory") > 0, policy == "dense" || policy == "random-k" {
      throw conflict(
        "memory",
        "only top-k, batch-top-k, sampled and unified have unit memory, found --select \(policy); "
          + "leave it out")
    }
    if string("memory-scope") == MemoryScope.slot.rawValue, policy != "top-k" {
      throw conflict(
        "memory-scope", "only top-k has a memory by slots, found --select \(policy); leave it out")
    }
    if value("group") != .none, policy != "unified" {
      throw conflict("group", "only unified has groups, found --select \(policy); leave it out")
    }
    if double("beta2") != SharedSettings.beta2, string("optimizer") != "adam" {
      throw conflict(
        "beta2", "only --optimizer adam has it, found \(string("optimizer")); leave it out")
    }
    if double("momentum") > 0, string("optimizer") != "sgd" {
      throw conflict(
        "momentum",
        "only --optimizer sgd has momentum, found \(string("optimizer")); leave it out")
    }
  }
}
