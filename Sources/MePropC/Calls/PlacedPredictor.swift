import MePropCore

/// A predictor that computes with the threads of a context, and is made anew where those were left
/// behind in another process.
///
/// `@unchecked Sendable`: it is used in `Workplace.compute` only, one call at a time.
final class PlacedPredictor<Predictor: AnyObject>: @unchecked Sendable {
  private let workplace: Workplace
  private let make: (Workplace) -> Predictor
  private var predictor: Predictor
  private var generation: Int

  /// - Parameters:
  ///   - workplace: The context; this is called in its `compute` only.
  ///   - make: Makes the predictor.
  init(in workplace: Workplace, _ make: @escaping (Workplace) -> Predictor) {
    self.workplace = workplace
    self.make = make
    predictor = make(workplace)
    generation = workplace.generation
  }

  /// Calls `body` with the predictor, when nobody else computes with the context.
  func compute<Result>(_ body: (Predictor) throws -> Result) rethrows -> Result {
    try workplace.compute {
      if generation != workplace.generation {
        // Joining its threads would never end.
        _ = Unmanaged.passRetained(predictor)
        predictor = make(workplace)
        generation = workplace.generation
      }
      return try body(predictor)
    }
  }
}
