// What memory does: off, unit memory, and as a control a memory for each place in the batch, over k
// and batch size.

extension PlanBuilder {
  mutating func addMemory() {
    addMemory(
      task: "digits", title: "MNIST", batches: ["1", "8", "64", "512"],
      shares: ["0.01", "0.02", "0.04", "0.08", "0.16"], quickBatches: ["8", "64"],
      quickShares: ["0.04"], beta: "0.9", hasOneRowAnExample: true,
      base: [
        "epochs": "5", "learning-rate-schedule": "constant", "learning-rate": "auto",
        "precision": "f32",
      ],
      quick: ["train-limit": "3000", "epochs": "2"])
    addMemory(
      task: "tagger", title: "tagging", batches: ["1", "16"], shares: ["0.02", "0.08"],
      quickBatches: ["16"], quickShares: ["0.02"], beta: "0.5",
      base: [
        "epochs": "3", "dropout": "0", "learning-rate-schedule": "constant",
        "learning-rate": "0.001", "average": "0", "precision": "f32",
      ],
      quick: ["train-limit": "500", "epochs": "1"])
    addMemory(
      task: "parser", title: "parsing", batches: ["100", "1000", "10000"],
      shares: ["0.04", "0.1"], quickBatches: ["100"], quickShares: ["0.04"], beta: "0.9",
      base: ["epochs": "4"], quick: ["train-limit": "500", "epochs": "1"])
  }

  private mutating func addMemory(
    task: String, title: String, batches: [String], shares: [String], quickBatches: [String],
    quickShares: [String], beta: String, hasOneRowAnExample: Bool = false,
    base: KeyValuePairs<String, String>,
    quick: KeyValuePairs<String, String>
  ) {
    func experiment(
      _ id: String, _ settings: KeyValuePairs<String, String>, dense: String?
    ) -> Experiment {
      var result = Experiment(
        id: id, task: task, settings: merged(base, settings), quick: merged(quick, [:]),
        dense: dense)
      result.isInQuick =
        result.value(of: "batch").map(quickBatches.contains) ?? true
        && (result.value(of: "k").map(quickShares.contains) ?? true)
      return result
    }
    var rows: [ExperimentRow] = []
    for batch in batches {
      let prefix = "memory-\(task)-batch\(batch)"
      let dense = add(
        experiment("\(prefix)-dense", ["batch": batch, "select": "dense"], dense: nil))
      rows.append(row("batch \(batch), dense", dense))
      for share in shares {
        var other = dense
        for (name, memory, scope) in [
          ("none", "0", "unit"), ("unit", beta, "unit"), ("slot", beta, "slot"),
        ] {
          // With one row a batch they are the same.
          if batch == "1", scope == "slot", hasOneRowAnExample { continue }
          let id = add(
            experiment(
              "\(prefix)-k\(share)-\(name)",
              [
                "batch": batch, "select": "top-k", "k": share, "untouched": "skip",
                "memory": memory, "memory-scope": scope,
              ], dense: dense))
          let kind = name == "none" ? "no memory" : "memory by \(name)"
          rows.append(row("batch \(batch), k = \(share), \(kind)", id, against: other))
          other = id
        }
        var plain = dense
        for (name, policy, memory) in [
          ("batch", "batch-top-k", "0"), ("batch-unit", "batch-top-k", beta),
          ("sampled", "sampled", "0"),
        ] {
          let id = add(
            experiment(
              "\(prefix)-k\(share)-\(name)",
              [
                "batch": batch, "select": policy, "k": share, "untouched": "skip",
                "memory": memory,
              ], dense: dense))
          let kind =
            policy == "sampled"
            ? "sampled" : "over the batch, \(memory == "0" ? "no memory" : "memory by unit")"
          rows.append(
            row(
              "batch \(batch), k = \(share), \(kind)", id,
              against: policy == "sampled" ? dense : plain))
          plain = id
        }
      }
    }
    tables.append(
      ExperimentTable(
        id: "memory-\(task)", title: "Memory and its control: \(title)",
        note: "Each row is compared with the row above it of the same batch size and k: no memory "
          + "with dense, unit memory with none, a memory for each place in the batch (a control) "
          + "with unit memory. Batch top-k without memory goes beside dense, with memory beside "
          + "none; sampling goes beside dense. β = \(beta). Seconds an epoch are the median of "
          + "five turns of a step, in which all rows of a batch size take turns, times the steps "
          + "of an epoch; evaluation and checkpoints are left out.",
        rows: rows))
  }
}
