import MePropCore

/// Adds up gradients and memories of all shards of all ranks, with the same bits on every rank and
/// for any number of ranks.
///
/// First ranks tell each other which rows have a gradient in any of their shards; only those rows
/// travel. They are cut into blocks, and a block into a slice a rank. Each rank sends each other
/// one its part sums of that rank's slice, adds up its own slice in the order of `ShardTree`, and
/// sends the sum to all: for R ranks with one part each, 2 (R − 1) / R numbers for each number of
/// the gradient, the least that any all-reduce sends.
///
/// Parameters whose rows are many travel in early groups, on a thread and a line of their own,
/// while shards compute the layers below. The rest follows when all is computed. That changes no
/// bits, as each number is a sum of its own.
final class GradientExchange: @unchecked Sendable {
  /// Rows and columns of the parameters, by index.
  private let shapes: [(rowCount: Int, columnCount: Int)]
  private let line: MeteredLine
  private let secondLine: MeteredLine?
  private let overlapMinimum: Int
  private let thread: ThreadTeam?
  private var room: [Float] = []
  /// How many numbers of each parameter travelled last; the same on all ranks.
  private var widths: [Int]
  private var waitedSeconds = 0.0

  // Of the present pass.
  private var parts: [any ShardPart] = []
  private var shards = 0..<0
  private var tree = ShardTree(count: 1)
  private var everyRow = false
  private var sums: [WeightGradient] = []
  /// Parameters that travel early, the last ones first.
  private(set) var earlyGroups: [Range<Int>] = []

  /// About how many numbers travel at a time: so few that they stay in the caches on their way.
  private static let blockSize = 1 << 19
  /// How many numbers an early group has at least: 1 MB, which outweighs four more exchanges.
  static let overlapMinimum = 1 << 18

  init(
    _ shapes: [(rowCount: Int, columnCount: Int)], _ line: MeteredLine, overlapMinimum: Int
  ) {
    self.shapes = shapes
    self.line = line
    self.overlapMinimum = overlapMinimum
    let isAlone = line.communicator.size == 1
    secondLine = isAlone ? nil : line.communicator.secondLine.map { MeteredLine($0) }
    thread = secondLine == nil ? nil : ThreadTeam(count: 1)
    widths = shapes.map { _ in 0 }
  }

  var parameterCount: Int { shapes.count }
  /// Bytes that this rank sent to others.
  var bytesSent: Int { line.bytesSent + (secondLine?.bytesSent ?? 0) }
  /// Seconds in which nothing was computed because of exchanges.
  var seconds: Double { line.seconds + waitedSeconds }

  /// Forgets bytes and seconds.
  func resetCounts() {
    line.reset()
    secondLine?.reset()
    waitedSeconds = 0
  }

  /// Begins a pass.
  ///
  /// - Parameters:
  ///   - parts: Of this rank's shards, in their order; none for a rank that has none.
  ///   - shards: This rank's shards.
  ///   - tree: The order of sums.
  ///   - gradients: Taken until the end, by the parameters' indices.
  ///   - everyRow: Whether rows without a gradient become zeros, and valid.
  func begin(
    _ parts: [any ShardPart], of shards: Range<Int>, tree: ShardTree,
    into gradients: inout [WeightGradient], everyRow: Bool
  ) {
    self.parts = parts
    self.shards = shards
    self.tree = tree
    self.everyRow = everyRow
    swap(&sums, &gradients)
    earlyGroups = []
    guard secondLine != nil else { return }
    var (end, width) = (shapes.count, 0)
    for index in shapes.indices.reversed() where index > 0 {
      width += widths[index]
      guard width >= overlapMinimum else { continue }
      earlyGroups.append(index..<end)
      (end, width) = (index, 0)
    }
  }

  /// Begins to add up early groups, as soon as all shards of this rank have laid them down.
  func startEarlyGroups(from desk: GradientDesk) {
    guard let thread, let secondLine, !earlyGroups.isEmpty else { return }
    secondLine.communicator.wait(patiently: true)
    thread.start { [self] _ in
      var none: [ShardMemory] = []
      for (place, group) in earlyGroups.enumerated() {
        desk.wait(for: place)
        add(group, memories: &none, over: secondLine)
      }
    }
  }

  /// Returns when early groups are added up; shards must have laid down everything.
  func finishEarlyGroups() {
    guard let thread, let secondLine, !earlyGroups.isEmpty else { return }
    let start = Clock.now()
    secondLine.communicator.wait(patiently: false)
    thread.finish()
    waitedSeconds += Clock.now() - start
  }

  /// Adds up all other parameters.
  ///
  /// - Parameter memories: Of any shard, for their number and size; become those of the whole
  ///   batch.
  func addRest(memories: inout [ShardMemory]) {
    add(0..<(earlyGroups.last?.lowerBound ?? shapes.count), memories: &memories, over: line)
  }

  /// Ends a pass and gives back the gradients, which have the sums if all were added up.
  func end(giving gradients: inout [WeightGradient]) {
    swap(&sums, &gradients)
    parts = []
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

  private func add(
    _ parameters: Range<Int>, memories: inout [ShardMemory], over line: MeteredLine
  ) {
    let unions = agree(parameters, over: line)
    var segments: [Segment] = []
    for (index, union) in zip(parameters, unions) {
      let rows = union.rows(of: shapes[index].rowCount)
      widths[index] = rows.count * shapes[index].columnCount
      sums[index].prepare(rows, everyRow: everyRow)
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
      addBlock(segments[start..<end], width: width, &cursors, &memories, over: line)
      start = end
    }
  }

  /// The rows that have a gradient anywhere, by parameter.
  private func agree(_ parameters: Range<Int>, over line: MeteredLine) -> [RowUnion] {
    var unions = parameters.map { _ in RowUnion.some([]) }
    for part in parts {
      for (place, index) in parameters.enumerated() {
        unions[place].form(with: RowUnion(of: part.gradient(of: index)))
      }
    }
    guard line.communicator.size > 1 else { return unions }
    var message: [UInt8] = []
    for (union, index) in zip(unions, parameters) {
      union.append(to: &message, rowCount: shapes[index].rowCount)
    }
    for (rank, message) in line.gather(message).enumerated() where rank != line.communicator.rank {
      var start = 0
      for (place, index) in parameters.enumerated() {
        unions[place].form(
          with: RowUnion(of: message, at: &start, rowCount: shapes[index].rowCount))
      }
    }
    return unions
  }

  private func addBlock(
    _ segments: ArraySlice<Segment>, width: Int, _ cursors: inout [Cursor],
    _ memories: inout [ShardMemory], over line: MeteredLine
  ) {
    let (rank, size) = (line.communicator.rank, line.communicator.size)
    let nodes = (0..<size).map { tree.parts(within: tree.shards(ofRank: $0, of: size)) }
    let slices = (0..<size).map { width * $0 / size..<width * ($0 + 1) / size }
    let ownCount = nodes[rank].count
    let all = nodes.reduce(0) { $0 + $1.count }
    let mine = slices[rank].count
    // Sums of this rank's parts, spare room, what is sent and received, and the result. The sum of
    // one part is sent as it lies there.
    let counts = [
      ownCount * width, tree.depth * width, ownCount > 1 ? ownCount * width : 0, all * mine, mine,
      width,
    ]
    let starts = counts.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
    if room.count < starts[counts.count] {
      room = Array(repeating: 0, count: starts[counts.count])
    }
    room.withUnsafeMutableBufferPointer { room in
      guard let base = room.baseAddress else { return }
      let areas = starts.map { base + $0 }
      let (own, spare, sent, received, slice, result) = (
        areas[0], areas[1], areas[2], areas[3], areas[4], areas[5]
      )
      for (place, node) in nodes[rank].enumerated() {
        tree.add(node, width: width, into: own + place * width, spare: spare) { part, target in
          guard part.count == 1 else { return nil }
          let index = part.lowerBound - shards.lowerBound
          load(segments, of: parts[index], &cursors[index], into: target)
          return UnsafePointer(target)
        }
      }
      guard size > 1 else {
        return store(segments, own, &memories)
      }
      if ownCount > 1 {
        var place = 0
        for target in slices {
          for node in 0..<ownCount {
            (sent + place)
              .update(from: own + node * width + target.lowerBound, count: target.count)
            place += target.count
          }
        }
      }
      exchange(
        UnsafeRawBufferPointer(start: ownCount > 1 ? sent : own, count: 4 * ownCount * width),
        counts: slices.map { 4 * ownCount * $0.count },
        into: UnsafeMutableRawBufferPointer(start: received, count: 4 * all * mine),
        targetCounts: nodes.map { 4 * $0.count * mine }, over: line)
      let places = Dictionary(
        uniqueKeysWithValues: nodes.joined().enumerated().map { ($1, $0 * mine) })
      tree.add(0..<tree.count, width: mine, into: slice, spare: spare) { part, _ in
        places[part].map { UnsafePointer(received + $0) }
      }
      gather(
        UnsafeRawBufferPointer(start: slice, count: 4 * mine),
        counts: slices.map { 4 * $0.count },
        into: UnsafeMutableRawBufferPointer(start: result, count: 4 * width), over: line)
      store(segments, result, &memories)
    }
  }

  private func exchange(
    _ messages: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer,
    targetCounts: [Int], over line: MeteredLine
  ) {
    line.timed {
      line.communicator.allToAll(
        messages, counts: counts, into: target, targetCounts: targetCounts)
      return counts.reduce(0, +) - counts[line.communicator.rank]
    }
  }

  private func gather(
    _ message: UnsafeRawBufferPointer, counts: [Int], into target: UnsafeMutableRawBufferPointer,
    over line: MeteredLine
  ) {
    line.timed {
      line.communicator.allGather(message, counts: counts, into: target)
      return message.count * (counts.count - 1)
    }
  }

  /// Writes what a shard has of each segment, zeros where it has nothing.
  private func load(
    _ segments: ArraySlice<Segment>, of part: any ShardPart, _ cursor: inout Cursor,
    into target: UnsafeMutablePointer<Float>
  ) {
    var target = target
    var values: Matrix?
    for segment in segments {
      defer { target += segment.width }
      if segment.owner >= shapes.count {
        let memory = part.memories[segment.owner - shapes.count]
        let scale = Float(memory.rowCount)
        for place in memory.values.indices { target[place] = scale * memory.values[place] }
        target[memory.values.count] = scale
        continue
      }
      if cursor.owner != segment.owner {
        cursor.owner = segment.owner
        cursor.place = 0
        cursor.rows = RowUnion(of: part.gradient(of: segment.owner))
        values = nil
      }
      var isValid = true
      if case .some(let rows) = cursor.rows {
        while cursor.place < rows.count && rows[cursor.place] < segment.row { cursor.place += 1 }
        isValid = cursor.place < rows.count && rows[cursor.place] == segment.row
      }
      if isValid {
        let matrix = values ?? part.gradient(of: segment.owner).values
        values = matrix
        matrix.withRow(Int(segment.row)) { row in
          if let from = row.baseAddress { target.update(from: from, count: segment.width) }
        }
      } else {
        target.update(repeating: 0, count: segment.width)
      }
    }
  }

  /// Takes the sums of segments; a memory becomes its mean.
  private func store(
    _ segments: ArraySlice<Segment>, _ found: UnsafeMutablePointer<Float>,
    _ memories: inout [ShardMemory]
  ) {
    var found = found
    for segment in segments {
      defer { found += segment.width }
      if segment.owner < shapes.count {
        sums[segment.owner].setRow(Int(segment.row), from: found)
        continue
      }
      let count = found[segment.width - 1]
      let scale = count > 0 ? 1 / count : 0
      memories[segment.owner - shapes.count].values = (0..<segment.width - 1).map {
        scale * found[$0]
      }
    }
  }
}
