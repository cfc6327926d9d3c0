// swift-tools-version: 6.1
import PackageDescription

/// One program that libFuzzer drives; see Scripts/fuzz.sh.
///
/// A package of its own, so that the flags
/// that it needs are not those of the package that others depend on.
let package = Package(
  name: "Fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "meprop", path: "..")],
  targets: [
    .executableTarget(
      name: "FuzzReaders",
      dependencies: [
        .product(name: "MePropTraining", package: "meprop"),
        .product(name: "MePropReport", package: "meprop"),
      ],
      swiftSettings: [.unsafeFlags(["-parse-as-library"])])
  ],
  swiftLanguageModes: [.v6]
)
