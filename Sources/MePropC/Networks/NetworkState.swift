import CMePropInterface
import MePropCore
import MePropNN

/// The state of a network as bytes: little-endian numbers, one after the other.
///
/// ```text
/// "MEPROPNS", version, settings, stepCount, tensors, digest of all before
/// ```
struct NetworkState {
  var settings: NetworkSettings
  var stepCount: Int
  var tensors: [NamedTensor]

  static let magic = Array("MEPROPNS".utf8)
  static let version: UInt64 = 1

  /// The bytes.
  var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.bytes.reserveCapacity(
      4096 + tensors.reduce(0) { $0 + $1.values.count * 4 + $1.name.utf8.count + 64 })
    writer.bytes += Self.magic
    writer.add(Self.version)
    writer.add(UInt64(settings.bytes.count))
    writer.bytes += settings.bytes
    writer.add(UInt64(stepCount))
    writer.add(UInt64(tensors.count))
    for tensor in tensors {
      writer.add(UInt64(tensor.name.utf8.count))
      writer.bytes += tensor.name.utf8
      writer.add(UInt64(tensor.shape.count))
      for extent in tensor.shape { writer.add(UInt64(extent)) }
      tensor.values.withUnsafeBytes { writer.bytes += $0 }
    }
    writer.add(writer.bytes.withUnsafeBytes(Self.digest))
    return writer.bytes
  }

  /// Reads bytes, believing nothing.
  ///
  /// - Throws: `InterfaceError`.
  init(_ bytes: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(bytes)
    guard try reader.bytes(Self.magic.count).elementsEqual(Self.magic) else {
      throw Self.broken("no state of a network")
    }
    let version = try reader.number()
    guard version == Self.version else {
      throw Self.broken("a state of version \(version), expected \(Self.version)")
    }
    let end = bytes.count - 8
    guard end >= reader.place,
      Self.digest(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
        == bytes.loadUnaligned(fromByteOffset: end, as: UInt64.self)
    else { throw Self.broken("a state that is cut off or was changed") }
    var body = ByteReader(
      UnsafeRawBufferPointer(rebasing: try reader.bytes(reader.count(elementSize: 1))))
    settings = try NetworkSettings(&body)
    guard body.isAtEnd else { throw Self.broken("settings of another length") }
    let steps = try reader.number()
    guard steps <= UInt64(Int32.max) << 20 else { throw Self.broken("\(steps) steps") }
    stepCount = Int(steps)
    tensors = []
    for _ in 0..<(try reader.count(elementSize: 16)) {
      tensors.append(try Self.tensor(&reader))
    }
    guard reader.place == end else { throw Self.broken("bytes after its end") }
  }

  init(settings: NetworkSettings, stepCount: Int, tensors: [NamedTensor]) {
    self.settings = settings
    self.stepCount = stepCount
    self.tensors = tensors
  }

  private static func tensor(_ reader: inout ByteReader) throws -> NamedTensor {
    let name = String(decoding: try reader.bytes(reader.count(elementSize: 1)), as: UTF8.self)
    var shape: [Int] = []
    for _ in 0..<(try reader.count(elementSize: 8)) {
      shape.append(try reader.count(elementSize: 0))
    }
    var count = 1
    for extent in shape {
      let (product, overflows) = count.multipliedReportingOverflow(by: extent)
      guard !overflows else { throw broken("a tensor of shape \(shape)") }
      count = product
    }
    let (size, overflows) = count.multipliedReportingOverflow(by: 4)
    guard !overflows else { throw broken("a tensor of shape \(shape)") }
    let source = UnsafeRawBufferPointer(rebasing: try reader.bytes(size))
    let values = [Float](unsafeUninitializedCapacity: count) { target, initialized in
      UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
      initialized = count
    }
    guard values.allSatisfy(\.isFinite) else {
      throw broken("a tensor '\(name)' of numbers that are not finite")
    }
    return NamedTensor(name: name, shape: shape, values: values)
  }

  static func broken(_ found: String) -> InterfaceError {
    InterfaceError(MEPROP_INVALID_STATE, "found \(found); the bytes are damaged or of another kind")
  }

  /// FNV-1a over words of eight bytes, then over the rest: finds damage, not forgery.
  static func digest(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    let words = bytes.count / 8
    for word in 0..<words {
      hash =
        (hash ^ bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self))
        &* 0x100_0000_01b3
      hash ^= hash >> 29
    }
    for byte in bytes[(words * 8)...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }
}

/// Writes numbers one after the other.
struct ByteWriter {
  var bytes: [UInt8] = []
  mutating func add(_ number: UInt64) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
  }
}

/// Reads numbers one after the other, and never beyond the end.
struct ByteReader {
  private let all: UnsafeRawBufferPointer
  private(set) var place = 0

  init(_ bytes: UnsafeRawBufferPointer) { all = bytes }

  var isAtEnd: Bool { place == all.count }

  mutating func bytes(_ count: Int) throws -> Slice<UnsafeRawBufferPointer> {
    guard count <= all.count - place else {
      throw NetworkState.broken("a state that is cut off")
    }
    defer { place += count }
    return all[place..<place + count]
  }

  mutating func number() throws -> UInt64 {
    let bytes = try bytes(8)
    return UInt64(
      littleEndian: all.loadUnaligned(fromByteOffset: bytes.startIndex, as: UInt64.self))
  }

  /// A number of elements, of which as many can follow.
  mutating func count(elementSize: Int) throws -> Int {
    let number = try number()
    let limit = elementSize == 0 ? 1 << 40 : (all.count - place) / elementSize
    guard number <= UInt64(limit) else { throw NetworkState.broken("a count of \(number)") }
    return Int(number)
  }
}

extension NetworkSettings {
  /// The settings, number by number.
  var bytes: [UInt8] {
    var writer = ByteWriter()
    for size in sizes.map(Int64.init) + [fields.k] { writer.add(UInt64(bitPattern: size)) }
    writer.add(fields.k_ratio.bitPattern)
    writer.add(fields.seed)
    for choice in choices { writer.add(UInt64(UInt32(bitPattern: choice))) }
    for number in numbers { writer.add(UInt64(number.bitPattern)) }
    for weight in classWeights { writer.add(UInt64(weight.bitPattern)) }
    var result = ByteWriter()
    result.add(UInt64(sizes.count))
    result.add(UInt64(classWeights.count))
    result.bytes += writer.bytes
    return result.bytes
  }

  private var choices: [Int32] {
    [
      fields.activation, fields.loss, fields.select, fields.optimizer, fields.untouched_rows,
      fields.precision, fields.initialization,
    ]
  }

  private var numbers: [Float] {
    [
      fields.memory, fields.dropout, fields.learning_rate, fields.beta1, fields.beta2,
      fields.epsilon, fields.momentum, fields.l2, fields.weight_decay, fields.clip_norm,
      fields.average_decay,
    ]
  }

  /// Reads settings and checks them as a caller's.
  ///
  /// - Throws: `InterfaceError`.
  init(_ reader: inout ByteReader) throws {
    let sizeCount = try reader.count(elementSize: 8)
    let weightCount = try reader.count(elementSize: 8)
    guard sizeCount >= 2 else { throw NetworkState.broken("\(sizeCount) sizes") }
    var sizes: [Int64] = []
    for _ in 0..<sizeCount { sizes.append(Int64(bitPattern: try reader.number())) }
    var fields = NetworkSettings.defaults
    fields.k = Int64(bitPattern: try reader.number())
    fields.k_ratio = Double(bitPattern: try reader.number())
    fields.seed = try reader.number()
    func choice() throws -> Int32 { Int32(truncatingIfNeeded: try reader.number()) }
    func float() throws -> Float {
      Float(bitPattern: UInt32(truncatingIfNeeded: try reader.number()))
    }
    fields.activation = try choice()
    fields.loss = try choice()
    fields.select = try choice()
    fields.optimizer = try choice()
    fields.untouched_rows = try choice()
    fields.precision = try choice()
    fields.initialization = try choice()
    fields.memory = try float()
    fields.dropout = try float()
    fields.learning_rate = try float()
    fields.beta1 = try float()
    fields.beta2 = try float()
    fields.epsilon = try float()
    fields.momentum = try float()
    fields.l2 = try float()
    fields.weight_decay = try float()
    fields.clip_norm = try float()
    fields.average_decay = try float()
    fields.input_size = sizes[0]
    fields.output_size = sizes[sizeCount - 1]
    do {
      try self.init(fields, Array(sizes[1..<(sizeCount - 1)]))
      guard weightCount == 0 || weightCount == outputSize else {
        throw NetworkState.broken("\(weightCount) weights of classes")
      }
      for _ in 0..<weightCount { classWeights.append(try float()) }
      try checkClassWeights()
    } catch let error as InterfaceError {
      throw NetworkState.broken(error.message)
    }
  }
}

extension NetworkState {
  /// The number of ``bytes``.
  var byteCount: Int {
    let tensorBytes = tensors.reduce(0) {
      $0 + 16 + $1.name.utf8.count + 8 * $1.shape.count + 4 * $1.values.count
    }
    return Self.magic.count + 8 + 8 + settings.bytes.count + 8 + 8 + tensorBytes + 8
  }

  /// Throws where there are fewer numbers than the network has weights, before it is made.
  func checkSizes() throws {
    let needed = zip(settings.sizes, settings.sizes.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    guard tensors.reduce(0, { $0 + $1.values.count }) >= needed else {
      throw Self.broken("fewer numbers than the \(needed) weights")
    }
  }
}
