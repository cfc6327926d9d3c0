// What is read has the shapes of `MePropBase`: one import brings both.

@_exported import MePropBase
