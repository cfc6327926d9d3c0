import CMePropInterface
import MePropCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// See meprop.h.
@c @implementation
public func meprop_api_version() -> UInt32 { UInt32(MEPROP_API_VERSION) }

/// A text of C that lives as long as the process.
///
/// `@unchecked Sendable`: never written after it was made.
struct ConstantText: @unchecked Sendable {
  let pointer: UnsafePointer<CChar>
  init(_ text: String) {
    // strdup gives none only where there is no memory at all.
    guard let copy = strdup(text) else { preconditionFailure("no memory for a text") }
    pointer = UnsafePointer(copy)
  }
}

private let instructionSet = ConstantText(InstructionSet.preferred.rawValue)

/// See meprop.h.
@c @implementation
public func meprop_instruction_set() -> UnsafePointer<CChar>! { instructionSet.pointer }

/// See meprop.h.
@c @implementation
public func meprop_context_create(
  _ thread_count: Int32, _ context: UnsafeMutablePointer<meprop_context>!
) -> meprop_status {
  attempt("meprop_context_create") {
    let context = try place(context, "context")
    try require(
      (0...Workplace.maximumThreadCount).contains(Int(thread_count)),
      "\(thread_count) threads, expected 0 to \(Workplace.maximumThreadCount)")
    let count = thread_count == 0 ? ComputeContext.availableThreads : Int(thread_count)
    context.pointee = Handles.add(Workplace(threadCount: count))
  }
}

/// See meprop.h.
@c @implementation
public func meprop_context_free(_ context: meprop_context) -> meprop_status {
  attempt("meprop_context_free") {
    try Handles.remove(context, "context", as: Workplace.self)
  }
}
