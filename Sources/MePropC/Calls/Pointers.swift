// Pointers of callers, of which nothing is believed.

import CMePropInterface

/// A place that a function writes to.
///
/// - Throws: `InterfaceError` for null.
func place<T>(_ pointer: UnsafeMutablePointer<T>?, _ name: String) throws -> UnsafeMutablePointer<T>
{
  guard let pointer else { throw InterfaceError.argument("\(name) is null") }
  return pointer
}

/// What a pointer points to.
///
/// - Throws: `InterfaceError` for null.
func given<T>(_ pointer: UnsafePointer<T>?, _ name: String) throws -> UnsafePointer<T> {
  guard let pointer else { throw InterfaceError.argument("\(name) is null") }
  return pointer
}

/// A text of the caller.
///
/// - Throws: `InterfaceError` for null, and for bytes that are not UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ name: String) throws -> String {
  guard let text = String(validatingCString: try given(pointer, name)) else {
    throw InterfaceError.argument("\(name) is not UTF-8")
  }
  return text
}

/// A struct of the caller, with the defaults for what it lacks.
///
/// - Parameters:
///   - pointer: Where it is.
///   - name: For the error.
///   - smallest: The size of the struct in the first version.
///   - defaults: What fields have that the caller's struct does not.
/// - Returns: The struct.
/// - Throws: `InterfaceError` for null, and for sizes that no version had.
func read<T: BitwiseCopyable>(
  _ pointer: UnsafePointer<T>?, _ name: String, smallest: Int = MemoryLayout<T>.size, defaults: T
) throws -> T {
  let pointer = try given(pointer, name)
  let size = try structSize(UnsafeRawPointer(pointer), name, smallest: smallest)
  var result = defaults
  withUnsafeMutableBytes(of: &result) { target in
    let count = min(size, MemoryLayout<T>.size)
    target.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: count))
  }
  return result
}

/// Writes as much of a struct as the caller's has.
///
/// - Throws: `InterfaceError` for null, and for sizes that no version had.
func write<T: BitwiseCopyable>(
  _ value: T, to pointer: UnsafeMutablePointer<T>?, _ name: String,
  smallest: Int = MemoryLayout<T>.size
) throws {
  let pointer = try place(pointer, name)
  let size = try structSize(UnsafeRawPointer(pointer), name, smallest: smallest)
  var value = value
  withUnsafeBytes(of: &value) { source in
    // All but the size, which stays the caller's.
    let first = MemoryLayout<Int>.size
    let count = min(size, MemoryLayout<T>.size)
    UnsafeMutableRawBufferPointer(start: pointer, count: count)[first...]
      .copyBytes(from: source[first..<count])
  }
}

private func structSize(_ pointer: UnsafeRawPointer, _ name: String, smallest: Int) throws -> Int {
  let size = pointer.loadUnaligned(as: Int.self)
  try require(
    (smallest...1 << 16).contains(size),
    "\(name).struct_size is \(size), expected sizeof of the struct, at least \(smallest)")
  return size
}

/// Whether all numbers are finite.
func areFinite(_ numbers: UnsafePointer<Float>, _ count: Int) -> Bool {
  // Exponents of ones are infinite or not a number; without branches, so that the loop is in
  // vectors.
  let bits = UnsafeRawPointer(numbers).assumingMemoryBound(to: UInt32.self)
  var found: UInt32 = 0
  for index in 0..<count {
    found |= ((bits[index] & 0x7F80_0000) &+ 0x0080_0000) & 0x8000_0000
  }
  return found == 0
}
