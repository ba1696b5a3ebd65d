#!/bin/sh
# `buf lint proto` with the @bufbuild/buf of npm, kept in build/npm. Where it cannot be had (no
# network, no npm) the check is skipped, and says why.
set -u
buf=build/npm/node_modules/.bin/buf
skip() {
	echo "skipped buf-lint: $1"
	exit 0
}
if [ ! -x $buf ]; then
	command -v npm >/dev/null || ${MAKE:-make} -s deps PACKAGES=npm >/dev/null 2>&1 || skip "npm cannot be installed"
	mkdir -p build/npm
	npm install --prefix build/npm --no-audit --no-fund @bufbuild/buf@1.75.0 >build/npm/log 2>&1 ||
		skip "npm cannot install @bufbuild/buf (build/npm/log)"
fi
if $buf lint proto; then
	echo "ok buf-lint"
else
	echo "FAILED buf-lint"
	exit 1
fi
