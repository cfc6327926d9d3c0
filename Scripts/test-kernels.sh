#!/usr/bin/env bash
# Checks the kernels of all instruction sets that this processor has against plain references, on
# odd sizes and at odd offsets, between guards: test-kernels.sh [--every N]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
compiler="$(command -v clang || command -v cc)" || {
  echo "test-kernels: found no C compiler" >&2
  exit 1
}
"$compiler" -std=c11 -O2 -Wall -Wextra -I Sources/CMePropKernels/include \
  Sources/CMePropKernels/*.c Scripts/kernel-check/*.c -o "$scratch/kernel-check" -lm -lpthread
"$scratch/kernel-check" "$@" available
