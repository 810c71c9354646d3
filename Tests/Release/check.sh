#!/usr/bin/env bash
# What the release library must be: self-contained, small, clean in its exports, at home on old
# processors. Usage: check.sh [LIBRARY_DIRECTORY]
set -euo pipefail
cd "$(dirname "$0")/../.."
library=$(cd "${1:-build/lib}" && pwd)/librnncell.so.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf 'release: %s\n' "$*"; }
die() { printf 'release: FAILED: %s\n' "$*" >&2; exit 1; }

needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | xargs)
for name in $needed; do
  case $name in
    libc.so.6 | libm.so.6 | libstdc++.so.6 | libgcc_s.so.1 | ld-linux-*) ;;
    *) die "it needs $name" ;;
  esac
done
say "needs $needed"

readelf -d "$library" | grep -q 'SONAME.*\[librnncell.so.1\]' || die "SONAME is not librnncell.so.1"
readelf -d "$library" | grep -q 'NOW NODELETE' || die "it is not linked with -z now -z nodelete"
readelf -lW "$library" | grep -q GNU_RELRO || die "no read-only relocations"
readelf -lW "$library" | grep -q 'GNU_STACK.* RW ' || die "its stack is executable"

# Declarations are found by the preprocessor, not by their layout in the header.
cc -E -P -xc Include/rnncell.h | tr '\n' ' ' | grep -oE 'rnncell_[a-z0-9_]+ ?\(' | tr -d ' (' |
  sort -u >"$work/declared"
nm -D --defined-only "$library" | awk '{ print $3 }' | grep -v '^RNNCELL_1$' >"$work/symbols"
grep -qv '@@RNNCELL_1$' "$work/symbols" && die "a symbol without the version RNNCELL_1"
sed 's/@.*//' "$work/symbols" | sort >"$work/exported"
diff "$work/declared" "$work/exported" || die "the header (<) and the library (>) differ"
say "exports the header's $(wc -l <"$work/exported") functions and nothing else"

size=$(stat -Lc %s "$library")
[ "$size" -le $((12 * 1024 * 1024)) ] || die "it has $size bytes, more than 12 MB"
say "has $size bytes"

# An installed copy, built on as a stranger would and run with an empty environment.
Bindings/C/install.sh "$work/prefix" 0.0.0 "$library" >/dev/null
export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
block() { awk -v fence="\`\`\`$1" '$0 == fence { f = 1; next } /^```/ { f = 0 } f' README.md; }
block c >"$work/program.c"
block swift >"$work/program.swift"
# shellcheck disable=SC2046
cc -std=c99 "$work/program.c" -o "$work/program" $(pkg-config --cflags --libs rnncell) \
  -Wl,-rpath,"$work/prefix/lib"
expected=$(env -i "$work/program") || die "the C program of README.md fails with an empty environment"
say "the C program of README.md runs with an empty environment (prints $expected)"
swiftc "$work/program.swift" -o "$work/swift" -I"$work/prefix/include" -L"$work/prefix/lib" \
  -lrnncell -Xlinker -rpath -Xlinker "$work/prefix/lib"
[ "$("$work/swift")" = "h c 320800" ] || die "the Swift program of README.md prints $("$work/swift")"
say "the Swift program of README.md runs"

if [ "$(uname -m)" = x86_64 ]; then
  for processor in Nehalem Haswell; do
    sum=$(env -i "$(command -v qemu-x86_64)" -cpu $processor "$work/program" 2>"$work/error") ||
      die "on $processor: $(cat "$work/error")"
    awk -v a="$sum" -v b="$expected" 'BEGIN { exit !((a - b)^2 < 1e-7) }' ||
      die "on $processor it prints $sum instead of $expected"
    say "runs on $processor (prints $sum)"
  done
fi
RNNCELL_ISA=avx2 valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
  --errors-for-leak-kinds=definite "$work/program" >/dev/null || die "valgrind finds errors"
say "valgrind finds no error"
say "all checks passed"
