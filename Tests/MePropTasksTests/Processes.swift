// Threads that take themselves for processes.

import MePropCore
import MePropTraining
import Synchronization
import Testing

/// What `body` gives or throws in each of so many processes.
func inProcesses<Value: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (any Communicator) throws -> Value
) -> [Result<Value, any Error>] {
  let communicators = LocalCommunicator.group(of: count)
  let results = Mutex<[Int: Result<Value, any Error>]>([:])
  ThreadTeam(count: count).run { rank in
    let result = ProcessGroup.$current.withValue(communicators[rank]) {
      Result { try body(communicators[rank]) }
    }
    results.withLock { $0[rank] = result }
  }
  let found = results.withLock { $0 }
  #expect(found.count == count)
  return (0..<count).compactMap { found[$0] }
}
