// What the templates take: the stored properties here are the names there.

/// A page.
struct PageModel {
  let title: String
  let subtitle: String
  let style: String
  let facts: [ReportPage.Fact]
  let hasFacts: Bool
  let notes: [String]
  let hasNotes: Bool
  let sections: [SectionModel]
  let footer: String

  init(_ page: ReportPage) {
    title = page.title
    subtitle = page.subtitle
    style = ChartStyle.styleSheet + "\n" + ReportPage.styleSheet
    facts = page.facts
    hasFacts = !page.facts.isEmpty
    notes = page.notes
    hasNotes = !page.notes.isEmpty
    sections = page.sections.enumerated().map { SectionModel($1, number: $0 + 1) }
    footer = page.footer
  }
}

/// A section: on wide screens its title stands left of what is in it, but above wide tables.
struct SectionModel {
  let id: String
  let title: String
  let text: String
  let hasText: Bool
  let figures: [FigureModel]
  let folds: [FoldModel]
  /// Tables that fit beside the title.
  let tables: [TableModel]
  /// Tables that need the whole width of the page.
  let wideTables: [TableModel]
  let absences: [String]
  let settings: [SettingsModel]
  let links: [LinksModel]
  let hasFigures: Bool
  let hasBody: Bool
  let hasWideTables: Bool
  let hasEnd: Bool
  /// Whether nothing stands beside the title.
  let isFlat: Bool

  init(_ section: ReportSection, number: Int) {
    id = "section-\(number)"
    title = section.title
    text = section.text
    hasText = !section.text.isEmpty
    var figures: [FigureModel] = []
    var folds: [FoldModel] = []
    var tables: [TableModel] = []
    var wideTables: [TableModel] = []
    var absences: [String] = []
    var settings: [SettingsModel] = []
    var links: [LinksModel] = []
    var figureCount = 0
    func figure(_ chart: any Chart) -> FigureModel {
      figureCount += 1
      return FigureModel(chart, id: "figure-\(number)-\(figureCount)")
    }
    for block in section.blocks {
      switch block {
      case .chart(let chart): figures.append(figure(chart))
      case .folded(let title, let charts):
        folds.append(FoldModel(title: title, figures: charts.map { figure($0) }))
      case .table(let table, let caption):
        let model = TableModel(table, caption: caption)
        if TableLayout.span(of: table) == .body {
          tables.append(model)
        } else {
          wideTables.append(model)
        }
      case .settings(let title, let values, let isOpen):
        settings.append(
          SettingsModel(
            title: title, isOpen: isOpen,
            values: values.map { SettingsModel.Value(key: $0.key, value: $0.value) }))
      case .links(let title, let targets):
        links.append(
          LinksModel(title: title, targets: targets.map { LinksModel.Link(text: $0, target: $1) }))
      case .absence(let text): absences.append(text)
      }
    }
    let bodyCount = figures.count + folds.count + tables.count + absences.count
    self.figures = figures
    self.folds = folds
    self.tables = tables
    self.wideTables = wideTables
    self.absences = absences
    self.settings = settings
    self.links = links
    hasFigures = !figures.isEmpty
    hasBody = bodyCount > 0
    hasWideTables = !wideTables.isEmpty
    hasEnd = settings.count + links.count > 0
    isFlat = bodyCount == 0 && !wideTables.isEmpty
  }
}

/// A drawing with its title and its numbers.
struct FigureModel {
  let title: String
  let summary: String
  let svg: String
  /// Whether it is wider than a small screen, so that it keeps its size and scrolls.
  let isLarge: Bool
  /// Its width in pixels.
  let width: Int
  let table: TableModel

  init(_ chart: any Chart, id: String) {
    title = chart.title
    summary = chart.summary
    svg = chart.svg(id: id).description
    width = Int(chart.size.width.rounded(.up))
    isLarge = chart.size.width > 1.3 * ChartStyle.width
    table = TableModel(chart.table, caption: chart.title)
  }
}

/// Drawings behind a title.
struct FoldModel {
  let title: String
  let figures: [FigureModel]
}

/// A table; the first column names its rows.
struct TableModel {
  /// The head of a column; one with a long word is not limited in its width.
  struct Head {
    let text: String
    let isLong: Bool
  }

  /// A text of a row; a long one wraps.
  struct Cell {
    let text: String
    let isLong: Bool
  }

  /// A row; its name wraps if it is long.
  struct Row {
    let name: String
    let isLong: Bool
    let cells: [Cell]
  }

  let caption: String
  /// The classes of the box around it.
  let classes: String
  let corner: String
  let head: [Head]
  let rows: [Row]

  init(_ table: ChartTable, caption: String) {
    self.caption = caption
    classes = TableLayout.classes(of: table)
    corner = table.head.first ?? ""
    head = table.head.dropFirst().map {
      let text = TableLayout.unbrokenHead($0)
      return Head(text: text, isLong: TableLayout.isLongHead(text))
    }
    rows = table.rows.map { row in
      let name = row.first ?? ""
      return Row(
        name: TableLayout.unbroken(name), isLong: TableLayout.isLongName(name),
        cells: row.dropFirst().map {
          Cell(text: TableLayout.unbroken($0), isLong: TableLayout.isLongText($0))
        })
    }
  }
}

/// Links behind a title.
struct LinksModel {
  struct Link {
    let text: String
    let target: String
  }

  let title: String
  let targets: [Link]
}

/// Keys and values behind a title.
struct SettingsModel {
  struct Value {
    let key: String
    let value: String
  }

  let title: String
  let isOpen: Bool
  let values: [Value]
}
