#!/usr/bin/env bash
# Prepares the Python environment of the tests in .build-python/ and prints the path of its Python.
#
# Prints nothing, and still succeeds, where that is not possible (no Python, no network): the tests
# then use python3 from PATH and skip, with a line, what its packages do not allow.
set -euo pipefail
cd "$(dirname "$0")/.."

environment="$PWD/.build-python"
requirements=Scripts/requirements-test.txt
installed="$environment/requirements-installed.txt"

say() { echo "python-env: $*" >&2; }
give_up() {
  say "$1; tests that need Python packages use python3 from PATH, or are skipped"
  exit 0
}

if [ -x "$environment/bin/python" ] && cmp -s "$requirements" "$installed"; then
  echo "$environment/bin/python"
  exit 0
fi
command -v python3 >/dev/null || give_up "there is no python3"
say "installing the packages of $requirements into .build-python"
rm -rf "$environment"
python3 -m venv "$environment" >&2 || { rm -rf "$environment"; give_up "python3 has no venv"; }
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check --prefer-binary \
  --retries 1 --timeout 15 --requirement "$requirements" >&2 ||
  { rm -rf "$environment"; give_up "pip could not install the packages"; }
cp "$requirements" "$installed"
echo "$environment/bin/python"
