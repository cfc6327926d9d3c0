// A page of sections, and its HTML.

import Foundation
import Mustache

/// A part of a section.
public enum ReportBlock: Sendable {
  /// A drawing with its numbers behind; one wider than a small screen scrolls within itself there.
  case chart(any Chart)
  /// Drawings behind a title, folded away: large ones, or details for few readers.
  case folded(String, [any Chart])
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
      "figure": try MustacheTemplate(string: Self.figureTemplate),
      "table": try MustacheTemplate(string: Self.tableTemplate),
    ])
    return try MustacheTemplate(string: Self.template).render(PageModel(self), library: library)
  }
}
