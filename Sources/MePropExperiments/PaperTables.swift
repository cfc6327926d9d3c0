// The rows of Tables 1 to 6 and Figure 4 of the paper, with its figures.

extension PlanBuilder {
  mutating func addTable1() {
    func adaGrad(_ rate: String) -> KeyValuePairs<String, String> {
      ["select": "dense", "optimizer": "adagrad", "learning-rate": rate]
    }
    func sparse(_ k: String, _ rate: String) -> KeyValuePairs<String, String> {
      ["select": "top-k", "k": k, "optimizer": "adagrad", "learning-rate": rate]
    }
    let taggerA = tagger("adagrad-dense", adaGrad("0.01"))
    let taggerAK = tagger("adagrad-k5", sparse("5", "0.01"), dense: "adagrad-dense")
    let parserA = parser("adagrad-dense", adaGrad("0.01"))
    let parserAK = parser("adagrad-k20", sparse("20", "0.01"), dense: "adagrad-dense")
    // Ten times as much on MNIST, as in the paper.
    let digitsA = digits("adagrad-dense", adaGrad("0.1"))
    let digitsAK = digits("adagrad-k10", sparse("10", "0.1"), dense: "adagrad-dense")
    let (taggerD, taggerK) = adamTagger()
    let (parserD, parserK) = adamParser()
    let (digitsD, digitsK) = adamDigits()
    let taggerM = tagger(
      "k10-skip", ["select": "top-k", "k": "10", "untouched": "skip"], dense: "dense")
    let parserM = parser(
      "k20-memory", ["select": "top-k", "k": "20", "memory": "0.9", "untouched": "skip"],
      dense: "dense")
    let digitsM = digits(
      "k20-memory", ["select": "top-k", "k": "20", "memory": "0.9", "untouched": "skip"],
      dense: "dense")
    let digitsB = digits("batch20", ["select": "batch-top-k", "k": "20"], dense: "dense")
    let digitsS = digits("sampled20", ["select": "sampled", "k": "20"], dense: "dense")
    var rows: [ExperimentRow] = [
      row(
        "tagging, AdaGrad, dense", taggerA,
        PaperFigures(iterations: 4, dev: 96.89, test: 96.93, products: 17_534.4)),
      row(
        "tagging, AdaGrad, k = 5", taggerAK, against: taggerA,
        PaperFigures(iterations: 4, dev: 97.18, test: 97.25, products: 253.2)),
      row(
        "parsing, AdaGrad, dense", parserA,
        PaperFigures(iterations: 11, dev: 89.07, test: 88.92, products: 8_899.7)),
      row(
        "parsing, AdaGrad, k = 20", parserAK, against: parserA,
        PaperFigures(iterations: 8, dev: 89.17, test: 88.95, products: 492.3)),
      row(
        "MNIST, AdaGrad, dense", digitsA,
        PaperFigures(iterations: 8, dev: 98.20, test: 97.52, products: 171)),
      row(
        "MNIST, AdaGrad, k = 10", digitsAK, against: digitsA,
        PaperFigures(iterations: 16, dev: 98.20, test: 98.00, products: 4.1)),
      row(
        "tagging, Adam, dense", taggerD,
        PaperFigures(iterations: 2, dev: 97.18, test: 97.07, products: 16_167.3)),
      row(
        "tagging, Adam, k = 5", taggerK, against: taggerD,
        PaperFigures(iterations: 5, dev: 97.14, test: 97.12, products: 247.2)),
      row("tagging, Adam, k = 10, skip *", taggerM, against: taggerD),
      row(
        "parsing, Adam, dense", parserD,
        PaperFigures(iterations: 14, dev: 90.12, test: 89.84, products: 9_077.7)),
      row(
        "parsing, Adam, k = 20", parserK, against: parserD,
        PaperFigures(iterations: 6, dev: 90.02, test: 90.01, products: 488.7)),
      row("parsing, Adam, k = 20, memory *", parserM, against: parserD),
    ]
    rows += parserRowsOverBatch(against: parserD)
    rows += [
      row(
        "MNIST, Adam, dense", digitsD,
        PaperFigures(iterations: 17, dev: 98.32, test: 97.82, products: 169.5)),
      row(
        "MNIST, Adam, k = 20", digitsK, against: digitsD,
        PaperFigures(iterations: 15, dev: 98.22, test: 98.01, products: 7.9)),
      row("MNIST, Adam, k = 20, memory *", digitsM, against: digitsD),
      row(
        "MNIST, Adam, batch top-k = 20 *",
        digitsB,
        against: digitsD),
      row(
        "MNIST, Adam, sampled, k = 20 *",
        digitsS,
        against: digitsD),
    ]
    tables.append(
      ExperimentTable(
        id: "table1", title: "Table 1: main results",
        note: "h = 500. Scores are accuracy, for parsing UAS, in percent, on test data after the "
          + "epoch that is best on development data, for parsing by LAS. Rows marked * are not in "
          + "the paper: unit memory, or a larger k, with rows that are not touched left alone; "
          + "selection over the whole batch; and batches so small that an epoch has as many "
          + "updates as the paper's treebank gives (190).",
        rows: rows))
  }

  /// Whether it is the policy or the number of updates that the parser at the paper's settings
  /// lacks: each policy with both numbers of updates.
  private mutating func parserRowsOverBatch(against dense: String) -> [ExperimentRow] {
    let policies: [(name: String, select: String, text: String)] = [
      ("k20", "top-k", "k = 20"), ("batch20", "batch-top-k", "batch top-k = 20"),
      ("sampled20", "sampled", "sampled, k = 20"),
    ]
    var rows: [ExperimentRow] = []
    for (name, select, text) in policies.dropFirst() {
      let id = parser(name, ["select": select, "k": "20"], dense: "dense")
      rows.append(row("parsing, Adam, \(text) *", id, against: dense))
    }
    // 41 batches of 10,000 transitions become 190.
    let batch = "2158"
    let many = parser("updates-dense", ["select": "dense", "batch": batch])
    rows.append(row("parsing, Adam, dense, 190 updates *", many))
    for (name, select, text) in policies {
      let id = parser(
        "updates-\(name)", ["select": select, "k": "20", "batch": batch], dense: "updates-dense")
      rows.append(row("parsing, Adam, \(text), 190 updates *", id, against: many))
    }
    return rows
  }

  private mutating func adamTagger() -> (dense: String, sparse: String) {
    (
      tagger("dense", ["select": "dense"]),
      tagger("k5", ["select": "top-k", "k": "5"], dense: "dense")
    )
  }

  private mutating func adamParser() -> (dense: String, sparse: String) {
    (
      parser("dense", ["select": "dense"]),
      parser("k20", ["select": "top-k", "k": "20"], dense: "dense")
    )
  }

  private mutating func adamDigits() -> (dense: String, sparse: String) {
    (digits("dense", ["select": "dense"]), topK(20))
  }

  /// MNIST with Adam and k of 500.
  private mutating func topK(_ k: Int) -> String {
    digits("k\(k)", ["select": "top-k", "k": "\(k)"], dense: "dense")
  }

  /// MNIST with Adam and dense hidden layers of this width.
  private mutating func narrow(_ width: Int) -> String {
    digits("narrow\(width)", ["select": "dense", "hidden": "\(width),\(width)"])
  }

  mutating func addTable2() {
    let (taggerD, taggerK) = adamTagger()
    let (parserD, parserK) = adamParser()
    let (digitsD, digitsK) = adamDigits()
    tables.append(
      ExperimentTable(
        id: "table2", title: "Table 2: overall times of an epoch, Adam",
        note: "The paper's sum is forward and backward; the optimizer is in none of its times.",
        rows: [
          row("tagging, dense", taggerD, PaperFigures(forward: 7_334, backward: 16_522)),
          row(
            "tagging, k = 5", taggerK, against: taggerD,
            PaperFigures(forward: 7_362, backward: 540)),
          row("parsing, dense", parserD, PaperFigures(forward: 3_906, backward: 9_114)),
          row(
            "parsing, k = 20", parserK, against: parserD,
            PaperFigures(forward: 4_002, backward: 513)),
          row("MNIST, dense", digitsD, PaperFigures(forward: 69, backward: 171)),
          row(
            "MNIST, k = 20", digitsK, against: digitsD, PaperFigures(forward: 68, backward: 9)),
        ]))
  }

  mutating func addTable3() {
    let taggerN = tagger("narrow5", ["select": "dense", "hidden": "5"])
    let parserN = parser("narrow20", ["select": "dense", "hidden": "20,20"])
    let digitsN = narrow(20)
    let (_, taggerK) = adamTagger()
    let (_, parserK) = adamParser()
    let (_, digitsK) = adamDigits()
    tables.append(
      ExperimentTable(
        id: "table3", title: "Table 3: a dense network of width k, and k of 500", note: "Adam.",
        rows: [
          row("tagging, dense, h = 5", taggerN, PaperFigures(iterations: 7, test: 96.40)),
          row(
            "tagging, k = 5", taggerK, against: taggerN, PaperFigures(iterations: 5, test: 97.12)),
          row("parsing, dense, h = 20", parserN, PaperFigures(iterations: 18, test: 88.37)),
          row(
            "parsing, k = 20", parserK, against: parserN, PaperFigures(iterations: 6, test: 90.01)),
          row("MNIST, dense, h = 20", digitsN, PaperFigures(iterations: 15, test: 95.77)),
          row(
            "MNIST, k = 20", digitsK, against: digitsN, PaperFigures(iterations: 17, test: 98.01)),
        ]))
  }

  mutating func addTable4() {
    let taggerD = tagger("dropout-dense", ["select": "dense", "dropout": "0.5"])
    let taggerK = tagger(
      "dropout-k20", ["select": "top-k", "k": "20", "dropout": "0.5"], dense: "dropout-dense")
    let parserD = parser("dropout-dense", ["select": "dense", "dropout": "0.5"])
    let parserK = parser(
      "dropout-k40", ["select": "top-k", "k": "40", "dropout": "0.5"], dense: "dropout-dense")
    let digitsD = digits("dropout-dense", ["select": "dense", "dropout": "0.2"])
    let digitsK = digits(
      "dropout-k25", ["select": "top-k", "k": "25", "dropout": "0.2"], dense: "dropout-dense")
    tables.append(
      ExperimentTable(
        id: "table4", title: "Table 4: with dropout",
        note: "Adam; dropout 0.5 for tagging and parsing, 0.2 for MNIST.",
        rows: [
          row("tagging, dense", taggerD, PaperFigures(test: 97.20)),
          row("tagging, k = 20", taggerK, against: taggerD, PaperFigures(test: 97.31)),
          row("parsing, dense", parserD, PaperFigures(test: 91.53)),
          row("parsing, k = 40", parserK, against: parserD, PaperFigures(test: 91.99)),
          row("MNIST, dense", digitsD, PaperFigures(test: 98.09)),
          row("MNIST, k = 25", digitsK, against: digitsD, PaperFigures(test: 98.32)),
        ]))
  }

  mutating func addTable5() {
    let paper = [(2, 98.10, 98.20), (3, 98.21, 98.37), (4, 98.10, 98.15), (5, 98.05, 98.21)]
    var rows: [ExperimentRow] = []
    for (layers, dense, sparse) in paper {
      let hidden = Array(repeating: "500", count: layers).joined(separator: ",")
      let d = digits(
        "layers\(layers)-dense", ["select": "dense", "hidden": hidden, "dropout": "0.1"])
      let k = digits(
        "layers\(layers)-k25",
        ["select": "top-k", "k": "25", "hidden": hidden, "dropout": "0.1"],
        dense: "layers\(layers)-dense")
      rows.append(row("\(layers) hidden layers, dense", d, PaperFigures(test: dense)))
      rows.append(
        row("\(layers) hidden layers, k = 25", k, against: d, PaperFigures(test: sparse)))
    }
    tables.append(
      ExperimentTable(
        id: "table5", title: "Table 5: more hidden layers, MNIST", note: "Adam, dropout 0.1.",
        rows: rows))
  }

  mutating func addTable6() {
    var rows: [ExperimentRow] = []
    for (layers, k, dense, unified) in [(2, 30, 97.97, 98.08), (5, 50, 98.09, 98.36)] {
      let hidden = Array(repeating: "500", count: layers).joined(separator: ",")
      let d = digits(
        "batch50-layers\(layers)-dense", ["select": "dense", "hidden": hidden, "batch": "50"])
      let u = digits(
        "batch50-layers\(layers)-unified\(k)",
        ["select": "unified", "k": "\(k)", "hidden": hidden, "batch": "50"],
        dense: "batch50-layers\(layers)-dense")
      rows.append(row("\(layers) hidden layers, dense", d, PaperFigures(test: dense)))
      rows.append(
        row(
          "\(layers) hidden layers, unified, k = \(k)", u, against: d, PaperFigures(test: unified)))
    }
    tables.append(
      ExperimentTable(
        id: "table6", title: "Table 6: one support for a batch (unified top-k), MNIST",
        note: "Adam, batches of 50.", rows: rows))
  }

  /// MNIST, Adam; the paper's figures are read off the plot by eye, except at k = 20 and 80.
  mutating func addFigure4() {
    let dense = digits("dense", ["select": "dense"])
    let top = [5: 96.0, 10: nil, 20: 98.01, 40: 98.11, 50: 98.1, 80: 98.15, 160: 98.02]
    let random = [5: 86.9, 10: 90.5, 20: 92.2, 40: 94.2, 80: 96.0]
    let narrow = [5: 90.7, 10: 94.1, 20: 96.4, 40: 97.1, 50: 97.3]
    var rows = [row("dense, h = 500", dense, PaperFigures(test: 97.82))]
    for (k, test) in top.sorted(by: { $0.key < $1.key }) {
      rows.append(row("top-k, k = \(k)", topK(k), against: dense, PaperFigures(test: test)))
    }
    for (k, test) in random.sorted(by: { $0.key < $1.key }) {
      let experiment = digits("random-k\(k)", ["select": "random-k", "k": "\(k)"], dense: "dense")
      rows.append(row("random k = \(k)", experiment, against: dense, PaperFigures(test: test)))
    }
    for (width, test) in narrow.sorted(by: { $0.key < $1.key }) {
      rows.append(
        row(
          "dense, h = \(width)", self.narrow(width), against: dense, PaperFigures(test: test)))
    }
    tables.append(
      ExperimentTable(
        id: "figure4", title: "Figure 4: top-k, random k and narrow dense networks, MNIST",
        note: "Adam. The paper's figures were read off its plot, right to about 0.1.", rows: rows))
  }
}
