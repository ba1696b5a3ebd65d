#!/bin/sh
# @sigstore/verify of npm, kept in build/npm; its note and Merkle parts check ours. Where it cannot be
# had (no network, no npm) build/npm/log says why.
set -u
[ ! -d build/npm/node_modules/@sigstore/verify ] || exit 0
mkdir -p build/npm
command -v npm >/dev/null || ${MAKE:-make} -s deps PACKAGES=npm >build/npm/log 2>&1 || exit 0
npm install --prefix build/npm --no-audit --no-fund @sigstore/verify@2.1.1 >build/npm/log 2>&1 || exit 0
