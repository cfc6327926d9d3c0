// An HTTP/1.1 server on 127.0.0.1 that answers as a test tells it, also against the rules.

import Foundation
import Testing

/// What a request asked for.
struct TestRequest: Sendable {
  /// The path, with its leading slash.
  var path: String
  /// The first byte asked for by `Range: bytes=N-`; `nil` without that header.
  var rangeStart: Int?
  /// How many requests came before this one.
  var index: Int
}

/// What the server sends.
struct TestResponse: Sendable {
  var status = 200
  var headers: [String: String] = [:]
  var body: [UInt8] = []
  /// The length to claim, if not the true one.
  var claimedLength: Int?
  /// Whether to claim no length and close instead.
  var claimsNoLength = false
  /// Seconds to wait after the body before closing.
  var stall: Double = 0

  /// `body` as a good server sends it, from `request.rangeStart` where asked for.
  static func ranged(_ body: [UInt8], _ request: TestRequest) -> TestResponse {
    guard let start = request.rangeStart else { return TestResponse(body: body) }
    guard start < body.count else {
      return TestResponse(status: 416, headers: ["Content-Range": "bytes */\(body.count)"])
    }
    return TestResponse(
      status: 206,
      headers: ["Content-Range": "bytes \(start)-\(body.count - 1)/\(body.count)"],
      body: Array(body[start...]))
  }
}

/// Listens on a free port until it is released.
///
/// One connection, one answer.
final class MisbehavingServer: @unchecked Sendable {
  let port: UInt16
  private let listener: Int32
  private let answer: @Sendable (TestRequest) -> TestResponse
  private let lock = NSLock()
  private var received: [TestRequest] = []

  /// The address of the server's root, ending in a slash.
  var address: String { "http://127.0.0.1:\(port)/" }
  /// The requests so far.
  var requests: [TestRequest] { lock.withLock { received } }

  init(_ answer: @escaping @Sendable (TestRequest) -> TestResponse) throws {
    self.answer = answer
    (listener, port) = try Self.listen()
    let listener = listener
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { break }
        guard let self else {
          close(connection)
          break
        }
        self.serve(connection)
      }
      // Here and not in deinit, lest the descriptor be used anew while this thread accepts on it.
      close(listener)
    }
  }

  deinit {
    // Wakes the thread, which then finds that the server is gone.
    let descriptor = Self.newSocket()
    var address = Self.loopback(port: port)
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    close(descriptor)
  }

  /// A port on which nothing listens.
  static func closedPort() throws -> UInt16 {
    let (listener, port) = try listen()
    close(listener)
    return port
  }

  private static func newSocket() -> Int32 {
    #if os(Linux)
      socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      socket(AF_INET, SOCK_STREAM, 0)
    #endif
  }

  private static func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  private static func listen() throws -> (Int32, UInt16) {
    let descriptor = newSocket()
    var address = loopback(port: 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    try #require(isListening && Foundation.listen(descriptor, 16) == 0)
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  private func serve(_ connection: Int32) {
    defer { close(connection) }
    #if !os(Linux)
      var one: Int32 = 1
      setsockopt(connection, SOL_SOCKET, SO_NOSIGPIPE, &one, socklen_t(MemoryLayout<Int32>.size))
    #endif
    guard let head = readHead(connection) else { return }
    let lines = head.components(separatedBy: "\r\n")
    let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }
    let request = lock.withLock {
      let request = TestRequest(
        path: lines[0].split(separator: " ").dropFirst().first.map(String.init) ?? "",
        rangeStart: range.flatMap { Int($0.dropFirst(13).prefix(while: \.isNumber)) },
        index: received.count)
      received.append(request)
      return request
    }
    let response = answer(request)
    var text = "HTTP/1.1 \(response.status) Test\r\nConnection: close\r\n"
    if !response.claimsNoLength {
      text += "Content-Length: \(response.claimedLength ?? response.body.count)\r\n"
    }
    for (name, value) in response.headers { text += "\(name): \(value)\r\n" }
    send(Array((text + "\r\n").utf8) + response.body, to: connection)
    if response.stall > 0 { Thread.sleep(forTimeInterval: response.stall) }
  }

  private func readHead(_ connection: Int32) -> String? {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while bytes.count < 65_536 {
      let count = recv(connection, &piece, piece.count, 0)
      guard count > 0 else { return nil }
      bytes += piece[..<count]
      let text = String(decoding: bytes, as: UTF8.self)
      if text.contains("\r\n\r\n") { return text }
    }
    return nil
  }

  private func send(_ bytes: [UInt8], to connection: Int32) {
    var rest = bytes[...]
    #if os(Linux)
      let flags = Int32(MSG_NOSIGNAL)
    #else
      let flags: Int32 = 0
    #endif
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Foundation.send(connection, $0.baseAddress, $0.count, flags)
      }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
