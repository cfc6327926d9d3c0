#!/usr/bin/env bash
# Builds the documentation as a static site in .build-docs/site, and checks its links.
#
# Warnings are errors. Symbols are read from the modules of the release build: the package plugin
# would compile everything once more, without optimization.
set -euo pipefail
cd "$(dirname "$0")/.."
work="$PWD/.build-docs"
site="$work/site"

read -ra release < Scripts/release-options
swift build "${release[@]}" --product meprop
modules="$(swift build "${release[@]}" --show-bin-path)"
toolchain="$(dirname "$(readlink -f "$(command -v swift)")")"
target="$(swift -print-target-info | python3 -c \
  'import json, sys; print(json.load(sys.stdin)["target"]["unversionedTriple"])')"
extract=(-I "$modules/Modules" -target "$target" -minimum-access-level public
  -skip-synthesized-members)
for map in "$modules"/CMeProp*.build/module.modulemap Sources/C*/module.modulemap; do
  extract+=(-Xcc "-fmodule-map-file=$(realpath "$map")")
done

rm -rf "$work"
mkdir -p "$work"
archives=()
convert=(--warnings-as-errors --enable-experimental-external-link-support
  --transform-for-static-hosting --hosting-base-path /)
# In the order of their dependencies, as each may link to those before it.
for name in MePropBase MePropCore MePropNN MePropData MePropTraining MePropTasks MePropReport; do
  mkdir "$work/$name"
  "$toolchain/swift-symbolgraph-extract" -module-name "$name" "${extract[@]}" \
    -output-dir "$work/$name"
  "$toolchain/docc" convert "Sources/$name/$name.docc" "${convert[@]}" \
    --additional-symbol-graph-dir "$work/$name" --output-path "$work/$name.doccarchive"
  archives+=("$work/$name.doccarchive")
  convert+=(--dependency "$work/$name.doccarchive")
done
"$toolchain/docc" merge "${archives[@]}" --synthesized-landing-page-name meprop \
  --output-path "$site"
python3 Scripts/check-documents.py site "$site"
echo "documentation: $site/documentation/index.html"
echo "to read it: python3 -m http.server --directory $site"
