import Foundation
import MePropData
import Testing

@Suite struct DataLocatorTests {
  private let dataSet = CataloguedDataSet(
    name: "toys", summary: "two small files",
    files: ["one", "two-idx1-ubyte"].map {
      CataloguedFile(name: $0, unpackedSize: 1, sha256: "")
    }, mirrors: [], license: "none", citation: "none")

  private func fill(_ folder: TemporaryFolder, _ path: String, _ names: [String]) throws -> URL {
    let url = folder.url.appendingPathComponent(path, isDirectory: true)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    for name in names { try Data([1]).write(to: url.appendingPathComponent(name)) }
    return url
  }

  private func locate(
    _ environment: [String: String], _ argument: String? = nil, system: String = "/nonexistent"
  ) throws -> String {
    let known = CataloguedDataSet(
      name: dataSet.name, summary: dataSet.summary, files: dataSet.files, mirrors: [],
      systemFolders: [system], license: "", citation: "")
    return try DataLocator(environment: environment, catalogue: [known])
      .locate(argument, defaultName: "toys").standardizedFileURL.path
  }

  @Test func placesAreTriedInOrder() throws {
    let folder = try TemporaryFolder()
    let both = ["one.gz", "two.idx1-ubyte"]
    let named = try fill(folder, "named", [])
    let sub = try fill(folder, "data/toys", both)
    let data = try fill(folder, "data", both)
    let xdg = try fill(folder, "xdg/meprop/toys", both)
    let home = try fill(folder, "home/.cache/meprop/toys", both)
    let system = try fill(folder, "system", both)
    var environment = [
      "MEPROP_DATA": data.path, "XDG_CACHE_HOME": folder.url.path + "/xdg",
      "HOME": folder.url.path + "/home",
    ]
    func found(_ argument: String? = nil) throws -> String {
      try locate(environment, argument, system: system.path)
    }
    #expect(try found(named.path) == named.path)
    #expect(try found("toys") == sub.path)
    try FileManager.default.removeItem(at: sub.appendingPathComponent("one.gz"))
    #expect(try found() == data.path)
    try FileManager.default.removeItem(at: data.appendingPathComponent("one.gz"))
    #expect(try found() == xdg.path)
    environment["XDG_CACHE_HOME"] = "relative"
    #expect(try found() == home.path)
    environment["HOME"] = nil
    #expect(try found() == system.path)
    environment = [:]
    #expect(try found() == system.path)
  }

  @Test func listsEveryPlaceLookedAt() throws {
    let folder = try TemporaryFolder()
    _ = try fill(folder, "data/toys", ["one"])
    #expect {
      try locate(["MEPROP_DATA": folder.url.path + "/data", "HOME": ""])
    } throws: {
      "\($0)" == "data set toys not found; looked in MEPROP_DATA \(folder.url.path)/data/toys "
        + "(missing two-idx1-ubyte); MEPROP_DATA \(folder.url.path)/data (none of its files); "
        + "cache (neither XDG_CACHE_HOME nor HOME is set); system folder /nonexistent "
        + "(No such file or directory). Download it with `meprop data get toys`, or put one, "
        + "two-idx1-ubyte (each may also end in .gz) in one of these folders or name theirs "
        + "with --data"
    }
    #expect {
      try locate([:])
    } throws: {
      "\($0)".contains("MEPROP_DATA (not set); cache (neither")
    }
  }

  @Test func namesThatAreNothingAreSaid() throws {
    let folder = try TemporaryFolder()
    #expect(throws: DataLocationError.unknownName(name: "toyz", known: ["toys"])) {
      try locate([:], "toyz")
    }
    #expect(
      throws: DataLocationError.folderUnreadable(
        path: folder.file("x").path, reason: "No such file or directory")
    ) { try locate([:], folder.file("x").path) }
    let file = try folder.write([1], to: "file")
    #expect(
      throws: DataLocationError.folderUnreadable(path: file.path, reason: "Not a directory")
    ) { try locate([:], file.path) }
    #expect(throws: DataLocationError.unknownName(name: "x", known: DataCatalogue.all.map(\.name)))
    {
      try DataCatalogue.dataSet(named: "x")
    }
  }

  @Test func downloadsGoToTheCache() throws {
    let locator = DataLocator(environment: ["HOME": "/home/someone"], catalogue: [dataSet])
    #expect(
      try locator.downloadFolder(for: dataSet).path == "/home/someone/.cache/meprop/toys")
    let homeless = DataLocator(environment: [:], catalogue: [dataSet])
    #expect {
      try homeless.locateOrDownload(nil, defaultName: "toys")
    } throws: {
      "\($0)" == "no folder to download toys to: neither XDG_CACHE_HOME nor HOME is set; "
        + "set one of them, or name a folder with --data or MEPROP_DATA"
    }
  }

  @Test func catalogueIsComplete() {
    for dataSet in DataCatalogue.all {
      #expect(dataSet.files.count >= 3 && !dataSet.mirrors.isEmpty)
      #expect(dataSet.mirrors.allSatisfy { $0.hasPrefix("http") && $0.hasSuffix("/") })
      for file in dataSet.files {
        #expect(file.sha256.count == 64 && file.sha256 == file.sha256.lowercased())
        #expect(file.sha256.allSatisfy(\.isHexDigit) && file.unpackedSize > 10_000)
      }
    }
    #expect(Set(DataCatalogue.all.flatMap(\.files).map(\.sha256)).count == 11)
  }

  @Test func theTreebankOfTheCatalogue() throws {
    guard let data = developmentData(for: "theTreebankOfTheCatalogue") else { return }
    let locator = DataLocator(environment: ["MEPROP_DATA": data.path])
    guard let folder = try locator.localTreebankFolder("ud-english-ewt") else {
      print("SKIPPED theTreebankOfTheCatalogue: no ud-english-ewt in \(data.path)")
      return
    }
    for check in try FileCheck.checkAll(of: DataCatalogue.englishEWT, in: folder) {
      #expect(check.result == .verified, "\(check)")
    }
    #expect(try DataLocator(environment: [:]).localTreebankFolder("ud-english-ewt") == nil)
    #expect(throws: TreebankError.self) { try locator.localTreebankFolder("nowhere") }
  }
}
