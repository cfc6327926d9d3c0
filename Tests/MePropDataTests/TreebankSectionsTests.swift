import Foundation
import MePropData
import Testing

@Suite struct TreebankSectionsTests {
  private func folder(_ sections: [Int]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for section in sections { try add(section, to: folder) }
    return folder
  }

  private func name(_ section: Int) -> String { section < 10 ? "0\(section)" : "\(section)" }

  private func add(_ section: Int, to folder: TemporaryFolder, file: String = "wsj.mrg") throws {
    let url = folder.file(name(section))
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try Data("(NN a)\n".utf8).write(to: url.appendingPathComponent(file))
  }

  private func missing(
    _ divisions: [TreebankSections], in folder: TemporaryFolder
  ) throws -> [String] {
    do {
      try Treebank.requireSections(of: divisions, in: folder.url)
      return []
    } catch TreebankError.missingSections(let path, let names, let found) {
      #expect(path == folder.url.path && found == divisions)
      return names
    }
  }

  @Test func nothingIsMissingOfTheWhole() throws {
    let whole = try folder(Array(0...24))
    #expect(try missing([.parsing], in: whole) == [])
    #expect(try missing([.tagging, .parsing], in: whole) == [])
    // Parsing takes 02 to 23.
    #expect(try missing([.parsing], in: folder(Array(2...23))) == [])
    #expect(try missing([.tagging], in: folder(Array(2...23))) == ["00", "01", "24"])
  }

  @Test(arguments: [0, 1, 2, 18, 19, 20, 21, 22, 23, 24])
  func eachSectionIsMissed(section: Int) throws {
    let rest = try folder((0...24).filter { $0 != section })
    #expect(try missing([.tagging], in: rest) == [name(section)])
    let ofParsing = (2...23).contains(section) ? [name(section)] : []
    #expect(try missing([.parsing], in: rest) == ofParsing)
  }

  @Test func aFolderWithoutTreesIsMissing() throws {
    let bank = try folder((0...24).filter { $0 != 23 })
    try add(23, to: bank, file: "readme.txt")
    #expect(try missing([.parsing], in: bank) == ["23"])
    try add(23, to: bank, file: "wsj_2300.conll.gz")
    #expect(try missing([.parsing], in: bank) == [])
    // Nothing at all.
    #expect(try missing([.parsing], in: TemporaryFolder()).count == 22)
  }

  @Test func partsWithFilesNeedNoSections() throws {
    let bank = try TemporaryFolder()
    for part in ["train", "dev", "test"] { try bank.write("(NN a)\n", to: "x-\(part).mrg") }
    #expect(try missing([.tagging, .parsing], in: bank) == [])
    try FileManager.default.removeItem(at: bank.file("x-dev.mrg"))
    #expect(try missing([.tagging, .parsing], in: bank) == ["19", "20", "21", "22"])
  }

  @Test func theMessageSaysWhatIsExpected() throws {
    let error = TreebankError.missingSections(
      folder: "/ptb", names: ["19", "20"], divisions: [.tagging])
    #expect(
      error.description
        == "/ptb: missing sections 19, 20 of the Penn Treebank; expected for tagging "
        + "00-18 (train), 19-21 (dev), "
        + "22-24 (test), each section a folder of .mrg or CoNLL-X files, plain or .gz; "
        + "add what is missing, or name "
        + "the folder that has the sections (in the Penn Treebank parsed/mrg/wsj) with --data")
    let one = TreebankError.missingSections(folder: "/p", names: ["23"], divisions: [.parsing])
    #expect(one.description.hasPrefix("/p: missing section 23 of the Penn Treebank; expected for"))
  }
}
