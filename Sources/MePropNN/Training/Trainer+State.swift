// What a trainer must keep to go on after a restart with the same bits, as named tensors.

import MePropCore

/// A saved state that does not fit; nothing of it was taken over.
public enum ModelStateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A tensor that is needed is missing.
  case missing(name: String)
  /// A tensor that the model does not have.
  case unexpected(name: String)
  /// Units that a layer of `width` does not have, or not in increasing order.
  case wrongUnits(name: String, width: Int)
  /// A tensor of another shape.
  case shapeMismatch(name: String, expected: [Int], found: [Int])

  /// One line for the user.
  public var description: String {
    switch self {
    case .missing(let name): "expected a tensor '\(name)', found none"
    case .unexpected(let name): "found a tensor '\(name)' that this network does not have"
    case .wrongUnits(let name, let width):
      "tensor '\(name)': expected increasing numbers of units below \(width), found others"
    case .shapeMismatch(let name, let expected, let found):
      "tensor '\(name)': expected shape \(expected), found \(found)"
    }
  }
}

extension Layer {
  /// All parameters, under their paths and without padding.
  public var parameters: [NamedTensor] {
    var model = self
    var reading = StateReading(contents: .values, average: nil)
    model.visit(&reading)
    return reading.tensors
  }

  /// Takes parameters under their paths.
  ///
  /// - Parameter tensors: One for each parameter of the model, in any order.
  /// - Throws: ``ModelStateError``; the model is then as it was.
  public mutating func replaceParameters(with tensors: [NamedTensor]) throws(ModelStateError) {
    var reading = StateReading(contents: .values, average: nil)
    visit(&reading)
    var writing = StateWriting(try reading.matched(tensors), average: nil)
    visit(&writing)
  }
}

extension Trainer {
  /// Parameters, moments, memories and running means; with ``stepCount`` they are the whole state.
  ///
  /// A parameter has its path as its name, for example `0.weight`; its moments have `.first` and
  /// `.second` after it, its mean `.average`; the memory of the layer `0` is `0.memory`, and the
  /// thresholds of its sampling are `0.thresholds`. Where units are cut, `0.units` are those that
  /// the layer `0` has left, `0.hits` and `0.counted` how often they were kept of how many examples
  /// and entries, and `0.weight.uncut` is what it was with all units. What optimizer or policy do
  /// not have is left out.
  public var state: [NamedTensor] {
    var reading = StateReading(contents: .state, average: average)
    var model = currentModel
    model.visit(&reading)
    return reading.tensors + simplificationState
  }

  /// Takes back a state, after which training goes on as if it had never stopped.
  ///
  /// - Parameters:
  ///   - saved: What `state` was; the order does not matter.
  ///   - stepCount: What `stepCount` was, 0 or more.
  /// - Throws: ``ModelStateError``; the trainer is then as it was.
  public func restore(_ saved: [NamedTensor], stepCount: Int) throws(ModelStateError) {
    precondition(
      stepCount >= 0, "Trainer.restore: stepCount is \(stepCount), expected 0 or more")
    let means = average?.values
    var (model, ownTensors) = (currentModel, saved)
    var simplified: SavedSimplification?
    do {
      if simplification != nil {
        let (restored, rest) = try savedSimplification(of: saved, rearranging: &model)
        (simplified, ownTensors) = (restored, rest)
      }
      var reading = StateReading(contents: .state, average: average)
      model.visit(&reading)
      var writing = StateWriting(try reading.matched(ownTensors), average: average)
      model.visit(&writing)
      average?.restore(writing.means, step: stepCount)
    } catch {
      if let means { average?.values = means }
      throw error
    }
    currentModel = model
    if let simplified { restore(simplified) }
    step.number = stepCount
  }
}

/// Collects the tensors of a model, and which of them may have any number of rows.
private struct StateReading: LayerVisitor {
  enum Contents { case values, state }

  var path = LayerPath()
  let contents: Contents
  let average: ParameterAverage?
  var tensors: [NamedTensor] = []
  var memoriesBySlot: Set<String> = []

  init(contents: Contents, average: ParameterAverage?) {
    self.contents = contents
    self.average = average
  }

  mutating func visit(_ parameter: inout Parameter) {
    let name = path.text
    tensors.append(parameter.tensor(name, of: parameter.value))
    guard contents == .state else { return }
    for (suffix, matrix) in [
      ("first", parameter.moments.first), ("second", parameter.moments.second),
    ] where matrix.rowCount > 0 {
      tensors.append(parameter.tensor("\(name).\(suffix)", of: matrix))
    }
    if let average {
      tensors.append(
        parameter.tensor("\(name).average", of: average.values[parameter.index]))
    }
  }

  mutating func visit(_ selector: inout Selector) {
    guard contents == .state else { return }
    if selector.usesShares {
      tensors.append(
        NamedTensor(
          name: path.text + ".thresholds", shape: [selector.blockCount],
          values: selector.shares.isEmpty
            ? Array(repeating: 0, count: selector.blockCount) : selector.shares))
    }
    guard selector.usesMemory else { return }
    let name = path.text + ".memory"
    if selector.decidedPolicy.memoryScope == .slot { memoriesBySlot.insert(name) }
    tensors.append(
      NamedTensor(
        name: name, shape: [selector.memory.rowCount, selector.outputSize],
        values: selector.memory.elements))
  }

  /// The saved tensors by name, if names and shapes are those of `tensors`.
  func matched(_ saved: [NamedTensor]) throws(ModelStateError) -> [String: NamedTensor] {
    var byName: [String: NamedTensor] = [:]
    for tensor in saved { byName[tensor.name] = tensor }
    for tensor in tensors {
      guard let found = byName[tensor.name] else { throw .missing(name: tensor.name) }
      var expected = tensor.shape
      // A memory by slots has as many rows as the largest batch so far.
      if memoriesBySlot.contains(tensor.name) { expected[0] = max(found.shape.first ?? 0, 1) }
      guard found.shape == expected else {
        throw .shapeMismatch(name: tensor.name, expected: expected, found: found.shape)
      }
    }
    let known = Set(tensors.map(\.name))
    if let name = saved.map(\.name).first(where: { !known.contains($0) }) {
      throw .unexpected(name: name)
    }
    return byName
  }
}

/// Gives a model tensors that fit it.
private struct StateWriting: LayerVisitor {
  var path = LayerPath()
  let tensors: [String: NamedTensor]
  let average: ParameterAverage?
  var means: [Matrix] = []

  init(_ tensors: [String: NamedTensor], average: ParameterAverage?) {
    self.tensors = tensors
    self.average = average
  }

  mutating func visit(_ parameter: inout Parameter) {
    let name = path.text
    if let tensor = tensors[name] { parameter.replace(with: parameter.matrix(of: tensor)) }
    if let first = tensors[name + ".first"] {
      parameter.moments = Moments(
        first: parameter.matrix(of: first),
        second: tensors[name + ".second"].map { parameter.matrix(of: $0) }
          ?? parameter.moments.second)
    }
    if average != nil, let mean = tensors[name + ".average"] {
      means.append(parameter.matrix(of: mean))
    }
  }

  mutating func visit(_ selector: inout Selector) {
    if selector.usesShares, let tensor = tensors[path.text + ".thresholds"] {
      selector.shares = tensor.values
    }
    guard selector.usesMemory, let tensor = tensors[path.text + ".memory"] else { return }
    selector.memory = Matrix(
      rowCount: tensor.shape[0], columnCount: tensor.shape[1], elements: tensor.values)
  }
}
