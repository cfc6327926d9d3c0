// The readers of files that libFuzzer drives, each by its name.

import Foundation
import MePropData
import MePropReport
import MePropTraining

/// Reads one file, whatever is in it.
typealias Reader = @Sendable (_ file: URL, _ bytes: Data) throws -> Void

/// What is done with the bytes, by the name of the reader.
let readers: [String: Reader] = [
  "idx": { file, _ in _ = try IDX.read(from: file, rank: 3) },
  "gzip": { file, _ in _ = try FileDigest.sha256(ofContentsAt: file, maximumByteCount: 1 << 22) },
  "csv": { file, _ in
    let rows = try CSVRows(path: file.path, fieldCount: 3)
    var row: [Float] = []
    while try rows.readRow(into: &row) {}
  },
  "table": { file, _ in
    let profile = try TableProfile(path: file.path)
    let reader = try TableReader(
      InputFile(path: file.path), hints: TableHints(names: profile.columns.map(\.name)))
    while try reader.next() {
      for column in 0..<reader.fieldCount {
        let bytes = reader.bytes(column)
        _ = TableField.date(bytes, preferred: .dayFirst)
        _ = TableField.truth(bytes)
        _ = reader.number(column)
      }
    }
  },
  "picture": { file, bytes in
    let image = try ImageFile(bytes, path: file.path)
    _ = try image.pixels(channels: 1)
    _ = try image.pixels(channels: 3)
  },
  "cifar": { _, bytes in
    let folder = try emptied("cifar")
    for name in ["train.bin", "test.bin"] {
      try bytes.write(to: folder.appendingPathComponent(name))
    }
    _ = try ImageData(folder: folder, options: ImageData.Options())
  },
  "conllu": { file, _ in
    let reader = try CoNLLUReader(path: file.path)
    while let sentence = try reader.next() {
      guard sentence.wordCount > 0 else { continue }
      _ = try? DependencyTree(sentence, path: file.path)
    }
  },
  "score": { file, _ in
    _ = try UDScores(gold: InputFile(path: file.path), system: InputFile(path: file.path))
  },
  "treebank": { file, _ in
    // The name says that it is a part; the content says in which format.
    let reader = TreebankReader(TreebankPart(name: "train", files: [file]))
    while try reader.next() != nil {}
  },
  "vectors": { file, _ in
    let reader = try WordVectorReader(path: file.path)
    var vector: [Float] = []
    while try reader.next(into: &vector) != nil {}
  },
  "safetensors": { file, _ in _ = try SafeTensors.read(from: file) },
  "yaml": { file, _ in
    _ = try? Configuration.texts(inFile: file)
    var configuration = Configuration(schema: schema)
    try configuration.apply(file: file)
  },
  "model": { _, bytes in
    let folder = try emptied("model")
    try bytes.write(to: folder.appendingPathComponent(SavedModel.descriptionName))
    _ = try SavedModel(at: folder)
  },
  "checkpoint": { _, bytes in
    // Digests that fit, so that what is behind them is reached.
    let folder = try emptied("checkpoint")
    try bytes.write(to: folder.appendingPathComponent("state.json"))
    try Data([0x10, 0, 0, 0, 0, 0, 0, 0] + Array("{}              ".utf8))
      .write(to: folder.appendingPathComponent("tensors.safetensors"))
    try FolderDigests.contents(of: folder)
      .write(to: folder.appendingPathComponent(FolderDigests.fileName))
    _ = try RunFolder.loadCheckpoint(from: folder)
  },
  "records": { _, bytes in
    // The first byte says which of the files it is.
    let folder = try emptied("run")
    let names = ["metrics.jsonl", "details.jsonl", "confusion.json", "run.json"]
    let row = "{\"epoch\":1,\"seconds\":{\"total\":1},\"train\":{\"loss\":1}}\n"
    try Data(row.utf8).write(to: folder.appendingPathComponent(names[0]))
    try bytes.dropFirst().write(
      to: folder.appendingPathComponent(names[Int(bytes.first ?? 0) % names.count]))
    try RunReport(RunRecord.read([folder])).write(to: folder.appendingPathComponent("report.html"))
  },
]

private let schema = ConfigurationSchema([
  ConfigurationKey("hidden", .intList(1...1_000_000), default: .intList([5]), "H."),
  ConfigurationKey("data", .string, default: .string("mnist"), valueName: "name|folder", "D."),
  ConfigurationKey("k", .countOrRatio, default: .ratio(0.1), "K."),
  ConfigurationKey("rate", .auto(.double(.positive)), default: .auto, "R."),
])

/// Where the files of this process lie.
let folder: URL = {
  let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("meprop-fuzz-\(getpid())", isDirectory: true)
  try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  return url
}()

/// A folder without files.
private func emptied(_ name: String) throws -> URL {
  let url = folder.appendingPathComponent(name, isDirectory: true)
  try? FileManager.default.removeItem(at: url)
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  return url
}
