// A checkpoint on its way from the process that read it to the others.

import Foundation
import MePropCore

extension Checkpoint {
  /// All but the numbers of tensors.
  private struct Frame: Codable {
    var state: CheckpointState
    var history: [EpochRecord]
    var names: [String]
    var shapes: [[Int]]
  }

  /// The checkpoint in one piece: the length of the frame, the frame as JSON, the numbers.
  func message() throws -> [UInt8] {
    let frame = try CheckpointState.encoder.encode(
      Frame(
        state: state, history: state.history, names: tensors.map(\.name),
        shapes: tensors.map(\.shape)))
    var message = withUnsafeBytes(of: UInt64(frame.count)) { Array($0) } + frame
    for tensor in tensors { tensor.values.withUnsafeBytes { message.append(contentsOf: $0) } }
    return message
  }

  /// Takes such a piece apart.
  init(message: [UInt8]) throws {
    let length = message.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
    let frame = try CheckpointState.decoder.decode(
      Frame.self, from: Data(message[8..<8 + length]))
    var place = 8 + length
    tensors = zip(frame.names, frame.shapes).map { name, shape in
      let count = shape.reduce(1, *)
      defer { place += 4 * count }
      let values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        message.withUnsafeBytes { bytes in
          UnsafeMutableRawBufferPointer(buffer).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[place..<place + 4 * count]))
        }
        filled = count
      }
      return NamedTensor(name: name, shape: shape, values: values)
    }
    state = frame.state
    state.history = frame.history
  }
}
