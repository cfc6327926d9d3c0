// swift-tools-version: 6.1
import PackageDescription

/// oneDNN does the dense products on Linux; on macOS it is Accelerate, which needs no package.
let denseLibrary: [Target.Dependency] = [
  .target(name: "COneDNN", condition: .when(platforms: [.linux]))
]

/// OpenSSL computes digests on Linux; on macOS it is CommonCrypto, which needs no package.
let digestLibrary: [Target.Dependency] = [
  .target(name: "CCrypto", condition: .when(platforms: [.linux]))
]

/// The commit, for `meprop --version`.
///
/// The Makefile says it. Where Swift builds alone, git is asked, but SwiftPM keeps the answer until
/// this file changes. An archive of the sources knows it without.
let commit: [CSetting] = {
  let told = Context.environment["MEPROP_COMMIT"].flatMap { $0.isEmpty ? nil : $0 }
  let found = Context.gitInformation.map { "\($0.currentCommit.prefix(7)) or later" }
  return (told ?? found).map { [.define("MEPROP_COMMIT", to: "\"\($0)\"")] } ?? []
}()

let package = Package(
  name: "meprop",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "meprop", targets: ["meprop"]),
    .library(name: "MePropCore", targets: ["MePropCore"]),
    .library(name: "MePropNN", targets: ["MePropNN"]),
    .library(name: "MePropData", targets: ["MePropData"]),
    .library(name: "MePropTraining", targets: ["MePropTraining"]),
    .library(name: "MePropTasks", targets: ["MePropTasks"]),
    .library(name: "MePropReport", targets: ["MePropReport"]),
    .library(name: "MePropC", type: .dynamic, targets: ["MePropC"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
  ],
  targets: [
    .systemLibrary(
      name: "COneDNN", pkgConfig: nil,
      providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(
      name: "CCrypto", pkgConfig: nil,
      providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CPNG", pkgConfig: "libpng",
      providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
      name: "CJPEG", pkgConfig: "libjpeg",
      providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(
      name: "CYAML", pkgConfig: "yaml-0.1",
      providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
    .target(name: "CMePropKernels"),
    .target(name: "CMePropVersion", cSettings: commit),
    .target(name: "MePropBase"),
    .target(name: "MePropCore", dependencies: ["MePropBase", "CMePropKernels"] + denseLibrary),
    .target(name: "MePropNN", dependencies: ["MePropCore"]),
    .target(
      name: "MePropData",
      dependencies: ["MePropBase", "CZlib", "CPNG", "CJPEG"] + digestLibrary),
    .target(
      name: "MePropTraining",
      dependencies: ["CMePropVersion", "CYAML", "MePropNN", "MePropData"]),
    .target(name: "MePropTasks", dependencies: ["MePropTraining"]),
    .target(name: "CMePropInterface"),
    .target(name: "MePropC", dependencies: ["CMePropInterface", "MePropTasks"]),
    .target(name: "MePropBench", dependencies: ["MePropTraining"]),
    .target(name: "MePropTaskBench", dependencies: ["MePropBench", "MePropTasks"]),
    .target(
      name: "MePropReport",
      dependencies: [
        "MePropTraining", .product(name: "Mustache", package: "swift-mustache"),
      ]),
    .target(
      name: "MePropExperiments", dependencies: ["MePropTasks", "MePropBench", "MePropReport"]),
    .target(
      name: "MePropCommands",
      dependencies: [
        "MePropTasks", "MePropTaskBench", "MePropReport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    // Apart, so that experiments and the other commands compile beside each other.
    .target(name: "MePropProgram", dependencies: ["MePropCommands", "MePropExperiments"]),
    .executableTarget(name: "meprop", dependencies: ["MePropProgram"]),
    .target(name: "_MePropTestSupport", dependencies: ["MePropCore", "MePropNN"]),
    .target(name: "_CMePropAllocationCounter"),
    .testTarget(name: "MePropCoreTests", dependencies: ["MePropCore", "_MePropTestSupport"]),
    .testTarget(
      name: "MePropNNTests",
      dependencies: ["MePropNN", "_MePropTestSupport", "_CMePropAllocationCounter"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "MePropDataTests",
      dependencies: ["MePropData", "CZlib", "CPNG", "_MePropTestSupport"]),
    .testTarget(
      name: "MePropTrainingTests", dependencies: ["MePropTraining", "_MePropTestSupport"]),
    .testTarget(
      name: "MePropTasksTests",
      dependencies: ["MePropTasks", "_MePropTestSupport", "_CMePropAllocationCounter"]),
    .testTarget(
      name: "MePropBenchTests", dependencies: ["MePropBench", "_MePropTestSupport"]),
    .testTarget(
      name: "MePropTaskBenchTests", dependencies: ["MePropTaskBench", "_MePropTestSupport"]),
    .testTarget(
      name: "MePropReportTests", dependencies: ["MePropReport", "_MePropTestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "MePropExperimentsTests",
      dependencies: ["MePropBench", "MePropExperiments", "_MePropTestSupport"]),
    .testTarget(
      name: "MePropCommandTests",
      dependencies: ["meprop", "MePropProgram", "_MePropTestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)

/// Leaves all other targets and all packages out.
@MainActor func keepOnly(_ kept: Set<String>) {
  package.targets.removeAll { !kept.contains($0.name) }
  package.products.removeAll { !kept.contains($0.name) }
  package.dependencies = []
}

let layers: Set = [
  "COneDNN", "CMePropKernels", "MePropBase", "MePropCore", "MePropNN", "_MePropTestSupport",
  "_CMePropAllocationCounter", "MePropCoreTests", "MePropNNTests",
]

// `make test` tests what `MePropNN` needs in debug too, and builds nothing else for that.
if Context.environment["MEPROP_ONLY_LAYERS"] == "1" { keepOnly(layers) }

// `make sanitize` tests data and training as well.
if Context.environment["MEPROP_ONLY_TRAINING"] == "1" {
  keepOnly(
    layers.union([
      "CZlib", "CCrypto", "CPNG", "CJPEG", "CYAML", "CMePropVersion", "MePropData",
      "MePropTraining", "MePropDataTests", "MePropTrainingTests",
    ]))
}

// Training in several processes needs MPI, which no other build looks for.
if Context.environment["MEPROP_MPI"] == "1" {
  package.targets += [
    .systemLibrary(
      name: "CMPI", pkgConfig: "mpi-c",
      providers: [.apt(["libopenmpi-dev", "openmpi-bin"]), .brew(["open-mpi"])]),
    .target(name: "MePropMPI", dependencies: ["CMPI", "MePropCore"]),
  ]
  for target in package.targets where target.name == "meprop" {
    target.dependencies.append("MePropMPI")
    target.swiftSettings = (target.swiftSettings ?? []) + [.define("MEPROP_MPI")]
  }
}
