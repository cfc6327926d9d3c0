// What the processes tell each other of the rows of their shards.

import MePropCore
import MePropData
import MePropTraining

/// What is known of the rows of a shard, or of all shards.
struct TableShardSummary {
  var (trainingCount, developmentCount, testCount) = (0, 0, 0)
  /// Differs for other rows.
  var fingerprint = 0
  /// How many training rows are of each class, or have each label.
  var classCounts: [Int] = []
  /// What was odd in the rows of the training file.
  var trainingNotes = EncodingNotes()
  /// What was odd in other files.
  var notes: [EvaluationSplit: EncodingNotes] = [:]
  private var partCount = 1

  /// Creates the summary of no shards.
  init() { partCount = 0 }

  /// Creates that of a shard without rows.
  init(_ target: TableSchema.Target) {
    classCounts = Array(repeating: 0, count: target.kind == .number ? 0 : target.classes.count)
  }

  /// Adds the next shard.
  mutating func add(_ next: TableShardSummary) {
    trainingCount += next.trainingCount
    developmentCount += next.developmentCount
    testCount += next.testCount
    trainingNotes.add(next.trainingNotes)
    for (split, more) in next.notes { notes[split, default: EncodingNotes()].add(more) }
    if partCount == 0 {
      (fingerprint, classCounts) = (next.fingerprint, next.classCounts)
    } else {
      var print = DataFingerprint()
      print.add(fingerprint)
      print.add(next.fingerprint)
      fingerprint = print.value
      for index in classCounts.indices { classCounts[index] += next.classCounts[index] }
    }
    partCount += 1
  }

  /// Writes the summaries of a process's shards.
  static func message(_ summaries: [TableShardSummary]) -> [UInt8] {
    var message = MessageWriter()
    message.add(summaries.count)
    for summary in summaries {
      for number in [
        summary.trainingCount, summary.developmentCount, summary.testCount, summary.fingerprint,
        summary.classCounts.count,
      ] + summary.classCounts {
        message.add(number)
      }
      summary.trainingNotes.write(to: &message)
      for split in EvaluationSplit.allCases {
        message.add(summary.notes[split] == nil ? 0 : 1)
        summary.notes[split]?.write(to: &message)
      }
    }
    return message.bytes
  }

  /// Reads what ``message(_:)`` has written.
  static func read(_ bytes: [UInt8]) -> [TableShardSummary] {
    var message = MessageReader(bytes)
    return (0..<message.int()).map { _ in
      var summary = TableShardSummary()
      summary.partCount = 1
      summary.trainingCount = message.int()
      summary.developmentCount = message.int()
      summary.testCount = message.int()
      summary.fingerprint = message.int()
      summary.classCounts = (0..<message.int()).map { _ in message.int() }
      summary.trainingNotes = EncodingNotes(&message)
      for split in EvaluationSplit.allCases where message.int() == 1 {
        summary.notes[split] = EncodingNotes(&message)
      }
      return summary
    }
  }
}
