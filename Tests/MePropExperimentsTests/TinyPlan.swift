// Experiments of less than a second on made-up images.

import MePropExperiments

extension ExperimentPlan {
  /// A dense experiment and a sparse one, and a table of both; the name of the table is `tiny`, or
  /// what is given.
  static func tiny(_ images: SyntheticImages, table: String = "tiny") -> ExperimentPlan {
    func experiment(_ id: String, _ settings: [(String, String)], dense: String?) -> Experiment {
      let all =
        [
          ("data", images.url.path), ("classes", "3"), ("dev-count", "40"), ("hidden", "24,16"),
          ("batch", "10"), ("epochs", "4"), ("learning-rate", "0.01"),
        ] + settings
      return Experiment(
        id: id, task: "digits", settings: all.map { ExperimentSetting($0.0, $0.1) },
        quick: [ExperimentSetting("epochs", "2")], dense: dense)
    }
    return ExperimentPlan(
      tables: [
        ExperimentTable(
          id: table, title: "Tiny", note: "A note.",
          rows: [
            ExperimentRow(
              label: "dense", experiment: "dense", against: nil,
              paper: PaperFigures(iterations: 3, dev: 98, test: 97, products: 10)),
            ExperimentRow(
              label: "k = 4", experiment: "k4", against: "dense",
              paper: PaperFigures(test: 97.5, products: 2)),
          ])
      ],
      experiments: [
        experiment("dense", [("select", "dense")], dense: nil),
        experiment("k4", [("select", "top-k"), ("k", "4"), ("memory", "0.9")], dense: "dense"),
      ])
  }
}

extension ReproductionSettings {
  /// Two seeds of subsets, one thread.
  static var tiny: ReproductionSettings {
    var settings = ReproductionSettings()
    settings.isQuick = true
    settings.seedCount = 2
    settings.threads = 1
    return settings
  }
}
