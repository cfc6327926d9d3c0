// A page of sections, and its HTML.

import Foundation
import Mustache

/// A part of a section.
public enum ReportBlock: Sendable {
  /// A drawing with its numbers behind.
  case chart(any Chart)
  /// A table that is shown, with a caption.
  case table(ChartTable, caption: String)
  /// Keys and values in columns behind a title, folded away or open.
  case settings(String, [(key: String, value: String)], isOpen: Bool)
  /// Links to other pages behind a title, folded away; targets are relative to this page.
  case links(String, [(text: String, target: String)])
  /// A sentence on what is not there, and why.
  case absence(String)
}

/// A section of a page.
public struct ReportSection: Sendable {
  /// Its title.
  public var title: String
  /// What it shows and how to read it.
  public var text: String
  /// What is in it.
  public var blocks: [ReportBlock]

  /// Creates a section.
  public init(_ title: String, text: String, blocks: [ReportBlock]) {
    self.title = title
    self.text = text
    self.blocks = blocks
  }
}

/// A page that needs nothing besides itself: no network, no script.
///
/// It follows the reader's light or dark setting, fits screens from 320 pixels on, and prints.
public struct ReportPage: Sendable {
  /// A figure shown large at the head of the page.
  public struct Fact: Sendable {
    /// What it is.
    public var label: String
    /// Its value with its unit.
    public var value: String

    /// Creates a fact.
    public init(_ label: String, _ value: String) {
      self.label = label
      self.value = value
    }
  }

  /// The title.
  public var title: String
  /// What is reported on, in a line or two.
  public var subtitle: String
  /// Figures shown large.
  public var facts: [Fact]
  /// What is missing or damaged.
  public var notes: [String]
  /// The sections.
  public var sections: [ReportSection]
  /// What the page was made by, at its end.
  public var footer: String

  /// Creates a page.
  public init(
    title: String, subtitle: String, facts: [Fact], notes: [String] = [],
    sections: [ReportSection], footer: String
  ) {
    self.title = title
    self.subtitle = subtitle
    self.facts = facts
    self.notes = notes
    self.sections = sections
    self.footer = footer
  }

  /// The page as HTML.
  ///
  /// - Throws: The template's error, if it is damaged.
  public func html() throws -> String {
    let library = MustacheLibrary(templates: [
      "table": try MustacheTemplate(string: Self.tableTemplate)
    ])
    return try MustacheTemplate(string: Self.template).render(PageModel(self), library: library)
  }
}

// MARK: - What the template takes

private struct PageModel {
  let title: String
  let subtitle: String
  let style: String
  let facts: [ReportPage.Fact]
  let hasNotes: Bool
  let notes: [String]
  let sections: [SectionModel]
  let footer: String

  init(_ page: ReportPage) {
    title = page.title
    subtitle = page.subtitle
    style = ChartStyle.styleSheet + "\n" + ReportPage.styleSheet
    facts = page.facts
    hasNotes = !page.notes.isEmpty
    notes = page.notes
    sections = page.sections.enumerated().map { SectionModel($1, number: $0 + 1) }
    footer = page.footer
  }
}

private struct SectionModel {
  let id: String
  let title: String
  let text: String
  let hasText: Bool
  let figures: [FigureModel]
  let hasFigures: Bool
  let tables: [TableModel]
  let settings: [SettingsModel]
  let links: [LinksModel]
  let absences: [String]

  init(_ section: ReportSection, number: Int) {
    id = "section-\(number)"
    title = section.title
    text = section.text
    hasText = !section.text.isEmpty
    var figures: [FigureModel] = []
    var tables: [TableModel] = []
    var settings: [SettingsModel] = []
    var links: [LinksModel] = []
    var absences: [String] = []
    for block in section.blocks {
      switch block {
      case .chart(let chart):
        figures.append(FigureModel(chart, id: "figure-\(number)-\(figures.count + 1)"))
      case .table(let table, let caption): tables.append(TableModel(table, caption: caption))
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
    self.figures = figures
    hasFigures = !figures.isEmpty
    self.tables = tables
    self.settings = settings
    self.links = links
    self.absences = absences
  }
}

private struct FigureModel {
  let title: String
  let summary: String
  let svg: String
  let table: TableModel

  init(_ chart: any Chart, id: String) {
    title = chart.title
    summary = chart.summary
    svg = chart.svg(id: id).description
    table = TableModel(chart.table, caption: chart.title)
  }
}

private struct TableModel {
  struct Row {
    let name: String
    let cells: [String]
  }

  let caption: String
  let corner: String
  let head: [String]
  let rows: [Row]

  init(_ table: ChartTable, caption: String) {
    self.caption = caption
    corner = table.head.first ?? ""
    head = Array(table.head.dropFirst())
    rows = table.rows.map { Row(name: $0.first ?? "", cells: Array($0.dropFirst())) }
  }
}

private struct LinksModel {
  struct Link {
    let text: String
    let target: String
  }

  let title: String
  let targets: [Link]
}

private struct SettingsModel {
  struct Value {
    let key: String
    let value: String
  }

  let title: String
  let isOpen: Bool
  let values: [Value]
}
