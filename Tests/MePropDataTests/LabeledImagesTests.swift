import Foundation
import MePropData
import Testing

@Suite struct LabeledImagesTests {
  /// Writes a small training set: `count` images of 3 x 2 pixels with labels 0...9 in turn.
  private func writeTraining(
    to folder: TemporaryFolder, count: Int, labelCount: Int? = nil,
    names: (images: String, labels: String) = (
      "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    )
  ) throws -> (pixels: [UInt8], labels: [UInt8]) {
    let pixels = noise(count * 6)
    let labels = (0..<(labelCount ?? count)).map { UInt8($0 % 10) }
    try IDX(dimensions: [count, 3, 2], bytes: pixels).write(to: folder.file(names.images))
    try IDX(dimensions: [labels.count], bytes: labels).write(to: folder.file(names.labels))
    return (pixels, labels)
  }

  @Test func loadsAndSplits() throws {
    let folder = try TemporaryFolder()
    let (pixels, labels) = try writeTraining(to: folder, count: 25)
    let all = try ImageDataset.load(from: folder.url, split: .train)
    #expect((all.count, all.rows, all.columns) == (25, 3, 2))
    #expect(all.pixels == pixels && all.labels == labels)
    let parts = try ImageDataset.loadTraining(from: folder.url, developmentCount: 5)
    #expect(parts.development.pixels == Array(pixels[..<30]))
    #expect(parts.development.labels == [0, 1, 2, 3, 4])
    #expect(parts.training.pixels == Array(pixels[30...]))
    #expect(parts.training.count == 20 && parts.training.labels.first == 5)
    #expect(
      throws: DataFormatError.tooFewExamples(path: folder.url.path, needed: 26, found: 25)
    ) { try ImageDataset.loadTraining(from: folder.url, developmentCount: 25) }
  }

  @Test func takesDottedAndPackedNames() throws {
    let folder = try TemporaryFolder()
    let (pixels, _) = try writeTraining(
      to: folder, count: 4, names: ("train-images.idx3-ubyte", "plain"))
    try folder.write(
      try gzip(Array(Data(contentsOf: folder.file("plain")))), to: "train-labels.idx1-ubyte.gz")
    #expect(try ImageDataset.load(from: folder.url, split: .train).pixels == pixels)
  }

  @Test func namesAllMissingFiles() throws {
    let folder = try TemporaryFolder()
    #expect(
      throws: DataLocationError.missingFiles(
        folder: folder.url.path, names: ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
    ) { try ImageDataset.load(from: folder.url, split: .test) }
    let none = folder.file("none")
    #expect(
      throws: DataLocationError.folderUnreadable(
        path: none.path, reason: "No such file or directory")
    ) { try ImageDataset.load(from: none, split: .test) }
  }

  @Test func folderWithoutReadRightsIsSaid() throws {
    guard geteuid() != 0 else {
      print("SKIPPED folderWithoutReadRightsIsSaid: root may read every folder")
      return
    }
    let folder = try TemporaryFolder()
    _ = try writeTraining(to: folder, count: 4)
    chmod(folder.url.path, 0)
    defer { chmod(folder.url.path, 0o700) }
    #expect(
      throws: DataLocationError.folderUnreadable(
        path: folder.url.path, reason: "Permission denied")
    ) { try ImageDataset.load(from: folder.url, split: .train) }
  }

  @Test func refusesFilesThatDoNotBelongTogether() throws {
    let folder = try TemporaryFolder()
    _ = try writeTraining(to: folder, count: 12, labelCount: 11)
    #expect(
      throws: DataFormatError.countMismatch(
        imagesPath: folder.file("train-images-idx3-ubyte").path, images: 12,
        labelsPath: folder.file("train-labels-idx1-ubyte").path, labels: 11)
    ) { try ImageDataset.load(from: folder.url, split: .train) }
  }

  @Test func namesTheFirstLabelOutOfRange() throws {
    let folder = try TemporaryFolder()
    _ = try writeTraining(to: folder, count: 3)
    let url = folder.file("train-labels-idx1-ubyte")
    try IDX(dimensions: [3], bytes: [9, 10, 200]).write(to: url)
    #expect {
      try ImageDataset.load(from: folder.url, split: .train)
    } throws: {
      "\($0)" == "\(url.path): label 10 of example 1 at byte 9, expected 0...9"
    }
    #expect(
      try ImageDataset.load(from: folder.url, split: .train, classCount: 256).labels
        == [9, 10, 200])
  }

  @Test func emptySetsAreRefused() throws {
    let folder = try TemporaryFolder()
    _ = try writeTraining(to: folder, count: 0)
    #expect(
      throws: DataFormatError.tooFewExamples(
        path: folder.file("train-images-idx3-ubyte").path, needed: 1, found: 0)
    ) { try ImageDataset.load(from: folder.url, split: .train) }
  }

  @Test func readsTheRealFiles() throws {
    guard let data = developmentData(for: "readsTheRealFiles") else { return }
    let folder = try DataLocator(environment: ["MEPROP_DATA": data.path])
      .locate(nil, defaultName: "mnist")
    let clock = ContinuousClock()
    let start = clock.now
    let (development, training) = try ImageDataset.loadTraining(from: folder)
    print("MNIST training images read in \(clock.now - start)")
    #expect(clock.now - start < .seconds(5))
    #expect((development.count, training.count) == (5_000, 55_000))
    #expect(development.labels.prefix(10) == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
    let test = try ImageDataset.load(from: folder, split: .test)
    #expect((test.count, test.rows, test.columns) == (10_000, 28, 28))
    var counts = [Int](repeating: 0, count: 10)
    for label in test.labels { counts[Int(label)] += 1 }
    #expect(counts == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
    let mean = test.pixels.withUnsafeBufferPointer { pixels in
      var sum = 0
      for index in 0..<pixels.count { sum += Int(pixels[index]) }
      return Double(sum) / Double(pixels.count) / 255
    }
    #expect(abs(mean - 0.13251) < 1e-5)
    for check in try FileCheck.checkAll(of: DataCatalogue.mnist, in: folder) {
      #expect(check.result == .verified, "\(check)")
    }
  }

  @Test func catalogueMatchesTheSystemPackage() throws {
    let folder = URL(fileURLWithPath: DataCatalogue.fashionMNIST.systemFolders[0])
    guard FileManager.default.fileExists(atPath: folder.path) else {
      print("SKIPPED catalogueMatchesTheSystemPackage: no \(folder.path)")
      return
    }
    for check in try FileCheck.checkAll(of: DataCatalogue.fashionMNIST, in: folder) {
      #expect(check.result == .verified, "\(check)")
    }
  }
}
