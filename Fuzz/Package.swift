// swift-tools-version: 6.1
import PackageDescription

/// One program that libFuzzer drives; see Scripts/fuzz.sh, which names the flags.
///
/// A package of its own, so that the products of the other have no program for fuzzing among them.
let package = Package(
  name: "Fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "meprop", path: "..")],
  targets: [
    .target(name: "CFuzzer"),
    .executableTarget(
      name: "FuzzReaders",
      dependencies: [
        "CFuzzer",
        .product(name: "MePropTraining", package: "meprop"),
        .product(name: "MePropReport", package: "meprop"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
