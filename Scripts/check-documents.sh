#!/usr/bin/env bash
# Checks links, commands and options in the documents, and builds and runs their Swift examples.
#
#   Scripts/check-documents.sh PROGRAM     the built meprop, whose help says what there is
set -euo pipefail
cd "$(dirname "$0")/.."

program="${1:?expected the path of the built meprop; make check-docs knows it}"
python3 Scripts/check-documents.py links
python3 Scripts/check-documents.py commands "$program"

# In the folder of the build the examples find all that they depend on compiled.
examples="$PWD/.build-documents"
rm -rf "$examples"
names="$(python3 Scripts/check-documents.py swift "$examples")"
read -ra release < Scripts/release-options
in_examples=("${release[@]}" --package-path "$examples" --scratch-path .build)
swift build "${in_examples[@]}"
for name in $names; do
  echo "example $name"
  swift run "${in_examples[@]}" --skip-build "$name"
done
