import Foundation
import MePropData
import Testing

@Suite struct FileDigestTests {
  /// Messages of FIPS 180-4's examples, and lengths around a block of 64 bytes, whose digests are
  /// those of Python's hashlib.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 64),
      "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func digestsAreThoseOfTheStandard(message: String, digest: String) throws {
    #expect(FileDigest.sha256(of: Array(message.utf8)) == digest)
    // The same from a file, which is read in several pieces.
    let folder = try TemporaryFolder()
    let url = try folder.write(message, to: "message")
    let found = try FileDigest.sha256(ofContentsAt: url)
    #expect(found.digest == digest)
    #expect(found.byteCount == message.utf8.count)
  }
}
