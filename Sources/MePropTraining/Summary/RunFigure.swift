// What a task shows of its best model: drawings and tables that only it can make.

import Foundation

/// A drawing or a table for the report of a run, as `figures.json` in its folder keeps it.
public struct RunFigure: Sendable, Equatable, Codable {
  /// What is shown.
  public var title: String
  /// What there is to see, in a sentence or two.
  public var summary: String
  /// The numbers.
  public var content: Content

  /// What a figure has.
  public enum Content: Sendable, Equatable, Codable {
    /// Horizontal bars, each with its name and its length, 0 or more.
    case bars(unit: String, [Bar])
    /// Curves over an axis.
    case curves(xTitle: String, yTitle: String, [Curve])
    /// Counts in a grid over two axes of one range each, the lowest row first.
    case density(
      xTitle: String, yTitle: String, xRange: ClosedRange<Double>, yRange: ClosedRange<Double>,
      rows: [[Int]])
    /// A table, its heads in the first row.
    case table([[String]])
  }

  /// A bar.
  public struct Bar: Sendable, Equatable, Codable {
    /// Its name.
    public var name: String
    /// Its length.
    public var value: Double

    /// Creates a bar.
    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// A curve.
  public struct Curve: Sendable, Equatable, Codable {
    /// Its name.
    public var name: String
    /// Its points, x in increasing order.
    public var points: [Point]

    /// Creates a curve.
    public init(_ name: String, _ points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  /// A point of a curve.
  public struct Point: Sendable, Equatable, Codable {
    /// How far right.
    public var x: Double
    /// How far up.
    public var y: Double

    /// Creates a point.
    public init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// Creates a figure.
  public init(title: String, summary: String, content: Content) {
    self.title = title
    self.summary = summary
    self.content = content
  }

  /// The name of the file in a run folder.
  public static let fileName = "figures.json"
}

/// A task that has figures of its best model for the report.
public protocol FigureTask: TrainingTask {
  /// Makes figures once a run has ended.
  ///
  /// - Parameter model: The model folder of the best epoch.
  /// - Returns: The figures, in their order.
  /// - Throws: What reading the model or the data throws.
  func figures(ofModelAt model: URL) throws -> [RunFigure]
}
