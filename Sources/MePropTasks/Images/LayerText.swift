// Layers of a network as words: what `--layers`, YAML files and saved models say.

import Foundation
import MePropCore
import MePropNN

/// A layer in words, for example `conv 32 5x5 padding 2 relu pool 2`.
///
/// ```text
/// conv CHANNELS SIZE [stride N] [padding N] [relu|tanh|sigmoid|linear] [pool N] [dropout P]
/// max-pool N [stride N]      average-pool N [stride N]      global-average-pool
/// batch-norm                 dropout P
/// dense WIDTH [relu|tanh|sigmoid|linear] [dropout P]
/// ```
///
/// A size is `5` or `5x3`, down and across. Without a word for it the activation is relu. `pool N`
/// is max pooling within the convolution.
struct LayerText: Equatable {
  /// What is wrong with words.
  struct Problem: Error, Equatable {
    var reason: String
  }

  /// The kinds of layers.
  enum Kind: Equatable {
    case convolution(
      channels: Int, kernel: ImageExtent, stride: ImageExtent, padding: ImageExtent,
      activation: Activation, pool: ImageExtent?, dropout: Float)
    case pooling(Pooling.Kind, window: ImageExtent, stride: ImageExtent)
    case globalAverage
    case norm
    case dropout(Float)
    case dense(width: Int, activation: Activation, dropout: Float)
  }

  let kind: Kind
  /// As it was written.
  let text: String

  private static let names = [
    "conv", "max-pool", "average-pool", "global-average-pool", "batch-norm", "dropout", "dense",
  ]

  /// Understands words.
  ///
  /// - Throws: ``Problem``.
  init(_ text: String) throws {
    self.text = text
    var words = Words(text)
    let name = try words.next("a layer, one of \(Self.names.joined(separator: ", "))")
    switch name {
    case "conv": kind = try words.convolution()
    case "max-pool", "average-pool":
      let window = try words.extent("the size of a window")
      var stride = window
      if words.take("stride") { stride = try words.extent("a stride") }
      kind = .pooling(name == "max-pool" ? .max : .average, window: window, stride: stride)
    case "global-average-pool": kind = .globalAverage
    case "batch-norm": kind = .norm
    case "dropout": kind = .dropout(try words.share("a share to drop"))
    case "dense": kind = try words.dense()
    default:
      throw Problem(
        reason: "'\(text)': expected a layer, one of \(Self.names.joined(separator: ", ")), found "
          + "'\(name)'")
    }
    try words.end()
  }
}

/// The words of a layer, from the first to the last.
private struct Words {
  private let text: String
  private var words: ArraySlice<Substring>

  init(_ text: String) {
    self.text = text
    words = text.split(whereSeparator: { $0 == " " || $0 == "\t" })[...]
  }

  private func problem(_ expected: String, _ found: String?) -> LayerText.Problem {
    LayerText.Problem(
      reason: "'\(text)': expected \(expected), found \(found.map { "'\($0)'" } ?? "its end")")
  }

  mutating func next(_ expected: String) throws -> String {
    guard let word = words.popFirst() else { throw problem(expected, nil) }
    return String(word)
  }

  /// Takes a word if it is the next one.
  mutating func take(_ word: String) -> Bool {
    guard words.first.map({ $0 == word }) ?? false else { return false }
    words.removeFirst()
    return true
  }

  func end() throws {
    guard let word = words.first else { return }
    throw problem("its end", String(word))
  }

  mutating func count(_ expected: String) throws -> Int {
    let word = try next(expected)
    guard let value = Int(word), (1...1_000_000).contains(value) else {
      throw problem("\(expected) from 1 to 1000000", word)
    }
    return value
  }

  mutating func share(_ expected: String) throws -> Float {
    let word = try next(expected)
    guard let value = Float(word), value >= 0, value < 1 else {
      throw problem("\(expected) from 0 to below 1", word)
    }
    return value
  }

  mutating func extent(_ expected: String, least: Int = 1) throws -> ImageExtent {
    let word = try next(expected)
    let sides = word.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(sides.count), let height = sides[0], let width = sides[sides.count - 1],
      (least...65_536).contains(height), (least...65_536).contains(width)
    else { throw problem("\(expected) such as 3 or 3x5, each at least \(least)", word) }
    return ImageExtent(height, width)
  }

  private mutating func activation() -> Activation? {
    for activation in [Activation.relu, .tanh, .sigmoid] where take(activation.rawValue) {
      return activation
    }
    return take("linear") ? .identity : nil
  }

  mutating func convolution() throws -> LayerText.Kind {
    let channels = try count("a number of channels")
    let kernel = try extent("the size of a kernel")
    var (stride, padding): (ImageExtent, ImageExtent) = (1, 0)
    var (pool, dropout): (ImageExtent?, Float) = (nil, 0)
    var given: Activation?
    while !words.isEmpty {
      if take("stride") {
        stride = try extent("a stride")
      } else if take("padding") {
        padding = try extent("a padding", least: 0)
      } else if take("pool") {
        pool = try extent("the size of a window")
      } else if take("dropout") {
        dropout = try share("a share to drop")
      } else if given == nil, let activation = activation() {
        given = activation
      } else {
        throw problem(
          "stride, padding, pool, dropout or an activation", words.first.map(String.init))
      }
    }
    return .convolution(
      channels: channels, kernel: kernel, stride: stride, padding: padding,
      activation: given ?? .relu, pool: pool, dropout: dropout)
  }

  mutating func dense() throws -> LayerText.Kind {
    let width = try count("a width")
    var dropout: Float = 0
    var given: Activation?
    while !words.isEmpty {
      if take("dropout") {
        dropout = try share("a share to drop")
      } else if given == nil, let activation = activation() {
        given = activation
      } else {
        throw problem("dropout or an activation", words.first.map(String.init))
      }
    }
    return .dense(width: width, activation: given ?? .relu, dropout: dropout)
  }
}
