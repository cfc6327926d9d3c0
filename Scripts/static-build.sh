#!/usr/bin/env bash
# Builds a product with the Swift runtime inside and prints the folder that it lies in.
#
#   Scripts/static-build.sh meprop|MePropC
#
# All products are built with the same options, those of the linker too, as SwiftPM would compile
# every module anew for others. What it compiles differs from the other builds, so it has a folder
# of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

swift="${SWIFT:-swift}"
runtime="$(dirname "$(readlink -f "$(command -v "$swift")")")/../lib/swift_static/linux"
[ -f "$runtime/static-stdlib-args.lnk" ] || {
  echo "static-build: no static Swift runtime in $runtime" >&2
  exit 1
}
read -ra release < Scripts/release-options
build=("${release[@]}" --product "$1" --static-swift-stdlib --scratch-path .build-static
  -Xlinker "-L$(realpath "$runtime")" -Xlinker -lcurl -Xlinker -lxml2)
"$swift" build "${build[@]}" >&2
"$swift" build "${build[@]}" --show-bin-path
