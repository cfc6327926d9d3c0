// Whoever computes needs random numbers and shapes as well: one import brings both.

@_exported import MePropBase
