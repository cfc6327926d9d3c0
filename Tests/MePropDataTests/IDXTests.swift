import Foundation
import MePropData
import Testing

@Suite struct IDXTests {
  /// A header by hand, so that the writer is not tested by itself.
  private func header(_ magic: UInt32, _ sizes: UInt32...) -> [UInt8] {
    ([magic] + sizes).flatMap { value in withUnsafeBytes(of: value.bigEndian, Array.init) }
  }

  @Test func writesTheHeaderOfTheFormat() throws {
    let folder = try TemporaryFolder()
    let array = IDX(dimensions: [2, 1, 3], bytes: [1, 2, 3, 4, 5, 255])
    try array.write(to: folder.file("a"))
    #expect(
      try Array(Data(contentsOf: folder.file("a")))
        == [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])
  }

  @Test(arguments: [[0], [5], [3, 4, 5], [0, 28, 28], [1_000, 28, 28]])
  func readerInvertsWriter(dimensions: [Int]) throws {
    let folder = try TemporaryFolder()
    let array = IDX(
      dimensions: dimensions, bytes: noise(dimensions.reduce(1, *), alphabet: 200))
    let url = folder.file("a")
    try array.write(to: url)
    #expect(try IDX.read(from: url, rank: dimensions.count) == array)
    let packed = try folder.write(try gzip(Array(Data(contentsOf: url))), to: "b")
    #expect(try IDX.read(from: packed, rank: dimensions.count) == array)
  }

  @Test func refusesOtherMagicNumbers() throws {
    let folder = try TemporaryFolder()
    let labels = try folder.write(header(0x801, 1) + [7], to: "labels")
    #expect {
      try IDX.read(from: labels, rank: 3)
    } throws: {
      "\($0)" == "\(labels.path): not an idx3 file of unsigned bytes, at byte 0 expected magic "
        + "number 0x00000803, found bytes 00 00 08 01"
    }
    for magic: UInt32 in [0x0d01, 0x0103_0000, 0x8000_0801, 0x3c21_444f] {
      let url = try folder.write(header(magic, 1) + [7], to: "other")
      #expect(
        throws: DataFormatError.wrongMagic(
          path: url.path, expected: 0x801, found: header(magic),
          format: "an idx1 file of unsigned bytes")
      ) { try IDX.read(from: url, rank: 1) }
    }
  }

  @Test(arguments: [false, true]) func refusesEveryWrongLength(isPacked: Bool) throws {
    let folder = try TemporaryFolder()
    let whole = header(0x803, 2, 2, 3) + noise(12)
    func file(_ bytes: [UInt8]) throws -> URL {
      try folder.write(isPacked ? try gzip(bytes) : bytes, to: "a")
    }
    for count in 0..<whole.count {
      let url = try file(Array(whole[..<count]))
      let expected = count < 16 ? 16 : 28
      #expect(
        throws: DataFormatError.truncated(path: url.path, expected: expected, found: count)
      ) { try IDX.read(from: url, rank: 3) }
    }
    let url = try file(whole + [0])
    #expect(throws: DataFormatError.trailingBytes(path: url.path, offset: 28)) {
      try IDX.read(from: url, rank: 3)
    }
    #expect(try IDX.read(from: try file(whole), rank: 3).bytes == noise(12))
  }

  @Test func checksumIsVerifiedThoughAllBytesAreThere() throws {
    let folder = try TemporaryFolder()
    var packed = try gzip(header(0x801, 1000) + noise(1000))
    packed[packed.count - 5] ^= 1
    let url = try folder.write(packed, to: "a")
    #expect {
      try IDX.read(from: url, rank: 1)
    } throws: {
      "\($0)".contains("incorrect data check")
    }
  }

  @Test func refusesClaimsBeforeTakingMemory() throws {
    let folder = try TemporaryFolder()
    let huge = header(0x803, .max, .max, .max)
    let large = header(0x803, 2_000, 1_000, 1_000)
    for bytes in [huge, try gzip(huge)] {
      let url = try folder.write(bytes, to: "huge")
      #expect {
        try IDX.read(from: url, rank: 3)
      } throws: {
        guard case .tooLarge(url.path, _, 1 << 31) = $0 as? DataFormatError else { return false }
        return true
      }
    }
    let plain = try folder.write(large, to: "plain")
    #expect(
      throws: DataFormatError.truncated(path: plain.path, expected: 2_000_000_016, found: 16)
    ) { try IDX.read(from: plain, rank: 3) }
    let packed = try folder.write(try gzip(large), to: "packed")
    #expect {
      try IDX.read(from: packed, rank: 3)
    } throws: {
      if case .tooLarge = $0 as? DataFormatError { return true }
      return false
    }
  }

  @Test func unpacksNoMoreThanTheHeaderClaims() throws {
    let folder = try TemporaryFolder()
    // 64 MB of zeros behind a header that claims one byte. The second half is cut off, and that
    // must not even be noticed.
    let bomb = try gzip(header(0x801, 1) + [UInt8](repeating: 0, count: 64 << 20), level: 1)
    let url = try folder.write(Array(bomb.prefix(bomb.count / 2)), to: "bomb")
    #expect(throws: DataFormatError.trailingBytes(path: url.path, offset: 9)) {
      try IDX.read(from: url, rank: 1)
    }
  }
}
