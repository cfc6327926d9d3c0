import CMePropKernels

/// What one optimizer step does to a number, given its gradient: formulas and settings, fixed for
/// the step.
///
/// In this order: `g ← scale · g`, `g ← clamp(g, ±clip)`, `g ← g + l2 · w`,
/// `w ← (1 − decay) w`, then the formula.
public struct UpdateRule: Sendable, Equatable {
  /// The formula that moves a weight.
  public enum Formula: Sendable, Equatable {
    /// `w ← w − rate · g`.
    case gradientDescent
    /// `u ← momentum · u + g; w ← w − rate · u`.
    case momentum(Float)
    /// `a ← a + g²; w ← w − rate · g / √(a + epsilon)` (Duchi et al., 2011; epsilon
    /// inside the root as in the authors' code).
    case adaGrad(epsilon: Float)
    /// `m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²;
    /// w ← w − rate · m / (√v · secondCorrection + epsilon)` (Kingma and Ba, 2015): `rate`
    /// includes 1 / (1 − β₁ᵗ), `secondCorrection` is 1 / √(1 − β₂ᵗ).
    case adam(beta1: Float, beta2: Float, secondCorrection: Float, epsilon: Float)
  }

  /// The formula.
  public var formula: Formula
  /// The learning rate as the formula uses it.
  public var rate: Float
  /// Multiplies the gradient first.
  public var gradientScale: Float = 1
  /// The largest magnitude that is left of a gradient; infinite: any.
  public var clip: Float = .infinity
  /// The factor of L2 regularization, added to the gradient.
  public var l2: Float = 0
  /// The share that each weight loses per step (decoupled decay, already multiplied by the learning
  /// rate).
  public var decay: Float = 0

  /// Creates a rule without clipping and decay.
  public init(formula: Formula, rate: Float) {
    self.formula = formula
    self.rate = rate
  }

  /// How many moments the formula keeps for each weight.
  public var momentCount: Int {
    switch formula {
    case .gradientDescent: 0
    case .momentum, .adaGrad: 1
    case .adam: 2
    }
  }

  package var arguments: meprop_update {
    var update = meprop_update()
    update.gradient_scale = gradientScale
    update.clip = clip
    update.l2 = l2
    update.decay = decay
    update.rate = rate
    switch formula {
    case .gradientDescent:
      update.kind = MEPROP_SGD
    case .momentum(let momentum):
      update.kind = MEPROP_MOMENTUM
      update.momentum = momentum
    case .adaGrad(let epsilon):
      update.kind = MEPROP_ADAGRAD
      update.epsilon = epsilon
    case .adam(let beta1, let beta2, let secondCorrection, let epsilon):
      update.kind = MEPROP_ADAM
      update.momentum = beta1
      update.beta2 = beta2
      update.second_correction = secondCorrection
      update.epsilon = epsilon
    }
    return update
  }
}

/// What an optimizer remembers of a parameter: one or two matrices of its shape, or none.
public struct Moments: Sendable, Equatable {
  /// Momentum, AdaGrad's sum of squares, or Adam's first moment; empty where the formula has none.
  public internal(set) var first: Matrix
  /// Adam's second moment; empty elsewhere.
  public internal(set) var second: Matrix

  /// Creates `count` moments of zeros (0, 1 or 2) for a parameter of shape `[rowCount,
  /// columnCount]`.
  public init(count: Int, rowCount: Int, columnCount: Int) {
    first = Matrix(rowCount: count > 0 ? rowCount : 0, columnCount: columnCount)
    second = Matrix(rowCount: count > 1 ? rowCount : 0, columnCount: columnCount)
  }

  /// Creates moments from saved matrices.
  public init(first: Matrix, second: Matrix) {
    self.first = first
    self.second = second
  }
}

extension ComputeContext {
  /// Applies `rule` to the valid rows of a parameter; other rows stay as they are.
  ///
  /// - Parameters:
  ///   - weights: The parameter, changed in place.
  ///   - moments: Its moments, as many as the rule needs, changed in place.
  ///   - rule: The step.
  ///   - gradient: The gradient, same shape as `weights`.
  public func update(
    _ weights: inout Matrix, _ moments: inout Moments, by rule: UpdateRule, gradient: WeightGradient
  ) {
    gradient.rowIndices.withUnsafeBufferPointer { rows in
      updateRows(
        &weights, &moments, by: rule, rows: gradient.rows == .all ? nil : rows.baseAddress,
        count: gradient.validCount, gradient: gradient.values, isCompact: false)
    }
  }

  /// Applies `rule` to every row of a parameter with a dense gradient of the same shape.
  public func update(
    _ weights: inout Matrix, _ moments: inout Moments, by rule: UpdateRule, gradient: Matrix
  ) {
    updateRows(
      &weights, &moments, by: rule, rows: nil, count: weights.rowCount, gradient: gradient,
      isCompact: false)
  }

  /// Applies `rule` to listed rows (`nil`: the first `count`); a `nil` gradient is zero, a compact
  /// one has row t for the t-th listed row.
  func updateRows(
    _ weights: inout Matrix, _ moments: inout Moments, by rule: UpdateRule,
    rows: UnsafePointer<UInt32>?,
    count: Int, gradient: Matrix?, isCompact: Bool
  ) {
    check(moments, of: weights, for: rule)
    if let gradient {
      precondition(
        gradient.columnCount == weights.columnCount
          && gradient.rowCount >= (isCompact ? count : weights.rowCount),
        "update: gradient is \(gradient.shape), weights are \(weights.shape)")
    }
    let columns = weights.columnCount
    let stride = weights.stride
    var arguments = meprop_update_rows_arguments(
      rows: rows, compact: isCompact ? 1 : 0, update: rule.arguments, g: gradient?.unsafeFloats,
      g_stride: gradient?.stride ?? 0, w: weights.unsafeMutableFloats(),
      first: moments.first.unsafeMutableFloats(),
      second: moments.second.unsafeMutableFloats(), stride: stride, columns: columns)
    // An Adam step moves 28 bytes a weight, which takes as long as some twenty multiply-adds.
    run(kernels.updateRows, &arguments, count: count, work: count * columns * 20)
    withExtendedLifetime(gradient) {}
  }

  /// A wrong number or shape of moments is the caller's mistake.
  func check(_ moments: Moments, of weights: Matrix, for rule: UpdateRule) {
    let needed = rule.momentCount
    let fits =
      (needed < 1
        || (moments.first.rowCount == weights.rowCount && moments.first.stride == weights.stride))
      && (needed < 2
        || (moments.second.rowCount == weights.rowCount && moments.second.stride == weights.stride))
    precondition(
      fits,
      "update: moments are \(moments.first.shape) and \(moments.second.shape), expected \(needed) "
        + "of \(weights.shape)"
    )
  }
}
