import Foundation
import MePropCore
import MePropNN
import Testing

/// Golden values of another implementation, written by Scripts/generate-optimizer-fixtures.py.
enum Fixtures {
  /// The settings of a case; names are those of the script.
  struct Settings: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    var method: String
    var learningRate: Float
    var momentum: Float?
    var beta1: Float?
    var beta2: Float?
    var epsilon: Float?
    var l2: Float?
    var weightDecay: Float?
    var clipValue: Float?
    var clipNorm: Float?
    var activation: String?
    var select: String?
    var k: Int?
    var memory: Float?
    var groupSize: Int?
    var untouched: String?

    var testDescription: String { name }
  }

  /// A run of one optimizer on given gradients.
  struct OptimizerCase: Decodable, Sendable, CustomTestStringConvertible {
    var settings: Settings
    var halfway: [Double]
    var final: [Double]
    var testDescription: String { settings.name }
  }

  /// A run of SparseAdam on the rows that a selection touches.
  struct SparseAdam: Decodable, Sendable {
    var settings: Settings
    var rows: Int
    var columns: Int
    var k: Int
    var weights: [Float]
    var outputGradients: [[Float]]
    var inputs: [[Float]]
    var touchedRows: [[Int]]
    var final: [Double]
  }

  /// The file optimizers.json.
  struct Optimizers: Decodable, Sendable {
    var rows: Int
    var columns: Int
    var weights: [Float]
    var gradients: [[Float]]
    var cases: [OptimizerCase]
    var sparseAdam: SparseAdam
  }

  /// Ten steps of a network.
  struct NetworkCase: Decodable, Sendable, CustomTestStringConvertible {
    var settings: Settings
    var losses: [Double]
    var weights: [[Double]]
    var biases: [[Double]]
    var testDescription: String { settings.name }
  }

  /// The file networks.json.
  struct Networks: Decodable, Sendable {
    var sizes: [Int]
    var batches: [[Int]]
    var inputs: [[Float]]
    var labels: [Int32]
    var weights: [[Float]]
    var biases: [[Float]]
    var cases: [NetworkCase]
  }

  static func optimizers() throws -> Optimizers { try load("optimizers") }
  static func networks() throws -> Networks { try load("networks") }

  private static func load<Content: Decodable>(_ name: String) throws -> Content {
    guard
      let file = Bundle.module.url(
        forResource: name, withExtension: "json", subdirectory: "Fixtures")
    else { throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: "\(name).json"]) }
    return try JSONDecoder().decode(Content.self, from: Data(contentsOf: file))
  }
}

extension Fixtures.Settings {
  /// The optimizer with these settings.
  func makeOptimizer() throws -> Optimizer {
    var optimizer: Optimizer
    switch method {
    case "sgd":
      optimizer = Optimizer(.gradientDescent(momentum: momentum ?? 0), learningRate: learningRate)
    case "adagrad":
      optimizer = Optimizer(.adaGrad(epsilon: epsilon ?? 1e-6), learningRate: learningRate)
    case "adam":
      optimizer = Optimizer(
        .adam(beta1: beta1 ?? 0.9, beta2: beta2 ?? 0.999, epsilon: epsilon ?? 1e-8),
        learningRate: learningRate)
    default: throw CocoaError(.coderInvalidValue, userInfo: ["method": method])
    }
    optimizer.l2 = l2 ?? 0
    optimizer.weightDecay = weightDecay ?? 0
    optimizer.clipValue = clipValue
    optimizer.clipNorm = clipNorm
    if let untouched {
      optimizer.untouchedRows = try known(Optimizer.UntouchedRows(rawValue: untouched))
    }
    return optimizer
  }

  /// The selection policy with these settings.
  func makeSelection() throws -> SelectionPolicy {
    switch select {
    case nil: return .dense
    case "top": return .top(k: .count(try known(k)), memory: memory ?? 0)
    case "unified":
      return .unified(k: .count(try known(k)), groupSize: groupSize, memory: memory ?? 0)
    default: throw CocoaError(.coderInvalidValue, userInfo: ["select": select ?? ""])
    }
  }

  /// The value, or an error that names this case.
  func known<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw CocoaError(.coderValueNotFound, userInfo: ["case": name]) }
    return value
  }
}
