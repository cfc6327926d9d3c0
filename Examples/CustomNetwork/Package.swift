// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "CustomNetwork",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "meprop", path: "../..")],
  targets: [
    .executableTarget(
      name: "CustomNetwork",
      dependencies: [
        .product(name: "MePropCore", package: "meprop"),
        .product(name: "MePropNN", package: "meprop"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
