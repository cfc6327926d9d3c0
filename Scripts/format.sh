#!/usr/bin/env bash
# Formats, or checks the format of, the Swift files that git tracks or would track.
#
#   Scripts/format.sh          rewrites the files
#   Scripts/format.sh --lint   changes nothing and fails where a file would change or breaks a rule,
#                              or where a line of a source file has more than 100 characters
#
# The formatter is the one that comes with the toolchain; its settings are in .swift-format.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1-}" in
  "") command=(swift format format --in-place) ;;
  --lint) command=(swift format lint --strict) ;;
  *) echo "format: unknown argument '$1'; expected nothing or --lint" >&2; exit 64 ;;
esac

# Sets `files` to those that match the given patterns.
find_files() {
  files=()
  local file
  while IFS= read -r -d '' file; do
    [ ! -f "$file" ] || files+=("$file")
  done < <(git ls-files -z --cached --others --exclude-standard -- "$@")
}

# Names the lines of more than 100 bytes in Swift, where tools count them, or of more than 100
# characters elsewhere: the bytes that continue a character of UTF-8 do not count there.
check_line_lengths() {
  find_files '*.swift' '*.c' '*.h' '*.inc' '*.sh' '*.py' '*.yml' '*.yaml' .ci/run
  LC_ALL=C awk '
    length($0) > 100 {
      line = $0
      if (FILENAME !~ /\.swift$/) gsub(/[\200-\277]/, "", line)
      if (length(line) <= 100) next
      printf "%s:%d: length %d, expected at most 100\n", FILENAME, FNR, length(line)
      found = 1
    }
    END { exit found }' "${files[@]}" >&2
}

status=0
find_files '*.swift'
if [ ${#files[@]} -eq 0 ]; then
  echo "format: git knows no Swift file here; run this in a clone" >&2
  exit 1
fi
"${command[@]}" --parallel "${files[@]}" || status=$?
if [ "${1-}" = --lint ]; then check_line_lengths || status=1; fi
exit "$status"
