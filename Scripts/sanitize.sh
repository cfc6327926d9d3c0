#!/usr/bin/env bash
# Runs checks and tests under the sanitizers.
#
#   Scripts/sanitize.sh          all parts below
#   Scripts/sanitize.sh --short  what CI runs: kernels and pool, undefined behaviour in the
#                                portable kernels only, which all others are written like
#   Scripts/sanitize.sh address  only this part
#
# kernels    all instruction sets of this processor against plain references, between pages that
#            nothing may touch: address and undefined behaviour
# pool       the pool of workers: threads
# address    the tests of core, layers, data and training, address sanitizer
# undefined  the same, undefined behaviour in C, which ends a test with an illegal instruction; of
#            Swift it is checked in every debug build
# thread     the same, thread sanitizer
#
# Each of the last three is a debug build of its own, in .build-sanitize-PART. What is suppressed is
# in Scripts/sanitize, with the reason.
set -euo pipefail
cd "$(dirname "$0")/.."

parts=(kernels pool address undefined thread)
short=
case "${1-}" in
  "") ;;
  --short)
    parts=(kernels pool)
    short=yes
    ;;
  *) parts=("$@") ;;
esac
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
jobs="$(getconf _NPROCESSORS_ONLN)"
warnings=(-std=c11 -Wall -Wextra -I Sources/CMePropKernels/include)
rules="$PWD/Scripts/sanitize"

# compile FLAGS: files from standard input, several at once; without optimization, with which the
# undefined behaviour sanitizer takes minutes for each file.
compile() {
  scratch="$scratch" xargs -n 1 -P "$jobs" sh -c \
    'for last; do :; done
     exec clang "$@" -c -o "$scratch/$(echo "$last" | tr / _).o"' sh "${warnings[@]}" -O0 -g1 "$@"
}

kernels() {
  local all=address,undefined variants=address,undefined
  [ -z "$short" ] || variants=address
  ls Sources/CMePropKernels/*.c Scripts/kernel-check/*.c | grep -v 'variant_a' \
    | compile "-fsanitize=$all" -fno-sanitize-recover=undefined
  ls Sources/CMePropKernels/variant_a*.c \
    | compile "-fsanitize=$variants" -fno-sanitize-recover=undefined
  clang -fsanitize=address,undefined "$scratch"/*.o -o "$scratch/kernel-check" -lm -lpthread \
    2> "$scratch/link.log" || { cat "$scratch/link.log" >&2; return 1; }
  "$scratch/kernel-check" --every 23 available
}

pool() {
  # gcc, because the thread sanitizer of Swift's clang needs libdispatch.
  local compiler
  compiler="$(command -v gcc || command -v cc)"
  "$compiler" "${warnings[@]}" -O1 -g -fsanitize=thread Sources/CMePropKernels/pool.c \
    Scripts/pool-check/pool.c -o "$scratch/pool" -lpthread
  TSAN_OPTIONS="halt_on_error=1 suppressions=$rules/thread.txt" "$scratch/pool"
}

# swift_tests PART FLAGS: the tests of the lower modules.
swift_tests() {
  local part="$1" skipped
  shift
  skipped="$(sed -e 's/ *#.*//' -e '/^$/d' "$rules/skipped-tests.txt" | paste -sd '|')"
  MEPROP_ONLY_TRAINING=1 swift test "$@" --scratch-path ".build-sanitize-$part" --skip "$skipped"
}

address() {
  # The Swift runtime keeps what it has once allocated, and so does oneDNN.
  ASAN_OPTIONS=detect_leaks=0 swift_tests address --sanitize address
}

# Swift does not know this sanitizer on Linux, so C is told alone, and to trap, which needs no
# library.
undefined() { swift_tests undefined -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined; }

thread() { TSAN_OPTIONS="suppressions=$rules/thread.txt" swift_tests thread --sanitize thread; }

for part in "${parts[@]}"; do
  case "$part" in
    kernels | pool | address | undefined | thread) ;;
    *)
      echo "sanitize: unknown part '$part'; expected kernels, pool, address, undefined or" \
        "thread" >&2
      exit 64
      ;;
  esac
done
for part in "${parts[@]}"; do
  printf '=== %s (%d s)\n' "$part" "$SECONDS"
  "$part"
done
printf '=== no reports (%d s)\n' "$SECONDS"
