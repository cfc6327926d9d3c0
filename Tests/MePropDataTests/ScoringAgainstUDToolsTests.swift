import Foundation
import MePropCore
import MePropData
import Testing

/// The scores must be those of the official evaluation to the last bit, and so must the refusals.
@Suite struct ScoringAgainstUDToolsTests {
  /// Compares both on pairs of files; returns how many pairs both refuse, `nil` where skipped.
  private func compare(
    _ pairs: [(gold: [UInt8], system: [UInt8])], test: String
  ) throws -> Int? {
    let folder = try TemporaryFolder()
    let files = try pairs.enumerated().map { index, pair in
      (
        gold: try folder.write(pair.gold, to: "\(index).gold"),
        system: try folder.write(pair.system, to: "\(index).system")
      )
    }
    guard let verdicts = try UDTools.verdicts(on: files, for: test) else { return nil }
    try #require(verdicts.count == pairs.count)
    var refused = 0
    for (file, verdict) in zip(files, verdicts) {
      let name = file.gold.lastPathComponent
      let scores: UDScores
      do {
        scores = try UDScores(
          gold: InputFile(path: file.gold.path), system: InputFile(path: file.system.path))
      } catch {
        #expect(verdict.error != nil, "\(name): only we refuse: \(error)")
        refused += 1
        continue
      }
      guard let expected = verdict.scores else {
        Issue.record("\(name): only udtools refuses: \(verdict.error ?? "")")
        continue
      }
      for metric in UDMetric.allCases {
        let score = scores[metric]
        let found = UDTools.Score(
          precision: score.precision, recall: score.recall, f1: score.f1,
          alignedAccuracy: score.alignedAccuracy, correct: score.correctCount,
          gold: score.goldCount, system: score.systemCount, aligned: score.alignedCount)
        #expect(found == expected[metric.rawValue], "\(name) \(metric)")
      }
    }
    return refused
  }

  @Test func randomTexts() throws {
    var pairs: [(gold: [UInt8], system: [UInt8])] = []
    for seed in 0..<300 as Range<UInt64> {
      var maker = SampleMaker(seed: seed)
      let gold = maker.treebank(rangePercent: [0, 20, 60][Int(seed % 3)])
      let system =
        seed % 2 == 0
        ? maker.treebank(rangePercent: [0, 20, 60][Int(seed / 2 % 3)])
        : maker.changed(gold, percent: [0, 5, 30, 100][Int(seed / 2 % 4)])
      pairs.append((Array(gold.text.utf8), Array(system.text.utf8)))
    }
    guard let refused = try compare(pairs, test: "randomTexts") else { return }
    #expect(refused == 0)
  }

  @Test func brokenFiles() throws {
    let pairs = BrokenSamples.pairs + BrokenSamples.pairs.map { ($0.system, $0.gold) }
    guard let refused = try compare(pairs, test: "brokenFiles") else { return }
    // The samples have both kinds, or they would test nothing.
    #expect(refused > 60 && pairs.count - refused > 30, "\(refused) of \(pairs.count)")
  }

  /// Random bytes changed in random files.
  @Test func damagedFiles() throws {
    var random = Philox(seed: 3)
    var pairs: [(gold: [UInt8], system: [UInt8])] = []
    for seed in 1000..<1200 as Range<UInt64> {
      var maker = SampleMaker(seed: seed)
      let gold = Array(maker.treebank(rangePercent: 20).text.utf8)
      var system = gold
      for _ in 0...random.next(below: 2) {
        let place = Int(random.next(below: UInt32(system.count)))
        switch random.next(below: 4) {
        case 0: system.remove(at: place)
        case 1: system.insert([9, 10, 13, 32, 48, 49, 255][Int(random.next(below: 7))], at: place)
        case 2: system[place] = UInt8(48 + random.next(below: 10))
        default: system.removeSubrange(place..<min(place + 9, system.count))
        }
      }
      pairs.append((gold, system))
    }
    guard let refused = try compare(pairs, test: "damagedFiles") else { return }
    #expect(refused > 50 && refused < 190, "\(refused)")
  }

  /// The development part against itself with other heads, relations, tags and tokens.
  @Test func theEnglishWebTreebank() throws {
    guard let data = developmentData(for: "theEnglishWebTreebank") else { return }
    let path = data.appendingPathComponent("ud-english-ewt/en_ewt-ud-dev.conllu.gz").path
    guard FileManager.default.fileExists(atPath: path) else { return }
    let gold = try readAll(URL(fileURLWithPath: path))
    var pairs = [(gold: gold, system: gold)]
    var random = Philox(seed: 5)
    for percent in [1, 10, 50] as [UInt32] {
      var system: [UInt8] = []
      let reader = try CoNLLUReader(path: path)
      while let sentence = try reader.next() {
        guard sentence.wordCount > 0 else { continue }
        let tree = try DependencyTree(sentence, path: path)
        var heads = tree.heads
        for word in heads.indices where heads[word] != 0 && random.next(below: 100) < percent {
          let old = heads[word]
          heads[word] = 1 + Int(random.next(below: UInt32(heads.count)))
          if !DependencyTree.defects(ofHeads: heads).isEmpty { heads[word] = old }
        }
        let changed = { (values: [String]) in
          values.map { value in
            random.next(below: 100) < percent
              ? values[Int(random.next(below: UInt32(values.count)))] : value
          }
        }
        sentence.append(
          replacing: [
            (.lemma, changed(sentence.values(of: .lemma))), (.upos, changed(tree.upos)),
            (.xpos, changed(tree.xpos)), (.feats, changed(tree.feats)),
            (.head, heads.map(String.init)), (.deprel, changed(tree.relations)),
          ], to: &system)
      }
      pairs.append((gold, system))
    }
    // Words without their multiword tokens are other characters, or the same ones split otherwise.
    let lines = String(decoding: gold, as: UTF8.self).components(separatedBy: "\n")
    let withoutRanges = lines.filter { line in
      !line.prefix { $0 != "\t" }.contains("-") || line.hasPrefix("#")
    }
    pairs.append((gold, Array(withoutRanges.joined(separator: "\n").utf8)))
    guard let refused = try compare(pairs, test: "theEnglishWebTreebank") else { return }
    #expect(refused == 1 || refused == 0)
  }
}
