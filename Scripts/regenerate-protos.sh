#!/bin/sh
# Regenerates Sources/MePropTraining/Recorders/*.pb.swift from Scripts/protos/*.proto.
#
# Needs protoc (Debian: protobuf-compiler; brew: protobuf) on the path. The Swift plug-in is built
# from the version of swift-protobuf that this package resolves to, so code and library fit.
set -eu
cd "$(dirname "$0")/.."
command -v protoc > /dev/null || {
  echo "protoc is missing: install protobuf-compiler" >&2
  exit 1
}
plugin=${PROTOC_GEN_SWIFT:-}
if [ -z "$plugin" ]; then
  swift package resolve
  swift build --package-path .build/checkouts/swift-protobuf \
    --scratch-path .build/protoc-gen-swift --product protoc-gen-swift
  plugin=.build/protoc-gen-swift/debug/protoc-gen-swift
fi
protoc --plugin=protoc-gen-swift="$plugin" --proto_path=Scripts/protos \
  --swift_opt=Visibility=Internal --swift_out=Sources/MePropTraining/Recorders \
  Scripts/protos/*.proto
