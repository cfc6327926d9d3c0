import MePropCore

/// Adds up gradients and memories of all shards of all ranks, with the same bits on every rank and
/// for any number of ranks.
///
/// First ranks tell each other which rows have a gradient in any of their shards; only those rows
/// travel. They are cut into blocks, and a block into a slice a rank. Each rank sends each other
/// one its part sums of that rank's slice, adds up its own slice in the order of `ShardTree`, and
/// sends the sum to all: for R ranks with one part each, 2 (R − 1) / R numbers for each number of
/// the gradient, the least that any all-reduce sends.
final class GradientExchange {
  /// Rows and columns of the parameters, by index.
  private let shapes: [(rowCount: Int, columnCount: Int)]
  private let meeting: ShardMeeting
  private var room: [Float] = []

  /// About how many numbers travel at a time: so few that they stay in the caches on their way.
  private static let blockSize = 1 << 19

  init(_ shapes: [(rowCount: Int, columnCount: Int)], _ meeting: ShardMeeting) {
    self.shapes = shapes
    self.meeting = meeting
  }

  /// A row of a parameter, or a memory with its number of rows behind it.
  private struct Segment {
    /// The parameter, or the number of parameters and the memory's place.
    var owner: Int
    var row: UInt32
    var width: Int
  }

  /// What shards have of the owner of a segment.
  private struct Cursor {
    var owner = -1
    var rows = RowUnion.all
    var place = 0
  }

  /// Adds up what shards have.
  ///
  /// - Parameters:
  ///   - parts: Of this rank's shards, in their order; none for a rank that has none.
  ///   - shards: This rank's shards.
  ///   - tree: The order of sums.
  ///   - memories: Of any shard, for their number and size; become those of the whole batch.
  ///   - gradients: Take the sums, by the parameters' indices.
  ///   - everyRow: Whether rows without a gradient become zeros, and valid.
  func add(
    _ parts: [any ShardPart], of shards: Range<Int>, tree: ShardTree,
    memories: inout [ShardMemory], into gradients: inout [WeightGradient], everyRow: Bool
  ) {
    let unions = agree(parts)
    var segments: [Segment] = []
    for (index, union) in unions.enumerated() {
      let rows = union.rows(of: shapes[index].rowCount)
      gradients[index].prepare(rows, everyRow: everyRow)
      segments += rows.map { Segment(owner: index, row: $0, width: shapes[index].columnCount) }
    }
    for (place, memory) in memories.enumerated() where !memory.values.isEmpty {
      segments.append(
        Segment(owner: shapes.count + place, row: 0, width: memory.values.count + 1))
    }
    var cursors = parts.map { _ in Cursor() }
    var start = 0
    while start < segments.count {
      var end = start
      var width = 0
      while end < segments.count && (end == start || width < Self.blockSize) {
        width += segments[end].width
        end += 1
      }
      addBlock(
        segments[start..<end], width: width, parts, &cursors, shards, tree, &memories, &gradients)
      start = end
    }
  }

  /// The rows that have a gradient anywhere, by parameter.
  private func agree(_ parts: [any ShardPart]) -> [RowUnion] {
    var unions = shapes.map { _ in RowUnion.some([]) }
    for part in parts {
      for (index, gradient) in part.gradients.enumerated() {
        unions[index].form(with: RowUnion(of: gradient))
      }
    }
    guard meeting.communicator.size > 1 else { return unions }
    var message: [UInt8] = []
    for (union, shape) in zip(unions, shapes) {
      union.append(to: &message, rowCount: shape.rowCount)
    }
    var messages: [[UInt8]] = []
    meeting.timed {
      messages = meeting.communicator.gather(message)
      return max(256, message.count + 8) * (messages.count - 1)
    }
    for (rank, message) in messages.enumerated() where rank != meeting.communicator.rank {
      var place = 0
      for index in unions.indices {
        unions[index].form(
          with: RowUnion(of: message, at: &place, rowCount: shapes[index].rowCount))
      }
    }
    return unions
  }

  private func addBlock(
    _ segments: ArraySlice<Segment>, width: Int, _ parts: [any ShardPart],
    _ cursors: inout [Cursor], _ shards: Range<Int>, _ tree: ShardTree,
    _ memories: inout [ShardMemory], _ gradients: inout [WeightGradient]
  ) {
    let (rank, size) = (meeting.communicator.rank, meeting.communicator.size)
    let nodes = (0..<size).map { tree.parts(within: tree.shards(ofRank: $0, of: size)) }
    let slices = (0..<size).map { width * $0 / size..<width * ($0 + 1) / size }
    let own = nodes[rank].count
    let all = nodes.reduce(0) { $0 + $1.count }
    let mine = slices[rank].count
    // Sums of this rank's parts, spare room, what is sent and received, and the result. The sum of
    // one part is sent as it lies there.
    let counts = [
      own * width, tree.depth * width, own > 1 ? own * width : 0, all * mine, mine, width,
    ]
    let starts = counts.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
    if room.count < starts[counts.count] {
      room = Array(repeating: 0, count: starts[counts.count])
    }
    room.withUnsafeMutableBufferPointer { room in
      guard let base = room.baseAddress else { return }
      let areas = starts.map { base + $0 }
      let (sums, spare, sent, received, slice, result) = (
        areas[0], areas[1], areas[2], areas[3], areas[4], areas[5]
      )
      for (place, node) in nodes[rank].enumerated() {
        tree.add(node, width: width, into: sums + place * width, spare: spare) { part, target in
          guard part.count == 1 else { return nil }
          let index = part.lowerBound - shards.lowerBound
          Self.load(
            segments, of: parts[index], parameterCount: shapes.count, &cursors[index], into: target)
          return UnsafePointer(target)
        }
      }
      guard size > 1 else {
        return Self.store(
          segments, sums, parameterCount: shapes.count, &memories, &gradients)
      }
      if own > 1 {
        var place = 0
        for target in slices {
          for node in 0..<own {
            (sent + place)
              .update(from: sums + node * width + target.lowerBound, count: target.count)
            place += target.count
          }
        }
      }
      exchange(
        UnsafeRawBufferPointer(start: own > 1 ? sent : sums, count: 4 * own * width),
        counts: slices.map { 4 * own * $0.count },
        into: UnsafeMutableRawBufferPointer(start: received, count: 4 * all * mine),
        targetCounts: nodes.map { 4 * $0.count * mine })
      let places = Dictionary(
        uniqueKeysWithValues: nodes.joined().enumerated().map { ($1, $0 * mine) })
      tree.add(0..<tree.count, width: mine, into: slice, spare: spare) { part, _ in
        places[part].map { UnsafePointer(received + $0) }
      }
      gather(
        UnsafeRawBufferPointer(start: slice, count: 4 * mine),
        counts: slices.map { 4 * $0.count },
        into: UnsafeMutableRawBufferPointer(start: result, count: 4 * width))
      Self.store(segments, result, parameterCount: shapes.count, &memories, &gradients)
    }
  }

  private func exchange(
    _ messages: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer,
    targetCounts: [Int]
  ) {
    meeting.timed {
      meeting.communicator.allToAll(
        messages, counts: counts, into: target, targetCounts: targetCounts)
      return counts.reduce(0, +) - counts[meeting.communicator.rank]
    }
  }

  private func gather(
    _ message: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer
  ) {
    meeting.timed {
      meeting.communicator.allGather(message, counts: counts, into: target)
      return message.count * (counts.count - 1)
    }
  }

  /// Writes what a shard has of each segment, zeros where it has nothing.
  private static func load(
    _ segments: ArraySlice<Segment>, of part: any ShardPart, parameterCount: Int,
    _ cursor: inout Cursor, into target: UnsafeMutablePointer<Float>
  ) {
    let (gradients, memories) = (part.gradients, part.memories)
    var target = target
    for segment in segments {
      defer { target += segment.width }
      if segment.owner >= parameterCount {
        let memory = memories[segment.owner - parameterCount]
        let scale = Float(memory.rowCount)
        for place in memory.values.indices { target[place] = scale * memory.values[place] }
        target[memory.values.count] = scale
        continue
      }
      if cursor.owner != segment.owner {
        cursor.owner = segment.owner
        cursor.place = 0
        cursor.rows =
          segment.owner < gradients.count
          ? RowUnion(of: gradients[segment.owner]) : .some([])
      }
      var isValid = true
      if case .some(let rows) = cursor.rows {
        while cursor.place < rows.count && rows[cursor.place] < segment.row { cursor.place += 1 }
        isValid = cursor.place < rows.count && rows[cursor.place] == segment.row
      }
      if isValid {
        gradients[segment.owner].values.withRow(Int(segment.row)) { row in
          if let from = row.baseAddress { target.update(from: from, count: segment.width) }
        }
      } else {
        target.update(repeating: 0, count: segment.width)
      }
    }
  }

  /// Takes the sums of segments; a memory becomes its mean.
  private static func store(
    _ segments: ArraySlice<Segment>, _ sums: UnsafeMutablePointer<Float>, parameterCount: Int,
    _ memories: inout [ShardMemory], _ gradients: inout [WeightGradient]
  ) {
    var sums = sums
    for segment in segments {
      defer { sums += segment.width }
      if segment.owner < parameterCount {
        gradients[segment.owner].setRow(Int(segment.row), from: sums)
        continue
      }
      let count = sums[segment.width - 1]
      let scale = count > 0 ? 1 / count : 0
      memories[segment.owner - parameterCount].values = (0..<segment.width - 1).map {
        scale * sums[$0]
      }
    }
  }
}
