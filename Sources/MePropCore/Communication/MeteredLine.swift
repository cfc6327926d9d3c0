/// A communicator, and what passed over it.
package final class MeteredLine: @unchecked Sendable {
  /// Who exchanges the messages.
  package let communicator: any Communicator
  /// Bytes that this rank sent to others.
  package private(set) var bytesSent = 0
  /// Seconds that exchanges took, waiting for others included.
  package private(set) var seconds = 0.0

  /// Creates a line that nothing has passed over.
  package init(_ communicator: any Communicator) { self.communicator = communicator }

  /// Times what a body exchanges, and counts the bytes that it says it sent.
  package func timed(_ body: () -> Int) {
    let start = Clock.now()
    bytesSent += body()
    seconds += Clock.now() - start
  }

  /// Gives all ranks the messages of all, which may be of any length.
  package func gather(_ message: [UInt8]) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    timed {
      messages = communicator.gather(message)
      return max(256, message.count + 8) * (communicator.size - 1)
    }
    return messages
  }

  /// Forgets bytes and seconds.
  package func reset() {
    bytesSent = 0
    seconds = 0
  }
}
