// What a step of a feature layer costs, beside the layer on embeddings side by side that it stands
// for.

/// The sizes that the costs of a step of a `FeatureLayer` depend on.
public struct FeatureShape: Sendable, Equatable {
  /// The number of examples of the step.
  public var batchSize: Int
  /// The number of symbols of an example.
  public var positionCount: Int
  /// The numbers of an embedding.
  public var size: Int
  /// The number of outputs.
  public var outputSize: Int
  /// The number of embeddings.
  public var symbolCount: Int
  /// The number of different symbols of the batch, over all positions: pairs of a position and a
  /// symbol.
  public var pairCount: Int
  /// The number of pairs whose gradients are added up before they are multiplied.
  public var summedPairCount: Int
  /// The number of uses of all other pairs.
  public var singleUseCount: Int
  /// The number of moments of a parameter.
  public var momentCount: Int

  /// Creates the shape of a step.
  public init(
    batchSize: Int, positionCount: Int, size: Int, outputSize: Int, symbolCount: Int,
    pairCount: Int, summedPairCount: Int, singleUseCount: Int, momentCount: Int
  ) {
    self.batchSize = batchSize
    self.positionCount = positionCount
    self.size = size
    self.outputSize = outputSize
    self.symbolCount = symbolCount
    self.pairCount = pairCount
    self.summedPairCount = summedPairCount
    self.singleUseCount = singleUseCount
    self.momentCount = momentCount
  }
}

extension LayerCosts {
  /// Adds a step of a feature layer, in O(1).
  ///
  /// What is dense is a layer of Pm inputs and the lookup of their embeddings. For a batch of B
  /// examples with P symbols each, embeddings of m numbers, n outputs, Q pairs, E kept entries in R
  /// outputs (Bn in n, if all are kept), S pairs that are summed first and V uses of other pairs, a
  /// mean of E / B entries a use, U outputs and T of A embeddings updated, and an optimizer with M
  /// moments, in multiply-adds and numbers of four bytes:
  ///
  ///     phase      multiply-adds                      dense
  ///     forward    Qnm + BPn                          BnPm
  ///     dW         (SR + V E/B) m + (BP − V) E/B      BnPm
  ///     dx         (SR + V E/B) m + Qm                BnPm + BPm
  ///     optimizer  (1 + 2M)(UPm + Tm)                 (1 + 2M)(nPm + Am)
  ///
  ///     phase      read and written once              dense
  ///     forward    nPm + Qm + Qn + BP + Bn            nPm + BPm + Bn
  ///     dW         2E + BP + Qm                       Bn + BPm + nPm
  ///     dx         2E + RPm + Qm                      Bn + nPm + BPm
  ///     optimizer  (2 + 2M)(UPm + Tm)                 (3 + 2M)(nPm + Am)
  ///
  /// Additions count as multiply-adds. dx ends in the gradients of embeddings; the sums that dW and
  /// dx share are counted in dW. dW is applied as it is computed.
  ///
  /// - Parameters:
  ///   - shape: The sizes of the step.
  ///   - entries: Kept entries, over all examples; `batchSize · outputSize` where all are kept, or
  ///     zeros are taken with them.
  ///   - rows: Outputs with any.
  ///   - updatedRows: Outputs whose weights the optimizer visits.
  ///   - updatedSymbols: Embeddings that the optimizer visits.
  public mutating func addFeatures(
    _ shape: FeatureShape, entries: Int, rows: Int, updatedRows: Int, updatedSymbols: Int
  ) {
    let (m, n) = (shape.size, shape.outputSize)
    let uses = shape.batchSize * shape.positionCount
    let weights = n * shape.positionCount * m
    let all = shape.batchSize * weights
    let operands = 4 * (weights + uses * m + shape.batchSize * n)
    let pairs = shape.pairCount * m
    forward.add(
      multiplyAdds: n * (pairs + uses), of: all,
      bytes: 4 * (weights + pairs + shape.pairCount * n + uses + shape.batchSize * n),
      of: operands)
    let singles = shape.singleUseCount * entries / shape.batchSize
    let summed = (uses - shape.singleUseCount) * entries / shape.batchSize
    let products = (shape.summedPairCount * rows + singles) * m
    weightGradient.add(
      multiplyAdds: products + summed, of: all, bytes: 4 * (2 * entries + uses + pairs),
      of: operands)
    inputGradient.add(
      multiplyAdds: products + pairs, of: all + uses * m,
      bytes: 4 * (2 * entries + rows * shape.positionCount * m + pairs), of: operands)
    let moments = shape.momentCount
    let updated = updatedRows * shape.positionCount * m + updatedSymbols * m
    let parameters = weights + shape.symbolCount * m
    optimizer.add(
      multiplyAdds: (1 + 2 * moments) * updated, of: (1 + 2 * moments) * parameters,
      bytes: 4 * (2 + 2 * moments) * updated, of: 4 * (3 + 2 * moments) * parameters)
  }
}
