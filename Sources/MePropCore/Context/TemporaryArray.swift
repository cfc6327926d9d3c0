/// Calls `body` with `count` elements on the stack: a step allocates nothing for them.
///
/// - Parameters:
///   - count: Few: elements of more than 1,024 bytes together would be allocated after all.
///   - element: Makes the element at an index; without a deinitializer, as none is called.
///   - body: Must not let the pointer escape.
/// - Returns: What `body` returns.
func withTemporary<Element: BitwiseCopyable, Result>(
  _ count: Int, _ element: (Int) -> Element,
  do body: (UnsafeMutableBufferPointer<Element>) throws -> Result
) rethrows -> Result {
  try withUnsafeTemporaryAllocation(of: Element.self, capacity: count) { elements in
    for index in 0..<count { elements.initializeElement(at: index, to: element(index)) }
    return try body(elements)
  }
}
