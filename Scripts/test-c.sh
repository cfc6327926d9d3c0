#!/usr/bin/env bash
# Tests the C interface from C under AddressSanitizer.
#
#   Scripts/test-c.sh [library]     the library of .build-wheel by default
#   Scripts/test-c.sh --sanitize    builds the library under AddressSanitizer too: some minutes
set -euo pipefail
cd "$(dirname "$0")/.."

library="${1-.build-wheel/lib/libMePropC.so}"
if [ "$library" = --sanitize ]; then
  build=(-c release --product MePropC --sanitize address --scratch-path .build-address)
  "${SWIFT:-swift}" build "${build[@]}"
  library="$("${SWIFT:-swift}" build "${build[@]}" --show-bin-path)/libMePropC.so"
fi
library="$(realpath "$library")"
toolchain="$(dirname "$(readlink -f "$(command -v "${SWIFT:-swift}")")")"
program="$(mktemp)"
trap 'rm -f "$program"' EXIT
"$toolchain/clang" -std=c11 -Wall -Wextra -Werror -g -fsanitize=address,undefined -fuse-ld=lld \
  -I Sources/CMePropInterface/include Tests/CInterface/interface.c "$library" -lm \
  "-Wl,-rpath,$(dirname "$library")" -o "$program"
# The header is C++ too.
echo '#include "meprop.h"' | "$toolchain/clang" -x c++ -std=c++11 -Wall -Wextra -Werror \
  -fsyntax-only -I Sources/CMePropInterface/include -
"$program"
