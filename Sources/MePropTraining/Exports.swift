// Whoever trains, saves and loads needs the layers and matrices below as well: one import brings
// all.

@_exported import MePropCore
@_exported import MePropNN
