import Foundation
import MePropTraining
import Testing

@Suite struct ConfigurationTests {
  static let schema = ConfigurationSchema([
    ConfigurationKey("epochs", .int(1...Int.max), default: .int(20), mayChangeOnResume: true, "E."),
    ConfigurationKey("batch", .int(1...100_000), default: .int(10), "Examples a step."),
    ConfigurationKey("hidden", .intList(1...65_536), default: .intList([500, 500]), "Widths."),
    ConfigurationKey(
      "select", .choice(["dense", "top-k", "unified", "random-k"]), default: .string("top-k"),
      "S."),
    ConfigurationKey("k", .countOrRatio, default: .count(20), "Entries kept."),
    ConfigurationKey("memory", .double(.share), default: .double(0.9), "Unit memory."),
    ConfigurationKey("learning-rate", .double(.positive), default: .double(0.001), "Step size."),
    ConfigurationKey("decay", .double(.any), default: .double(0), "Any number."),
    ConfigurationKey("nesterov", .bool, default: .bool(false), "Look ahead."),
    ConfigurationKey("data", .string, default: .string("mnist"), "A name or a folder."),
    ConfigurationKey(
      "threads", .auto(.int(1...1024)), default: .auto, mayChangeOnResume: true, "Threads."),
    ConfigurationKey(
      "train-limit", .optional(.int(1...Int.max)), default: ConfigurationValue.none, "Limit."),
  ])

  @Test func readsAllKindsFromYAML() throws {
    var configuration = Configuration(schema: Self.schema)
    try configuration.apply(
      yaml: """
        # a comment
        epochs: 3
        hidden: [100, 50]
        select: unified
        k: 0.04
        memory: 0
        learning-rate: 1.0e-05
        nesterov: true
        data: "my folder/räume"
        threads: 2
        train-limit: 1000
        """, path: "run.yaml")
    #expect(configuration.int("epochs") == 3)
    #expect(configuration.int("batch") == 10)
    #expect(configuration.intList("hidden") == [100, 50])
    #expect(configuration.string("select") == "unified")
    #expect(configuration.value("k") == .ratio(0.04))
    #expect(configuration.double("memory") == 0)
    #expect(configuration.double("learning-rate") == 1e-5)
    #expect(configuration.bool("nesterov"))
    #expect(configuration.string("data") == "my folder/räume")
    #expect(configuration.optionalInt("threads") == 2)
    #expect(configuration.optionalInt("train-limit") == 1000)
    #expect(configuration.origin(of: "k") == .file(path: "run.yaml", line: 5))
    #expect(configuration.origin(of: "batch") == .defaultValue)
  }

  @Test func emptyFilesAreDefaults() throws {
    for text in ["", "# nothing\n", "{}\n", "---\n"] {
      var configuration = Configuration(schema: Self.schema)
      try configuration.apply(yaml: text, path: "a")
      #expect(configuration == Configuration(schema: Self.schema))
    }
  }

  @Test(arguments: [
    ("learning-rte: 1", "f.yaml:1: unknown key 'learning-rte'; did you mean 'learning-rate'?"),
    ("epochs: 2\nbacth: 1", "f.yaml:2: unknown key 'bacth'; did you mean 'batch'?"),
    ("learning_rate: 1", "f.yaml:1: unknown key 'learning_rate'; did you mean 'learning-rate'?"),
    (
      "zebra: 1",
      "f.yaml:1: unknown key 'zebra'; 'meprop config' prints the keys that a task has"
    ),
    ("epochs: 0", "f.yaml:1: epochs: expected a whole number of at least 1, found '0'"),
    ("\n\nepochs: many", "f.yaml:3: epochs: expected a whole number of at least 1, found 'many'"),
    ("epochs: 2.5", "f.yaml:1: epochs: expected a whole number of at least 1, found '2.5'"),
    ("epochs:", "f.yaml:1: epochs: expected a whole number of at least 1, found nothing"),
    ("batch: [1]", "f.yaml:1: batch: expected a whole number from 1 to 100000, found a list"),
    (
      "batch: {a: 1}",
      "f.yaml:1: batch: expected a whole number from 1 to 100000, found nested keys"
    ),
    (
      "hidden: [500, -1]",
      "f.yaml:1: hidden: expected whole numbers from 1 to 65536 with commas between, 1000 at most, "
        + "found '500,-1'"
    ),
    (
      "select: topk",
      "f.yaml:1: select: expected one of dense, top-k, unified, random-k, found 'topk'"
    ),
    (
      "k: 0",
      "f.yaml:1: k: expected a count of at least 1, or a ratio above 0 up to 1 such as 0.04, "
        + "found '0'"
    ),
    ("memory: 1", "f.yaml:1: memory: expected a number from 0 to below 1, found '1'"),
    ("learning-rate: .nan", "f.yaml:1: learning-rate: expected a number above 0, found '.nan'"),
    ("decay: 1e999", "f.yaml:1: decay: expected a finite number, found '1e999'"),
    ("nesterov: maybe", "f.yaml:1: nesterov: expected true or false, found 'maybe'"),
    ("batch: 1\nbatch: 2", "f.yaml:2: key 'batch' appears twice; remove one of the lines"),
    ("- 1", "f.yaml:1: expected lines of the form 'key: value', found a list"),
    (
      "threads: 0",
      "f.yaml:1: threads: expected auto, or a whole number from 1 to 1024, found '0'"
    ),
  ])
  func namesMistakesInYAML(text: String, expected: String) {
    var configuration = Configuration(schema: Self.schema)
    #expect(message { try configuration.apply(yaml: text, path: "f.yaml") } == expected)
  }

  @Test func namesSyntaxErrorsAndUnreadableFiles() throws {
    var configuration = Configuration(schema: Self.schema)
    let syntax = message { try configuration.apply(yaml: "batch: 1\nhidden: [1", path: "f.yaml") }
    #expect(syntax.hasPrefix("f.yaml:") && syntax.contains("not valid YAML"), "\(syntax)")
    #expect(!syntax.contains("\n"))
    let folder = try TemporaryFolder()
    let missing = message { try configuration.apply(file: folder("none.yaml")) }
    #expect(
      missing.hasSuffix("none.yaml: cannot read the configuration: No such file or directory"))
    try Data([0x61, 0x0A, 0xFF, 0xFE, 0x00, 0xD8]).write(to: folder("bytes.yaml"))
    let bytes = message { try configuration.apply(file: folder("bytes.yaml")) }
    #expect(bytes.contains("bytes.yaml:2: not valid YAML: expected UTF-8"), "\(bytes)")
    let binary = message { try configuration.apply(yaml: "a\u{0}b\u{1}", path: "f.yaml") }
    #expect(binary.hasPrefix("f.yaml"), "\(binary)")
  }

  @Test func overridesAreCheckedAlike() throws {
    var configuration = Configuration(schema: Self.schema)
    try configuration.apply(yaml: "batch: 5\nhidden: 3", path: "f.yaml")
    try configuration.apply(assignment: "hidden=20,20")
    try configuration.apply(assignment: "data=a=b")
    try configuration.set("batch", to: "32", from: .flag("--batch"))
    #expect(configuration.intList("hidden") == [20, 20])
    #expect(configuration.string("data") == "a=b")
    #expect(configuration.int("batch") == 32)
    #expect(
      message { try configuration.apply(assignment: "epoch=1") }
        == "--set epoch=1: unknown key 'epoch'; did you mean 'epochs'?")
    #expect(
      message { try configuration.apply(assignment: "epochs") }
        == "--set epochs: expected KEY=VALUE, for example --set epochs=5")
    #expect(
      message { try configuration.set("hidden", to: "abc", from: .flag("--hidden")) }
        == "--hidden: expected whole numbers from 1 to 65536 with commas between, "
        + "1000 at most, found 'abc'")
    #expect(
      "\(configuration.conflict("batch", "32 is too much"))" == "--batch: 32 is too much")
  }

  @Test func laterPlacesOverrideEarlierOnes() throws {
    let folder = try TemporaryFolder()
    try Data("batch: 1\nepochs: 1\nk: 1\nselect: dense\n".utf8).write(to: folder("a.yaml"))
    try Data("batch: 2\nepochs: 2\nk: 2\n".utf8).write(to: folder("b.yaml"))
    let configuration = try Configuration(
      schema: Self.schema, files: [folder("a.yaml"), folder("b.yaml")],
      assignments: ["batch=3", "epochs=3"],
      flags: ["batch": "4", "memory": nil, "train-limit": "7"])
    #expect(configuration.int("batch") == 4)
    #expect(configuration.int("epochs") == 3)
    #expect(configuration.value("k") == .count(2))
    #expect(configuration.string("select") == "dense")
    #expect(configuration.double("memory") == 0.9)
    #expect(configuration.optionalInt("train-limit") == 7)
    #expect(configuration.origin(of: "batch") == .flag("--batch"))
    let key = try #require(Self.schema["learning-rate"])
    #expect(key.flag == "--learning-rate")
    #expect(key.help == "Step size. (a number above 0; default: 0.001)")
  }

  @Test func renderedConfigurationsReadBackEqual() throws {
    let texts = [
      "", "true", "null", "~", "a b", "12", "- x", "a: b", "#", "'", "\"\\\n\t", "ü", "%", "\u{7}",
      "none", "@x", "a,b", "[1]",
    ]
    for (index, text) in texts.enumerated() {
      var configuration = Configuration(schema: Self.schema)
      try configuration.set("data", to: text, from: .defaultValue)
      try configuration.set("epochs", to: "\(index + 1)", from: .defaultValue)
      try configuration.set(
        "k", to: ["7", "0.1", "1.0", "1e-3"][index % 4], from: .defaultValue)
      try configuration.set(
        "learning-rate", to: ["1e-30", "0.1", "1e30", "3"][index % 4], from: .defaultValue)
      try configuration.set("train-limit", to: index % 2 == 0 ? "none" : "9", from: .defaultValue)
      var copy = Configuration(schema: Self.schema)
      let yaml = configuration.yaml(title: "A title\nof two lines")
      try copy.apply(yaml: yaml, path: "a")
      #expect(copy == configuration, "\(yaml)")
      #expect(copy.texts == configuration.texts)
    }
    let yaml = Configuration(schema: Self.schema).yaml()
    for key in Self.schema.keys {
      #expect(yaml.contains("# \(key.summary)\n"))
      #expect(yaml.contains("\n\(key.name): \(key.defaultValue.yaml)\n"))
    }
  }

  @Test func differentConfigurationsAreNotEqual() throws {
    var other = Configuration(schema: Self.schema)
    try other.apply(assignment: "k=1.0")
    #expect(other != Configuration(schema: Self.schema))
    #expect(other.value("k") == .ratio(1))
    #expect(!other.fixedKeys.contains("epochs") && other.fixedKeys.contains("batch"))
  }

  @Test func editDistanceCountsSwapsOnce() {
    #expect(editDistance("", "abc") == 3)
    #expect(editDistance("kitten", "sitting") == 3)
    #expect(editDistance("bacth", "batch") == 1)
    #expect(editDistance("same", "same") == 0)
  }
}
