// Which transitions a parser has.

/// A transition system: how a sentence becomes a tree, transition by transition.
///
/// The stack starts with the root (node 0), the buffer with all words. A system may attach the
/// root's one dependent only when nothing else is left, so that every output has exactly one root.
public enum TransitionSystem: String, Sendable, CaseIterable, Codable {
  /// Arc-standard (Nivre, 2004): arcs between the two topmost nodes of the stack. The paper's.
  case arcStandard = "arc-standard"
  /// Arc-hybrid (Kuhlmann, Gómez-Rodríguez and Satta, 2011): left arcs from the buffer to the
  /// stack, right arcs within the stack. Has a dynamic oracle (Goldberg and Nivre, 2013).
  case arcHybrid = "arc-hybrid"
  /// Arc-standard with swaps of the two topmost nodes (Nivre, 2009), which make every tree
  /// reachable, non-projective ones too; with the lazy oracle of Nivre, Kuhlmann and Hall (2009).
  case swap

  /// Whether some transition of a wrong state has a known best continuation: see `DynamicOracle`.
  public var hasDynamicOracle: Bool { self == .arcHybrid }
}

/// A transition without its label.
package enum TransitionKind: UInt8 { case shift, left, right, swap }

/// The numbers of transitions: 0 shifts, then left arcs and right arcs by label, then the swap if
/// there is one.
package struct TransitionNumbers: Sendable, Equatable {
  package let system: TransitionSystem
  package let labelCount: Int

  package init(system: TransitionSystem, labelCount: Int) {
    self.system = system
    self.labelCount = labelCount
  }

  /// How many there are.
  package var count: Int { 1 + 2 * labelCount + (system == .swap ? 1 : 0) }

  package func number(_ kind: TransitionKind, label: Int) -> Int {
    switch kind {
    case .shift: 0
    case .left: 1 + label
    case .right: 1 + labelCount + label
    case .swap: 1 + 2 * labelCount
    }
  }

  package func kind(_ number: Int) -> TransitionKind {
    if number == 0 { return .shift }
    if number <= labelCount { return .left }
    return number <= 2 * labelCount ? .right : .swap
  }

  /// The label of an arc.
  package func label(_ number: Int) -> Int {
    number <= labelCount ? number - 1 : number - 1 - labelCount
  }
}
