// YAML that was written to keep a parser busy, and settings of impossible sizes.

import Foundation
import MePropData
import MePropTraining
import Testing

@Suite(.timeLimit(.minutes(1))) struct HostileConfigurationTests {
  private static let schema = ConfigurationSchema([
    ConfigurationKey("hidden", .intList(1...1_000_000), default: .intList([5]), "H."),
    ConfigurationKey("data", .string, default: .string("mnist"), valueName: "name|folder", "D."),
    ConfigurationKey("epochs", .int(1...100), default: .int(1), "E."),
  ])

  private func error(_ text: String) -> String {
    message {
      var configuration = Configuration(schema: Self.schema)
      try configuration.apply(yaml: text, path: "c.yaml")
    }
  }

  private static let bomb =
    "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "bcdefghijklmnop".map { "\($0): &\($0) [" + "*a, *a, *a, *a, *a, *a" + "]\n" }.joined()

  @Test(
    arguments: [
      bomb, bomb + "? *p\n: 1\n", "hidden: &a [1]\n", "a: x\nb: *a\n", "- &a x\n", "{a: &b c}",
      "epochs: 1\n&x hidden: 3\n", "a: \"x\n# \", &b c\"\n", "# c\r- &a x\n", "# c\u{85}- &a x\n",
      "{a: \"x #\", b: &c d}", "{a: '\n # ', b: &c d}", "!!str &a x: 1\n",
    ])
  func aliasesAreRefused(text: String) {
    #expect(error(text).contains("anchors and aliases"), "\(error(text))")
  }

  @Test(
    arguments: [
      "# see *this* & that\nepochs: 2  # use *all*\n", "data: R & D\nepochs: 2\n",
      "data: \"a & b * c\"\nepochs: 2\n", "data: a&b*c\nepochs: 2\n", "epochs: 2 # - &\n",
    ])
  func othersAreTaken(text: String) throws {
    var configuration = Configuration(schema: Self.schema)
    try configuration.apply(yaml: text, path: "c.yaml")
    #expect(configuration.int("epochs") == 2)
  }

  @Test(arguments: ["/a/R & D", "a &b *c", "[{[{", "&x", "*", "a\n&b", "x # &y"])
  func whatIsWrittenIsReadBack(text: String) throws {
    var configuration = Configuration(schema: Self.schema)
    try configuration.set("data", to: text, from: .defaultValue)
    var read = Configuration(schema: Self.schema)
    try read.apply(yaml: configuration.yaml(), path: "c.yaml")
    #expect(read.string("data") == configuration.string("data"))
  }

  @Test(
    arguments: [
      String(repeating: "[", count: 200_000), String(repeating: "- ", count: 100_000) + "x",
      String(repeating: "? ", count: 100_000) + "x", String(repeating: "{a: ", count: 50_000),
    ])
  func depthIsLimited(text: String) {
    #expect(error(text).contains("too deep"), "\(error(text))")
  }

  @Test func sizesAreLimited() throws {
    let folder = try TemporaryFolder()
    let file = folder("c.yaml")
    let handle = open(file.path, O_CREAT | O_WRONLY, 0o644)
    // A hole of 200 MB.
    #expect(ftruncate(handle, 200_000_000) == 0)
    close(handle)
    func read(_ url: URL) -> String {
      message {
        var configuration = Configuration(schema: Self.schema)
        try configuration.apply(file: url)
      }
    }
    #expect(read(file).contains("longer than 262144 bytes"))
    #expect(message { _ = try Configuration.texts(inFile: file) }.contains("longer than"))
    #expect(read(URL(fileURLWithPath: "/dev/zero")).contains("longer than"))
    let layers = Array(repeating: "3", count: 100_000).joined(separator: ",")
    let many = error("hidden: [\(layers)]")
    #expect(many.contains("1000 at most") && many.count < 400, "\(many)")
    let key = error(String(repeating: "k", count: 900) + ": 1\n")
    #expect(key.contains("unknown key") && key.count < 400)
  }

  @Test func placesAreKeptAbsoluteAndNamesStayNames() throws {
    let folder = try TemporaryFolder()
    let relative = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    let path = folder.url.standardizedFileURL.path
    // From here to there, whatever the folder of the test is.
    let up = Array(repeating: "..", count: relative.pathComponents.count - 1)
    var configuration = Configuration(schema: Self.schema)
    try configuration.set(
      "data", to: up.joined(separator: "/") + path, from: .flag("--data"))
    try configuration.makePlacesAbsolute()
    #expect(configuration.string("data") == path)
    #expect(configuration.origin(of: "data") == .flag("--data"))
    for name in ["mnist", "UD_German-GSD", "no/such/folder"] {
      try configuration.set("data", to: name, from: .flag("--data"))
      try configuration.makePlacesAbsolute()
      #expect(configuration.string("data") == name)
    }
    #expect(configuration.fixedKeys == ["hidden", "epochs"])
  }
}
