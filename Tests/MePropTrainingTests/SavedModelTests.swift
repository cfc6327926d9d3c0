import Foundation
import MePropData
import MePropTraining
import Testing

/// Networks of one's own are saved and come back with the same bits; what does not fit is refused.
@Suite struct SavedModelTests {
  private typealias Sentences = Chain<Chain<Embedding, LSTM>, Linear>

  /// A network with parameters that lie among zeros.
  private func sentences(units: Int = 7, seed: UInt64) -> Sentences {
    var random = Philox(seed: seed)
    let embedding = Embedding(9, 5, using: &random)
    let lstm = LSTM(5, units, seed: seed)
    let output = Linear(lstm.outputSize, 4, using: &random)
    return Chain {
      embedding
      lstm
      output
    }
  }

  private func perceptron(
    _ sizes: [Int] = [3, 4, 2], activation: Activation = .relu, seed: UInt64 = 1
  ) -> Named<Stack<Linear>> {
    Stack.perceptron(sizes, activation: activation, seed: seed).named("layers")
  }

  private func bits(_ layer: some Layer) -> [[UInt32]] {
    layer.parameters.map { $0.values.map(\.bitPattern) }
  }

  private func names(in folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  // MARK: There and back

  @Test func whatIsSavedComesBack() throws {
    let folder = try TemporaryFolder()
    let saved = sentences(seed: 1)
    // Folders on the way are made.
    try saved.save(to: folder("here/and/there"))
    var loaded = sentences(seed: 2)
    #expect(bits(loaded) != bits(saved))
    try loaded.load(from: folder("here/and/there"))
    #expect(bits(loaded) == bits(saved))
    let inputs = [[1, 2, 3], [4], [8, 0]]
    #expect(loaded.outputs(of: inputs) == saved.outputs(of: inputs))
  }

  @Test func allBitsOfNumbersComeBack() throws {
    let folder = try TemporaryFolder()
    let numbers: [Float] = [
      -0.0, .leastNonzeroMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude, .pi, 1 / 3,
    ]
    var saved = perceptron([3, 2])
    saved.inner.layers[0].weight.replace(
      with: Matrix(rowCount: 2, columnCount: 3, elements: numbers))
    try saved.save(to: folder("net"))
    var loaded = perceptron([3, 2], seed: 5)
    try loaded.load(from: folder("net"))
    #expect(bits(loaded) == bits(saved))
  }

  @Test func whatATrainerGivesComesBack() throws {
    let folder = try TemporaryFolder()
    let trainer = Trainer(
      sentences(seed: 1), loss: SoftmaxCrossEntropy(), selection: .top(k: .count(2), memory: 0.9),
      averageDecay: 0.9, context: ComputeContext())
    let words = [[1, 2, 3], [4, 5]]
    for _ in 0..<20 { try trainer.train(Symbols(words), [0, 1, 2, 3, 0]) }
    let saved = trainer.model
    try saved.save(to: folder("net"))
    var loaded = sentences(seed: 2)
    try loaded.load(from: folder("net"))
    #expect(bits(loaded) == bits(saved))
    #expect(bits(loaded) != bits(trainer.currentModel))
    #expect(loaded.outputs(of: words) == saved.outputs(of: words))
  }

  @Test func theFolderSaysWhatItIs() throws {
    let folder = try TemporaryFolder()
    let network = sentences(seed: 1)
    try network.save(to: folder("net"))
    #expect(try names(in: folder("net")) == ["SHA256SUMS", "model.json", "model.safetensors"])
    let model = try SavedModel(at: folder("net"))
    #expect(model.task == nil && model.network == network.description)
    let json = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: folder("net/model.json")))
        as? [String: Any])
    #expect(json["format"] as? String == "meprop-model" && json["version"] as? Int == 2)
    #expect(json["writtenBy"] as? String == "meprop \(MePropVersion.current)")
    let tensors = try SafeTensors.read(from: folder("net/model.safetensors")).tensors
    #expect(tensors == network.parameters)
    #expect(tensors.contains { $0.name == "1.forward.inputWeight" && $0.shape == [28, 5] })
  }

  @Test func savingReplacesTheFolderAsAWhole() throws {
    let folder = try TemporaryFolder()
    try perceptron(seed: 1).save(to: folder("net"))
    try Data("x".utf8).write(to: folder("net/notes.txt"))
    try sentences(seed: 2).save(to: folder("net"))
    #expect(try names(in: folder("net")) == ["SHA256SUMS", "model.json", "model.safetensors"])
    #expect(try names(in: folder.url) == ["net"])
    var loaded = sentences(seed: 3)
    try loaded.load(from: folder("net"))
    #expect(bits(loaded) == bits(sentences(seed: 2)))
  }

  /// A process that died while it saved leaves the old network or the new one.
  @Test func aSaveThatWasCutOffLeavesOneWholeNetwork() throws {
    let files = FileManager.default
    let stages: [(String, UInt64)] = [("tmp", 1), ("new", 1), ("moved", 2), ("old", 1)]
    for (stage, expected) in stages {
      let folder = try TemporaryFolder()
      try perceptron(seed: 1).save(to: folder("net"))
      try perceptron(seed: 2).save(to: folder("next"))
      switch stage {
      case "tmp":
        try files.moveItem(at: folder("next"), to: folder("net.tmp"))
        try files.removeItem(at: folder("net.tmp/model.json"))
      case "new": try files.moveItem(at: folder("next"), to: folder("net.new"))
      case "moved":
        try files.moveItem(at: folder("net"), to: folder("net.old"))
        try files.moveItem(at: folder("next"), to: folder("net.new"))
      default: try files.moveItem(at: folder("net"), to: folder("net.old"))
      }
      var loaded = perceptron(seed: 9)
      try loaded.load(from: folder("net"))
      #expect(bits(loaded) == bits(perceptron(seed: expected)), "\(stage)")
      try perceptron(seed: 3).save(to: folder("net"))
      try loaded.load(from: folder("net"))
      #expect(bits(loaded) == bits(perceptron(seed: 3)), "\(stage)")
      #expect(try names(in: folder.url).filter { $0 != "next" } == ["net"], "\(stage)")
    }
  }

  @Test func aFolderThatCannotBeWrittenIsNamed() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: folder("file"))
    let text = message { try perceptron().save(to: folder("file/net")) }
    #expect(text.contains(folder("file").path) && !text.contains("\n"), "\(text)")
  }

  // MARK: What does not fit

  /// What loading says after a change of the folder; the network has to stay as it was if anything.
  private func refusal(
    of network: Named<Stack<Linear>>? = nil, _ change: (URL) throws -> Void = { _ in }
  ) throws -> String {
    let folder = try TemporaryFolder()
    try perceptron(seed: 1).save(to: folder("net"))
    // As whoever changes a file by hand has to.
    try FileManager.default.removeItem(at: folder("net/SHA256SUMS"))
    try change(folder("net"))
    let before = network ?? perceptron(seed: 2)
    var loaded = before
    let text = message { try loaded.load(from: folder("net")) }
    let expected = text.isEmpty ? perceptron(seed: 1) : before
    #expect(loaded == expected && bits(loaded) == bits(expected), "\(text)")
    #expect(!text.contains("\n") && (text.isEmpty || text.hasPrefix(folder("net").path)), "\(text)")
    return text
  }

  /// The same after a change of the parameters.
  private func refusal(tensors change: (inout [NamedTensor]) -> Void) throws -> String {
    try refusal { folder in
      let file = folder.appendingPathComponent("model.safetensors")
      var tensors = try SafeTensors.read(from: file).tensors
      change(&tensors)
      try SafeTensors.write(tensors, to: file)
    }
  }

  @Test func aChangedByteIsNoticed() throws {
    let folder = try TemporaryFolder()
    try perceptron(seed: 1).save(to: folder("net"))
    for name in ["model.json", "model.safetensors", "SHA256SUMS"] {
      let file = folder("net").appendingPathComponent(name)
      let whole = try Data(contentsOf: file)
      var changed = whole
      // In the last number of the weights, in the blank line after the description.
      changed[changed.count - 2] ^= 1
      try changed.write(to: file)
      var network = perceptron(seed: 2)
      let text = message { try network.load(from: folder("net")) }
      #expect(text.contains(folder("net").path) && !text.contains("\n"), "\(name): \(text)")
      #expect(bits(network) == bits(perceptron(seed: 2)))
      try whole.write(to: file)
      try network.load(from: folder("net"))
      #expect(bits(network) == bits(perceptron(seed: 1)))
    }
  }

  @Test func anotherNetworkIsRefused() throws {
    #expect(try refusal() == "")
    for other in [perceptron([3, 5, 2]), perceptron([3, 4, 4, 2]), perceptron(activation: .tanh)] {
      let text = try refusal(of: other)
      #expect(
        text.contains(
          "model.json: key 'network': expected \(other), found Linear(3 → 4, relu) → "
            + "Linear(4 → 2)"), "\(text)")
    }
    // Of the same description, with other paths.
    let renamed = Stack.perceptron([3, 4, 2]).named("others")
    #expect(try refusal(of: renamed).contains("expected a tensor 'others.0.weight'"))
  }

  @Test func otherTensorsAreRefusedByName() throws {
    #expect(try refusal(tensors: { _ in }) == "")
    #expect(try refusal(tensors: { $0.reverse() }) == "")
    #expect(try refusal { $0.remove(at: 3) }.contains("expected a tensor 'layers.1.bias'"))
    #expect(try refusal { $0 = [] }.contains("expected a tensor 'layers.0.weight'"))
    #expect(
      try refusal { $0.append(NamedTensor(name: "extra", shape: [1], values: [1])) }
        .contains("found a tensor 'extra'"))
    #expect(
      try refusal { $0[0].shape = [3, 4] }
        .contains("tensor 'layers.0.weight': expected shape [4, 3]"))
    #expect(
      try refusal { $0[1].shape = [1, 4] }
        .contains("tensor 'layers.0.bias': expected shape [4]"))
    #expect(
      try refusal { $0[2].values[5] = .nan }
        .contains("tensor 'layers.1.weight': expected finite numbers, found nan at element 5"))
    #expect(
      try refusal { $0[3].values[1] = -.infinity }
        .contains("tensor 'layers.1.bias': expected finite numbers, found -inf at element 1"))
  }

  @Test func damagedFilesAreRefusedByName() throws {
    for name in ["model.json", "model.safetensors"] {
      for keep in [0, 1, 7, 8, 30, 90, -1] {
        // A description without its last line break is whole.
        if name == "model.json", keep == -1 { continue }
        let text = try refusal { folder in
          let file = folder.appendingPathComponent(name)
          let data = try Data(contentsOf: file)
          try data.prefix(keep < 0 ? data.count + keep : keep).write(to: file)
        }
        #expect(text.contains("/\(name): "), "\(name), \(keep): \(text)")
      }
      let text = try refusal {
        try FileManager.default.removeItem(at: $0.appendingPathComponent(name))
      }
      #expect(text.contains("/\(name): "), "\(text)")
    }
    var network = perceptron()
    let folder = try TemporaryFolder()
    let text = message { try network.load(from: folder("none")) }
    #expect(text.contains("none/model.json: no model here"), "\(text)")
  }

  @Test(
    arguments: [
      ("\"version\" : 2", "\"version\" : 1", "a model of format 1, written by meprop 0.2.0"),
      ("\"version\" : 2", "\"version\" : 3", "a model of format 3, written by meprop 0.2.0"),
      ("meprop-model", "other-model", "key 'format': expected meprop-model, found other-model"),
      ("\"network\"", "\"networks\"", "key 'network': expected a description, found nothing"),
      ("\"version\" : 2", "\"version\" : []", "another type at key 'version'"),
    ])
  func otherDescriptionsAreRefused(old: String, new: String, expected: String) throws {
    let text = try refusal { folder in
      let file = folder.appendingPathComponent("model.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.contains(old))
      try text.replacing(old, with: new).write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(text.contains(expected.replacing("0.2.0", with: MePropVersion.current)), "\(text)")
  }

  /// As version 0.1 wrote it, which did not say who it was.
  @Test func aModelOfVersionOneIsRefusedWithItsWriter() throws {
    let text = try refusal { folder in
      let json = #"{"format": "meprop-model", "version": 1, "task": "digits", "layers": [3, 2]}"#
      try Data(json.utf8).write(to: folder.appendingPathComponent("model.json"))
    }
    #expect(
      text.hasSuffix(
        "model.json: a model of format 1, written by meprop 0.1; this version reads format 2: "
          + "train the model again, or use the version that wrote it"), "\(text)")
  }
}
