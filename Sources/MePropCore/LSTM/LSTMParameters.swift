/// The parameters of one direction of an LSTM layer (Hochreiter and Schmidhuber, 1997, with forget
/// gates; the equations are those of PyTorch's `LSTM`).
///
///     i = σ(Wᵢ x + Uᵢ h + bᵢ)      f = σ(W_f x + U_f h + b_f)
///     o = σ(Wₒ x + Uₒ h + bₒ)
///     g = tanh(W_g x + U_g h + b_g)      c ← f c + i g      h ← o tanh(c)
///
/// Gates are in the order i, f, g, o. Each has `hiddenSize` rows and is padded with rows of zeros
/// to a multiple of 16, so that kernels can work on whole cache lines of every gate.
package protocol LSTMParameters {
  /// The number of inputs, the columns of W.
  var inputSize: Int { get }
  /// U, shape `[4 · paddedSize, hiddenSize]`.
  var recurrentMatrix: Matrix { get }
  /// b, shape `[1, 4 · paddedSize]`.
  var biasRow: Matrix { get }
  /// The number of units.
  var hiddenSize: Int { get }
}

extension LSTMParameters {
  /// The number of rows of each gate, zeros included.
  package var paddedSize: Int { paddedGateSize(hiddenSize) }
}

/// `hiddenSize` rounded up to a multiple of 16.
package func paddedGateSize(_ hiddenSize: Int) -> Int { (hiddenSize + 15) / 16 * 16 }
