// What every drawing comes with: a title, a description in words, and its numbers as a table.

/// A table of texts.
public struct ChartTable: Sendable, Equatable {
  /// The heads of columns.
  public var head: [String]
  /// The rows, each with a text for every column; the first names the row.
  public var rows: [[String]]

  /// Creates a table.
  public init(head: [String], rows: [[String]]) {
    self.head = head
    self.rows = rows
  }
}

/// A drawing that people can also read without seeing it.
public protocol Chart: Sendable {
  /// What is shown, in a few words.
  var title: String { get }
  /// What there is to see, in a sentence or two.
  var summary: String { get }
  /// The numbers.
  var table: ChartTable { get }
  /// The drawing's width and height, in units of about a pixel.
  var size: (width: Double, height: Double) { get }
  /// The parts of the drawing.
  var elements: [SVGElement] { get }
}

extension Chart {
  /// The drawing as an `svg` element with title and description.
  ///
  /// - Parameters:
  ///   - id: Letters, digits and hyphens that no other drawing of the page has.
  ///   - isStandalone: Whether the drawing is to be a file of its own, with name space and styles.
  /// - Returns: The element.
  public func svg(id: String, isStandalone: Bool = false) -> SVGElement {
    let (width, height) = size
    var svg = SVGElement(
      "svg",
      [
        "class": "chart", "viewBox": "0 0 \(SVGText.number(width)) \(SVGText.number(height))",
        "role": "img", "aria-labelledby": "\(id)-title \(id)-desc",
      ])
    var children = [
      SVGElement("title", ["id": "\(id)-title"], text: title),
      SVGElement("desc", ["id": "\(id)-desc"], text: summary),
    ]
    if isStandalone {
      svg.attributes.append(("xmlns", "http://www.w3.org/2000/svg"))
      svg.attributes.append(("width", SVGText.number(width)))
      svg.attributes.append(("height", SVGText.number(height)))
      children.append(SVGElement("style", text: ChartStyle.styleSheet))
      children.append(
        SVGElement("rect", ["width": "100%", "height": "100%", "style": "fill:var(--paper)"]))
    }
    svg.children = children + elements
    return svg
  }
}
