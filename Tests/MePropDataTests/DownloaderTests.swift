import Foundation
import MePropData
import Testing

@Suite struct DownloaderTests {
  private let contents = noise(200_000)
  private let downloader = Downloader(
    idleTimeout: 5, totalTimeout: 20, attemptsPerMirror: 3, retryDelay: 0)

  private func dataSet(_ mirrors: String...) -> CataloguedDataSet {
    CataloguedDataSet(
      name: "toys", summary: "",
      files: [
        CataloguedFile(
          name: "toy", unpackedSize: contents.count, sha256: FileDigest.sha256(of: contents))
      ], mirrors: mirrors, license: "", citation: "")
  }

  /// Downloads, and checks that exactly the right file is there, and nothing else.
  private func expectSuccess(
    in folder: TemporaryFolder, _ mirrors: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let set = CataloguedDataSet(
      name: "toys", summary: "", files: dataSet().files, mirrors: mirrors, license: "",
      citation: "")
    let names = try downloader.download(set, to: folder.url)
    #expect(names == ["toy.gz"], sourceLocation: sourceLocation)
    #expect(try folder.names() == ["toy.gz"], sourceLocation: sourceLocation)
    #expect(try readAll(folder.file("toy.gz")) == contents, sourceLocation: sourceLocation)
  }

  private func failures(
    in folder: TemporaryFolder, _ mirror: String, using downloader: Downloader? = nil
  ) -> [DownloadFailure] {
    do {
      try (downloader ?? self.downloader).download(dataSet(mirror), to: folder.url)
      return []
    } catch DownloadError.allMirrorsFailed("toy.gz", folder.url.path, let failures) {
      return failures
    } catch {
      Issue.record(error)
      return []
    }
  }

  @Test func downloadsOnceAndReportsProgress() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(contents)
    let server = try MisbehavingServer { .ranged(packed, $0) }
    let target = folder.url.appendingPathComponent("new/toys", isDirectory: true)
    let log = Log()
    let names = try downloader.download(dataSet(server.address), to: target) { log.append($0) }
    #expect(names == ["toy.gz"])
    #expect(
      log.entries.last
        == DownloadProgress(
          file: "toy.gz", receivedBytes: packed.count, totalBytes: packed.count))
    #expect(try downloader.download(dataSet(server.address), to: target) == [])
    #expect(server.requests.map(\.path) == ["/toy.gz"])
    let checks = try FileCheck.checkAll(of: dataSet(), in: target)
    #expect(checks.map(\.result) == [.verified])
  }

  /// What comes from the network goes nowhere but to the file that is asked for.
  @Test func linksOfTheNameOfAPartAreReplaced() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(contents)
    let server = try MisbehavingServer { .ranged(packed, $0) }
    let victim = try folder.write("precious", to: "victim")
    for target in [victim.path, "/nowhere/at/all", folder.url.path] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.file("toy.gz.part").path, withDestinationPath: target)
      #expect(try downloader.download(dataSet(server.address), to: folder.url) == ["toy.gz"])
      #expect(try folder.names() == ["toy.gz", "victim"])
      #expect(try String(contentsOf: victim, encoding: .utf8) == "precious")
      try FileManager.default.removeItem(at: folder.file("toy.gz"))
    }
    mkfifo(folder.file("toy.gz.part").path, 0o600)
    #expect { try downloader.download(dataSet(server.address), to: folder.url) } throws: {
      "\($0)".contains("toy.gz.part") && !"\($0)".contains("another process")
    }
  }

  @Test func brokenTransfersAreResumed() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(contents)
    // Each connection breaks after 90,000 bytes, though more were promised.
    let server = try MisbehavingServer { request in
      var response = TestResponse.ranged(packed, request)
      response.claimedLength = response.body.count
      response.body = Array(response.body.prefix(90_000))
      return response
    }
    try expectSuccess(in: folder, server.address)
    #expect(server.requests.map(\.rangeStart) == [nil, 90_000, 180_000])
  }

  @Test func theNextRunGoesOnWhereTheLastOneStopped() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(contents)
    try folder.write(Array(packed.prefix(1_000)), to: "toy.gz.part")
    let server = try MisbehavingServer { .ranged(packed, $0) }
    try expectSuccess(in: folder, server.address)
    #expect(server.requests.map(\.rangeStart) == [1_000])
    // All was there but the rename: no server needed.
    let other = try TemporaryFolder()
    try other.write(packed, to: "toy.gz.part")
    try expectSuccess(in: other, "http://127.0.0.1:\(try MisbehavingServer.closedPort())/")
  }

  @Test func serversThatIgnoreRangeSendAllAgain() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(contents)
    try folder.write(noise(1_000), to: "toy.gz.part")
    let server = try MisbehavingServer { _ in TestResponse(body: packed) }
    try expectSuccess(in: folder, server.address)
    #expect(server.requests.map(\.rangeStart) == [1_000])
  }

  @Test func wrongBeginningsAndWrongRangesAreStartedAnew() throws {
    let packed = try gzip(contents)
    for part in [noise(1_000), Array(try gzip(contents, level: 1).prefix(70_000)), packed + [1]] {
      let folder = try TemporaryFolder()
      try folder.write(part, to: "toy.gz.part")
      let server = try MisbehavingServer { .ranged(packed, $0) }
      try expectSuccess(in: folder, server.address)
      #expect(server.requests.map(\.rangeStart) == [part.count, nil])
    }
    let folder = try TemporaryFolder()
    try folder.write(Array(packed.prefix(1_000)), to: "toy.gz.part")
    let server = try MisbehavingServer { request in
      guard request.index > 0 else {
        var response = TestResponse.ranged(packed, request)
        response.headers["Content-Range"] = "bytes 0-\(packed.count - 1)/\(packed.count)"
        return response
      }
      return .ranged(packed, request)
    }
    try expectSuccess(in: folder, server.address)
  }

  @Test func aClaimedLengthThatIsTooShortIsOvercome() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(contents)
    let server = try MisbehavingServer { request in
      var response = TestResponse.ranged(packed, request)
      if request.index == 0 { response.claimedLength = 5_000 }
      return response
    }
    try expectSuccess(in: folder, server.address)
    #expect(server.requests.map(\.rangeStart) == [nil, 5_000])
  }

  @Test func aClaimedLengthThatIsTooLongFailsInTheEnd() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(contents)
    let cut = Array(packed.prefix(50_000))
    let server = try MisbehavingServer { request in
      // It has no more than this, but says so each time.
      TestResponse(body: request.rangeStart == nil ? cut : [], claimedLength: packed.count)
    }
    let found = failures(in: folder, server.address)
    #expect(found.count == 3)
    #expect(found.allSatisfy { if case .connection = $0 { true } else { false } }, "\(found)")
    #expect(try folder.names().filter { $0 != "toy.gz.part" } == [])
  }

  @Test func answersWithoutEndAreCutOff() throws {
    let folder = try TemporaryFolder()
    let limit = contents.count + contents.count / 1000 + 4096
    let endless = try MisbehavingServer { _ in
      TestResponse(body: noise(3_000_000), claimsNoLength: true)
    }
    let address = endless.address + "toy.gz"
    #expect(
      failures(in: folder, endless.address) == [.tooLong(address: address, limit: limit)])
    let boasting = try MisbehavingServer { _ in TestResponse(body: [1], claimedLength: 1 << 50) }
    #expect(
      failures(in: folder, boasting.address)
        == [.tooLong(address: boasting.address + "toy.gz", limit: limit)])
    #expect(try folder.names() == [])
  }

  @Test func wrongBytesAreNeverKept() throws {
    let folder = try TemporaryFolder()
    let wrong = noise(contents.count, seed: 2)
    let packed = try gzip(wrong)
    let server = try MisbehavingServer { .ranged(packed, $0) }
    #expect(
      failures(in: folder, server.address)
        == [
          .wrongDigest(
            address: server.address + "toy.gz", expected: FileDigest.sha256(of: contents),
            found: FileDigest.sha256(of: wrong))
        ])
    // A page of a proxy, and a bomb.
    let page = try MisbehavingServer { _ in TestResponse(body: Array("<html>".utf8)) }
    let bytes = try gzip([UInt8](repeating: 0, count: 50_000_000), level: 1)
    let bomb = try MisbehavingServer { .ranged(Array(bytes.prefix(204_000)), $0) }
    for server in [page, bomb] {
      let found = failures(in: folder, server.address)
      #expect(found.count >= 1, "\(found)")
    }
    #expect(try folder.names() == [])
  }

  @Test func mirrorsAreTriedInTurn() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(contents)
    let good = try MisbehavingServer { .ranged(packed, $0) }
    let broken = try MisbehavingServer { _ in TestResponse(status: 500, body: [1, 2, 3]) }
    let absent = try MisbehavingServer { _ in TestResponse(status: 404) }
    let wrong = try MisbehavingServer { _ in TestResponse(body: noise(100)) }
    let closed = "http://127.0.0.1:\(try MisbehavingServer.closedPort())/"
    try expectSuccess(
      in: folder, closed, broken.address, absent.address, wrong.address, "not a URL",
      good.address)
    #expect(broken.requests.count == 3)
    #expect(absent.requests.count == 1)
    #expect(wrong.requests.count == 1)
    #expect(good.requests.map(\.rangeStart) == [nil])
  }

  @Test func failuresAreToldInOneLine() throws {
    let folder = try TemporaryFolder()
    let port = try MisbehavingServer.closedPort()
    let server = try MisbehavingServer { _ in TestResponse(status: 503) }
    var once = downloader
    once.attemptsPerMirror = 1
    #expect {
      try once.download(
        dataSet("http://127.0.0.1:\(port)", server.address), to: folder.url)
    } throws: {
      "\($0)" == "toy.gz: could not be downloaded (http://127.0.0.1:\(port)/toy.gz: connection "
        + "refused; \(server.address)toy.gz: HTTP status 503); run again to go on from what "
        + "arrived, or put the file in \(folder.url.path) yourself"
    }
    #expect(try folder.names() == [])
  }

  @Test func silenceTimesOut() throws {
    let folder = try TemporaryFolder()
    let packed = try gzip(contents)
    let server = try MisbehavingServer { _ in
      TestResponse(body: Array(packed.prefix(100)), claimedLength: packed.count, stall: 6)
    }
    let impatient = Downloader(
      idleTimeout: 1, totalTimeout: 3, attemptsPerMirror: 1, retryDelay: 0)
    let found = failures(in: folder, server.address, using: impatient)
    #expect(found == [.connection(address: server.address + "toy.gz", reason: "timed out")])
    #expect(try folder.names() == ["toy.gz.part"])
  }

  @Test func onlyOneProcessDownloadsAFile() throws {
    let folder = try TemporaryFolder()
    let part = open(folder.file("toy.gz.part").path, O_RDWR | O_CREAT, 0o644)
    defer { close(part) }
    flock(part, LOCK_EX)
    #expect(throws: DownloadError.busy(path: folder.file("toy.gz.part").path)) {
      try downloader.download(dataSet("http://127.0.0.1:1/"), to: folder.url)
    }
    #expect(try folder.names() == ["toy.gz.part"])
  }

  @Test func checkTellsWhatIsWrong() throws {
    let folder = try TemporaryFolder()
    func result() throws -> FileCheck.Result? {
      try FileCheck.checkAll(of: dataSet(), in: folder.url).first?.result
    }
    #expect(try result() == .missing)
    try folder.write(contents, to: "toy")
    #expect(try result() == .verified)
    try folder.write(Array(try gzip(contents).dropLast(9)), to: "toy.gz")
    let path = folder.file("toy.gz").path
    let size = try gzip(contents).count - 9
    #expect(try result() == .unreadable(.gzipTruncated(path: path, packedOffset: size)))
    try folder.write([1, 2, 3], to: "toy.gz")
    #expect(
      try result()
        == .wrongDigest(
          expected: FileDigest.sha256(of: contents), found: FileDigest.sha256(of: [1, 2, 3])))
  }
}

/// Collects what callbacks report, from any thread.
private final class Log: @unchecked Sendable {
  private let lock = NSLock()
  private var collected: [DownloadProgress] = []
  var entries: [DownloadProgress] { lock.withLock { collected } }
  func append(_ entry: DownloadProgress) { lock.withLock { collected.append(entry) } }
}
