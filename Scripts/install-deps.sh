#!/usr/bin/env bash
# Installs the system libraries and the data set that the package needs, where they are missing.
#
#   Scripts/install-deps.sh             libraries and Fashion-MNIST
#   Scripts/install-deps.sh --tests     the same, and what the Python environment of the tests needs
#   Scripts/install-deps.sh --libraries what building needs, without data
#   Scripts/install-deps.sh --runtime   what an installed program needs (Debian and Ubuntu only)
#   Scripts/install-deps.sh --mpi       the libraries and Fashion-MNIST, and Open MPI
#   Scripts/install-deps.sh --browser   Chromium alone, which opens reports in a test
#
# Does nothing, quickly, when all is there. Debian and Ubuntu: apt-get (through sudo when not root).
# macOS: Homebrew; dense products and digests use Accelerate and CommonCrypto, and Fashion-MNIST
# comes with `meprop data get`.
# Elsewhere it checks that the compiler finds the headers, and says what to install if not.
set -euo pipefail

case "${1-}" in
  "" | --tests | --libraries | --runtime | --mpi | --browser) wanted="${1-}" ;;
  *)
    echo "install-deps: unknown argument '$1'; expected nothing, --tests, --libraries, --runtime," \
      "--mpi or --browser" >&2
    exit 64
    ;;
esac

libraries=(libdnnl-dev zlib1g-dev libssl-dev libpng-dev libjpeg-dev libyaml-dev)
# What the Swift runtime needs where it is linked statically into an installed program.
static_libraries=(libcurl4-openssl-dev libxml2-dev)

say() { echo "install-deps: $*" >&2; }

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Sets `missing` to those of the given packages that are not installed.
find_missing() {
  missing=()
  local package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
}

as_root=()
apt_updated=false
apt_update() {
  $apt_updated || "${as_root[@]}" apt-get update -qq ||
    say "apt-get update failed; trying with the lists at hand"
  apt_updated=true
}

apt_install() {
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      say "not root and no sudo; ask an administrator to run: apt-get install $*"
      return 1
    fi
    as_root=(sudo)
  fi
  say "installing $*"
  apt_update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >&2 || {
    say "apt-get could not install $*; see its message above"
    return 1
  }
}

# A browser is no need: where it cannot be had, the test that opens pages says that it is skipped.
install_browser() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then return 0; fi
  done
  if command -v apt-get >/dev/null && is_debian; then
    apt_install chromium || say "going on without a browser; the test that opens pages is skipped"
  else
    say "no package 'chromium' here; the test that opens pages is skipped"
  fi
}

# Ubuntu's package of this name only installs a snap, which does not run in containers.
is_debian() {
  [ "$(. /etc/os-release && echo "${ID-}")" = debian ]
}

install_debian() {
  case "$wanted" in
    --libraries) find_missing "${libraries[@]}" "${static_libraries[@]}" ;;
    --mpi) find_missing "${libraries[@]}" dataset-fashion-mnist libopenmpi-dev openmpi-bin ;;
    *) find_missing "${libraries[@]}" dataset-fashion-mnist ;;
  esac
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}" || exit 1
  # Any python3 that can make an environment will do; without one some tests are skipped.
  if [ "$wanted" = --tests ] && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    apt_install python3-venv || say "going on without; tests that need Python packages are skipped"
  fi
}

# The shared libraries have other names in each release; the packages of their headers know them.
install_runtime() {
  libraries+=("${static_libraries[@]}")
  apt-cache show "${libraries[@]}" >/dev/null 2>&1 || apt_update
  local names
  names="$(apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces "${libraries[@]}" | sed -n 's/^ *Depends: //p' | grep -v -e '-dev$' -e '<')"
  # shellcheck disable=SC2086
  find_missing $names
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}" || exit 1
}

install_macos() {
  if ! command -v brew >/dev/null; then
    say "Homebrew is missing; install it from https://brew.sh, or zlib, libpng, jpeg-turbo" \
      "and libyaml yourself"
    exit 1
  fi
  local name
  for name in zlib libpng jpeg-turbo libyaml; do
    brew list --versions "$name" >/dev/null || brew install "$name"
  done
  if [ "$wanted" = --mpi ]; then
    brew list --versions open-mpi >/dev/null || brew install open-mpi
  fi
}

check_headers() {
  local header failed=false
  for header in oneapi/dnnl/dnnl.h zlib.h openssl/evp.h png.h jpeglib.h yaml.h; do
    # jpeglib.h needs the other two before it.
    printf '#include <stddef.h>\n#include <stdio.h>\n#include <%s>\n' "$header" |
      clang -fsyntax-only -x c - 2>/dev/null || {
      say "the header <$header> is missing"
      failed=true
    }
  done
  if $failed; then
    say "this system has no apt-get; install the development packages of oneDNN, zlib, OpenSSL," \
      "libpng, libjpeg and libyaml"
    exit 1
  fi
}

case "$wanted" in
  --browser) install_browser; exit 0 ;;
  --runtime) install_runtime; exit 0 ;;
esac
case "$(uname -s)" in
  Darwin) install_macos ;;
  Linux) if command -v apt-get >/dev/null; then install_debian; else check_headers; fi ;;
  *) say "$(uname -s) is not supported; the package runs on Linux and macOS"; exit 1 ;;
esac
