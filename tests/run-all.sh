#!/bin/sh
# Runs suites and counts: run-all.sh SUITE...; called by the Makefile, from the project's root.
#
# Each suite prints what failed and one line "SUITE: N passed, N failed[, N skipped]"; the last line
# of all is the sum. Whatever cannot be built, crashes or ends without a count is one failure. Logs
# are kept in build/report/. Environment: MAKE, PYTHON, T (a filter on names), FUZZ_SECONDS,
# CRASH_CYCLES, SIM_RUNS, POWER_WINDOWS, FAULT_RUNS, WATCH_SECONDS.
set -u
MAKE=${MAKE:-make} PYTHON=${PYTHON:-/usr/bin/python3} T=${T:-}
FUZZ_SECONDS=${FUZZ_SECONDS:-5} CRASH_CYCLES=${CRASH_CYCLES:-10} SIM_RUNS=${SIM_RUNS:-300}
POWER_WINDOWS=${POWER_WINDOWS:-12} FAULT_RUNS=${FAULT_RUNS:-6} WATCH_SECONDS=${WATCH_SECONDS:-20}
export PYTHON CRASH_CYCLES
ROOT=$PWD
REPORT=$ROOT/build/report
mkdir -p "$REPORT"
all_passed=0 all_failed=0 all_skipped=0
export ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1"
export UBSAN_OPTIONS="print_stacktrace=1"
export TSAN_OPTIONS="suppressions=$ROOT/tests/crash/watched/tsan.txt second_deadlock_stack=1 allocator_may_return_null=1"

# count SUITE PASSED FAILED SKIPPED; a suite in which nothing ran, though T asked for all, has failed.
count() {
	[ "$T$2$3$4" != 000 ] || set -- "$1 (nothing ran)" 0 1 0
	all_passed=$((all_passed + $2)) all_failed=$((all_failed + $3)) all_skipped=$((all_skipped + $4))
	if [ "$4" -gt 0 ]; then
		echo "$1: $2 passed, $3 failed, $4 skipped"
	else
		echo "$1: $2 passed, $3 failed"
	fi
}

# build SUITE TARGET...: 1 and a failure counted where it cannot be built.
build() {
	suite=$1
	shift
	jobs=
	case " ${MAKEFLAGS:-} " in *" -j"* | *" --jobserver"*) ;; *) jobs=-j$(nproc) ;; esac
	$MAKE -s $jobs "$@" >"$REPORT/$suite.build.log" 2>&1 && return 0
	tail -n 40 "$REPORT/$suite.build.log"
	count "$suite" 0 1 0
	return 1
}

# A suite that is nothing but a build: one check.
run_build() {
	build "$1" "$2" || return
	count "$1" 1 0 0
}

# run_lines SUITE COMMAND...: the command prints a line "ok NAME", "FAILED NAME ..." or "skipped NAME
# ..." for each check, and indented lines that explain.
run_lines() {
	suite=$1
	shift
	"$@" >"$REPORT/$suite.log" 2>&1
	rc=$?
	grep -v '^ok ' "$REPORT/$suite.log"
	failed=$(grep -c '^FAILED ' "$REPORT/$suite.log")
	[ $rc -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
	count "$suite" "$(grep -c '^ok ' "$REPORT/$suite.log")" "$failed" "$(grep -c '^skipped ' "$REPORT/$suite.log")"
}

# The names of tests in FOLDER with PREFIX that T picks: by their file's name or by what is in them.
pick() {
	for file in "$1/$2"*.c; do
		[ -e "$file" ] || continue
		case $file in *"$T"*) basename "$file" .c; continue ;; esac
		grep -q "$T" "$file" && basename "$file" .c
	done
}

# run_unit SUITE BUILD_TARGET FOLDER: cmocka programs; each test of each is one check.
run_unit() {
	build "$1" "$2" || return
	passed=0 failed=0 skipped=0
	for name in $(pick tests/unit test_); do
		log=$REPORT/$1.$name.log
		CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 300 "$3/$name" >"$log" 2>"$log.err"
		rc=$?
		bad=$(grep '^not ok' "$log" | grep -vc '# SKIP')
		passed=$((passed + $(grep -c '^ok' "$log")))
		skipped=$((skipped + $(grep -c '# SKIP' "$log")))
		[ $rc -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
		failed=$((failed + bad))
		[ "$bad" -eq 0 ] && continue
		echo "FAILED $1/$name (exit $rc)"
		grep -A 4 '^not ok' "$log" | head -n 20
		tail -n 15 "$log.err"
	done
	count "$1" $passed $failed $skipped
}

# run_pytest SUITE BIN PATH...: the programs under test are found through TIMEBOXD, TIMEBOX and
# TIMEBOXD_TEST (the daemon whose clock moves).
run_pytest() {
	suite=$1 bin=$2
	shift 2
	[ -n "$(find "$@" -name 'test_*.py' 2>/dev/null)" ] || { count "$suite" 0 0 0; return; }
	rm -f "$REPORT/$suite.xml"
	TIMEBOXD=$bin/timeboxd TIMEBOX=$bin/timebox TIMEBOXD_TEST=$bin/timeboxd-test \
		PYTHONPATH=$ROOT/build/py:$ROOT/tests/e2e:$ROOT/tests/verify${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1 \
		"$PYTHON" -m pytest -q -p no:cacheprovider ${T:+-k "$T"} --junitxml="$REPORT/$suite.xml" \
		"$@" >"$REPORT/$suite.log" 2>&1
	rc=$?
	[ $rc -eq 5 ] && { count "$suite" 0 0 0; return; }
	[ $rc -eq 0 ] || tail -n 60 "$REPORT/$suite.log"
	# shellcheck disable=SC2046
	set -- $("$PYTHON" - "$REPORT/$suite.xml" 2>/dev/null <<-'PY'
		import sys, xml.etree.ElementTree as tree
		suites = tree.parse(sys.argv[1]).getroot().iter("testsuite")
		total = failed = skipped = 0
		for s in suites:
		    total += int(s.get("tests"))
		    failed += int(s.get("failures")) + int(s.get("errors"))
		    skipped += int(s.get("skipped"))
		print(total - failed - skipped, failed, skipped)
	PY
	)
	[ $# -eq 3 ] || set -- 0 1 0
	[ $rc -eq 0 ] || [ "$2" -gt 0 ] || set -- "$1" 1 "$3"
	count "$suite" "$1" "$2" "$3"
}

# Each target is one check: its corpus replayed, then FUZZ_SECONDS of new inputs. What was found new
# stays in build/fuzz/corpus; a finding is in build/report.
run_fuzz() {
	build fuzz tests-fuzz || return
	passed=0 failed=0
	for name in $(pick tests/fuzz fuzz_); do
		name=${name#fuzz_} log=$REPORT/fuzz.$name.log
		corpus=tests/fuzz/corpus/$name new=build/fuzz/corpus/$name
		mkdir -p "$new"
		[ -d "$corpus" ] || corpus=
		if build/fuzz/bin/"$name" -runs=0 ${corpus:+"$corpus"} >"$log" 2>&1 &&
			build/fuzz/bin/"$name" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=4096 \
				-print_final_stats=1 -artifact_prefix="$REPORT/fuzz.$name." \
				"$new" ${corpus:+"$corpus"} >>"$log" 2>&1; then
			passed=$((passed + 1))
			echo "fuzz/$name: $(awk '/number_of_executed_units/ { print $2 }' "$log") inputs in $FUZZ_SECONDS s"
		else
			failed=$((failed + 1))
			echo "FAILED fuzz/$name"
			tail -n 30 "$log"
		fi
	done
	count fuzz $passed $failed 0
}

# Each seed is one check.
run_sim() {
	build sim build/sim/sim || return
	timeout -k 5 600 build/sim/sim "$SIM_RUNS" 1 >"$REPORT/sim.log" 2>&1
	rc=$?
	grep -E '^FAILED|seeds/s' "$REPORT/sim.log"
	# shellcheck disable=SC2046
	set -- $(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$REPORT/sim.log")
	[ $# -eq 2 ] || set -- 0 1
	[ $rc -eq 0 ] || [ "$2" -gt 0 ] || set -- "$1" 1
	count sim "$1" "$2" 0
}

# run_counted SUITE COMMAND...: the command says how many in its last line.
run_counted() {
	suite=$1
	shift
	TIMEBOXD=$ROOT/build/timeboxd TIMEBOXD_TEST=$ROOT/build/timeboxd-test PYTHONDONTWRITEBYTECODE=1 \
		PYTHONPATH=$ROOT/build/py:$ROOT/tests/e2e${PYTHONPATH:+:$PYTHONPATH} timeout -k 5 900 "$@" >"$REPORT/$suite.log" 2>&1
	rc=$?
	grep '^FAILED' "$REPORT/$suite.log"
	# shellcheck disable=SC2046
	set -- $(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$REPORT/$suite.log" | tail -n 1)
	[ $# -eq 2 ] || set -- 0 1
	[ $rc -eq 0 ] || [ "$2" -gt 0 ] || set -- "$1" 1
	[ "$2" -eq 0 ] || tail -n 30 "$REPORT/$suite.log"
	count "$suite" "$1" "$2" 0
}

# A program of tests/verify that counts.
run_verify() {
	suite=$1 program=$2
	shift 2
	PYTHONPATH=$ROOT/tests/verify run_counted "$suite" "$PYTHON" "tests/verify/$program" "$@"
}

# A disk that lies must be found out, or the check itself is broken.
run_power() {
	SEED=1 run_counted power "$PYTHON" tests/crash/power/power.py "$POWER_WINDOWS"
	for lie in sync through; do
		if SEED=1 POWER_LIE=$lie TIMEBOXD=$ROOT/build/timeboxd PYTHONPATH=$ROOT/build/py:$ROOT/tests/e2e timeout -k 5 300 \
			"$PYTHON" tests/crash/power/power.py 3 >"$REPORT/power-lie.log" 2>&1 ||
			! grep -q '^FAILED after event' "$REPORT/power-lie.log"; then
			count "power-lie-$lie" 0 1 0
		else
			count "power-lie-$lie" 1 0 0
		fi
	done
}

run_suite() {
	case $1 in
	lint) build lint py && run_lines lint "$PYTHON" tests/lint/lint.py ${T:+--only "$T"} ;;
	lint-selftest) run_lines lint-selftest "$PYTHON" tests/lint/selftest.py ${T:+--only "$T"} ;;
	buf) run_lines buf tests/lint/buf.sh ;;
	build-gcc) run_build build-gcc all ;;
	build-clang) run_build build-clang build-clang ;;
	vectors) build vectors all interop &&
		PYTHONPATH=$ROOT/build/py:$ROOT/tests/verify run_lines vectors "$PYTHON" tests/verify/check_vectors.py 150 ;;
	operator) build operator all interop && run_verify operator check_operator.py ;;
	bits) build bits all interop && run_verify bits check_bits.py 37 ;;
	verdicts) build verdicts all interop && run_verify verdicts check_verdicts.py 300 1 ;;
	hledger) build hledger all py && run_verify hledger check_hledger.py 3 1 ;;
	unit) run_unit unit tests-unit build/unit ;;
	unit-asan) run_unit unit-asan tests-asan build/asan/unit ;;
	unit-tsan) run_unit unit-tsan tests-tsan build/tsan/unit ;;
	tsan) build tsan tsan py && run_counted tsan "$PYTHON" tests/crash/watched/watched.py tsan "$WATCH_SECONDS" ;;
	valgrind)
		build valgrind all py build/bench-smallmap.so &&
			run_counted valgrind "$PYTHON" tests/crash/watched/watched.py valgrind "$WATCH_SECONDS" ;;
	sim) run_sim ;;
	planted) build planted build/sim/sim && run_counted planted "$MAKE" check-sim PLANTED=1 ;;
	fuzz) run_fuzz ;;
	e2e) build e2e all py && run_pytest e2e "$ROOT/build" tests/e2e tests/verify ;;
	e2e-asan) build e2e-asan asan all py && run_pytest e2e-asan "$ROOT/build/asan/bin" tests/e2e tests/verify ;;
	races) build races all py && T=${T:-race} && run_pytest races "$ROOT/build" tests/e2e ;;
	crash) build crash all py && run_pytest crash "$ROOT/build" tests/crash ;;
	power) build power all py tests-crash && run_power ;;
	faults) build faults all py tests-crash && SEED=1 run_counted faults "$PYTHON" tests/crash/faults/faults.py "$FAULT_RUNS" ;;
	*) echo "no such suite: $1"; count "$1" 0 1 0 ;;
	esac
}

for suite in "$@"; do
	run_suite "$suite"
done
if [ $all_skipped -gt 0 ]; then
	echo "$all_passed passed, $all_failed failed, $all_skipped skipped"
else
	echo "$all_passed passed, $all_failed failed"
fi
[ $all_failed -eq 0 ]
