// Cutting units out of parameters, and putting them back: of everything that is kept of them.

import MePropCore

/// Gives each layer the units that a list says, in its order, some of which may be new ones of
/// zeros.
struct Rearrangement: LayerVisitor {
  var path = LayerPath()
  /// Of the model before.
  let map: UnitMap
  /// By group: for each unit which one it was before, −1 for a new one.
  let sources: [Int: [Int]]
  /// Running means, which follow.
  let average: ParameterAverage?

  mutating func visit(_ parameter: inout Parameter) {
    guard let (rows, columns) = map.parameters[path.text] else { return }
    let (rowPlaces, columnPlaces) = (map.places(rows, sources), map.places(columns, sources))
    let mean = average?.values[parameter.index]
    parameter.rearrange(
      rows: rowPlaces, columns: columnPlaces,
      padding: Parameter.Padding(
        rows: parameter.padding.rows == nil ? nil : map.block(rows, sources),
        columns: parameter.padding.columns == nil ? nil : map.block(columns, sources)))
    if let mean {
      average?.values[parameter.index] = mean.rearranged(rows: rowPlaces, columns: columnPlaces)
    }
  }

  mutating func visit(_ selector: inout Selector) {
    guard let units = map.selectors[path.text] else { return }
    selector.rearrange(
      map.places(units, sources),
      padding: selector.padding == nil ? nil : map.block(units, sources))
  }

  mutating func visit(width: inout Int) {
    if let units = map.widths[path.text] { width = map.places(units, sources).count }
  }
}

/// Puts the numbers of a model with fewer units into one with all of them.
struct Restoration: LayerVisitor {
  var path = LayerPath()
  /// Of the model with all units.
  let map: UnitMap
  /// By group: which unit of all each one is.
  let origins: [Int: [Int]]
  /// The numbers, by path.
  let values: [String: Matrix]

  mutating func visit(_ parameter: inout Parameter) {
    guard let source = values[path.text] else { return }
    guard let (rows, columns) = map.parameters[path.text] else {
      return parameter.replace(with: source)
    }
    let columnPlaces = map.places(columns, origins)
    var target = parameter.value
    for (row, place) in map.places(rows, origins).enumerated() where place >= 0 {
      source.withRow(row) { source in
        target.withMutableRow(place) { target in
          for (column, place) in columnPlaces.enumerated() where place >= 0 {
            target[place] = source[column]
          }
        }
      }
    }
    parameter.replace(with: target)
  }
}

/// The numbers of a model, padding included, by path; means in their place where there are some.
struct ValueReading: LayerVisitor {
  var path = LayerPath()
  let average: ParameterAverage?
  var values: [String: Matrix] = [:]

  init(average: ParameterAverage?) { self.average = average }

  mutating func visit(_ parameter: inout Parameter) {
    let mean = average.flatMap { $0.hasValues ? $0.values[parameter.index] : nil }
    values[path.text] = mean ?? parameter.value
  }
}

extension Matrix {
  /// The rows and columns at these places, zeros where a place is −1.
  package func rearranged(rows: [Int], columns: [Int]) -> Matrix {
    var result = Matrix(rowCount: rows.count, columnCount: columns.count)
    for (row, place) in rows.enumerated() where place >= 0 {
      withRow(place) { source in
        result.withMutableRow(row) { target in
          for (column, place) in columns.enumerated() where place >= 0 {
            target[column] = source[place]
          }
        }
      }
    }
    return result
  }
}
