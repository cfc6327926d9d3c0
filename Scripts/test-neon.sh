#!/usr/bin/env bash
# Compiles the C kernels for AArch64 and checks the NEON variants, with and without
# dot products of bytes, and the portable one against plain references.
#
# On an AArch64 machine it runs them as they are. Elsewhere it needs a cross compiler and an
# emulator:
#   apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
# Both gcc and the toolchain's clang are tried, where they are there; one must be.
# --every N checks every N-th shape only: under an emulator all of them take half an hour.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

case "$(uname -m)" in
  aarch64 | arm64)
    compilers=("cc" "clang")
    run=()
    ;;
  *)
    compilers=("aarch64-linux-gnu-gcc" "clang --target=aarch64-linux-gnu")
    run=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
    if ! command -v qemu-aarch64 >/dev/null || [ ! -d /usr/aarch64-linux-gnu/include ]; then
      echo "test-neon: no AArch64 emulator or C library; install them with: apt-get install" \
        "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" >&2
      exit 1
    fi
    ;;
esac

checked=0
for compiler in "${compilers[@]}"; do
  read -ra command <<<"$compiler"
  command -v "${command[0]}" >/dev/null || {
    echo "test-neon: skipped $compiler: not found" >&2
    continue
  }
  echo "test-neon: $compiler"
  "${command[@]}" -std=c11 -O2 -Wall -Wextra -Werror -I Sources/CMePropKernels/include \
    Sources/CMePropKernels/*.c Scripts/kernel-check/*.c -o "$scratch/kernel-check" -lm -lpthread
  ${run[@]+"${run[@]}"} "$scratch/kernel-check" "$@" available
  checked=$((checked + 1))
done
if [ "$checked" -eq 0 ]; then
  echo "test-neon: found no compiler for AArch64; tried: ${compilers[*]}" >&2
  exit 1
fi
