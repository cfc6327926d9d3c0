/// Which units are cut out of a network while it trains, and when.
///
/// Minimum effort simplification (meSimp; Sun et al., arXiv 1711.06528): units that the gradient
/// hardly ever keeps are removed, in cycles of epochs with cuts and epochs in which the network
/// settles. The authors mask; here rows, columns, moments and memories really go.
///
/// Differences from the authors' released code, each a defect there: an entry is counted only where
/// it is not zero; what the optimizer remembers of units that stay is not reset, so nothing jumps;
/// k falls with the width, so that it is no floor under it; examples are counted in epochs with
/// cuts alone, so that each cut judges its own part of an epoch.
public struct SimplificationPolicy: Sendable, Equatable {
  /// A unit that is kept in less than this share of the examples counted since the last cut goes;
  /// 0: none goes for that.
  public var pruneRate: Double
  /// Epochs with cuts in each cycle, at least 1.
  public var cycleEpochs: Int
  /// Epochs without after them, at least 1.
  public var settleEpochs: Int
  /// No layer becomes narrower; at least 1.
  public var minimumWidth: Int
  /// Each layer has lost enough at the last cut of the run to be of this width: of the units kept
  /// least as many as it takes at each cut, in equal proportions, whatever ``pruneRate``.
  ///
  /// No layer becomes narrower; `nil`: there is no aim.
  public var targetWidth: Int?

  /// The cuts of an epoch with cuts, as in the authors' code.
  public static let cutsPerEpoch = 8

  /// Creates a policy.
  public init(
    pruneRate: Double, cycleEpochs: Int = 1, settleEpochs: Int = 1, minimumWidth: Int = 8,
    targetWidth: Int? = nil
  ) {
    precondition(
      (0...1).contains(pruneRate) && cycleEpochs >= 1 && settleEpochs >= 1 && minimumWidth >= 1
        && targetWidth ?? 1 >= 1,
      "SimplificationPolicy: rate \(pruneRate), cycles of \(cycleEpochs) and \(settleEpochs), "
        + "widths \(minimumWidth) and \(targetWidth ?? 1); expected 0 ... 1, and 1 or more")
    self.pruneRate = pruneRate
    self.cycleEpochs = cycleEpochs
    self.settleEpochs = settleEpochs
    self.minimumWidth = minimumWidth
    self.targetWidth = targetWidth
  }

  /// Whether there are cuts in an epoch, from 1, of a run of `epochs`; the last ones of a run, as
  /// many as settle, have none.
  public func isCutting(epoch: Int, of epochs: Int) -> Bool {
    (epoch - 1) % (cycleEpochs + settleEpochs) < cycleEpochs && epoch + settleEpochs <= epochs
  }

  /// Whether there is a cut after `step` steps of an epoch with cuts.
  public func isCut(afterStep step: Int, of stepsPerEpoch: Int) -> Bool {
    let cuts = min(Self.cutsPerEpoch, stepsPerEpoch)
    return step * cuts / stepsPerEpoch > (step - 1) * cuts / stepsPerEpoch
  }

  /// The cuts to come, from that after `step` steps of `epoch` on.
  public func cutsLeft(
    fromStep step: Int, of stepsPerEpoch: Int, epoch: Int, of epochs: Int
  ) -> Int {
    let cuts = min(Self.cutsPerEpoch, stepsPerEpoch)
    var left = 0
    if epoch < epochs {
      left = ((epoch + 1)...epochs).count { isCutting(epoch: $0, of: epochs) } * cuts
    }
    return isCutting(epoch: epoch, of: epochs)
      ? left + cuts - (step - 1) * cuts / stepsPerEpoch : left
  }

  /// How many of a group's units go.
  ///
  /// - Parameters:
  ///   - shares: In which share of the examples each was kept.
  ///   - cutsLeft: The cuts to come, this one included.
  /// - Returns: How many.
  public func cutCount(_ shares: [Double], cutsLeft: Int) -> Int {
    let width = shares.count
    let seldom = shares.count { $0 < pruneRate }
    var planned = 0
    if let targetWidth, targetWidth < width {
      planned = width - nextWidth(width, targetWidth, cutsLeft: max(cutsLeft, 1))
    }
    return max(0, min(max(seldom, planned), width - max(minimumWidth, targetWidth ?? 1)))
  }

  /// The width after the next of so many cuts in equal proportions: the smallest w that
  /// (w / width)ⁿ ≥ target / width allows.
  private func nextWidth(_ width: Int, _ target: Int, cutsLeft: Int) -> Int {
    // By repeated products, which are the same everywhere; `pow` promises nothing.
    let goal = Double(target) / Double(width)
    var (low, high) = (target, width)
    while low < high {
      let middle = (low + high) / 2
      let ratio = Double(middle) / Double(width)
      var power = 1.0
      for _ in 0..<cutsLeft where power >= goal { power *= ratio }
      if power >= goal { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// Units that a cut took out of a layer.
public struct UnitCut: Sendable, Equatable, Codable {
  /// The layer's path.
  public var layer: String
  /// The step of the run after which it was, from 1.
  public var step: Int
  /// The units that are left.
  public var width: Int
  /// The number of examples counted.
  public var exampleCount: Int
  /// The units, by their places in the network as it was at first.
  public var units: [Int]
  /// In how many of the examples each was kept; under sampling its share of Σ|dy|, in such counts.
  public var counts: [Double]
}
