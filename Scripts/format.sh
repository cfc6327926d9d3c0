#!/usr/bin/env bash
# Formats, or checks the format of, the Swift files that git tracks or would track.
#
#   Scripts/format.sh          rewrites the files
#   Scripts/format.sh --lint   changes nothing and fails where a file would change or breaks a rule
#
# The formatter is the one that comes with the toolchain; its settings are in .swift-format.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1-}" in
  "") command=(swift format format --in-place) ;;
  --lint) command=(swift format lint --strict) ;;
  *) echo "format: unknown argument '$1'; expected nothing or --lint" >&2; exit 64 ;;
esac

files=()
while IFS= read -r -d '' file; do
  [ ! -f "$file" ] || files+=("$file")
done < <(git ls-files -z --cached --others --exclude-standard -- '*.swift')
if [ ${#files[@]} -eq 0 ]; then
  echo "format: git knows no Swift file here; run this in a clone" >&2
  exit 1
fi
"${command[@]}" --parallel "${files[@]}"
