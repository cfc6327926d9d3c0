/// What the columns of a matrix between layers, or rows and columns of a parameter, belong to:
/// units that may be cut, side by side with those that stay.
public struct Units: Sendable, Equatable {
  /// Neighbouring units of one group.
  struct Piece: Sendable, Equatable {
    /// The group in a ``UnitMap``; 0 for those that stay.
    var group: Int
    /// How many units.
    var count: Int
    /// Whether zeros follow them up to a multiple of 16, as in an ``LSTM``.
    var isPadded: Bool

    var paddedCount: Int { isPadded ? LSTM.paddedSize(count) : count }
  }

  var pieces: [Piece]

  /// The input of a model, of which a layer knows how wide it is.
  public static let input = Units(pieces: [])

  /// So many that stay.
  public static func fixed(_ count: Int) -> Units {
    Units(pieces: [Piece(group: 0, count: count, isPadded: false)])
  }

  /// These, or `count` that stay where they are the input of a model.
  public func ofInput(_ count: Int) -> Units { pieces.isEmpty ? .fixed(count) : self }

  /// These so many times, one after the other: the gates of an LSTM.
  public func repeated(_ count: Int) -> Units {
    Units(pieces: (0..<count).flatMap { _ in pieces })
  }

  /// These without zeros after them.
  var withoutPadding: Units {
    Units(pieces: pieces.map { Piece(group: $0.group, count: $0.count, isPadded: false) })
  }

  /// Two side by side.
  public static func + (left: Units, right: Units) -> Units {
    Units(pieces: left.pieces + right.pieces)
  }
}

/// Which rows and columns of a model's parameters belong to which unit.
///
/// A layer says it in ``Layer/mapUnits(_:_:)``: it is told what the columns of its input are and
/// says what those of its output are. Units in one group are those of one layer; units that are
/// added up, as by a ``Residual`` block, are the same unit, which is cut in both layers or not at
/// all. All cutting follows from the map: of rows, columns, biases, moments, running means and
/// memories.
public struct UnitMap: Sendable {
  /// The path of the layer that is asked.
  var path = LayerPath()
  private(set) var groups: [Group] = [Group(name: "", width: 0)]
  private(set) var parameters: [String: (rows: Units, columns: Units)] = [:]
  private(set) var selectors: [String: Units] = [:]
  private(set) var widths: [String: Units] = [:]
  /// Groups whose units are the same.
  private var parents = [0]
  /// Groups that must stay of one width.
  private var ties = [0]

  struct Group: Sendable {
    /// The path of the layer whose outputs they are.
    var name: String
    /// How many.
    var width: Int
  }

  /// Asks a model; its outputs stay.
  public init(of model: some Layer) {
    let output = model.mapUnits(.input, &self)
    fix(output)
  }

  // MARK: What layers say

  /// The units of the layer at the path, which may be cut.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - name: What the path has after the layer's; `nil`: nothing.
  ///   - isPadded: Whether zeros follow them up to a multiple of 16.
  /// - Returns: The units.
  public mutating func makeUnits(_ count: Int, _ name: String? = nil, isPadded: Bool = false)
    -> Units
  {
    groups.append(Group(name: text(name), width: count))
    parents.append(groups.count - 1)
    ties.append(groups.count - 1)
    return Units(pieces: [.init(group: groups.count - 1, count: count, isPadded: isPadded)])
  }

  /// Says what rows and columns of a parameter of the layer at the path belong to.
  public mutating func set(_ name: String, rows: Units, columns: Units) {
    parameters[text(name)] = (rows, columns)
  }

  /// Says what the outputs are that the selector of the layer at the path chooses from.
  ///
  /// - Parameters:
  ///   - units: The outputs.
  ///   - name: What the path has after the layer's; `nil`: nothing.
  public mutating func setSelector(_ units: Units, _ name: String? = nil) {
    selectors[text(name)] = units
  }

  /// Says what the width is that the layer at the path keeps besides its parameters.
  public mutating func setWidth(_ units: Units) { widths[path.text] = units }

  /// Says that units stay.
  public mutating func fix(_ units: Units) {
    for piece in units.pieces { unite(piece.group, 0) }
  }

  /// Says that units are added up one by one, so that they are cut together; units that do not
  /// fit each other stay.
  ///
  /// - Returns: The sums.
  public mutating func join(_ one: Units, _ other: Units) -> Units {
    guard one.pieces.map(\.count) == other.pieces.map(\.count),
      one.pieces.map(\.isPadded) == other.pieces.map(\.isPadded)
    else {
      fix(one)
      fix(other)
      return other
    }
    for (a, b) in zip(one.pieces, other.pieces) { unite(a.group, b.group) }
    return other
  }

  /// Says that groups of units keep one width: as many are cut of each.
  public mutating func tie(_ units: Units) {
    guard let first = units.pieces.first?.group else { return }
    for piece in units.pieces.dropFirst() {
      let (old, new) = (ties[piece.group], ties[first])
      for index in ties.indices where ties[index] == old { ties[index] = new }
    }
  }

  /// Asks a layer within a layer, by its name there.
  public mutating func map(_ name: String, _ layer: some Layer, _ x: Units) -> Units {
    path.enter(name)
    defer { path.leave() }
    return layer.mapUnits(x, &self)
  }

  /// Asks the layer at a place in a row of layers.
  public mutating func map(_ place: Int, _ layer: some Layer, _ x: Units) -> Units {
    if layer.isNamed { return layer.mapUnits(x, &self) }
    path.enter(place)
    defer { path.leave() }
    return layer.mapUnits(x, &self)
  }

  private func text(_ name: String?) -> String {
    let layer = path.text
    guard let name else { return layer }
    return layer.isEmpty ? name : layer + "." + name
  }

  private mutating func unite(_ a: Int, _ b: Int) {
    let (a, b) = (root(a), root(b))
    parents[max(a, b)] = min(a, b)
  }

  // MARK: What follows

  /// The group that stands for one and all that are the same; 0 where they stay.
  func root(_ group: Int) -> Int {
    var group = group
    while parents[group] != group { group = parents[group] }
    return group
  }

  /// The groups that may be cut, each standing for all that are the same.
  var cuttable: [Int] { groups.indices.dropFirst().filter { root($0) == $0 } }

  /// Groups of ``cuttable`` that lose as many units as each other.
  var tied: [[Int]] {
    var lists: [(tie: Int, groups: [Int])] = []
    for group in cuttable {
      let members = groups.indices.filter { root($0) == group }.map { ties[$0] }
      if let place = lists.firstIndex(where: { members.contains($0.tie) }) {
        lists[place].groups.append(group)
      } else {
        lists.append((ties[group], [group]))
      }
    }
    return lists.map(\.groups)
  }

  /// The selectors that choose from units of a group, each with the places of its blocks: where the
  /// first unit of each is, padding left out.
  func selectors(of group: Int) -> [(path: String, starts: [Int])] {
    selectors.keys.sorted().compactMap { path in
      var starts: [Int] = []
      var place = 0
      for piece in selectors[path]?.pieces ?? [] {
        if root(piece.group) == group { starts.append(place) }
        place += piece.count
      }
      return starts.isEmpty ? nil : (path, starts)
    }
  }

  /// For each place of `units`, padding included, after a rearrangement: where it was before, −1
  /// where it is new.
  ///
  /// - Parameters:
  ///   - units: As before.
  ///   - sources: By group of ``cuttable``: for each unit after it which one it was before, −1
  ///     where it is new; groups that are left out stay.
  /// - Returns: The places.
  func places(_ units: Units, _ sources: [Int: [Int]]) -> [Int] {
    var places: [Int] = []
    var start = 0
    for piece in units.pieces {
      if let kept = sources[root(piece.group)] {
        places += kept.map { $0 < 0 ? -1 : start + $0 }
        var new = piece
        new.count = kept.count
        places += Array(repeating: -1, count: new.paddedCount - new.count)
      } else {
        places += start..<(start + piece.paddedCount)
      }
      start += piece.paddedCount
    }
    return places
  }

  /// The size of the blocks among zeros after a rearrangement.
  func block(_ units: Units, _ sources: [Int: [Int]]) -> Parameter.Padding.Block? {
    guard var piece = units.pieces.first, piece.isPadded else { return nil }
    piece.count = sources[root(piece.group)]?.count ?? piece.count
    return Parameter.Padding.Block(size: piece.count, paddedSize: piece.paddedCount)
  }
}

extension Layer {
  /// The layer says nothing: units before it stay, and its own.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units {
    map.fix(x)
    return .fixed(outputSize)
  }
}
