import Foundation
import MePropCore
import MePropData
import MePropTasks
import MePropTraining
import Testing

@Suite struct TaggerTests {
  private final class Folder {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-tagger-\(UUID().uuidString)", isDirectory: true)
    init() throws {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(at: url) }
  }

  private func settings(_ assignments: [String] = []) throws -> TaggerSettings {
    let small = ["hidden=24", "word-size=8", "feature-size=5", "threads=1", "epochs=4"]
    let configuration = try TrainingRequest(assignments: small + assignments)
      .configuration(for: TaggerConfiguration.schema)
    return try TaggerConfiguration.resolve(configuration).settings
  }

  private func task(_ assignments: [String] = [], threads: Int = 1) throws -> TaggerTask {
    TaggerTask(
      settings: try settings(assignments), data: SyntheticTreebank.data,
      context: ComputeContext(threadCount: threads))
  }

  private func train(_ task: TaggerTask, epochs: ClosedRange<Int> = 1...4) throws {
    for epoch in epochs {
      task.beginEpoch(epoch)
      for step in 0..<task.stepsPerEpoch { _ = try task.trainStep(step, ofEpoch: epoch) }
    }
  }

  @Test(
    arguments: [
      [], ["select=dense"], ["select=unified"], ["select=top-k", "memory=0.5"], ["layers=2"],
      ["variational=true", "dropout=0.2", "layers=2"], ["bidirectional=false", "layers=2"],
      ["untouched=update"], ["preset=paper", "epochs=2"], ["select=random-k"],
      ["precision=f32", "layers=2"], ["precision=f32", "average=0"],
      ["variational=true", "select=dense"], ["precision=bf16", "layers=2"],
    ])
  func learnsAndRepeatsItself(assignments: [String]) throws {
    let one = try task(assignments + ["dropout=0.1", "learning-rate=0.01"])
    let two = try task(assignments + ["dropout=0.1", "learning-rate=0.01"], threads: 2)
    try train(one)
    try train(two)
    #expect(one.model == two.model)
    let dev = try #require(try one.evaluate(.dev))
    // Without the words to the right, `that` cannot be told apart.
    let least: Double =
      assignments.contains("bidirectional=false")
      ? 75 : assignments == ["select=random-k"] ? 70 : 97
    #expect(dev.primary >= least, "\(assignments): \(dev)")
  }

  @Test(arguments: [["memory=0.3"], ["precision=f32", "average=0"]])
  func aRunThatWasInterruptedGoesOnWithTheSameBits(assignments: [String]) throws {
    let whole = try task(assignments)
    try train(whole, epochs: 1...3)
    let before = try task(assignments)
    try train(before, epochs: 1...1)
    before.beginEpoch(2)
    for step in 0..<5 { _ = try before.trainStep(step, ofEpoch: 2) }
    let (tensors, counters) = before.checkpointTensors()
    let after = try task(assignments)
    try after.restore(tensors: tensors, counters: counters)
    after.beginEpoch(2)
    for step in 5..<after.stepsPerEpoch { _ = try after.trainStep(step, ofEpoch: 2) }
    try train(after, epochs: 3...3)
    #expect(after.model == whole.model)
    #expect(throws: CheckpointError.self) {
      try after.restore(tensors: Array(tensors.dropLast()), counters: counters)
    }
    #expect(throws: CheckpointError.self) { try after.restore(tensors: tensors, counters: [:]) }
  }

  @Test func aRunningMeanIsWhatIsUsed() throws {
    let assignments = ["epochs=1", "learning-rate=0.01"]
    let plain = try task(assignments + ["average=0"])
    let averaged = try task(assignments + ["average=0.9"])
    for task in [plain, averaged] { try train(task, epochs: 1...1) }
    // Training is the same; what it gives is not.
    let tensors = averaged.checkpointTensors().tensors
    #expect(
      tensors.filter { !$0.name.hasSuffix(".average") } == plain.checkpointTensors().tensors)
    for (mean, last) in zip(averaged.model.network.parameters, plain.model.network.parameters) {
      #expect(mean.name == last.name && mean.values != last.values, "\(mean.name)")
    }
  }

  @Test func aModelSurvivesItsFolder() throws {
    let task = try task(["layers=2"])
    let folder = try Folder()
    try task.writeModel(to: folder.url)
    let model = try TaggerModel(at: folder.url)
    let copy = try Folder()
    try model.write(to: copy.url)
    #expect(try contents(of: copy.url) == contents(of: folder.url))
    #expect(try TaskRegistry.standard.taskName(ofModelAt: folder.url) == "tagger")
    let weights = folder.url.appendingPathComponent("model.safetensors")
    var tensors = try SafeTensors.read(from: weights).tensors
    tensors.removeLast()
    try SafeTensors.write(tensors, to: weights)
    #expect(throws: ModelFileError.missingTensor(path: weights.path, name: "output.bias")) {
      try TaggerModel(at: folder.url)
    }
    try FileManager.default.removeItem(at: folder.url.appendingPathComponent("vocabularies.json"))
    #expect(throws: ModelFileError.self) { try TaggerModel(at: folder.url) }
  }

  @Test func predictionsComeOutAsTheyWentIn() throws {
    let task = try task()
    try train(task)
    let sentences = SyntheticTreebank.data.test
    let text = "# comment\r\n" + SyntheticTreebank.conllu(sentences)
    let folder = try Folder()
    let file = folder.url.appendingPathComponent("a.conllu")
    try Data(text.replacing("\t_\t0", with: "\tx\t0").utf8).write(to: file)
    let model = task.model
    var outputs: [String] = []
    for waits in [false, true] {
      var bytes: [UInt8] = []
      try TaggerPredictor(model, context: ComputeContext()).predict(
        InputFile(path: file.path), format: .conllu, waitsForMore: waits
      ) { bytes += $0 }
      outputs.append(String(decoding: bytes, as: UTF8.self))
    }
    #expect(outputs[0] == outputs[1])
    #expect(outputs[0].hasPrefix("# comment\r\n1\t"))
    let predictor = TaggerPredictor(model, context: ComputeContext())
    let tags = predictor.tags(of: sentences.map(\.forms) + [[]])
    #expect(tags.last == [])
    let plain = folder.url.appendingPathComponent("a.txt")
    try Data((sentences[0].forms.joined(separator: "  ") + "\n\n").utf8).write(to: plain)
    var lines = ""
    for format in [TaggerFormat.text, .jsonl] {
      try predictor.predict(
        InputFile(path: plain.path), format: format, waitsForMore: false
      ) { lines += String(decoding: $0, as: UTF8.self) }
    }
    let expected = zip(sentences[0].forms, tags[0]).map { "\($0)_\($1)" }.joined(separator: " ")
    #expect(lines.hasPrefix(expected + "\n\n{\"tokens\":[\"\(sentences[0].forms[0])\""))
    #expect(lines.hasSuffix("{\"tokens\":[],\"tags\":[]}\n"))
  }

  @Test func featuresAreThoseOfThePaper() {
    #expect(
      TaggerFeatures.features(of: "McDonald's", lowercased: "mcdonald's") == [
        "1<m", "2<mc", "3<mcd", "1>s", "2>'s", "3>d's", "=XxXx'x",
      ])
    #expect(TaggerFeatures.shape(of: "Über-2024ß") == "Xx-dx")
    #expect(TaggerFeatures.shape(of: "McDonald's--99%") == "XxXx'x-d%")
    #expect(TaggerFeatures.features(of: "Été", lowercased: "été")[4] == "2>té")
    #expect(TaggerFeatures.features(of: "a", lowercased: "a")[2] == "3<a")
  }

  @Test func featuresOfBytesAreThoseOfCharacters() {
    var random = Philox(seed: 3)
    let letters =
      Array("aAbZz09.-' ").map(String.init) + ["é", "Ü", "ß", "\u{212A}", "e\u{301}", "中"]
    for _ in 0..<500 {
      let form = (0..<random.next(below: 6)).map { _ in
        letters[Int(random.next(below: UInt32(letters.count)))]
      }.joined()
      let low = Array(form.lowercased())
      var expected = (1...3).map { "\($0)<" + String(low.prefix($0)) }
      expected += (1...3).map { "\($0)>" + String(low.suffix($0)) }
      expected.append("=" + TaggerFeatures.shape(of: form))
      #expect(TaggerFeatures.features(of: form, lowercased: form.lowercased()) == expected)
    }
  }

  @Test func vocabulariesOfFormsAreThoseOfAllWords() {
    let sentences = [["Go", "go", "gone"], ["Go", "éa", "GO"], ["go"]].map {
      TaggedSentence(forms: $0, tags: $0.map { _ in "x" })
    }
    let found = TaggerVocabularies(sentences)
    let forms = sentences.flatMap(\.forms)
    #expect(found.words == Vocabulary(counting: forms.map { $0.lowercased() }))
    #expect(
      found.features
        == Vocabulary(
          counting: forms.flatMap {
            TaggerFeatures.features(of: $0, lowercased: $0.lowercased())
          }))
  }

  @Test func vocabulariesAreByFallingFrequency() {
    let vocabulary = Vocabulary(counting: ["b", "a", "c", "a", "d", "c"])
    #expect(vocabulary.items == ["a", "c", "b", "d"])
    #expect(vocabulary.rareStart == 3)
    #expect(["a", "d", "x"].map { vocabulary[$0] } == [1, 4, 0])
    #expect(vocabulary.count == 5)
  }

  @Test func evaluationCounts() {
    var evaluation = TaggerEvaluation()
    evaluation.add(gold: "A", found: "A", isKnown: true)
    evaluation.add(gold: "A", found: "B", isKnown: true)
    evaluation.add(gold: "B", found: "B", isKnown: false)
    evaluation.add(gold: "A", found: "B", isKnown: false)
    #expect(evaluation.accuracy == 50)
    #expect(evaluation.knownAccuracy == 50)
    #expect(evaluation.unknownAccuracy == 50)
    #expect(evaluation.perTag.map(\.name) == ["A", "B"])
    #expect(evaluation.perTag[0].precision == 100)
    #expect(abs(evaluation.perTag[0].recall - 100.0 / 3) < 1e-9)
    let confused = evaluation.mostConfused(5)
    #expect(confused.map { "\($0.gold) \($0.found) \($0.count)" } == ["A B 2"])
  }

  @Test(
    arguments: [
      (["k=25"], "25 is above the number of units (24)"),
      (["select=dense", "k=5"], "--select dense keeps all entries"),
      (["select=dense", "memory=0.5"], "sampled and unified have unit memory"),
      (["group=3"], "only unified has groups"), (["momentum=0.5"], "only --optimizer sgd"),
      (["k-epochs=20,30"], "30 is above the number of units (24)"),
      (["select=dense", "k-epochs=5"], "--select dense is always dense"),
      (["final-rate=0.1"], "did you mean 'learning-rate-schedule'?"),
    ])
  func settingsThatDoNotFit(assignments: [String], message: String) {
    #expect {
      _ = try settings(assignments)
    } throws: { "\($0)".contains(message) }
  }

  @Test func kFollowsTheEpoch() throws {
    let task = try task(["k-epochs=23,1", "epochs=2", "batch=1"])
    // Of four gates of 24 units, by sentences of 1 to 8 words; the first word has no gradient of
    // its forget gate.
    for (epoch, touched) in [(1, 70.0...96), (2, 1.0...30)] {
      try train(task, epochs: epoch...epoch)
      let reports = task.takeLayerReports()
      #expect(reports.map(\.name) == ["lstm.0.forward", "lstm.0.backward", "output"])
      #expect(reports.dropLast().allSatisfy { touched.contains($0.touchedRows) })
    }
  }

  @Test func smallTreebanksTakeMoreEpochs() throws {
    let configuration = Configuration(schema: TaggerConfiguration.schema)
    for (sentences, epochs) in [(100_000, 8), (12_544, 8), (3_000, 16), (500, 40), (1, 40)] {
      let resolved = try TaggerConfiguration.resolve(configuration, sentenceCount: sentences)
      #expect(resolved.configuration.int("epochs") == epochs)
      #expect(resolved.settings.steps.stopping.epochs == epochs)
    }
    let given = try settings(["epochs=3"])
    #expect(given.steps.stopping.epochs == 3)
  }

  @Test func thePaperPreset() throws {
    let dense = try settings(["preset=paper", "dropout=0.25", "select=dense"])
    #expect(dense.steps.batchSize == 1)
    #expect(dense.dropout == 0.25)
    #expect(dense.steps.learningRateSchedule == .constant)
    #expect(dense.steps.averageDecay == 0 && dense.precision == .f32)
    #expect(dense.steps.stopping.epochs == 4)
    #expect(dense.steps.optimizer.learningRate == 0.001)
    let sparse = try settings(["preset=paper"])
    #expect(sparse.steps.learningRateSchedule == .linear)
    #expect(sparse.steps.optimizer.learningRate == 0.002)
    let given = try settings(["preset=paper", "learning-rate=0.003"])
    #expect(given.steps.optimizer.learningRate == 0.003)
  }

  @Test func checkFindsWhatHurts() throws {
    let folder = try Folder()
    func write(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: folder.url.appendingPathComponent(name))
    }
    let sentence = TaggedSentence(
      forms: ["a", "b", "c", "d", "e"], tags: ["X", "X", "Y", "X", "X"])
    try write("x-train.conllu", SyntheticTreebank.conllu([sentence]))
    try write("x-dev.conllu", SyntheticTreebank.conllu([sentence]))
    try write("x-test.conllu", "1\ta\n")
    let treebank = try Treebank(folder: folder.url)
    let check = TaggerCheck(treebank, column: .upos)
    #expect(check.tagCount == 2)
    #expect(check.tagsSeenOnce == ["Y"])
    #expect(check.warnings.contains { $0.hasPrefix("dev: 1 of 1 sentences") })
    #expect(check.errors.count == 1)
    #expect(check.errors[0].contains("x-test.conllu:1: expected 10 fields"))
    #expect(TaggerCheck(treebank, column: .xpos).errors.contains { $0.contains("_ at every word") })
    #expect(throws: TaggerDataError.self) { try TaggerData(treebank, column: .xpos) }
    try write("y-train.conllu", "")
    #expect(throws: TreebankError.self) { try Treebank(folder: folder.url) }
  }
}
