#!/bin/sh
# make check-fresh: `make demo` and `make check` on a clone of HEAD inside a bare Debian 12.
#
#   check-fresh.sh "PACKAGES"      PACKAGES: what the Makefile installs
#
# The bare system is made by debootstrap in build/fresh, from the mirror that /etc/apt of this machine
# names; the only things put into it are make, git, ca-certificates, this machine's apt sources and
# its trusted certificates. Mounts live in a mount namespace of their own, so they are gone when this
# script is, however it ends. Where debootstrap cannot run, every package that the build has used on this
# machine (headers, libraries, commands, Python modules) is looked for in what the Makefile installs.
set -eu
PACKAGES=$1
ROOT=$PWD/build/fresh
LOG=$PWD/build/fresh.log
mkdir -p build

# The file of /etc/apt that names Debian bookworm, and the mirror in it.
SOURCE=$(grep -lsE '^(deb .*|Suites:.*)\bbookworm\b' /etc/apt/sources.list /etc/apt/sources.list.d/*.sources \
	/etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1 || :)
MIRROR=
[ -z "$SOURCE" ] || MIRROR=$(sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb (\[[^]]*\] )?([^ ]+) .*/\2/p' "$SOURCE" | head -n 1)

# ---- without debootstrap: what was used against what is installed ------------------------------------

# The packages of the files on stdin, each once; dpkg may know a file by another name of its folder.
packages_of_files() {
	while read -r file; do
		real=$(readlink -f "$file")
		for name in "$file" "$real" "${file#/usr}" "${real#/usr}" "/usr$file"; do
			dpkg -S "$name" 2>/dev/null && continue 2
		done
		echo "nobody's($file): "
	done | sed -E 's/(:[a-z0-9]+)?: .*//; s/, .*//' | sort -u
}

compare_packages() {
	make -s all tests-unit py >/dev/null
	{
		find daemon client proto tests -name '*.c' -exec gcc -D_GNU_SOURCE -I. -Ibuild/gen -M {} + 2>/dev/null |
			tr ' \\' '\n\n' | grep '^/usr/include' | sort -u
		ldd build/timeboxd build/timebox build/unit/* | awk '$3 ~ /^\// { print $3 }' | sort -u
		for command in gcc ar clang make git protoc protoc-c msgfmt openssl /usr/bin/python3 awk sed find xargs timeout; do
			command -v $command
		done
		/usr/bin/python3 -c 'import pytest, cryptography, google.protobuf as p
print(pytest.__file__, cryptography.__file__, p.__path__[0], sep="\n")'
	} | packages_of_files >build/used
	# shellcheck disable=SC2086
	{
		apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks \
			--no-replaces --no-enhances $PACKAGES | grep -oE '[a-z0-9][a-z0-9.+-]+$'
		dpkg-query -W -f '${Essential} ${Priority} ${Package}\n' | awk '$1 == "yes" || $2 == "required" { print $3 }'
	} | sort -u >build/installed
	missing=$(comm -23 build/used build/installed)
	echo "packages used: $(wc -l <build/used), not installed by the Makefile:" $missing
	rm -f build/used build/installed
	[ -z "$missing" ] || { echo "0 passed, 1 failed"; exit 1; }
	echo "1 passed, 0 failed"
	exit 0
}

if [ "$(id -u)" != 0 ] || [ -z "$MIRROR" ] || ! command -v debootstrap >/dev/null; then
	echo "debootstrap cannot run here (it needs root, debootstrap and a bookworm mirror in /etc/apt): comparing packages"
	compare_packages
fi

# ---- the bare system ----------------------------------------------------------------------------------

if [ "${FRESH_INSIDE:-}" != 1 ]; then
	FRESH_INSIDE=1 exec unshare --mount --propagation private "$0" "$PACKAGES"
fi
rm -rf "$ROOT"
if ! debootstrap --variant=minbase --include=make,git,ca-certificates bookworm "$ROOT" "$MIRROR" >"$LOG" 2>&1; then
	tail -n 5 "$LOG"
	echo "debootstrap failed: comparing packages"
	compare_packages
fi
cp "$SOURCE" "$ROOT/etc/apt/sources.list.d/"
rm -f "$ROOT/etc/apt/sources.list"
grep -ls '^Acquire' /etc/apt/apt.conf.d/* | xargs -r cp -t "$ROOT/etc/apt/apt.conf.d/"
cp /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/ssl/certs/"
mount -t proc proc "$ROOT/proc"
mount --rbind /sys "$ROOT/sys"
mount --rbind /dev "$ROOT/dev"
git clone --quiet --no-local . "$ROOT/src/timebox"

inside() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 \
		NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
		http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" no_proxy="${no_proxy:-}" \
		chroot "$ROOT" make -C /src/timebox "$@" 2>&1
}
status=0
for target in ${FRESH_TARGETS:-demo check}; do
	start=$(date +%s)
	inside "$target" >>"$LOG" && rc=0 || rc=$?
	[ $rc -eq 0 ] || { status=1; tail -n 60 "$LOG"; }
	echo "fresh make $target: exit $rc after $(($(date +%s) - start)) s:" \
		"$(grep -E '^(demo: ok|[0-9]+ passed, )' "$LOG" | tail -n 1)"
done
echo "bare system: $(chroot "$ROOT" dpkg-query -W | wc -l) packages after, log in build/fresh.log"
exit $status
