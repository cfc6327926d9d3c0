/// The numbers that products read; sums, gradients, moments and the weights that are trained are
/// 32-bit floats always.
public enum Precision: String, Sendable, CaseIterable {
  /// 32-bit floats.
  case f32
  /// bf16: the upper half of a 32-bit float, 8 bits of precision, rounded to nearest with ties to
  /// even.
  ///
  /// Inputs are rounded batch by batch, weights as they are used, or in a copy beside the master.
  /// With AVX512-BF16 a product is about twice as fast as in f32, with AMX five times. Where the
  /// processor multiplies such numbers the products of a dense step's back propagation are rounded
  /// too, as in other libraries' mixed precision; those of kept entries, and of dense layers of up
  /// to 16 outputs, never are. Elsewhere operands are rounded just so and widened again to be
  /// multiplied: the same numbers but for the order of sums, at about the speed of f32.
  case bf16
  /// Whole numbers of eight bits, with exact sums of products.
  ///
  /// A row w of a weight matrix, and the input of each example, is replaced by `s q`, with
  /// `s = max |wⱼ| / 127` and `qⱼ = round(wⱼ · 127 / max |wⱼ|)` from -127 to 127. This is
  /// symmetric linear quantization by row (Jacob et al., 2018, arXiv 1712.05877). A number is off
  /// by at most `s / 2`. States of an LSTM are `round(127 h) / 127`; its gates and cells stay
  /// floats. Back propagation takes rounding for the identity and reads f32 (straight-through
  /// estimator; Bengio et al., 2013, arXiv 1308.3432). Layers of fewer than 32 outputs read f32.
  /// Fast where the processor has instructions for it (AVX512-VNNI).
  case int8
}
