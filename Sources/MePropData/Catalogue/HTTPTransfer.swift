// One HTTP GET into an open file, going on after what the file already holds.

import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Fetches one address into a file, from the file's end where the server allows it.
///
/// Blocks the calling thread in `run`. All state is touched by the session's serial queue only, and
/// by `run` before the transfer starts and after it ended: hence `@unchecked Sendable`.
final class HTTPTransfer: NSObject, URLSessionDataDelegate, @unchecked Sendable {
  /// How the server answered.
  enum Answer {
    /// The body ended as the server said it would.
    case complete
    /// Status 416: the server has nothing beyond what the file already holds.
    case nothingBeyond
  }

  private let address: String
  private let descriptor: Int32
  private let path: String
  private let writer: FileWriter
  private let limit: Int
  private let progress: @Sendable (Int, Int?) -> Void
  private let finished = DispatchSemaphore(value: 0)

  private var present: Int
  private var total: Int?
  private var status = 0
  private var failure: (any Error)?
  private var sessionError: (any Error)?

  /// Prepares a transfer.
  ///
  /// - Parameters:
  ///   - address: What to fetch.
  ///   - descriptor: The file to write to; a body that starts anew truncates it.
  ///   - path: The file's path, for messages.
  ///   - present: How many bytes the file holds.
  ///   - limit: A file longer than this is refused.
  ///   - progress: Called with the bytes present and the total, where known.
  init(
    address: String, descriptor: Int32, path: String, present: Int, limit: Int,
    progress: @escaping @Sendable (Int, Int?) -> Void
  ) {
    self.address = address
    self.descriptor = descriptor
    self.path = path
    writer = FileWriter(descriptor: descriptor, path: path)
    self.present = present
    self.limit = limit
    self.progress = progress
  }

  /// Fetches, and returns when the server's answer has ended.
  ///
  /// - Parameters:
  ///   - idleTimeout: Seconds without a byte after which to give up.
  ///   - totalTimeout: Seconds after which to give up in any case.
  /// - Returns: How the server answered.
  /// - Throws: `DownloadFailure` or `FileWriteError`.
  func run(idleTimeout: Double, totalTimeout: Double) throws -> Answer {
    guard let url = URL(string: address), let scheme = url.scheme, url.host != nil,
      ["http", "https"].contains(scheme.lowercased())
    else { throw DownloadFailure.invalidAddress(address) }
    var request = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData)
    request.timeoutInterval = idleTimeout
    // The file as it is: a server that unpacks on the way would spoil offsets.
    request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
    if present > 0 { request.setValue("bytes=\(present)-", forHTTPHeaderField: "Range") }

    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = idleTimeout
    configuration.timeoutIntervalForResource = totalTimeout
    configuration.urlCache = nil
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = 1
    let session = URLSession(configuration: configuration, delegate: self, delegateQueue: queue)
    let task = session.dataTask(with: request)
    task.resume()
    // The session has time-outs of its own; this one holds whatever it does.
    let inTime = finished.wait(timeout: .now() + totalTimeout + 5) == .success
    session.invalidateAndCancel()
    guard inTime else {
      throw DownloadFailure.connection(address: address, reason: "timed out")
    }
    if let failure { throw failure }
    if let sessionError {
      throw DownloadFailure.connection(address: address, reason: Self.reason(for: sessionError))
    }
    return status == 416 ? .nothingBeyond : .complete
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    do {
      try begin(response)
      completionHandler(status == 416 ? .cancel : .allow)
    } catch {
      failure = error
      completionHandler(.cancel)
    }
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    guard failure == nil, status != 416 else { return }
    do {
      guard present + data.count <= limit else {
        throw DownloadFailure.tooLong(address: address, limit: limit)
      }
      try writer.write(data)
      try writer.flush()
      present += data.count
      progress(present, total)
    } catch {
      failure = error
      dataTask.cancel()
    }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    // 416 is an answer, and its body was cancelled.
    if status != 416 { sessionError = error }
    finished.signal()
  }

  /// Looks at status and headers, and sets the file to where the body starts.
  private func begin(_ response: URLResponse) throws {
    guard let response = response as? HTTPURLResponse else {
      throw DownloadFailure.connection(address: address, reason: "not an HTTP answer")
    }
    status = response.statusCode
    switch status {
    case 200:
      // Also from servers that ignore Range: the whole file comes again.
      present = 0
    case 206 where Self.rangeStart(of: response) == present:
      break
    case 206:
      throw DownloadFailure.connection(
        address: address, reason: "sent another range than was asked for")
    case 416 where present > 0:
      return
    default:
      throw DownloadFailure.status(address: address, code: status)
    }
    guard ftruncate(descriptor, off_t(present)) == 0,
      lseek(descriptor, off_t(present), SEEK_SET) >= 0
    else { throw FileWriteError(code: errno, path: path, operation: "truncating") }
    let length = Int(clamping: response.expectedContentLength)
    if length >= 0 {
      guard length <= limit - present else {
        throw DownloadFailure.tooLong(address: address, limit: limit)
      }
      total = present + length
    }
    progress(present, total)
  }

  /// The first number of `Content-Range: bytes 100-199/200`.
  private static func rangeStart(of response: HTTPURLResponse) -> Int? {
    guard let range = response.value(forHTTPHeaderField: "Content-Range"),
      range.hasPrefix("bytes ")
    else { return nil }
    return Int(range.dropFirst(6).prefix(while: \.isNumber))
  }

  /// A short reason; the texts of Foundation differ by platform and may be empty.
  private static func reason(for error: any Error) -> String {
    guard let error = error as? URLError else { return "\(error)" }
    switch error.code {
    case .timedOut: return "timed out"
    case .cannotFindHost, .dnsLookupFailed: return "host not found"
    case .cannotConnectToHost: return "connection refused"
    case .networkConnectionLost: return "connection broken"
    case .notConnectedToInternet: return "no network"
    default:
      let text = error.localizedDescription.split(separator: "\n").joined(separator: " ")
      return "\(text) (\(error.code.rawValue))"
    }
  }
}
