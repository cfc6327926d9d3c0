// What a first pass over a table finds, of which each of several processes reads its share.

import Foundation
import MePropCore
import MePropData
import MePropTraining

/// How many rows a table has, where some of them are, and what its columns hold.
///
/// A plain file is cut into as many pieces of bytes as batches have shards, whatever the number of
/// processes, so all of them find the same, to the bit. Where a piece begins is guessed: after the
/// first end of a line. A guess is wrong where that end is within quotes; then the piece before
/// ends elsewhere, and the piece is read again from there. What cannot be read from the middle,
/// gzip, all processes read from the beginning.
struct TableSurvey {
  /// A reader at the first row.
  let table: TableReader
  /// What the columns hold; of a table that is not profiled no rows.
  private(set) var profile: TableProfile
  private var rowCount = 0
  /// The number of rows that have a target.
  private(set) var targetCount = 0
  /// Where some rows are, in their order; the first is the first row.
  private(set) var marks: [Mark] = []

  /// Where a row begins.
  struct Mark {
    var place: TablePlace
    /// The rows with a target before it.
    var targetCount: Int
  }

  /// Rows between two marks.
  private static let markDistance = 65_536

  private let isProfiled: Bool
  private let hasTarget: (TableReader) -> Bool
  private let status: LoadStatus

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - hints: What is known of how it is written.
  ///   - pieces: The pieces that it is cut into.
  ///   - processes: Which of them reads which piece; all of them call this.
  ///   - isProfiled: Whether columns are profiled.
  ///   - status: Shows how far this process is.
  ///   - hasTarget: Whether the row that was read last has a target, in this table.
  /// - Throws: `TableError`, `DataFormatError`; in all processes alike.
  init(
    _ path: String, hints: TableHints, pieces: Int, _ processes: any Communicator,
    isProfiled: Bool, status: LoadStatus,
    hasTarget: (TableReader) throws -> @Sendable (TableReader) -> Bool
  ) throws {
    table = try processes.together { try TableReader(InputFile(path: path), hints: hints) }
    profile = TableProfile(of: table)
    self.isProfiled = isProfiled
    self.status = status
    self.hasTarget = try hasTarget(table)
    if try pieces == 1 || !survey(pieces, processes) {
      let whole = try processes.together { try read(part: 0, from: table.firstRow, upTo: .max) }
      take([whole.extent], [whole.marks], linesBefore: 0)
      profile = whole.profile
    }
    guard rowCount > 0 else { throw TableError.noRows(path: path) }
  }

  /// A reader at a place before a row, of those that have a target, and before the rows without one
  /// that precede it; and how many rows with a target come before that place.
  ///
  /// - Throws: `DataFormatError`.
  func reader(before row: Int) throws -> (reader: TableReader, first: Int) {
    let mark = marks.last { $0.targetCount < row } ?? Mark(place: table.firstRow, targetCount: 0)
    return (try TableReader(table, from: mark.place), mark.targetCount)
  }

  // MARK: Pieces

  /// What was found in a piece: bytes from the beginning of the file, and counts.
  private struct Extent {
    var start: Int
    /// Where the row after it begins; -1 where the piece cannot be read.
    var end = -1
    var rowCount = 0
    var targetCount = 0
    var lineCount = 0

    static let size = 5
    var numbers: [Int] { [start, end, rowCount, targetCount, lineCount] }
    init(start: Int) { self.start = start }
    init(_ numbers: ArraySlice<Int>) {
      let first = numbers.startIndex
      (start, end) = (numbers[first], numbers[first + 1])
      (rowCount, targetCount) = (numbers[first + 2], numbers[first + 3])
      lineCount = numbers[first + 4]
    }
  }

  private struct Piece {
    var extent: Extent
    var marks: [Mark] = []
    var profile: TableProfile
  }

  /// Reads the pieces of this process, and returns whether all pieces together are the table.
  ///
  /// They are not where the file cannot be read from the middle, and where a row is no row: reading
  /// from the beginning then tells which.
  private mutating func survey(_ count: Int, _ processes: any Communicator) throws -> Bool {
    guard let size = table.seekableSize else { return false }
    let first = table.firstRow.offset
    let borders = (0...count).map { first + max(0, size - first) * $0 / count }
    let own = processes.share(of: count)
    var pieces = own.map { part in
      let start =
        part == 0 ? first : (try? table.likelyRow(from: borders[part])) ?? borders[part]
      return piece(part, from: start, upTo: borders, isLast: part == count - 1)
    }
    var extents: [Extent] = []
    while true {
      extents = Self.gather(pieces.map(\.extent), processes)
      let wrong = (1..<count).filter {
        extents[$0 - 1].end >= 0 && extents[$0].start != extents[$0 - 1].end
      }
      if wrong.isEmpty { break }
      for part in wrong where own.contains(part) {
        pieces[part - own.lowerBound] = piece(
          part, from: extents[part - 1].end, upTo: borders, isLast: part == count - 1)
      }
    }
    guard extents.allSatisfy({ $0.end >= 0 }) else { return false }
    let marks = Self.gather(pieces.map(\.marks), processes)
    let linesBefore = table.firstRow.line - 1
    take(extents, marks, linesBefore: linesBefore)
    if isProfiled { merge(pieces, of: own, extents, linesBefore: linesBefore, processes) }
    return true
  }

  private func piece(
    _ part: Int, from start: Int, upTo borders: [Int], isLast: Bool
  ) -> Piece {
    let place = TablePlace(offset: start, line: 1)
    // Why it cannot be read is found out where that matters.
    return
      (try? read(part: part, from: place, upTo: isLast ? .max : borders[part + 1]))
      ?? Piece(extent: Extent(start: start), profile: TableProfile(of: table))
  }

  private func read(part: Int, from start: TablePlace, upTo limit: Int) throws -> Piece {
    let reader = try TableReader(table, from: start, upTo: limit)
    var piece = Piece(
      extent: Extent(start: start.offset), profile: TableProfile(of: table, part: part))
    var nextMark = 0
    while true {
      if piece.extent.rowCount == nextMark {
        piece.marks.append(Mark(place: reader.place, targetCount: piece.extent.targetCount))
        nextMark += Self.markDistance
        status.show("reading \(reader.path): \(reader.offset >> 20) MB")
      }
      guard try reader.next() else { break }
      piece.extent.rowCount += 1
      if hasTarget(reader) { piece.extent.targetCount += 1 }
      if isProfiled { try piece.profile.add(reader) }
    }
    piece.extent.end = reader.place.offset
    piece.extent.lineCount = reader.place.line - start.line
    return piece
  }

  /// Puts pieces, which count from their beginnings, one after the other.
  private mutating func take(_ extents: [Extent], _ marks: [[Mark]], linesBefore: Int) {
    var lineCount = linesBefore
    for (extent, marks) in zip(extents, marks) {
      self.marks += marks.map { mark in
        var mark = mark
        mark.place.line += lineCount
        mark.targetCount += targetCount
        return mark
      }
      rowCount += extent.rowCount
      targetCount += extent.targetCount
      lineCount += extent.lineCount
    }
  }

  /// Joins the profiles of all pieces, in their order.
  private mutating func merge(
    _ pieces: [Piece], of own: Range<Int>, _ extents: [Extent], linesBefore: Int,
    _ processes: any Communicator
  ) {
    var lineCount = linesBefore
    for part in extents.indices {
      // One at a time: samples of all pieces would take much memory.
      let message = own.contains(part) ? pieces[part - own.lowerBound].profile.message : []
      guard let found = processes.gather(message).first(where: { !$0.isEmpty }) else { continue }
      var next = TableProfile(of: table, part: part)
      next.read(found)
      next.moveLines(by: lineCount)
      if part == 0 { profile = next } else { profile.merge(next) }
      lineCount += extents[part].lineCount
    }
  }

  private static func gather(
    _ extents: [Extent], _ processes: any Communicator
  ) -> [Extent] {
    let numbers = processes.gather(elements: extents.flatMap(\.numbers))
    return stride(from: 0, to: numbers.count, by: Extent.size).map {
      Extent(numbers[$0..<$0 + Extent.size])
    }
  }

  private static func gather(
    _ marks: [[Mark]], _ processes: any Communicator
  ) -> [[Mark]] {
    let own: [Int] = marks.flatMap { marks in
      [marks.count] + marks.flatMap { [$0.place.offset, $0.place.line, $0.targetCount] }
    }
    let numbers = processes.gather(elements: own)
    var result: [[Mark]] = []
    var place = 0
    while place < numbers.count {
      result.append(
        (0..<numbers[place]).map { index in
          let at = place + 1 + 3 * index
          return Mark(
            place: TablePlace(offset: numbers[at], line: numbers[at + 1]),
            targetCount: numbers[at + 2])
        })
      place += 1 + 3 * numbers[place]
    }
    return result
  }
}
