// SHA-256 of the system's library: CommonCrypto on macOS, OpenSSL elsewhere.

#if canImport(CommonCrypto)
  import CommonCrypto
#else
  import CCrypto
#endif

/// A SHA-256 (FIPS 180-4) that is computed piece by piece.
struct SHA256: ~Copyable {
  private static let byteCount = 32

  #if canImport(CommonCrypto)
    private var state = CC_SHA256_CTX()

    /// Starts with no bytes.
    init() { CC_SHA256_Init(&state) }

    /// Goes on with the next bytes.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
      // A length of the library has 32 bits.
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
        CC_SHA256_Update(&state, piece.baseAddress, CC_LONG(piece.count))
        rest = rest.dropFirst(piece.count)
      }
    }

    /// The digest of all bytes, 32 of them.
    consuming func finalize() -> [UInt8] {
      var digest = [UInt8](repeating: 0, count: Self.byteCount)
      CC_SHA256_Final(&digest, &state)
      return digest
    }
  #else
    private let state: OpaquePointer

    /// Starts with no bytes.
    init() {
      // Fails only without memory, or where the library refuses its own algorithm.
      guard let state = EVP_MD_CTX_new(), EVP_DigestInit_ex(state, EVP_sha256(), nil) == 1 else {
        preconditionFailure("SHA256: OpenSSL's libcrypto cannot compute SHA-256")
      }
      self.state = state
    }

    deinit { EVP_MD_CTX_free(state) }

    /// Goes on with the next bytes.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
      let result = EVP_DigestUpdate(state, bytes.baseAddress, bytes.count)
      precondition(result == 1, "SHA256: OpenSSL's libcrypto does not take \(bytes.count) bytes")
    }

    /// The digest of all bytes, 32 of them.
    consuming func finalize() -> [UInt8] {
      var digest = [UInt8](repeating: 0, count: Self.byteCount)
      let result = EVP_DigestFinal_ex(state, &digest, nil)
      precondition(result == 1, "SHA256: OpenSSL's libcrypto does not finish a digest")
      return digest
    }
  #endif
}
