// The experiments of "meProp: Sparsified Back Propagation for Accelerated Deep Learning with
// Reduced Overfitting" (Sun, Ren, Ma and Wang, ICML 2017, arXiv 1706.06197) as one declarative
// list.
//
// Settings are those of the paper and of the authors' code: Adam or AdaGrad at a constant rate,
// dense updates (rows that a gradient does not touch move on), no memory, output layer dense.

import Foundation

extension ExperimentPlan {
  /// Everything that can be reproduced by training.
  public static let all: ExperimentPlan = {
    var builder = PlanBuilder()
    builder.addTable1()
    builder.addTable2()
    builder.addTable3()
    builder.addTable4()
    builder.addTable5()
    builder.addTable6()
    builder.addFigure4()
    builder.addMemory()
    return ExperimentPlan(tables: builder.tables, experiments: builder.experiments)
  }()
}

/// Collects tables and the experiments of their rows.
struct PlanBuilder {
  var tables: [ExperimentTable] = []
  var experiments: [Experiment] = []

  /// Adds an experiment unless it is there, and returns its identifier.
  mutating func add(_ experiment: Experiment) -> String {
    if let known = experiments.first(where: { $0.id == experiment.id }) {
      precondition(known == experiment, "PlanBuilder: two experiments are called '\(known.id)'")
    } else {
      experiments.append(experiment)
    }
    return experiment.id
  }

  // MARK: The tasks as in the paper

  /// MNIST: 784-500-500-10, batches of 10, 20 epochs.
  mutating func digits(
    _ name: String, _ settings: KeyValuePairs<String, String>, dense: String? = nil
  ) -> String {
    add(
      Experiment(
        id: "digits-\(name)", task: "digits",
        settings: merged(
          [
            "epochs": "20", "batch": "10", "optimizer": "adam", "learning-rate": "0.001",
            "learning-rate-schedule": "constant", "initialization": "reference",
            "untouched": "update", "memory": "0", "precision": "f32",
          ], settings),
        quick: merged(["train-limit": "3000", "epochs": "2"], [:]),
        dense: dense.map { "digits-\($0)" }))
  }

  /// Tagging: a biLSTM of 500 units, a sentence a step.
  mutating func tagger(
    _ name: String, _ settings: KeyValuePairs<String, String>, dense: String? = nil
  ) -> String {
    add(
      Experiment(
        id: "tagger-\(name)", task: "tagger",
        settings: merged(
          [
            "preset": "paper", "epochs": "5", "batch": "1", "optimizer": "adam",
            "learning-rate": "0.001", "learning-rate-schedule": "constant", "untouched": "update",
          ], settings),
        quick: merged(["train-limit": "500", "epochs": "1", "batch": "8"], [:]),
        dense: dense.map { "tagger-\($0)" }))
  }

  /// Parsing: 2,400 inputs, two layers of 500, batches of 10,000 transitions.
  mutating func parser(
    _ name: String, _ settings: KeyValuePairs<String, String>, dense: String? = nil
  ) -> String {
    add(
      Experiment(
        id: "parser-\(name)", task: "parser",
        settings: merged(
          [
            "preset": "paper", "epochs": "15", "batch": "10000", "optimizer": "adam",
            "untouched": "update", "memory": "0",
          ], settings),
        quick: merged(["train-limit": "500", "epochs": "1", "batch": "100"], [:]),
        dense: dense.map { "parser-\($0)" }))
  }

  func merged(
    _ base: KeyValuePairs<String, String>, _ extra: KeyValuePairs<String, String>
  ) -> [ExperimentSetting] {
    var result: [ExperimentSetting] = []
    for (key, value) in Array(base) + Array(extra) {
      result.removeAll { $0.key == key }
      result.append(ExperimentSetting(key, value))
    }
    return result
  }

  func row(
    _ label: String, _ experiment: String, against: String? = nil,
    _ paper: PaperFigures = PaperFigures()
  ) -> ExperimentRow {
    ExperimentRow(label: label, experiment: experiment, against: against, paper: paper)
  }
}
