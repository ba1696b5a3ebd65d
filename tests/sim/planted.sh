#!/bin/sh
# Plants one bug at a time into a copy of a source file and runs the simulator on it: it must say so.
#
#   planted.sh RUNS SEED OBJECT...    called by the Makefile, from the project's root
#
# COMPILE and LINK, from the environment, are the compiler's lines without files; the objects are all of
# the simulator. The last line is "N passed, N failed": a planted bug that was found has passed.
set -u
RUNS=$1 SEED=$2
shift 2
OBJECTS=$*
passed=0 failed=0

# plant NAME FILE SED-EXPRESSION
plant() {
	dir=build/sim/plant/$1
	mkdir -p "$dir"
	others= small=
	[ "$2" != daemon/engine/retired.c ] || small='-include tests/sim/small.h'
	for object in $OBJECTS; do
		[ "$object" = "build/sim/${2%.c}.o" ] || others="$others $object"
	done
	sed -e "$3" "$2" >"$dir/planted.c"
	if cmp -s "$2" "$dir/planted.c" ||
		! $COMPILE $small -c -o "$dir/planted.o" "$dir/planted.c" 2>"$dir/log" ||
		! $LINK -o "$dir/sim" "$dir/planted.o" $others $LIBS 2>>"$dir/log"; then
		echo "FAILED $1: cannot be planted in $2"
		failed=$((failed + 1))
		return
	fi
	if timeout 600 "$dir/sim" "$RUNS" "$SEED" >"$dir/log" 2>&1; then
		echo "FAILED $1: not found in $RUNS seeds"
		failed=$((failed + 1))
	else
		echo "ok $1: $(grep -m 1 '^FAILED' "$dir/log" | cut -c 8-)"
		passed=$((passed + 1))
	fi
}

plant other-bytes daemon/engine/decide.c \
	's/memcmp(entry->act.data, in->act, in->act_len) != 0/0/; s/entry->act.len != in->act_len || //'
plant forgets-refusals daemon/engine/retired.c 's/memcpy(slot, id, 16);/memset(slot, 0xee, 16);/'
plant before-the-start daemon/engine/decide.c 's/made_at_us >= e->started_us \&\&/1 \&\&/'
plant ledger-before-texts daemon/engine/open.c \
	's/(err = people_commit(e->people)) != RESULT_OK ||/(err = ledger_commit(e->ledger)) != RESULT_OK ||/; s/	    (err = ledger_commit(e->ledger)) != RESULT_OK) {/	    (err = people_commit(e->people)) != RESULT_OK) {/'
plant ignores-failed-commit daemon/engine/open.c \
	's/(err = ledger_commit(e->ledger)) != RESULT_OK) {/((void)!ledger_commit(e->ledger), 0)) {/; s/	CHECK(e->committed_tree.size.*//'
plant quota-kept daemon/book/redemption.c 's/->used -= h->count/->used -= 0/'
plant debt-second daemon/book/points.c 's/int64_t paid = owed < points ? owed : points;/int64_t paid = 0 * owed;/'
plant minutes-rounded-away daemon/book/points.c 's/row->minutes = (uint32_t)(total - units \* per);/row->minutes = 0;/'
plant one-microsecond daemon/book/redemption.c 's/if (b->in->now_us >= h->use_by_us)/if (b->in->now_us > h->use_by_us)/'
plant row-not-dirty daemon/store/rows.c 's/if (r->disk != NULL && (row->live/if (r->disk != NULL \&\& row->key.table != 4 \&\& (row->live/'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
