// swift-tools-version: 6.1
import PackageDescription

/// Programs that use meprop as a library; each ends with an error if what it learned is wrong.
let names = ["Rings", "TwoHeads", "Sentences", "OwnLayer"]

let package = Package(
  name: "Examples",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "meprop", path: "..")],
  targets: names.map {
    .executableTarget(
      name: $0, dependencies: [.product(name: "MePropTraining", package: "meprop")])
  },
  swiftLanguageModes: [.v6]
)
