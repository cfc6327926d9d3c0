import MePropCore

/// What a trainer cuts, and what it has cut.
struct Simplification<Model: Layer> {
  let policy: SimplificationPolicy
  /// The epochs of the run.
  let epochs: Int
  /// Of the network as it was at first.
  let fullMap: UnitMap
  /// Of the network as it is.
  var map: UnitMap
  /// By group: the units left, by their places in the network as it was at first.
  var origins: [Int: [Int]]
  /// The network with all units, each number as it was when it was last there.
  var uncut: Model

  init(_ policy: SimplificationPolicy, epochs: Int, of model: Model) {
    self.policy = policy
    self.epochs = epochs
    fullMap = UnitMap(of: model)
    map = fullMap
    uncut = model
    origins = [:]
    for group in map.cuttable { origins[group] = Array(0..<map.groups[group].width) }
  }

  func isCutting(epoch: Int) -> Bool { policy.isCutting(epoch: epoch, of: epochs) }
}

/// A layer's width now and at first.
public struct LayerWidth: Sendable, Equatable, Codable {
  /// The path.
  public var name: String
  /// Its units as it was at first.
  public var originalWidth: Int
  /// Its units now.
  public var width: Int

  /// Creates a record.
  public init(name: String, originalWidth: Int, width: Int) {
    self.name = name
    self.originalWidth = originalWidth
    self.width = width
  }
}

extension Layer {
  /// The layers within this one whose units may be cut, with their numbers of units.
  public var unitWidths: [(name: String, width: Int)] {
    let map = UnitMap(of: self)
    return map.cuttable.map { (map.groups[$0].name, map.groups[$0].width) }
  }

  /// The numbers of units that may be cut, one for all layers that keep one width, as both
  /// directions of an ``LSTM`` do.
  public var hiddenWidths: [Int] {
    let map = UnitMap(of: self)
    return map.tied.map { map.groups[$0[0]].width }
  }
}

extension Trainer {
  /// Starts from other parameters, before the first step.
  ///
  /// - Parameter tensors: One for each parameter of the model, in any order.
  /// - Throws: ``ModelStateError``; the trainer is then as it was.
  public func start(from tensors: [NamedTensor]) throws(ModelStateError) {
    precondition(stepCount == 0, "Trainer.start: after \(stepCount) steps, expected none")
    try currentModel.replaceParameters(with: tensors)
    average?.start(from: &currentModel)
    guard let old = simplification else { return }
    simplify(by: old.policy, epochs: old.epochs)
  }

  /// Cuts units from now on, in steps and epochs that a policy says; see
  /// ``cutUnits(afterStep:of:)``.
  ///
  /// - Parameters:
  ///   - policy: Which units, and when.
  ///   - epochs: The epochs of the run.
  public func simplify(by policy: SimplificationPolicy, epochs: Int) {
    precondition(sharding == nil, "Trainer.simplify: batches are cut into shards")
    var model = currentModel
    var release = MomentRelease()
    model.visit(&release)
    simplification = Simplification(policy, epochs: epochs, of: model)
    prepareHits()
  }

  /// The widths of all layers whose units may be cut; none before ``simplify(by:epochs:)``.
  public var layerWidths: [LayerWidth] {
    guard let simplification else { return [] }
    return simplification.map.cuttable.map { group in
      LayerWidth(
        name: simplification.map.groups[group].name,
        originalWidth: simplification.fullMap.groups[group].width,
        width: simplification.map.groups[group].width)
    }
  }

  /// ``model`` with all units that were cut, each number as it was when its unit was cut; ``model``
  /// where none was.
  public var uncutModel: Model {
    guard let simplification else { return model }
    var uncut = simplification.uncut
    restoreValues(to: &uncut, simplification)
    return uncut
  }

  /// Cuts units if the policy has a cut after the last step.
  ///
  /// Weights and biases, what the optimizer remembers, running means and memories lose the rows and
  /// columns of the units; those of others keep all their bits. The network computes what it would
  /// if outputs of the units were 0.
  ///
  /// - Parameters:
  ///   - stepOfEpoch: The steps done in the epoch, from 1.
  ///   - stepsPerEpoch: The steps of an epoch.
  /// - Returns: What was cut, a record a layer.
  public func cutUnits(afterStep stepOfEpoch: Int, of stepsPerEpoch: Int) -> [UnitCut] {
    guard let simplification, simplification.isCutting(epoch: step.epoch),
      simplification.policy.isCut(afterStep: stepOfEpoch, of: stepsPerEpoch)
    else { return [] }
    let left = simplification.policy.cutsLeft(
      fromStep: stepOfEpoch, of: stepsPerEpoch, epoch: step.epoch, of: simplification.epochs)
    var kept: [Int: [Int]] = [:]
    var cuts: [UnitCut] = []
    let places = selectorPlaces
    for groups in simplification.map.tied {
      let counted = groups.map { shares(of: $0, places) }
      // Nothing is known of a group of which no example was counted.
      guard counted.allSatisfy({ $0.exampleCount > 0 }) else { continue }
      let wanted = counted.map { simplification.policy.cutCount($0.shares, cutsLeft: left) }
      let count = wanted.reduce(0, +) / groups.count
      guard count > 0 else { continue }
      for (group, (shares, exampleCount)) in zip(groups, counted) {
        // Of equals the later ones.
        let order = shares.indices.sorted { (shares[$0], -$0) < (shares[$1], -$1) }
        let gone = order.prefix(count).sorted()
        let isGone = Set(gone)
        kept[group] = shares.indices.filter { !isGone.contains($0) }
        cuts.append(
          UnitCut(
            layer: simplification.map.groups[group].name, step: step.number,
            width: shares.count - count, exampleCount: exampleCount,
            units: gone.map { simplification.origins[group]?[$0] ?? $0 },
            counts: gone.map { (shares[$0] * Double(exampleCount)).rounded() }))
      }
    }
    cut(toUnits: kept)
    return cuts
  }

  /// Keeps the listed units of layers, by their present places and in increasing order; counting
  /// begins anew.
  ///
  /// - Parameter kept: By the path of the layer; of those cut together that of the first.
  package func cut(toUnitsOfLayers kept: [String: [Int]]) {
    guard let map = simplification?.map else { return }
    cut(
      toUnits: Dictionary(
        uniqueKeysWithValues: map.cuttable.compactMap { group in
          kept[map.groups[group].name].map { (group, $0) }
        }))
  }

  /// Keeps the units of each group, by their present places, that a list has, in increasing order;
  /// counting begins anew.
  func cut(toUnits kept: [Int: [Int]]) {
    guard var simplification else { return }
    if !kept.isEmpty {
      restoreValues(to: &simplification.uncut, simplification)
      for (group, units) in kept {
        simplification.origins[group] = units.map { simplification.origins[group]?[$0] ?? $0 }
      }
      var rearrangement = Rearrangement(
        map: simplification.map, sources: kept, average: average)
      currentModel.visit(&rearrangement)
      simplification.map = UnitMap(of: currentModel)
      scratch = currentModel.makeScratch()
      step.gradients = []
    }
    self.simplification = simplification
    prepareHits()
  }

  /// In which share of the examples each unit of a group was kept: by the layer that keeps it most,
  /// where it belongs to several.
  private func shares(
    of group: Int, _ places: [String: Int]
  ) -> (shares: [Double], exampleCount: Int) {
    guard let map = simplification?.map else { return ([], 0) }
    var shares = Array(repeating: 0.0, count: map.groups[group].width)
    var exampleCount = 0
    for (path, starts) in map.selectors(of: group) {
      guard let place = places[path], let hits = step.ledger.entries[place].hits else { continue }
      let own = hits.shares(
        starts, width: shares.count,
        areMagnitudes: step.ledger.entries[place].hitsAreMagnitudes)
      for unit in shares.indices { shares[unit] = max(shares[unit], own[unit]) }
      exampleCount = max(exampleCount, hits.exampleCount)
    }
    return (shares, exampleCount)
  }

  /// Puts the present numbers of the network into one with all units.
  private func restoreValues(to uncut: inout Model, _ simplification: Simplification<Model>) {
    var reading = ValueReading(average: average)
    var model = currentModel
    model.visit(&reading)
    var restoration = Restoration(
      map: simplification.fullMap, origins: simplification.origins, values: reading.values)
    uncut.visit(&restoration)
  }

  private var selectorPlaces: [String: Int] {
    Dictionary(
      uniqueKeysWithValues: step.ledger.entries.enumerated().map { ($1.tally.name, $0) })
  }

  /// Begins counting, for the units that there are now.
  private func prepareHits() {
    var preparation = HitPreparation(ledger: step.ledger)
    currentModel.visit(&preparation)
    step.ledger = preparation.ledger
  }
}

/// Makes room to count the units of each layer.
private struct HitPreparation: LayerVisitor {
  var path = LayerPath(keepsNames: false)
  var ledger: Ledger
  mutating func visit(_ selector: inout Selector) {
    ledger.entries[selector.index].hits = UnitHits(count: selector.unitCount)
    ledger.entries[selector.index].hitsAreMagnitudes = selector.usesShares
    ledger.entries[selector.index].setOutputSize(selector.unitCount)
  }
}

// MARK: - State

/// What was saved of cuts.
struct SavedSimplification {
  var origins: [Int: [Int]]
  var hits: [String: UnitHits]
  var uncut: [NamedTensor]
}

extension Trainer {
  private static var uncutSuffix: String { ".uncut" }

  /// The units left, what was counted, and the network with all units.
  var simplificationState: [NamedTensor] {
    guard let simplification else { return [] }
    var tensors: [NamedTensor] = []
    for group in simplification.map.cuttable {
      let units = simplification.origins[group] ?? []
      tensors.append(
        NamedTensor(
          name: simplification.map.groups[group].name + ".units", shape: [units.count],
          values: units.map(Float.init)))
    }
    for entry in step.ledger.entries {
      guard let hits = entry.hits else { continue }
      tensors.append(
        NamedTensor(
          name: entry.tally.name + ".hits", shape: [hits.values.count], values: hits.values))
      tensors.append(
        NamedTensor(
          name: entry.tally.name + ".counted", shape: [4],
          values: Self.halves(hits.exampleCount) + Self.halves(hits.entryCount)))
    }
    return tensors
      + simplification.uncut.parameters.map {
        NamedTensor(name: $0.name + Self.uncutSuffix, shape: $0.shape, values: $0.values)
      }
  }

  /// A count as two floats, which hold whole numbers up to 2²⁴ only.
  private static func halves(_ count: Int) -> [Float] {
    [Float(count >> 20), Float(count & 0xF_FFFF)]
  }

  /// Takes what was saved of cuts out of a state, and gives `model` the units that are left.
  func savedSimplification(
    of saved: [NamedTensor], rearranging model: inout Model
  ) throws(ModelStateError) -> (SavedSimplification, rest: [NamedTensor]) {
    guard let simplification else {
      return (SavedSimplification(origins: [:], hits: [:], uncut: []), saved)
    }
    var byName: [String: NamedTensor] = [:]
    for tensor in saved { byName[tensor.name] = tensor }
    func take(_ name: String, shape: [Int]?) throws(ModelStateError) -> NamedTensor {
      guard let tensor = byName.removeValue(forKey: name) else { throw .missing(name: name) }
      if let shape, tensor.shape != shape {
        throw .shapeMismatch(name: name, expected: shape, found: tensor.shape)
      }
      return tensor
    }
    var origins: [Int: [Int]] = [:]
    var sources: [Int: [Int]] = [:]
    for group in simplification.map.cuttable {
      let full = simplification.fullMap.groups[group]
      let tensor = try take(full.name + ".units", shape: nil)
      let units = tensor.values.map { $0 >= 0 && $0 < Float(full.width) ? Int($0) : -1 }
      guard tensor.shape.count == 1, let first = units.first, first >= 0,
        zip(units, units.dropFirst()).allSatisfy({ $0 < $1 })
      else { throw .wrongUnits(name: tensor.name, width: full.width) }
      origins[group] = units
      var now: [Int: Int] = [:]
      for (place, unit) in (simplification.origins[group] ?? []).enumerated() { now[unit] = place }
      sources[group] = units.map { now[$0] ?? -1 }
    }
    for groups in simplification.map.tied {
      let widths = groups.map { origins[$0]?.count ?? 0 }
      guard widths.allSatisfy({ $0 == widths[0] }) else {
        let group = simplification.fullMap.groups[groups[groups.count - 1]]
        throw .shapeMismatch(
          name: group.name + ".units", expected: [widths[0]], found: [widths[widths.count - 1]])
      }
    }
    var rearrangement = Rearrangement(
      map: simplification.map, sources: sources, average: average)
    model.visit(&rearrangement)
    var counting = HitPreparation(ledger: step.ledger)
    model.visit(&counting)
    var hits: [String: UnitHits] = [:]
    for entry in counting.ledger.entries {
      guard var own = entry.hits else { continue }
      let name = entry.tally.name
      own.values = try take(name + ".hits", shape: [own.values.count]).values
      let counted = try take(name + ".counted", shape: [4]).values
      guard counted.allSatisfy({ $0 >= 0 && $0 <= Float(1 << 20) }) else {
        throw .wrongUnits(name: name + ".counted", width: 1 << 20)
      }
      own.exampleCount = Int(counted[0]) << 20 + Int(counted[1])
      own.entryCount = Int(counted[2]) << 20 + Int(counted[3])
      hits[name] = own
    }
    var uncut: [NamedTensor] = []
    for parameter in simplification.uncut.parameters {
      var tensor = try take(parameter.name + Self.uncutSuffix, shape: parameter.shape)
      tensor.name = parameter.name
      uncut.append(tensor)
    }
    let rest = saved.filter { byName[$0.name] != nil }
    return (SavedSimplification(origins: origins, hits: hits, uncut: uncut), rest)
  }

  /// Takes over what was saved of cuts, once the network has the units that are left.
  func restore(_ saved: SavedSimplification) {
    guard var simplification else { return }
    simplification.origins = saved.origins
    simplification.map = UnitMap(of: currentModel)
    // Names and shapes were compared.
    try? simplification.uncut.replaceParameters(with: saved.uncut)
    self.simplification = simplification
    scratch = currentModel.makeScratch()
    step.gradients = []
    prepareHits()
    for index in step.ledger.entries.indices {
      if let hits = saved.hits[step.ledger.entries[index].tally.name] {
        step.ledger.entries[index].hits = hits
      }
    }
  }
}
