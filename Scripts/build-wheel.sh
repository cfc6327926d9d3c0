#!/usr/bin/env bash
# Builds a wheel for this machine in .build-wheel/ and prints its path.
#
# It carries the Swift runtime and oneDNN, so that it needs no Swift to run. The library is linked
# here and not by SwiftPM, which links dynamic libraries with the runtime of the toolchain only. In
# the end the wheel is held to auditwheel's rules: it needs no library but its own and those that
# every manylinux system has, and is at most 40 MB.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "build-wheel: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

[ "$(uname)" = Linux ] || fail "wheels are built on Linux only"
swift="${SWIFT:-swift}"
toolchain="$(dirname "$(readlink -f "$(command -v "$swift")")")"
runtime="$toolchain/../lib/swift_static/linux"

# SwiftPM links as well, with half of the runtime; what counts is its list of objects.
objects="$(Scripts/static-build.sh MePropC)/MePropC.product/Objects.LinkFileList"
[ -f "$objects" ] || fail "SwiftPM left no list of objects in $objects"

rm -rf .build-wheel
mkdir -p .build-wheel/lib
work="$PWD/.build-wheel"

clang -O2 -fPIC -c Scripts/wheel/no_curl.c -o "$work/no_curl.o"
# What the objects ask to be linked with, without what no_curl.c and the static libcrypto stand for.
tr -d "'" <"$objects" | xargs "$toolchain/swift-autolink-extract" -o "$work/all.autolink"
tr ' ' '\n' <"$work/all.autolink" | grep -v -x -e -lcurl -e -lxml2 -e -lcrypto |
  awk '!seen[$0]++' >"$work/libraries.autolink"
"$toolchain/clang" -shared -fuse-ld=lld -o "$work/lib/libMePropC.so" \
  "$runtime/$(uname -m)/swiftrt.o" "@$objects" "$work/no_curl.o" -L "$runtime" \
  -Wl,--start-group "@$work/libraries.autolink" "@$runtime/static-stdlib-args.lnk" \
  -Wl,--end-group -Wl,-Bstatic -lcrypto -Wl,-Bdynamic \
  -Wl,--as-needed,--gc-sections,--icf=safe,--disable-new-dtags,-s,-z,defs \
  "-Wl,-rpath,\$ORIGIN" -Wl,--version-script=Scripts/wheel/exports.map

allowed=(libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libutil.so.1 libz.so.1
  libstdc++.so.6 libgcc_s.so.1 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1)
is_allowed() { printf '%s\n' "${allowed[@]}" | grep -q -x -F "$1"; }
needs() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

# Copies of the libraries that not every system has, oneDNN above all, and of what those need.
ldd "$work/lib/libMePropC.so" | awk '$2 == "=>" { print $1, $3 }' >"$work/found"
while read -r name path; do
  if ! is_allowed "$name"; then cp -L "$path" "$work/lib/$name"; fi
done <"$work/found"

# auditwheel's rules: libraries from outside, and versions of the symbols that are taken from them.
for library in "$work"/lib/*; do
  for name in $(needs "$library"); do
    is_allowed "$name" || [ -f "$work/lib/$name" ] ||
      fail "$(basename "$library") needs $name, which not all systems have"
  done
done
glibc="$(objdump -T "$work"/lib/* | grep -o 'GLIBC_2\.[0-9]*' | sort -V -u | tail -1)"
platform="manylinux_${glibc#GLIBC_}_$(uname -m)"
platform="${platform//./_}"

# The wheel is a zip archive; making it takes Python and nothing besides.
python3 Scripts/wheel/pack.py Python "$work/lib" "$platform" "$work"
wheel="$(ls "$work"/*.whl)"
size="$(stat -c %s "$wheel")"
[ "$size" -le $((40 << 20)) ] || fail "$wheel has $size bytes, expected at most 40 MB"
say "$((size >> 20)) MB, for glibc ${glibc#GLIBC_} or later"
echo "$wheel"
