#!/bin/sh
# A station from its creation to the audit, in one run: `make demo`.
#
# Real programs, a scratch folder, loopback only. Prints each step; the last line is
# "demo: ok, N entries, root <base64>". Environment: TIMEBOXD, TIMEBOX, PYTHON.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
TIMEBOXD=${TIMEBOXD:-$ROOT/build/timeboxd} TIMEBOX=${TIMEBOX:-$ROOT/build/timebox}
PYTHON=${PYTHON:-/usr/bin/python3}
DATA=$ROOT/tests/data/station
ITEM=I02 OUTLET=P03
# Nothing of the person who runs this is looked at, and each command has this long.
unset TIMEBOX_HOME TIMEBOX_LANG LANGUAGE LC_ALL LC_MESSAGES
export LANG=C.UTF-8
LIMIT=60

dir=$(mktemp -d "${TMPDIR:-/tmp}/timebox-demo.XXXXXX")
daemon=
finish() {
	rc=$?
	trap - EXIT HUP INT TERM
	[ -z "$daemon" ] || { kill -9 "$daemon" 2>/dev/null || :; wait "$daemon" 2>/dev/null || :; }
	if [ $rc -ne 0 ]; then
		echo "demo: FAILED (exit $rc); the daemon's log ends with:" >&2
		tail -n 20 "$dir/daemon.log" >&2 2>/dev/null || :
	fi
	rm -rf "$dir"
	exit $rc
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

step() {
	printf '\n%s\n' "== $*"
}

fail() {
	echo "demo: $*" >&2
	exit 1
}

# tb WHO ARGUMENT...: `timebox` as somebody, each with a home of their own.
tb() {
	who=$1
	shift
	timeout -k 5 $LIMIT "$TIMEBOX" --home "$dir/$who" "$@"
}

# show WHO ARGUMENT...: the same, said aloud and indented.
show() {
	shown=$1
	shift
	echo "  $shown> timebox $*"
	tb "$shown" "$@" >"$dir/out" 2>"$dir/err" || {
		rc=$?
		cat "$dir/out" "$dir/err" >&2
		fail "timebox $* ended with $rc"
	}
	sed 's/^/    /' "$dir/out"
}

# field NAME [N]: of the JSON object (the last line) on stdin; N: which element of a list.
field() {
	"$PYTHON" -c 'import json, sys
value = json.loads(sys.stdin.read().strip().splitlines()[-1])[sys.argv[1]]
print(value[int(sys.argv[2])] if len(sys.argv) > 2 else value)' "$@"
}

start_daemon() {
	mkfifo "$dir/ready" 2>/dev/null || :
	"$TIMEBOXD" run "$dir/station" --listen 127.0.0.1:0 >"$dir/ready" 2>>"$dir/daemon.log" &
	daemon=$!
	address=$(timeout $LIMIT sed -n '/^ready on /{s///;p;q;}' "$dir/ready")
	[ -n "$address" ] || fail "the daemon did not become ready"
	echo "  ready on $address"
}

stop_daemon() {
	kill -TERM "$daemon"
	rc=0
	wait "$daemon" || rc=$?
	daemon=
	[ $rc -eq 0 ] || fail "SIGTERM: the daemon ended with $rc"
	echo "  stopped cleanly"
}

step "A station is created: its ledger's first entry, and three codes"
timeout $LIMIT "$TIMEBOXD" init "$dir/station" --origin demo.timebox.example --json >"$dir/init"
vkey=$(field vkey <"$dir/init")
echo "  verifier key: $vkey"
start_daemon

step "Two social workers enrol with their codes; 安 imports, 白 checks"
tb an enrol "$(field enrol 0 <"$dir/init")" --server "$address" >/dev/null
tb bai enrol "$(field enrol 1 <"$dir/init")" --server "$address" >/dev/null
show an todo

step "Four years of spreadsheets"
show an catalogue import "$DATA/catalogue.csv"
show an member import "$DATA/members.csv"
show an partner import "$DATA/partners.csv"
show an item import "$DATA/items.csv"
show an donation import "$DATA/donations.csv"
show an pair import "$DATA/pairs.csv"

step "Each key belongs to a person: kin and self are known from now on"
# Two people on duty, from the members' list.
people=$("$PYTHON" - "$DATA/members.csv" <<-'PY'
	import csv, sys
	rows = csv.DictReader(open(sys.argv[1], encoding="utf-8-sig", newline=""))
	print(*[r["志愿者编号"] for r in rows if r["类别"] == "专职"][:2])
PY
)
show an key link "${people% *}"
show bai key link "${people#* }"
show an key approve "${people#* }"
show bai key approve "${people% *}"

step "Service records: a verdict for each row, good rows go in although others fail"
rc=0
tb an service import "$DATA/services.csv" --rejects "$dir/rejects.csv" --json >"$dir/rows" 2>"$dir/err" || rc=$?
[ $rc -eq 0 ] || [ $rc -eq 5 ] || { cat "$dir/rows" "$dir/err" >&2; fail "service import ended with $rc"; }
batch=$(field batch <"$dir/rows")
"$PYTHON" - "$dir/rows" "$DATA/expected-rows.csv" <<-'PY'
	import collections, csv, json, sys
	said = {}
	for line in open(sys.argv[1], encoding="utf-8"):
	    row = json.loads(line)
	    if "verdict" in row:
	        said[row["line"]] = row["verdict"]
	expected = {int(r["line"]): r["verdict"] for r in csv.DictReader(open(sys.argv[2]))}
	assert said == expected, "verdicts differ from expected-rows.csv"
	for verdict, n in collections.Counter(said.values()).most_common():
	    print("    %5d %s" % (n, verdict))
PY
echo "  every verdict as expected; $(($(wc -l <"$dir/rejects.csv") - 1)) lines of rows to repair in rejects.csv"

step "A second person attests; minutes become points"
rc=0
tb an service attest --batch "$batch" --yes >/dev/null 2>&1 || rc=$?
[ $rc -eq 1 ] || fail "whoever imported attested too (exit $rc)"
echo "  refused for whoever imported"
echo "  bai> timebox service attest --batch $batch --yes"
tb bai service attest --batch "$batch" --yes >"$dir/out"
sed -e '/^$/q' -e 's/^/    /' "$dir/out"
tail -n 2 "$dir/out" | sed 's/^/    /'
tb bai report members --json >"$dir/members"
"$PYTHON" - "$dir/members" "$DATA/expected-totals.json" <<-'PY'
	import json, sys
	said = {r["member"]: r for r in map(json.loads, open(sys.argv[1], encoding="utf-8"))}
	expected = json.load(open(sys.argv[2]))["members"]
	for number, e in expected.items():
	    s = said[number]
	    found = (s["records"], s["minutes"], s["points"]["available"], s["carry_minutes"])
	    assert found == (e["records"], e["minutes"], e["points"], e["carry_minutes"]), number
	print("  %d members: records, minutes, points and carry as expected" % len(expected))
PY

step "A kiosk, the merchant $OUTLET and an auditor get keys"
for role in kiosk outlet auditor; do
	partner=
	[ $role != outlet ] || partner="--partner $OUTLET"
	# shellcheck disable=SC2086
	code=$(tb an enrol invite --role $role $partner --json | field code)
	show $role enrol "$code" --server "$address"
done

step "Both sign that set-up is over"
show an station open
show bai station open

step "A volunteer with enough points gets a slip and sets a PIN at the kiosk"
volunteer=$("$PYTHON" - "$dir/members" <<-'PY'
	import json, sys
	rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
	print(max(rows, key=lambda r: (r["points"]["available"], r["member"]))["member"])
PY
)
slip=$(tb an member pin "$volunteer" --json | field slip)
umask 077
echo 629471 >"$dir/pin"
show kiosk member set-pin "$volunteer" --slip "$slip" --pin-file "$dir/pin"
show an balance "$volunteer"

step "The volunteer redeems $ITEM at the kiosk; the merchant confirms"
voucher=$(tb kiosk redeem hold --member "$volunteer" --pin-file "$dir/pin" --item $ITEM --outlet $OUTLET --json | field voucher)
echo "  voucher $voucher"
show outlet redeem check "$voucher"
show outlet redeem confirm "$voucher"
rc=0
tb outlet redeem confirm "$voucher" >/dev/null 2>&1 || rc=$?
[ $rc -ne 0 ] || fail "a voucher was confirmed twice"
echo "  a second time: refused"

step "Another one is cancelled: points, stock and quota are back"
before=$(tb an member show "$volunteer" --json | field points)
second=$(tb kiosk redeem hold --member "$volunteer" --pin-file "$dir/pin" --item I03 --outlet $OUTLET --json | field voucher)
show kiosk redeem cancel "$second" --member "$volunteer" --pin-file "$dir/pin"
[ "$before" = "$(tb an member show "$volunteer" --json | field points)" ] || fail "the points did not come back"
show an history "$volunteer"

step "The auditor exports, and verifies offline with two independent programs"
show auditor audit export "$dir/export"
tb auditor audit verify "$dir/export" --vkey "$vkey" --json >"$dir/verified"
"$PYTHON" "$ROOT/tests/verify/timebox_verify.py" "$dir/export" --vkey "$vkey" --json >"$dir/verified2"
size=$(field size <"$dir/verified") root=$(field root <"$dir/verified")
[ "$(field ok <"$dir/verified")" = True ] || fail "the export does not verify"
[ "$(field ok <"$dir/verified2")" = True ] || fail "the export does not verify (Python)"
[ "$size $root" = "$(field size <"$dir/verified2") $(field root <"$dir/verified2")" ] || fail "the verifiers disagree"
echo "  both agree: $size entries, root $root"

step "SIGTERM"
stop_daemon
echo
echo "demo: ok, $size entries, root $root"
