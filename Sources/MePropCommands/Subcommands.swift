// The subcommands of this module.

import ArgumentParser

/// The subcommands that need no experiments, which compile beside those.
package enum Subcommands {
  /// In the order of the help.
  package static let all: [any ParsableCommand.Type] = [
    TrainCommand.self, EvaluateCommand.self, PredictCommand.self, ConfigCommand.self,
    DataCommand.self, CheckCommand.self, ScoreCommand.self, BenchCommand.self, PlanCommand.self,
    InspectCommand.self, SimplifyCommand.self, ReportCommand.self, ImportanceCommand.self,
  ]
}
