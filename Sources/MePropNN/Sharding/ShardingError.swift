/// Why a trainer cannot cut its batches into shards; the trainer is as it was.
public enum ShardingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A number of shards that makes no sense.
  case shardCount(Int)
  /// More processes than shards: some would have nothing to do.
  case tooManyRanks(ranks: Int, shards: Int)
  /// A layer of which no exact rule for shards is known.
  case layer(path: String, String)
  /// A setting of the trainer of which no exact rule for shards is known.
  case setting(String)
  /// The processes have different models.
  case otherModel(rank: Int)

  /// One line for the user.
  public var description: String {
    switch self {
    case .shardCount(let count):
      "expected 1 to \(Self.largestCount) shards, found \(count)"
    case .tooManyRanks(let ranks, let shards):
      "expected at most one process a shard, found \(ranks) processes and \(shards) shards; "
        + "start fewer processes, or cut batches into more shards"
    case .layer(let path, let what):
      "layer \(path): \(what) is not the same in shards of a batch; leave it out, or train without "
        + "shards"
    case .setting(let what):
      "\(what) cannot be used with shards of a batch; leave it out, or train without shards"
    case .otherModel(let rank):
      "expected the same model in all processes, found another in process \(rank)"
    }
  }

  /// The most shards of a batch.
  public static let largestCount = 1024
}
