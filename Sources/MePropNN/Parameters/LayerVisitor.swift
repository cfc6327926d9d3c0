/// Goes through what a model holds, always in the same order: parameters, selectors, dropouts.
///
/// Optimizers, checkpoints, saved models, running means and reports are visitors. A layer names its
/// parts in ``Layer/visit(_:)``; the names of all layers around them make the path of a part, for
/// example `lstm.0.forward.recurrentWeight`, by which checkpoints, reports and models know it.
public protocol LayerVisitor {
  /// The path so far.
  var path: LayerPath { get set }
  /// Visits a parameter at ``path``.
  mutating func visit(_ parameter: inout Parameter)
  /// Visits the selector of the layer at ``path``.
  mutating func visit(_ selector: inout Selector)
  /// Visits a dropout of the layer at ``path``.
  mutating func visit(_ dropout: inout DropoutRate)
  /// Visits the width that the layer at ``path`` keeps besides its parameters.
  mutating func visit(width: inout Int)
  /// Is told of the layer at ``path`` before its parts are visited.
  mutating func begin(_ layer: some Layer)
  /// Is told that the parts of the layer begun last have been visited.
  mutating func end()
}

extension LayerVisitor {
  /// Does nothing.
  public mutating func visit(_ parameter: inout Parameter) {}
  /// Does nothing.
  public mutating func visit(_ selector: inout Selector) {}
  /// Does nothing.
  public mutating func visit(_ dropout: inout DropoutRate) {}
  /// Does nothing.
  public mutating func visit(width: inout Int) {}

  /// Does nothing.
  public mutating func begin(_ layer: some Layer) {}
  /// Does nothing.
  public mutating func end() {}

  /// Visits a parameter by its name in the layer.
  public mutating func visit(_ name: String, _ parameter: inout Parameter) {
    path.enter(name)
    visit(&parameter)
    path.leave()
  }

  /// Visits a layer within a layer by its name there.
  public mutating func visit(_ name: String, _ layer: inout some Layer) {
    path.enter(name)
    begin(layer)
    layer.visit(&self)
    end()
    path.leave()
  }

  /// Visits the layer at a place in a row of layers; its name is its number, from 0, if it has
  /// none.
  public mutating func visit(_ place: Int, _ layer: inout some Layer) {
    if layer.isNamed { return layer.visit(&self) }
    path.enter(place)
    begin(layer)
    layer.visit(&self)
    end()
    path.leave()
  }
}

/// The names from a model to a part of it; it can be told to keep none, which takes no memory.
public struct LayerPath: Sendable {
  private let keepsNames: Bool
  private var names: [String] = []

  /// Creates the path of a model as a whole.
  ///
  /// - Parameter keepsNames: Whether ``text`` is wanted.
  public init(keepsNames: Bool = true) { self.keepsNames = keepsNames }

  /// The names, separated by dots.
  public var text: String { names.joined(separator: ".") }

  mutating func enter(_ name: String) { if keepsNames { names.append(name) } }
  mutating func enter(_ place: Int) { if keepsNames { names.append(String(place)) } }
  mutating func leave() { if keepsNames { names.removeLast() } }
}
