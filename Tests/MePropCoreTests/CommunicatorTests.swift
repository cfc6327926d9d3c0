// Shares of work, and results that ranks give each other.

import MePropCore
import Synchronization
import Testing

@Suite struct CommunicatorTests {
  /// What each of so many ranks makes.
  private func inRanks<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (any Communicator) -> Value
  ) -> [Value] {
    let ranks = LocalCommunicator.group(of: count)
    let results = Mutex<[Int: Value]>([:])
    ThreadTeam(count: count).run { rank in
      let value = body(ranks[rank])
      results.withLock { $0[rank] = value }
    }
    return results.withLock { found in (0..<count).compactMap { found[$0] } }
  }

  @Test(arguments: 1...5)
  func sharesAreAllOfTheWork(ranks: Int) {
    for count in [0, 1, 3, 4, 17] {
      let shares = inRanks(ranks) { $0.share(of: count) }
      #expect(shares.flatMap { Array($0) } == Array(0..<count))
    }
  }

  @Test(arguments: 1...5)
  func resultsOfOthersAreFilledIn(ranks: Int) {
    // Pieces of 3, 0, 1, 5 and 2 results.
    let starts = [0, 3, 3, 4, 9, 11]
    let expected = (0..<11).map { Int16($0 * 7) }
    let found = inRanks(ranks) { rank in
      var results = [Int16](repeating: -1, count: 11)
      for piece in rank.share(of: 5) {
        for place in starts[piece]..<starts[piece + 1] { results[place] = Int16(place * 7) }
      }
      rank.complete(&results, starts: starts)
      return results
    }
    #expect(found == Array(repeating: expected, count: ranks))
  }

  @Test(arguments: 1...4)
  func elementsAreGatheredInTheOrderOfRanks(ranks: Int) {
    let found = inRanks(ranks) { rank in
      rank.gather(elements: Array(repeating: Float(rank.rank), count: 3 * rank.rank % 5))
    }
    let expected = (0..<ranks).flatMap { Array(repeating: Float($0), count: 3 * $0 % 5) }
    #expect(found == Array(repeating: expected, count: ranks))
  }
}
