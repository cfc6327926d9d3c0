// Tables 7 and 8 as a part of a reproduction: what is open of them, how long it takes, measuring.

import MePropTraining

extension Reproduction {
  static func widthKey(_ table: String) -> String { "widths of \(table)" }

  private var width: Int { WidthResult.width(isQuick: settings.isQuick) }

  /// The tables that are not measured, or not in PyTorch where that is asked for.
  package func openWidthTables() -> [String] {
    widthTables.filter { table in
      guard
        let rows = folder.widths(of: table, width: width, threads: settings.timingThreads)
      else { return true }
      return settings.python != nil && rows.contains { $0.torchMicroseconds == nil }
    }
  }

  /// Measures this machine's peaks, and gets ready for the tables.
  func makeWidthBenchmark() -> WidthBenchmark {
    WidthBenchmark(
      width: width, settings: settings, interrupt: interrupt,
      progress: { [self] text in
        let left = forecast.remaining
        status.show(left > 0 ? "\(text); about \(Forecast.text(left)) left" : text)
      })
  }

  /// Adds tables to the forecast.
  func addWidths(_ tables: [String], _ benchmark: WidthBenchmark) {
    for table in tables {
      let seconds = benchmark.forecastSeconds(of: table)
      forecast.add(Self.widthKey(table), seconds: seconds)
    }
  }

  /// Measures a table and keeps it.
  ///
  /// - Throws: `ReproductionInterrupted`, and what measuring throws.
  func measure(_ table: String, _ benchmark: WidthBenchmark) throws {
    try checkInterruption()
    status.write(
      "\(table): layers of \(width) units; about \(Forecast.text(forecast.remaining)) left")
    let rows = try benchmark.measure(table)
    try folder.save(
      MeasuredWidths(width: width, threads: settings.timingThreads, rows: rows), of: table)
  }
}
