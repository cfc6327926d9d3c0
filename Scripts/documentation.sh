#!/usr/bin/env bash
# Builds the documentation as a static site in .build-docs/site, and checks its links.
#
# Warnings are errors. The plugin that does it is a dependency of the package under MEPROP_DOCS=1
# only, so that other builds neither resolve nor compile it.
set -euo pipefail
cd "$(dirname "$0")/.."
export MEPROP_DOCS=1
site=.build-docs/site

targets=()
for target in MePropCore MePropNN MePropData MePropTraining MePropTasks MePropReport; do
  targets+=(--target "$target")
done

mkdir -p .build-docs
rm -rf "$site"
swift package --scratch-path .build-docs/build --allow-writing-to-directory .build-docs \
  generate-documentation "${targets[@]}" --enable-experimental-combined-documentation \
  --warnings-as-errors --transform-for-static-hosting --hosting-base-path / --output-path "$site"
python3 Scripts/check-documents.py site "$site"
echo "documentation: $PWD/$site/documentation/index.html"
echo "to read it: python3 -m http.server --directory $site"
