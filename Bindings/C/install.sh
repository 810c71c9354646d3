#!/usr/bin/env bash
# Installs the library for C, C++ and Swift programs. Usage: install.sh PREFIX VERSION LIBRARY;
# DESTDIR is honoured.
set -euo pipefail
prefix=$1 version=$2 library=$3
here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}$prefix

fill() { sed -e "s|@PREFIX@|$prefix|g" -e "s|@VERSION@|$version|g" "$here/$1"; }
mkdir -p "$root"/{include,lib/pkgconfig,lib/cmake/rnncell}
install -m 644 "$here/../../Include/rnncell.h" "$here/../../Include/module.modulemap" "$root/include/"
install -m 755 "$library" "$root/lib/librnncell.so.$version"
ln -sf "librnncell.so.$version" "$root/lib/librnncell.so.1"
ln -sf librnncell.so.1 "$root/lib/librnncell.so"
fill rnncell.pc.in >"$root/lib/pkgconfig/rnncell.pc"
fill rnncell-config.cmake.in >"$root/lib/cmake/rnncell/rnncell-config.cmake"
fill rnncell-config-version.cmake.in >"$root/lib/cmake/rnncell/rnncell-config-version.cmake"
echo "installed rnncell $version under $prefix"
