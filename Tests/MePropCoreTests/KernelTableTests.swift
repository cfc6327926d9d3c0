import MePropCore
import Testing
import _MePropTestSupport

/// The typed tables of kernels, made of those in C.
@Suite struct KernelTableTests {
  /// What may be missing in a table.
  enum Gap: String, Codable, CaseIterable {
    case select
    case byteLSTM = "byte_lstm"
    case sumOfSquares = "sum_of_squares"
  }

  @Test(arguments: InstructionSet.available)
  func onlyVariantsWithSuchInstructionsHaveGroups(set: InstructionSet) {
    let kernels = ComputeContext(instructionSet: set).kernels
    #expect((kernels.tiles != nil) == (set == .amx))
    #expect((kernels.pairs != nil) == set.multipliesBF16)
  }

  @Test(arguments: Gap.allCases)
  func aMissingKernelStopsTheProgram(gap: Gap) async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [gap] in
      guard var table = InstructionSet.portable.table else { return }
      switch gap {
      case .select: table.select = nil
      case .byteLSTM: table.byte_lstm = nil
      case .sumOfSquares: table.sum_of_squares = nil
      }
      _ = KernelTable(table)
    }
    // Optimized builds leave the text out.
    #if DEBUG
      let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
      #expect(
        output.contains("kernels of portable: found no \(gap.rawValue)"), "\(output.prefix(400))")
    #endif
  }

  @Test func halfAGroupStopsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      guard var table = InstructionSet.portable.table else { return }
      table.pack_tiles = table.select
      _ = KernelTable(table)
    }
  }
}
