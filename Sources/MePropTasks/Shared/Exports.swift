// What the command line needs of the modules below: values to parse, print and pass on.

@_exported import enum MePropCore.Precision
@_exported import class MePropCore.ComputeContext
@_exported import MePropData
@_exported import MePropTraining
