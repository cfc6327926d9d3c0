import MePropCore

/// The first layer of a network whose input is a row of embeddings, as a sum over features.
///
/// `y[i] = dropout(activation(Σₚ W[p] E[x[i, p]] + b))` for the symbols x[i, 0], x[i, 1], … of
/// example i (Chen and Manning, 2014): the same as a ``Linear`` layer on all embeddings side by
/// side, but what a symbol adds at a position does not depend on the rest, so it is computed once
/// for each pair of both that a batch has, forward and backward.
public struct FeatureSum: Layer, Equatable {
  /// What follows the sum.
  public enum Activation: String, Sendable, CaseIterable {
    /// max(y, 0).
    case relu
    /// y³ (Chen and Manning, 2014): products of three features.
    case cube
    /// tanh y.
    case tanh
  }

  /// E, shape `[symbolCount, embeddingSize]`.
  public var embeddings: Parameter
  /// W, shape `[positionCount · outputSize, embeddingSize]`: row `p · outputSize + r` belongs to
  /// output r at position p.
  public var weight: Parameter
  /// b, shape `[1, outputSize]`.
  public var bias: Parameter
  /// What follows the sum.
  public var activation: Activation
  /// The share of outputs that are dropped in training.
  public var dropout: DropoutRate
  /// What backward keeps.
  public var selector: Selector

  /// Creates a layer from its parameters, whose sizes must fit.
  public init(
    embeddings: Matrix, weight: Matrix, bias: Matrix, activation: Activation = .relu,
    dropout: DropoutRate = DropoutRate(0)
  ) {
    precondition(
      bias.rowCount == 1 && bias.columnCount >= 1
        && weight.rowCount % bias.columnCount == 0 && weight.columnCount == embeddings.columnCount
        && (1...ComputeContext.maximumEmbeddingSize).contains(embeddings.columnCount),
      "FeatureSum: embeddings [\(embeddings.rowCount), \(embeddings.columnCount)], weight "
        + "[\(weight.rowCount), \(weight.columnCount)], bias [\(bias.rowCount), "
        + "\(bias.columnCount)]; embeddings have 1 to \(ComputeContext.maximumEmbeddingSize) "
        + "numbers")
    self.embeddings = Parameter(embeddings, decays: false)
    self.weight = Parameter(weight)
    self.bias = Parameter(bias, decays: false)
    self.activation = activation
    self.dropout = dropout
    selector = Selector(outputSize: bias.columnCount)
  }

  /// Creates a layer with initialized parameters: embeddings uniform within ±`embeddingScale`,
  /// weights as a linear layer on all embeddings side by side would start.
  ///
  /// - Parameters:
  ///   - symbolCount: The number of symbols, at least 1.
  ///   - embeddingSize: The numbers of an embedding, in 1 ...
  ///     `ComputeContext.maximumEmbeddingSize`.
  ///   - positionCount: The symbols of an example, at least 1.
  ///   - outputSize: The number of outputs, at least 1.
  ///   - embeddingScale: Above 0.
  ///   - initialization: How weights start.
  ///   - seed: Of the random numbers; sequences 0 and 1 of those for initialization.
  public init(
    symbolCount: Int, embeddingSize: Int, positionCount: Int, outputSize: Int,
    embeddingScale: Float, initialization: Initialization, seed: UInt64
  ) {
    precondition(
      symbolCount >= 1 && positionCount >= 1 && outputSize >= 1 && embeddingSize >= 1,
      "FeatureSum: \(positionCount) positions of \(symbolCount) symbols of \(embeddingSize) "
        + "numbers, \(outputSize) outputs")
    var random = Philox(seed: seed, stream: RandomPurpose.initialization.stream(0))
    var embeddings = Matrix(rowCount: symbolCount, columnCount: embeddingSize)
    for row in 0..<symbolCount {
      embeddings.withMutableRow(row) { values in
        for column in values.indices {
          values[column] = embeddingScale * (2 * random.nextUniform() - 1)
        }
      }
    }
    let linear = initialization.makeLinear(
      inputSize: positionCount * embeddingSize, outputSize: outputSize, seed: seed, layer: 1)
    var weight = Matrix(rowCount: positionCount * outputSize, columnCount: embeddingSize)
    for output in 0..<outputSize {
      linear.weight.value.withRow(output) { source in
        for position in 0..<positionCount {
          weight.withMutableRow(position * outputSize + output) { target in
            for column in target.indices {
              target[column] = source[position * embeddingSize + column]
            }
          }
        }
      }
    }
    self.init(embeddings: embeddings, weight: weight, bias: linear.bias.value)
  }

  /// The number of symbols.
  public var symbolCount: Int { embeddings.rowCount }
  /// The numbers of an embedding.
  public var embeddingSize: Int { embeddings.columnCount }
  /// The number of outputs.
  public var outputSize: Int { bias.columnCount }
  /// The number of symbols of an example.
  public var positionCount: Int { weight.rowCount / outputSize }
  /// One for each weight, where no pair of position and symbol occurs twice.
  public var multiplyAdds: Int { positionCount * outputSize * embeddingSize }
  /// For example `FeatureSum(48 × 50 → 500, relu)`.
  public var description: String {
    "FeatureSum(\(positionCount) × \(embeddingSize) → \(outputSize), \(activation.rawValue))"
  }

  /// The pairs of a batch, what was summed for them, and the support of the gradient.
  public struct Scratch {
    var groups = FeatureGroups()
    var workspace = FeatureWorkspace()
    let support: Support
    /// What the cube was taken of.
    var sums: Matrix
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    Scratch(
      support: Support(outputSize: outputSize),
      sums: Matrix(rowCount: 0, columnCount: outputSize))
  }

  /// Computes the outputs of a batch, shape `[rows, outputSize]`.
  public func forward(
    _ x: Symbols, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    precondition(
      x.positionCount == positionCount,
      "\(self): input has \(x.positionCount) symbols a row, expected \(positionCount)")
    let context = step.context
    let dropout = dropout.dropout(in: step)
    step.packing = x.packing
    scratch.groups.group(
      x.values, batchSize: x.rowCount, positionCount: positionCount, symbolCount: symbolCount,
      context: context)
    y.setRowCount(x.rowCount)
    context.featureSums(
      scratch.groups, embeddings: embeddings.value, weights: weight.value,
      workspace: scratch.workspace, into: &y)
    switch activation {
    case .relu: context.activate(&y, bias: bias.value, activation: .relu, dropout: dropout)
    case .tanh: context.activate(&y, bias: bias.value, activation: .tanh, dropout: dropout)
    case .cube:
      context.activate(&y, bias: bias.value, activation: .identity)
      scratch.sums.setRowCount(x.rowCount)
      scratch.sums.copyRows(of: y)
      context.cube(&y)
      if dropout.rate > 0 {
        context.activate(&y, bias: nil, activation: .identity, dropout: dropout)
      }
    }
    step.check(y, of: selector)
  }

  /// Selects from the gradient at the sums, and updates weights, embeddings and bias; there is
  /// nothing below.
  public mutating func backward(
    _ x: Symbols, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    let support = scratch.support
    var dropout = dropout.dropout(in: step)
    var kind = MePropCore.Activation.identity
    switch activation {
    case .relu: kind = .relu
    case .tanh: kind = .tanh
    case .cube:
      if dropout.rate > 0 {
        step.context.activate(&dy, bias: nil, activation: .identity, dropout: dropout)
      }
      step.context.multiply(&dy, byCubeDerivativeAt: scratch.sums)
      dropout = .none
    }
    try selector.select(
      &dy, output: y, activation: kind, dropout: dropout, into: support, &step)
    let kept = support.isDense ? nil : support.entries
    if step.updates.storesGradients {
      storeGradients(of: dy, kept, scratch, &step)
    } else {
      updateWeights(dy, kept, scratch, &step)
    }
    count(scratch, &step)
    step.update(&bias, gradient: support.columnSums)
  }

  private mutating func updateWeights(
    _ d: Matrix, _ kept: GradientSupport?, _ scratch: Scratch, _ step: inout Step
  ) {
    let context = step.context
    let everyRow = step.updates.updatesEveryRow
    let (groups, workspace) = (scratch.groups, scratch.workspace)
    let productStart = Clock.now()
    let rule = step.updates.rule(for: weight)
    weight.update(rows: nil) { value, moments in
      context.updateFeatureWeights(
        &value, &moments, by: rule, gradient: d, support: kept, groups: groups,
        embeddings: embeddings.value, workspace: workspace, everyRow: everyRow)
    }
    let start = Clock.now()
    step.times.products += start - productStart
    let plainRule = step.updates.rule(for: embeddings)
    embeddings.update(rows: nil) { value, moments in
      context.updateEmbeddings(
        &value, &moments, by: plainRule, groups: groups, workspace: workspace, everyRow: everyRow)
    }
    step.times.optimizer += Clock.now() - start
  }

  private func storeGradients(
    of d: Matrix, _ kept: GradientSupport?, _ scratch: Scratch, _ step: inout Step
  ) {
    let context = step.context
    let everyRow = step.updates.updatesEveryRow
    let start = Clock.now()
    step.prepareGradient(of: weight)
    step.prepareGradient(of: embeddings)
    context.featureGradient(
      of: d, support: kept, groups: scratch.groups, embeddings: embeddings.value,
      weights: weight.value, workspace: scratch.workspace,
      into: &step.gradients[weight.index], everyRow: everyRow)
    context.embeddingGradient(
      groups: scratch.groups, workspace: scratch.workspace,
      into: &step.gradients[embeddings.index], everyRow: everyRow)
    step.times.products += Clock.now() - start
  }

  /// Counts the costs of the step.
  private func count(_ scratch: Scratch, _ step: inout Step) {
    guard selector.index < step.ledger.entries.count else { return }
    let (groups, support) = (scratch.groups, scratch.support)
    let batchSize = groups.batchSize
    let kept = support.isDense ? outputSize : support.entries.k
    let isMasked = MaskedProducts.areFasterOnFeatures(k: kept, outputSize: outputSize)
    let uses = groups.countUses(
      keepingEntries: isMasked ? outputSize : kept, ofOutputs: outputSize)
    let shape = FeatureShape(
      batchSize: batchSize, positionCount: positionCount, size: embeddingSize,
      outputSize: outputSize, symbolCount: symbolCount, pairCount: groups.pairCount,
      summedPairCount: uses.summedPairCount, singleUseCount: uses.singleUseCount,
      momentCount: step.updates.momentCount)
    let rows = support.isDense ? outputSize : support.entries.countTouchedOutputs()
    step.ledger.entries[selector.index].tally.costs.addFeatures(
      shape,
      entries: support.isDense || isMasked ? batchSize * outputSize : support.entries.entryCount,
      rows: rows, updatedRows: step.updates.updatesEveryRow ? outputSize : rows,
      updatedSymbols: groups.updatedSymbolCount)
  }

  /// A unit is a row of the weights of each position, and its bias.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units {
    let units = map.makeUnits(outputSize)
    map.set("weight", rows: units.repeated(positionCount), columns: .fixed(embeddingSize))
    map.set("bias", rows: .fixed(1), columns: units)
    map.setSelector(units)
    return units
  }

  /// `embeddings`, `weight`, `bias`, selector and dropout.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit("embeddings", &embeddings)
    visitor.visit("weight", &weight)
    visitor.visit("bias", &bias)
    visitor.visit(&selector)
    visitor.visit(&dropout)
  }
}
