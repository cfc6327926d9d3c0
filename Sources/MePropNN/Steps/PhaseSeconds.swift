/// Wall-clock seconds by phase, added up over steps.
///
/// `backward` includes `selection` and `products`, and `forward` includes the loss.
public struct PhaseSeconds: Sendable, Codable, Equatable {
  /// The whole training part of an epoch; evaluation and checkpoints excluded.
  public var total = 0.0
  /// Forward propagation and the loss.
  public var forward = 0.0
  /// Back propagation, selection included.
  public var backward = 0.0
  /// Choosing the entries of output gradients that take part; a part of `backward`.
  public var selection = 0.0
  /// The products of back propagation, for weights and for inputs of layers; a part of `backward`.
  ///
  /// Includes updates that are applied to gradient rows as these are computed.
  public var products = 0.0
  /// Updating the parameters, where that is not fused into the products.
  public var optimizer = 0.0
  /// Gathering the batch.
  public var data = 0.0
  /// Exchanging memory with other processes, waiting for them included; a part of no other phase.
  public var exchange = 0.0

  /// Creates a record of no time at all.
  public init() {}

  /// Reads a record; `products` and `exchange` are 0 where a version of this program that did not
  /// measure them wrote the record.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    total = try values.decode(Double.self, forKey: .total)
    forward = try values.decode(Double.self, forKey: .forward)
    backward = try values.decode(Double.self, forKey: .backward)
    selection = try values.decode(Double.self, forKey: .selection)
    products = try values.decodeIfPresent(Double.self, forKey: .products) ?? 0
    optimizer = try values.decode(Double.self, forKey: .optimizer)
    data = try values.decode(Double.self, forKey: .data)
    exchange = try values.decodeIfPresent(Double.self, forKey: .exchange) ?? 0
  }

  private static let phases: [WritableKeyPath<PhaseSeconds, Double> & Sendable] = [
    \.total, \.forward, \.backward, \.selection, \.products, \.optimizer, \.data,
    \.exchange,
  ]

  /// Adds every phase of `other` to this one's.
  public static func += (sum: inout PhaseSeconds, other: PhaseSeconds) {
    for phase in phases { sum[keyPath: phase] += other[keyPath: phase] }
  }

  /// Returns each phase divided by `count`.
  public func divided(by count: Double) -> PhaseSeconds {
    var result = self
    for phase in Self.phases { result[keyPath: phase] /= count }
    return result
  }
}
