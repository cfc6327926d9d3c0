// How other libraries are held to an instruction set.

import MePropCore

extension InstructionSet {
  /// The environment variables that hold oneDNN, PyTorch and its MKL to these instructions at most,
  /// as their documentation names them; none where they have no name for them.
  var limitsOfLibraries: [String: String] {
    func limits(oneDNN: String, torch: String, mkl: String) -> [String: String] {
      [
        "ONEDNN_MAX_CPU_ISA": oneDNN, "ATEN_CPU_CAPABILITY": torch,
        "MKL_ENABLE_INSTRUCTIONS": mkl,
      ]
    }
    return switch self {
    case .avx512bf16: limits(oneDNN: "AVX512_CORE_BF16", torch: "avx512", mkl: "AVX512")
    case .avx512vnni: limits(oneDNN: "AVX512_CORE_VNNI", torch: "avx512", mkl: "AVX512")
    case .avx512: limits(oneDNN: "AVX512_CORE", torch: "avx512", mkl: "AVX512")
    case .avx2: limits(oneDNN: "AVX2", torch: "avx2", mkl: "AVX2")
    case .portable: limits(oneDNN: "SSE41", torch: "default", mkl: "SSE4_2")
    case .amx, .neondot, .neon: [:]
    }
  }
}
