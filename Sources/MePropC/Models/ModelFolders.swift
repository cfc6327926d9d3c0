// Networks of the interface in the folders that all models have.

import CMePropInterface
import Foundation
import MePropCore
import MePropNN
import MePropTasks
import MePropTraining

private let version = ConstantText(MePropVersion.current)

/// See meprop.h.
@c @implementation
public func meprop_version() -> UnsafePointer<CChar>! { version.pointer }

/// What `model.json` says of a network of the interface.
private struct NetworkDetails: Codable {
  /// Who reads these details.
  static let interface = "meprop.h"

  var interface: String
  /// The numbers of inputs, of units of hidden layers, and of outputs.
  var layers: [Int]
  var activation: String
  var loss: String
  var precision: String
  var notes: String?
}

extension NetworkSettings.LossKind {
  fileprivate static let names = ["softmax", "binary", "squared-error"]
  fileprivate var name: String { Self.names[Int(rawValue)] }
}

/// The most bytes of notes.
private let maximumNoteSize = 1 << 18

/// See meprop.h.
@c @implementation
public func meprop_network_save(
  _ handle: meprop_network, _ folder: UnsafePointer<CChar>!, _ notes: UnsafePointer<CChar>!
) -> meprop_status {
  attempt("meprop_network_save") {
    let network: Network = try Handles.object(handle, "network")
    let folder = try folderURL(folder)
    let notes = try notes.map { try text($0, "notes") }
    try require(
      (notes?.utf8.count ?? 0) <= maximumNoteSize,
      "notes of \(notes?.utf8.count ?? 0) bytes, expected at most \(maximumNoteSize)")
    let settings = network.settings
    try network.model().save(
      to: folder, task: nil,
      details: NetworkDetails(
        interface: NetworkDetails.interface, layers: settings.sizes,
        activation: settings.activation.rawValue, loss: settings.lossKind.name,
        precision: settings.precision.rawValue, notes: notes))
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_save_images(
  _ handle: meprop_network, _ folder: UnsafePointer<CChar>!, _ image_rows: Int64,
  _ image_columns: Int64, _ pixel_scale: Float
) -> meprop_status {
  attempt("meprop_network_save_images") {
    let network: Network = try Handles.object(handle, "network")
    let folder = try folderURL(folder)
    let settings = network.settings
    try require(
      settings.lossKind == .softmax && settings.outputSize <= 256,
      "a network of \(settings.outputSize) outputs with loss \(settings.lossKind.name), expected "
        + "at most 256 classes")
    try require(
      (1...65_536).contains(image_rows) && (1...65_536).contains(image_columns)
        && image_rows * image_columns == Int64(settings.inputSize),
      "images of \(image_rows) x \(image_columns) for \(settings.inputSize) inputs")
    try require(
      pixel_scale > 0 && pixel_scale.isFinite, "pixel_scale is \(pixel_scale), expected above 0")
    let model = DigitsModel(
      network: try network.model(), imageRows: Int(image_rows), imageColumns: Int(image_columns),
      pixelScale: pixel_scale)
    try model.network.save(to: folder, task: Digits.name, details: model.details)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_load(
  _ context: meprop_context, _ folder: UnsafePointer<CChar>!,
  _ network: UnsafeMutablePointer<meprop_network>!
) -> meprop_status {
  attempt("meprop_network_load") {
    let network = try place(network, "network")
    let workplace: Workplace = try Handles.object(context, "context")
    let url = try folderURL(folder)
    let saved = try SavedModel(at: url)
    if saved.task == Digits.name {
      let model = try DigitsModel(at: url)
      network.pointee = Handles.add(
        try loaded(
          model.network, model.details.layers, activation: model.network.activation,
          loss: .softmax, precision: model.precision, workplace, notes: nil))
      return
    }
    guard saved.task == nil else {
      throw ModelFileError.wrongField(
        path: saved.descriptionPath, key: "task", expected: "\(Digits.name), or none",
        found: saved.task ?? "")
    }
    let details: NetworkDetails = try saved.details()
    let (model, loss) = try read(saved, details)
    network.pointee = Handles.add(
      try loaded(
        model, details.layers, activation: model.activation, loss: loss,
        precision: model.inner.layers[0].precision, workplace, notes: details.notes))
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_notes(
  _ handle: meprop_network, _ notes: UnsafeMutablePointer<CChar>!, _ capacity: Int,
  _ size: UnsafeMutablePointer<Int>!
) -> meprop_status {
  attempt("meprop_network_notes") {
    let size = try place(size, "size")
    let network: Network = try Handles.object(handle, "network")
    let bytes = Array((network.notes ?? "").utf8CString)
    size.pointee = bytes.count
    guard let notes else { return }
    try require(capacity >= bytes.count, "room for \(capacity) bytes, expected \(bytes.count)")
    notes.update(from: bytes, count: bytes.count)
  }
}

/// The network that a description and its parameters make.
private func read(
  _ saved: SavedModel, _ details: NetworkDetails
) throws -> (PerceptronNetwork, NetworkSettings.LossKind) {
  try saved.require(
    details.interface == NetworkDetails.interface, "interface", NetworkDetails.interface,
    details.interface)
  try saved.require(
    details.layers.count >= 2 && details.layers.count <= NetworkSettings.maximumLayerCount + 2
      && details.layers.allSatisfy { (1...Int(NetworkSettings.maximumSize)).contains($0) }
      && zip(details.layers, details.layers.dropFirst()).allSatisfy {
        $0 * $1 <= NetworkSettings.maximumWeightCount
      }, "layers", "two or more sizes", "\(details.layers)".printable(limit: 80))
  guard
    let loss = NetworkSettings.LossKind.names.firstIndex(of: details.loss)
      .flatMap({ NetworkSettings.LossKind(rawValue: Int32($0)) })
  else {
    try saved.require(
      false, "loss", NetworkSettings.LossKind.names.joined(separator: ", "), details.loss)
    throw InterfaceError.argument("loss")
  }
  var network = Stack.perceptron(
    details.layers, activation: try saved.value("activation", details.activation),
    precision: try saved.value("precision", details.precision), initialization: nil
  ).named("layers")
  try saved.restore(&network)
  return (network, loss)
}

private func loaded(
  _ network: PerceptronNetwork, _ sizes: [Int], activation: Activation,
  loss: NetworkSettings.LossKind, precision: Precision, _ workplace: Workplace, notes: String?
) throws -> Network {
  var fields = NetworkSettings.defaults
  fields.input_size = Int64(sizes[0])
  fields.output_size = Int64(sizes[sizes.count - 1])
  fields.loss = loss.rawValue
  fields.activation = Int32(
    [.identity, .relu, .tanh, .sigmoid].firstIndex(of: activation) ?? MEPROP_ACTIVATION_RELU)
  fields.precision = Int32(
    NetworkSettings.precisions.firstIndex(of: precision) ?? MEPROP_PRECISION_F32)
  let settings = try NetworkSettings(fields, sizes[1..<(sizes.count - 1)].map(Int64.init))
  return workplace.compute { Network(settings, workplace, weights: network, notes: notes) }
}

extension PerceptronNetwork {
  /// What follows the hidden layers; ReLU where there are none.
  fileprivate var activation: Activation {
    inner.layers.count > 1 ? inner.layers[0].activation : .relu
  }
}

/// A folder that a caller names.
///
/// - Throws: `InterfaceError`.
func folderURL(_ folder: UnsafePointer<CChar>?) throws -> URL {
  let path = try text(folder, "folder")
  try require(!path.isEmpty, "folder is empty, expected a path")
  return URL(fileURLWithPath: path)
}
