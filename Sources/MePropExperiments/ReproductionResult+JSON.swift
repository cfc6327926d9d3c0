// The object that `meprop reproduce --json` prints.

import MePropTraining

extension ReproductionResult {
  /// All tables as one object; what is not known is `null`.
  public var json: JSONValue {
    .object([
      .init("description", .array(description.map { .string($0) })),
      .init("margin", .number(Self.margin)),
      .init("tables", .array(tables.map(\.json) + widthTables)),
    ])
  }

  private var widthTables: [JSONValue] {
    ["table7", "table8"].compactMap { name in
      let rows = widths.filter { $0.table == name }
      guard !rows.isEmpty else { return nil }
      return .object([
        .init("id", .string(name)), .init("title", .string(WidthResult.title(of: name))),
        .init("note", .string(WidthResult.note(of: name))),
        .init(
          "rows",
          .array(
            rows.map { row in
              .object([
                .init("width", .integer(row.width)),
                .init("k", row.k.map { .integer($0) } ?? .null),
                .init("microseconds", .number(row.microseconds)),
                .init("spread", .number(row.spread)),
                .init("timesDense", .number(row.timesDense)),
                .init("torchMicroseconds", .number(row.torchMicroseconds)),
                .init("timesTorch", .number(row.timesTorch)),
                .init("paper", .object([.init("timesDense", .number(row.paper))])),
              ])
            })),
      ])
    }
  }
}

extension TableResult {
  /// The table as an object.
  var json: JSONValue {
    .object([
      .init("id", .string(table.id)), .init("title", .string(table.title)),
      .init("note", .string(table.note)), .init("rows", .array(rows.map(\.json))),
    ])
  }
}

extension RowResult {
  /// The row as an object: `paper` and `ours` side by side.
  var json: JSONValue {
    let paper = row.paper
    return .object([
      .init("label", .string(row.label)), .init("experiment", .string(row.experiment)),
      .init(
        "paper",
        .object([
          .init("iterations", paper.iterations.map { .integer($0) } ?? .null),
          .init("dev", .number(paper.dev)), .init("test", .number(paper.test)),
          .init("productSeconds", .number(paper.products)),
          .init("forwardSeconds", .number(paper.forward)),
          .init("backwardSeconds", .number(paper.backward)),
        ])),
      .init(
        "ours",
        .object([
          .init("seeds", .integer(test.values.count)), .init("iterations", iterations.json),
          .init("dev", dev.json), .init("test", test.json),
          .init("devByEpoch", .array(curve.map { .number($0) })),
          .init("touchedRows", .array(touchedRows.map { .number($0) })),
        ])),
      .init(
        "times",
        .object([
          .init("products", json(products)), .init("backward", json(backward)),
          .init("forward", json(forward)), .init("whole", json(whole)),
          .init("spread", .number(spread)),
        ])),
      .init("comparison", json(comparison, with: row.against)),
      .init("comparisonWithDense", json(comparisonWithDense, with: nil)),
    ])
  }

  private func json(_ time: TimeResult?) -> JSONValue {
    guard let time else { return .null }
    return .object([
      .init("seconds", .number(time.seconds)), .init("timesDense", .number(time.timesDense)),
      .init("timesTorch", .number(time.timesTorch)),
      .init("paper", .object([.init("timesDense", .number(time.paper))])),
    ])
  }

  private func json(_ comparison: PairedComparison?, with against: String?) -> JSONValue {
    guard let comparison else { return .null }
    return .object([
      .init("against", against.map { .string($0) } ?? .null),
      .init("difference", .number(comparison.difference)),
      .init(
        "interval",
        comparison.interval.map { .array([.number($0.lowerBound), .number($0.upperBound)]) }
          ?? .null),
      .init("p", .number(comparison.pValue)), .init("pairs", .integer(comparison.count)),
      .init(
        "verdict", .string(comparison.verdict(margin: ReproductionResult.margin).rawValue)),
    ])
  }
}

extension Sample {
  /// Mean and standard deviation; `null` of no values.
  var json: JSONValue {
    guard !values.isEmpty else { return .null }
    return .object([
      .init("mean", .number(mean)), .init("deviation", .number(deviation)),
      .init("values", .array(values.map { .number($0) })),
    ])
  }
}

extension JSONValue {
  /// A number, or `null`.
  static func number(_ value: Double?) -> JSONValue {
    guard let value else { return .null }
    return .number(value)
  }
}
