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
      default: .adam()
      }
    var optimizer = Optimizer(
      method, learningRate: Float(double("learning-rate")),
      untouchedRows: string("untouched") == "skip" ? .skip : .update)
    optimizer.l2 = Float(double("l2"))
    optimizer.weightDecay = Float(double("weight-decay"))
    optimizer.clipValue = optionalDouble("clip-value").map { Float($0) }
    return optimizer
  }

  /// The stopping rule of `epochs`, `patience` and `target`.
  var stoppingRule: StoppingRule {
    StoppingRule(
      epochs: int("epochs"), patience: optionalInt("patience"),
      target: optionalDouble("target"))
  }

  /// Throws where a value that only sgd, or only some policy of selection, has is given with another.
  func checkSelectionValues() throws {
    let policy = string("select")
    if double("memory") > 0, policy == "dense" || policy == "random-k" {
      throw conflict(
        "memory", "only top-k and unified have unit memory, found --select \(policy); leave it out")
    }
    if string("memory-scope") == MemoryScope.slot.rawValue, policy != "top-k" {
      throw conflict(
        "memory-scope", "only top-k has a memory by slots, found --select \(policy); leave it out")
    }
    if value("group") != .none, policy != "unified" {
      throw conflict("group", "only unified has groups, found --select \(policy); leave it out")
    }
    if double("momentum") > 0, string("optimizer") != "sgd" {
      throw conflict(
        "momentum",
        "only --optimizer sgd has momentum, found \(string("optimizer")); leave it out")
    }
  }
}
