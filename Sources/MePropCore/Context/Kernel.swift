import CMePropKernels

/// A loop in C, or in Swift as C sees it, together with the type of its arguments.
///
/// C passes arguments as `const void *`; the type parameter, of which nothing is stored, keeps a
/// loop and arguments that are not its own from being compiled together. A kernel is made in one
/// place, which states its type, and is one pointer.
package struct Kernel<Arguments: BitwiseCopyable> {
  /// The loop over a part of the range.
  let part: meprop_part

  /// Takes `part` for a loop that reads `Arguments`.
  ///
  /// - Parameter part: Must read what its first argument points to as `Arguments`, and nothing else
  ///   through it; nobody checks this. Parts of the range must not depend on one another.
  package init(_ part: @escaping meprop_part) {
    self.part = part
  }
}

extension Kernel where Arguments == meprop_group_features_arguments {
  /// Lists the pairs of position and symbol in a batch; the same for every instruction set.
  static var groupFeatures: Self { Kernel(meprop_group_features) }
}

extension Kernel where Arguments == meprop_convolution_places_arguments {
  /// Places of kept entries in images; the same for every instruction set.
  static var convolutionPlaces: Self { Kernel(meprop_convolution_places) }
}
