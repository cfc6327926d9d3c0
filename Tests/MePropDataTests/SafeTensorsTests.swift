import Foundation
import MePropCore
import MePropData
import Testing

@Suite struct SafeTensorsTests {
  private let tensors = [
    NamedTensor(name: "hidden.0.weight", shape: [2, 3], values: [1, -2, 3, 4.5, .pi, 0]),
    NamedTensor(name: "hidden.0.bias", shape: [2], values: [-0.0, .infinity]),
    NamedTensor(name: "empty", shape: [0, 5], values: []),
    NamedTensor(name: "ä \"q\" \\ \n 🙂", shape: [], values: [.leastNonzeroMagnitude]),
  ]

  /// A file of a header and a number of zero bytes.
  private func file(
    _ header: String, data: Int = 0, in folder: TemporaryFolder, length: UInt64? = nil
  ) throws -> URL {
    let length = length ?? UInt64(header.utf8.count)
    return try folder.write(
      withUnsafeBytes(of: length.littleEndian, Array.init) + Array(header.utf8)
        + [UInt8](repeating: 0, count: data), to: "a.safetensors")
  }

  @Test func writesTheBytesOfTheFormat() throws {
    let folder = try TemporaryFolder()
    let url = folder.file("a.safetensors")
    let tensor = NamedTensor(name: "w", shape: [1, 2], values: [1, -2])
    try SafeTensors.write([tensor], metadata: ["b": "2", "a": "1"], to: url)
    let header =
      #"{"__metadata__":{"a":"1","b":"2"},"w":{"dtype":"F32","shape":[1,2],"#
      + #""data_offsets":[0,8]}}"#
    let padding = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    let bytes = try Array(Data(contentsOf: url))
    #expect(bytes[0] == UInt8(header.utf8.count + padding.utf8.count))
    #expect(bytes[1..<8].allSatisfy { $0 == 0 })
    #expect(Array(bytes[8...].dropLast(8)) == Array((header + padding).utf8))
    #expect(bytes.suffix(8) == [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])
  }

  @Test func readerInvertsWriter() throws {
    let folder = try TemporaryFolder()
    let url = folder.file("a.safetensors")
    let metadata = ["format": "pt", "odd\u{1}\"key": "line\nline"]
    try SafeTensors.write(tensors, metadata: metadata, to: url)
    let found = try SafeTensors.read(from: url)
    #expect(
      Dictionary(grouping: found.tensors, by: \.name) == Dictionary(grouping: tensors, by: \.name))
    #expect(found.tensors.map(\.name) == tensors.map(\.name))
    #expect(found.metadata == metadata)
    #expect(found.tensors[1].values[0].sign == .minus)
    let first = try Data(contentsOf: url)
    try SafeTensors.write(tensors, metadata: metadata, to: url)
    #expect(try Data(contentsOf: url) == first)
    try SafeTensors.write([], to: url)
    #expect(try SafeTensors.read(from: url).tensors.isEmpty)
  }

  @Test func readsHeadersOfOthers() throws {
    let folder = try TemporaryFolder()
    let url = try file(
      #"""
       { "b" : { "data_offsets":[4, 8], "shape":[1],"dtype":"F32"} ,
       "\u00e4\ud83d\ude42\/" : {"dtype":"F32","shape":[],"data_offsets":[0,4]}}
      """#.drop(while: { $0 == " " }).description, data: 8, in: folder)
    #expect(try SafeTensors.read(from: url).tensors.map(\.name) == ["ä🙂/", "b"])
  }

  @Test func everyTruncationAndExtraByteIsRefused() throws {
    let folder = try TemporaryFolder()
    let url = folder.file("a.safetensors")
    try SafeTensors.write(tensors, to: url)
    let whole = try Array(Data(contentsOf: url))
    let headerEnd = 8 + Int(whole[0]) + Int(whole[1]) << 8
    for count in 0..<whole.count {
      let cut = try folder.write(Array(whole[..<count]), to: "cut")
      let expected = count < 8 ? 8 : count < headerEnd ? headerEnd : whole.count
      #expect(
        throws: SafeTensorsError.truncated(path: cut.path, expected: expected, found: count)
      ) { try SafeTensors.read(from: cut) }
    }
    let long = try folder.write(whole + [0], to: "long")
    #expect(throws: SafeTensorsError.trailingBytes(path: long.path, offset: whole.count)) {
      try SafeTensors.read(from: long)
    }
  }

  @Test(arguments: [
    ("", "at byte 8 expected {, found the end of the header"),
    (" {}", "at byte 8 expected {, found ' '"),
    ("[]", "at byte 8 expected {, found '['"),
    ("{}x", "at byte 10 expected the end of the header, found 'x'"),
    (#"{"a":1}"#, "at byte 13 expected '{', found '1'"),
    (#"{"a":{"dtype":"F32","shape":[1]}}"#, "two data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "two data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "an integer in 0"),
    (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, "expected ']', found '.'"),
    (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, "integer"),
    (#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}"#, "one of dtype"),
    (#"{"__metadata__":{"a":1}}"#, "expected a string, found '1'"),
    (#"{"a\q":1}"#, "expected an escape of JSON"),
    (#"{"\ud800":1}"#, "expected a Unicode scalar"),
    (#"{"a"#, "expected the end of a string, found the end of the header"),
    ("{\"a\n\":1}", "no control character"),
    (#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},}"#, "expected a string"),
  ])
  func refusesOtherHeaders(header: String, message: String) throws {
    let folder = try TemporaryFolder()
    let url = try file(header, data: 4, in: folder)
    #expect {
      try SafeTensors.read(from: url)
    } throws: {
      guard case .badHeader = $0 as? SafeTensorsError else { return false }
      return "\($0)".contains(message)
    }
  }

  @Test func refusesLongHeadersBeforeReadingThem() throws {
    let folder = try TemporaryFolder()
    for length: UInt64 in [100_000_001, 1 << 63, .max] {
      let url = try file("{}", in: folder, length: length)
      #expect(
        throws: SafeTensorsError.headerTooLong(
          path: url.path, found: length, limit: 100_000_000)
      ) { try SafeTensors.read(from: url) }
    }
  }

  @Test func refusesDuplicates() throws {
    let folder = try TemporaryFolder()
    let entry = #""a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}"#
    for header in [
      "{\(entry),\(entry)}",
      "{\(entry),\(entry.replacingOccurrences(of: "\"a", with: "\"\\u0061"))}",
      #"{"__metadata__":{"a":"1","a":"1"}}"#,
    ] {
      let url = try file(header, data: 4, in: folder)
      #expect {
        try SafeTensors.read(from: url)
      } throws: {
        guard case .duplicateName(url.path, _, "a") = $0 as? SafeTensorsError else { return false }
        return true
      }
    }
  }

  @Test func refusesOffsetsThatDoNotFit() throws {
    let folder = try TemporaryFolder()
    func offsets(_ first: [Int], _ second: [Int], shape: [Int] = [1]) throws -> URL {
      try file(
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":\#(first)},"#
          + #""b":{"dtype":"F32","shape":\#(shape),"data_offsets":\#(second)}}"#,
        data: 8, in: folder)
    }
    #expect(try SafeTensors.read(from: offsets([0, 4], [4, 8])).tensors.count == 2)
    // Overlap, gap, backwards, not the shape's size.
    for wrong in [[0, 4], [2, 6], [8, 12], [4, 4], [4, 3], [4, 12]] {
      let url = try offsets([0, 4], wrong)
      #expect(throws: SafeTensorsError.self) { try SafeTensors.read(from: url) }
    }
    let overlap = try offsets([0, 4], [2, 6])
    #expect(
      throws: SafeTensorsError.badOffsets(
        path: overlap.path, tensor: "b", expected: [4, 8], found: [2, 6])
    ) { try SafeTensors.read(from: overlap) }
    let beyond = try offsets([0, 4], [4, 44], shape: [10])
    #expect(throws: SafeTensorsError.self) { try SafeTensors.read(from: beyond) }
    for shape in [[Int.max], [1 << 32, 1 << 32], [1 << 60, 4]] {
      let url = try offsets([0, 4], [4, 8], shape: shape)
      #expect(
        throws: SafeTensorsError.shapeOverflow(path: url.path, tensor: "b", shape: shape)
      ) { try SafeTensors.read(from: url) }
    }
    // Without elements, whatever the other sizes.
    let empty = try file(
      #"{"a":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}}"#,
      in: folder)
    #expect(try SafeTensors.read(from: empty).tensors[0].values.isEmpty)
  }

  @Test func refusesOtherTypes() throws {
    let folder = try TemporaryFolder()
    let url = try file(
      #"{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#, data: 4, in: folder)
    #expect(
      throws: SafeTensorsError.unsupportedType(path: url.path, tensor: "a", found: "BF16")
    ) { try SafeTensors.read(from: url) }
  }

  @Test func largeFilesTakeMilliseconds() throws {
    let folder = try TemporaryFolder()
    let url = folder.file("a.safetensors")
    let large = NamedTensor(
      name: "w", shape: [2_000, 1_000], values: [Float](repeating: 0.25, count: 2_000_000))
    let clock = ContinuousClock()
    let writing = try clock.measure { try SafeTensors.write([large], to: url) }
    var found: [NamedTensor] = []
    let reading = try clock.measure { found = try SafeTensors.read(from: url).tensors }
    print("safetensors, 8 MB: written in \(writing) (with fsync), read in \(reading)")
    #expect(found == [large])
    #expect(reading < .milliseconds(250))
  }

  @Test func pythonReadsOursAndWeReadPythons() throws {
    let folder = try TemporaryFolder()
    let ours = folder.file("ours.safetensors")
    let theirs = folder.file("theirs.safetensors")
    try SafeTensors.write(tensors, metadata: ["format": "pt"], to: ours)
    let script = """
      import sys, json
      try:
          import numpy
          from safetensors import safe_open
          from safetensors.numpy import load_file, save_file
      except ImportError:
          sys.exit(77)
      arrays = load_file(sys.argv[1])
      save_file(arrays, sys.argv[2], metadata=safe_open(sys.argv[1], "np").metadata())
      print(json.dumps({name: list(a.shape) for name, a in arrays.items()}, sort_keys=True))
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, ours.path, theirs.path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard ![77, 127].contains(process.terminationStatus) else {
      print("SKIPPED pythonReadsOursAndWeReadPythons: no python3 with safetensors and numpy")
      return
    }
    #expect(process.terminationStatus == 0)
    let shapes = try JSONDecoder().decode([String: [Int]].self, from: printed)
    #expect(shapes == Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.shape) }))
    let found = try SafeTensors.read(from: theirs)
    #expect(found.tensors.sorted { $0.name < $1.name } == tensors.sorted { $0.name < $1.name })
    #expect(found.metadata == ["format": "pt"])
  }
}
