// The framing of TensorBoard's event files: length, its checksum, payload, its checksum.

import Foundation

/// Returns the CRC-32C (Castagnoli) of bytes.
package func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
  ~bytes.reduce(~UInt32(0)) { crc, byte in
    crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8)
  }
}

/// CRC-32C of each byte, with the polynomial's bits reversed.
private let crcTable: [UInt32] = (0..<256).map { byte in
  (0..<8).reduce(UInt32(byte)) { crc, _ in (crc >> 1) ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
}

/// Returns the checksum of bytes as TFRecord files store it: CRC-32C, rotated and shifted.
package func maskedCRC32C(_ bytes: some Sequence<UInt8>) -> UInt32 {
  let crc = crc32c(bytes)
  return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
}

/// Returns a payload with its frame.
package func tfRecord(_ payload: Data) -> Data {
  func littleEndian(_ value: some FixedWidthInteger) -> Data {
    withUnsafeBytes(of: value.littleEndian) { Data($0) }
  }
  let length = littleEndian(UInt64(payload.count))
  return length + littleEndian(maskedCRC32C(length)) + payload
    + littleEndian(maskedCRC32C(payload))
}
