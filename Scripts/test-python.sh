#!/usr/bin/env bash
# Tests a wheel in fresh environments, without Swift on the path: first with NumPy only, then with
# scikit-learn and the packages of Python/requirements-test.txt.
#
#   Scripts/test-python.sh [wheel] [arguments of pytest]
#
# Without a wheel it is built. MEPROP_PROGRAM names the program whose models are exchanged; the
# default is .build/release/meprop, where it is there. Where pip reaches no registry, the tests are
# skipped, and say so.
set -euo pipefail
cd "$(dirname "$0")/.."

wheel="${1-}"
[ $# -eq 0 ] || shift
[ -n "$wheel" ] || wheel="$(Scripts/build-wheel.sh)"
wheel="$(realpath "$wheel")"
program="${MEPROP_PROGRAM-$PWD/.build/release/meprop}"
[ -x "$program" ] || program=

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# Only this reaches what is tested.
alone() {
  (cd "$work" && env -i PATH=/usr/bin:/bin HOME="$work" LANG=C.UTF-8 OMP_NUM_THREADS=1 \
    ${MEPROP_DATA:+MEPROP_DATA="$MEPROP_DATA"} ${program:+MEPROP_PROGRAM="$program"} "$@")
}
install() {
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --retries 2 "${@:2}"
}
skip() {
  echo "test-python: skipped, pip could not install $1"
  exit 0
}
cp -r Python/tests Examples/Python "$work"

python3 -m venv "$work/plain"
install "$work/plain" numpy || skip NumPy
install "$work/plain" "$wheel"
alone "$work/plain/bin/python" tests/without_sklearn.py

python3 -m venv "$work/full"
install "$work/full" --requirement Python/requirements-test.txt ||
  skip "the packages of Python/requirements-test.txt"
install "$work/full" "$wheel"
alone "$work/full/bin/python" -m pytest -q -p no:cacheprovider tests "$@"

# The example is what the README shows.
if [ -n "${MEPROP_DATA-}" ] && [ -d "$MEPROP_DATA/tables/adult" ]; then
  alone "$work/full/bin/python" Python/adult.py "$MEPROP_DATA/tables/adult"
else
  echo "test-python: the example is skipped, MEPROP_DATA does not name a folder with tables/adult"
fi
