// SVG as a tree of elements, rendered to text that is valid inside HTML and as a file of its own.

/// An element of an SVG drawing.
///
/// ```swift
/// SVGElement("g", children: [
///   .line(from: SVGPoint(x: 0, y: 0), to: SVGPoint(x: 10, y: 0), class: "axis"),
///   .text("0", at: SVGPoint(x: 0, y: 12), anchor: .middle, class: "tick"),
/// ])
/// ```
///
/// Texts and attribute values are escaped. Numbers have two places after the point at most.
public struct SVGElement: Sendable, Equatable, CustomStringConvertible {
  /// The element's name, for example `path`.
  public var name: String
  /// Names and values of attributes, in the order given.
  public var attributes: [(name: String, value: String)]
  /// The elements inside.
  public var children: [SVGElement]
  /// The text inside, before the children.
  public var text: String

  /// Creates an element.
  public init(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:],
    children: [SVGElement] = [], text: String = ""
  ) {
    self.name = name
    self.attributes = attributes.map { ($0, $1) }
    self.children = children
    self.text = text
  }

  /// Compares names, attributes, children and texts.
  public static func == (first: SVGElement, second: SVGElement) -> Bool {
    first.name == second.name && first.text == second.text
      && first.children == second.children
      && first.attributes.elementsEqual(second.attributes, by: ==)
  }

  /// The element as text.
  public var description: String {
    var output = ""
    append(to: &output)
    return output
  }

  private func append(to output: inout String) {
    output += "<\(name)"
    for (name, value) in attributes { output += " \(name)=\"\(SVGText.escaped(value))\"" }
    if children.isEmpty && text.isEmpty {
      output += "/>"
      return
    }
    output += ">" + SVGText.escaped(text)
    for child in children { child.append(to: &output) }
    output += "</\(name)>"
  }
}

/// A place in a drawing, in its units, y downwards.
public struct SVGPoint: Sendable, Equatable {
  /// To the right.
  public var x: Double
  /// Downwards.
  public var y: Double

  /// Creates a point.
  public init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }
}

/// How a text lies about its point.
public enum SVGAnchor: String, Sendable {
  /// It begins there.
  case start
  /// Its middle is there.
  case middle
  /// It ends there.
  case end
}

extension SVGElement {
  /// A straight line.
  public static func line(
    from start: SVGPoint, to end: SVGPoint, class style: String
  ) -> SVGElement {
    SVGElement(
      "line",
      [
        "class": style, "x1": SVGText.number(start.x), "y1": SVGText.number(start.y),
        "x2": SVGText.number(end.x), "y2": SVGText.number(end.y),
      ])
  }

  /// A rectangle whose upper left corner is `origin`.
  public static func rectangle(
    at origin: SVGPoint, width: Double, height: Double, class style: String
  ) -> SVGElement {
    SVGElement(
      "rect",
      [
        "class": style, "x": SVGText.number(origin.x), "y": SVGText.number(origin.y),
        "width": SVGText.number(max(0, width)), "height": SVGText.number(max(0, height)),
      ])
  }

  /// Straight lines from point to point.
  public static func polyline(_ points: [SVGPoint], class style: String) -> SVGElement {
    let places = points.map { "\(SVGText.number($0.x)),\(SVGText.number($0.y))" }
    return SVGElement(
      "polyline", ["class": style, "points": places.joined(separator: " ")])
  }

  /// A text on one line; `point` is on its baseline.
  public static func text(
    _ text: String, at point: SVGPoint, anchor: SVGAnchor = .start, class style: String
  ) -> SVGElement {
    SVGElement(
      "text",
      [
        "class": style, "x": SVGText.number(point.x), "y": SVGText.number(point.y),
        "text-anchor": anchor.rawValue,
      ], text: text)
  }
}

extension SVGElement {
  /// A text on one line that goes upwards from `point`, which is on its baseline.
  public static func turnedText(
    _ text: String, at point: SVGPoint, class style: String
  ) -> SVGElement {
    var element = SVGElement.text(text, at: point, class: style)
    let place = "\(SVGText.number(point.x)) \(SVGText.number(point.y))"
    element.attributes.append(("transform", "rotate(-90 \(place))"))
    return element
  }
}

/// Escaping and numbers.
public enum SVGText {
  /// The text with the characters replaced that mean something in XML and HTML.
  public static func escaped(_ text: String) -> String {
    var output = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": output += "&amp;"
      case "<": output += "&lt;"
      case ">": output += "&gt;"
      case "\"": output += "&quot;"
      case "'": output += "&#39;"
      case "\t", "\n", "\r": output += " "
      // Other control characters are not allowed in XML at all.
      case "\u{0}"..."\u{1F}", "\u{7F}", "\u{FFFE}", "\u{FFFF}": output += "\u{FFFD}"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }

  /// A coordinate with two places at most and without trailing zeros; 0 for what is not finite.
  public static func number(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "0" }
    let hundredths = Int((value * 100).rounded())
    let (whole, part) = (abs(hundredths) / 100, abs(hundredths) % 100)
    var text = hundredths < 0 ? "-\(whole)" : "\(whole)"
    if part > 0 {
      text += part % 10 == 0 ? ".\(part / 10)" : part < 10 ? ".0\(part)" : ".\(part)"
    }
    return text
  }
}
