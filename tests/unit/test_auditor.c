/* The auditor's table and its exports; what verification finds is in tests/verify/test_auditor.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/auditor/auditor.h"
#include "client/auditor/files.h"
#include "client/auditor/ids.h"
#include "client/auditor/keymap.h"
#include "client/auditor/memory.h"
#include "client/auditor/said.h"
#include "proto/note.h"
#include "proto/tile.h"
#include "proto/tree.h"
#include "timebox/v1/entry.pb-c.h"

#define ORIGIN	  "station.example/box"
#define PATH_SIZE 512

/* ---- the table ---- */

static void
a_table_finds_what_was_put_in_and_nothing_else(void **state)
{
	struct keymap *m = keymap_new(12, sizeof(uint64_t));
	uint8_t key[12] = {0};

	(void)state;
	assert_non_null(m);
	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t *value;

		memcpy(key, &i, 8);
		assert_null(keymap_find(m, key));
		value = keymap_add(m, key);
		assert_non_null(value);
		assert_int_equal(*value, 0);
		*value = i * 3;
		assert_int_equal(keymap_count(m), i + 1);
	}
	for (uint64_t i = 0; i < 20000; i++) {
		const uint64_t *value;

		memcpy(key, &i, 8);
		value = keymap_find(m, key);
		assert_non_null(value);
		assert_int_equal(*value, i * 3);
		assert_ptr_equal(keymap_add(m, key), value);
	}
	key[11] = 1;
	assert_null(keymap_find(m, key));
	keymap_free(m);
	keymap_free(NULL);
}

/* ---- a ledger of made-up entries: an export does not look into them ---- */

struct fixture {
	char root[64];
	uint8_t seed[SEED_LEN];
	struct keychain keys;
	unsigned past; /* another number: another past from entry 100 on */
};

static size_t
entry_make(const struct fixture *f, uint64_t seq, uint8_t out[64])
{
	int n = snprintf((char *)out, 64, "entry %u of the past %u", (unsigned)seq,
	    seq < 100 ? 0 : f->past);

	return (size_t)n + (size_t)(seq % 7);
}

static void
note_make(const struct fixture *f, uint64_t size, char note[CHECKPOINT_SIZE], uint8_t root[HASH_LEN])
{
	struct tree_frontier t;

	tree_frontier_init(&t);
	for (uint64_t seq = 1; seq <= size; seq++) {
		uint8_t entry[64] = {0}, leaf[HASH_LEN];

		tree_leaf_hash(entry, entry_make(f, seq, entry), leaf);
		tree_frontier_append(&t, leaf);
	}
	tree_frontier_root(&t, root);
	assert_int_equal(checkpoint_sign(note, CHECKPOINT_SIZE, ORIGIN, size, root, ORIGIN, f->seed),
	    RESULT_OK);
}

/* Exports `size` entries into the fixture's folder `name`; *fetched counts those that were asked for. */
static enum result
export_into(const struct fixture *f, const char *name, uint64_t size, struct auditor_broken *why,
    uint64_t *fetched)
{
	char dir[PATH_SIZE], note[CHECKPOINT_SIZE];
	uint8_t want[HASH_LEN], root[HASH_LEN];
	struct auditor_export *x = NULL;
	enum result err;
	uint64_t seq;

	(void)snprintf(dir, sizeof(dir), "%s/%s", f->root, name);
	note_make(f, size, note, want);
	*fetched = 0;
	err = auditor_export_begin(dir, &f->keys, note, &x, why);
	if (err != RESULT_OK)
		return err;
	assert_int_equal(auditor_export_size(x), size);
	while ((seq = auditor_export_wants(x)) != 0) {
		uint8_t entry[64] = {0};

		assert_int_equal(
		    auditor_export_entry(x, entry, entry_make(f, seq, entry)), RESULT_OK);
		++*fetched;
	}
	err = auditor_export_finish(x, root, why);
	if (err == RESULT_OK)
		assert_memory_equal(root, want, HASH_LEN);
	auditor_export_free(x);
	return err;
}

static void
assert_exports(const struct fixture *f, const char *name, uint64_t size, uint64_t fetched)
{
	struct auditor_broken why;
	uint64_t got;

	assert_int_equal(export_into(f, name, size, &why, &got), RESULT_OK);
	assert_int_equal(got, fetched);
}

static void
assert_refused(const struct fixture *f, const char *name, uint64_t size, const char *kind)
{
	struct auditor_broken why;
	uint64_t got;

	assert_int_equal(export_into(f, name, size, &why, &got), RESULT_CORRUPT);
	assert_string_equal(why.kind, kind);
	assert_true(why.why[0] != '\0');
}

static int
shell(const struct fixture *f, const char *command)
{
	char line[PATH_SIZE + 512];

	(void)snprintf(line, sizeof(line), "cd %s && %s", f->root, command);
	return system(line);
}

static void
one_key(struct keychain *k, const uint8_t pub[KEY_LEN])
{
	struct note_vkey vkey;

	note_vkey_make(&vkey, ORIGIN, NOTE_TYPE_ED25519, pub);
	keychain_only(k, &vkey);
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint8_t pub[KEY_LEN];

	if (f == NULL)
		return -1;
	(void)snprintf(f->root, sizeof(f->root), "/tmp/timebox-auditor.XXXXXX");
	*state = f;
	if (mkdtemp(f->root) == NULL || ed25519_generate(f->seed, pub) != RESULT_OK)
		return -1;
	one_key(&f->keys, pub);
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	int rc = shell(f, "rm -rf \"$PWD\"");

	free(f);
	return rc;
}

/* ---- exports ---- */

static void
an_export_carried_on_with_is_the_one_made_at_once(void **state)
{
	static const unsigned sizes[] = {1, 5, 255, 256, 257, 300, 300, 511, 512, 700};
	const struct fixture *f = *state;
	unsigned had = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_exports(f, "grown", sizes[i], sizes[i] - had);
		assert_exports(f, "fresh", sizes[i], sizes[i]);
		assert_int_equal(shell(f, "diff -r grown fresh >&2 && rm -r fresh"), 0);
		had = sizes[i];
	}
}

static void
full_tiles_are_left_alone(void **state)
{
	const struct fixture *f = *state;

	assert_exports(f, "x", 300, 300);
	assert_int_equal(shell(f, "touch -d 2001-01-01 x/tile/0/000 x/tile/entries/000"), 0);
	assert_exports(f, "x", 600, 300);
	assert_int_equal(shell(f, "test -n \"$(find x/tile/0/000 ! -newermt 2001-01-02)\""), 0);
	assert_int_equal(shell(f, "test -n \"$(find x/tile/entries/000 ! -newermt 2001-01-02)\""), 0);
	assert_int_equal(shell(f, "test -f x/tile/0/001 && ! test -e x/tile/0/001.p"), 0);
}

static void
a_damaged_hash_tile_is_written_again(void **state)
{
	const struct fixture *f = *state;

	assert_exports(f, "x", 300, 300);
	assert_int_equal(shell(f, "cp -r x y && printf x >x/tile/0/000"), 0);
	assert_exports(f, "x", 300, 0);
	assert_int_equal(shell(f, "diff -r x y >&2"), 0);
}

static void
damaged_entries_are_not_carried_on_with(void **state)
{
	const struct fixture *f = *state;

	assert_exports(f, "x", 300, 300);
	assert_int_equal(shell(f, "cp -r x y && printf Z | dd of=x/tile/entries/000 bs=1 seek=10 "
				  "conv=notrunc 2>/dev/null"), 0);
	assert_refused(f, "x", 400, "root");
	assert_int_equal(shell(f, "printf '\\0\\2x' >x/tile/entries/000"), 0);
	assert_refused(f, "x", 400, "cut");
	assert_int_equal(shell(f, "rm -r y/tile/entries"), 0);
	assert_refused(f, "y", 400, "cut");
}

static void
a_ledger_that_was_cut_or_rewritten_is_told_and_the_export_stays(void **state)
{
	struct fixture *f = *state;

	assert_exports(f, "x", 300, 300);
	assert_int_equal(shell(f, "cp -r x y"), 0);
	assert_refused(f, "x", 299, "cut");
	f->past = 1;
	assert_refused(f, "x", 300, "fork");
	/* The new entries are appended to the old ones: the root tells that they do not belong there. */
	assert_refused(f, "x", 600, "root");
	f->past = 0;
	assert_int_equal(shell(f, "cmp x/checkpoint y/checkpoint"), 0);
	assert_exports(f, "x", 600, 300);
	assert_exports(f, "z", 600, 600);
	assert_int_equal(shell(f, "diff -r x z >&2"), 0);
}

static void
another_ledgers_export_is_not_touched(void **state)
{
	struct fixture *f = *state, other = *f;
	uint8_t pub[KEY_LEN];

	assert_exports(f, "x", 30, 30);
	assert_int_equal(shell(f, "cp -r x y"), 0);
	assert_int_equal(ed25519_generate(other.seed, pub), RESULT_OK);
	assert_refused(&other, "x", 40, "checkpoint");
	one_key(&other.keys, pub);
	assert_refused(&other, "x", 40, "checkpoint");
	assert_int_equal(shell(f, "diff -r x y >&2"), 0);
}

static void
what_cannot_be_an_entry_is_refused(void **state)
{
	const struct fixture *f = *state;
	char dir[PATH_SIZE], note[CHECKPOINT_SIZE];
	uint8_t root[HASH_LEN], entry[64] = {0};
	struct auditor_export *x = NULL;
	struct auditor_broken why;

	(void)snprintf(dir, sizeof(dir), "%s/x", f->root);
	note_make(f, 1, note, root);
	assert_int_equal(auditor_export_begin(dir, &f->keys, note, &x, &why), RESULT_OK);
	assert_int_equal(auditor_export_entry(x, entry, 0), RESULT_BAD_FIELD);
	assert_int_equal(auditor_export_entry(x, entry, FILES_ENTRY_MAX + 1), RESULT_BAD_FIELD);
	/* Too early to finish. */
	assert_int_equal(auditor_export_finish(x, root, &why), RESULT_CORRUPT);
	assert_int_equal(auditor_export_entry(x, entry, entry_make(f, 1, entry)), RESULT_OK);
	assert_int_equal(auditor_export_entry(x, entry, 1), RESULT_BAD_FIELD);
	assert_int_equal(auditor_export_finish(x, root, &why), RESULT_OK);
	auditor_export_free(x);
}

static void
a_folder_that_cannot_be_written_is_an_error(void **state)
{
	const struct fixture *f = *state;
	struct auditor_broken why;
	uint64_t got;

	assert_int_equal(shell(f, "touch file"), 0);
	assert_int_equal(export_into(f, "file", 3, &why, &got), RESULT_IO);
	assert_int_equal(export_into(f, "no/such/folder", 3, &why, &got), RESULT_IO);
}

/* Begins an export of `size` entries and is interrupted after `n`. */
static void
interrupt(const struct fixture *f, const char *name, uint64_t size, uint64_t n)
{
	char dir[PATH_SIZE], note[CHECKPOINT_SIZE];
	struct auditor_export *x = NULL;
	struct auditor_broken why;
	uint8_t root[HASH_LEN];

	(void)snprintf(dir, sizeof(dir), "%s/%s", f->root, name);
	note_make(f, size, note, root);
	assert_int_equal(auditor_export_begin(dir, &f->keys, note, &x, &why), RESULT_OK);
	for (uint64_t seq; (seq = auditor_export_wants(x)) <= n;) {
		uint8_t entry[64] = {0};

		assert_int_equal(auditor_export_entry(x, entry, entry_make(f, seq, entry)), RESULT_OK);
	}
	auditor_export_free(x);
}

static void
an_interrupted_export_is_carried_on_where_its_bundles_end(void **state)
{
	struct fixture *f = *state;
	struct auditor_broken why;
	uint64_t got;

	interrupt(f, "first", 700, 600);
	assert_exports(f, "first", 700, 700 - 512);
	assert_exports(f, "grows", 300, 300);
	interrupt(f, "grows", 900, 800);
	assert_exports(f, "grows", 900, 900 - 768);
	f->past = 1;
	interrupt(f, "other", 700, 600);
	f->past = 0;
	assert_int_equal(export_into(f, "other", 700, &why, &got), RESULT_CORRUPT);
	assert_string_equal(why.kind, "root");
	assert_exports(f, "other", 700, 700);
}

/* ---- a size and root on paper ---- */

static void
a_kept_size_and_root_is_read_strictly(void **state)
{
	static const char *const bad[] = {"", ":", "3", "3:", ":AAAA", "x:AAAA", "-1:AAAA", "3:AAAA",
	    " 3:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	    "3:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= ",
	    "3:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
	    "1234567890123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
	uint8_t zero[HASH_LEN] = {0};
	struct auditor_kept kept;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(auditor_kept_parse(bad[i], &kept), RESULT_BAD_FIELD);
	assert_int_equal(auditor_kept_parse("30:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
			     &kept), RESULT_OK);
	assert_int_equal(kept.size, 30);
	assert_memory_equal(kept.root, zero, HASH_LEN);
}

/* ---- request ids ---- */

static void
id_make(uint64_t seq, uint8_t id[UUID7_LEN])
{
	uint64_t word = seq * 0x9e3779b97f4a7c15u;

	memset(id, 0, UUID7_LEN);
	memcpy(id + 3, &word, sizeof(word));
}

static void
an_id_that_comes_twice_is_found_in_memory_and_in_files(void **state)
{
	static const uint64_t sizes[] = {1, 2, 1000, 400000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct ids *ids = ids_new();
		uint64_t first, again;
		uint8_t id[UUID7_LEN];

		assert_non_null(ids);
		for (uint64_t seq = 1; seq <= sizes[i]; seq++) {
			id_make(seq, id);
			assert_int_equal(ids_add(ids, id, seq), RESULT_OK);
		}
		assert_int_equal(ids_twice(ids, &first, &again), RESULT_OK);
		id_make(sizes[i] / 2 + 1, id);
		assert_int_equal(ids_add(ids, id, sizes[i] + 5), RESULT_OK);
		id_make(1, id);
		assert_int_equal(ids_add(ids, id, sizes[i] + 4), RESULT_OK);
		assert_int_equal(ids_twice(ids, &first, &again), RESULT_CORRUPT);
		assert_int_equal(again, sizes[i] + 4);
		assert_int_equal(first, 1);
		ids_free(ids);
	}
}

/* ---- the draw ---- */

static void
a_draw_is_the_same_for_everybody_and_without_repetition(void **state)
{
	uint64_t n = 100, all = 7, *a, *b, *c;

	(void)state;
	a = auditor_sample_draw("2026-03-01 lottery 07 11 23", 1000, &n);
	b = auditor_sample_draw("2026-03-01 lottery 07 11 23", 1000, &n);
	c = auditor_sample_draw("another", 1000, &n);
	assert_int_equal(n, 100);
	assert_memory_equal(a, b, 100 * sizeof(*a));
	assert_memory_not_equal(a, c, 100 * sizeof(*a));
	for (size_t i = 0; i < n; i++) {
		assert_in_range(a[i], 1, 1000);
		assert_true(i == 0 || a[i] > a[i - 1]);
	}
	free(b);
	b = auditor_sample_draw("x", 5, &all);
	assert_int_equal(all, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(b[i], i + 1);
	free(a);
	free(b);
	free(c);
}

/* ---- rows in memory ---- */

static void
count_rows(void *ctx, const struct row_key *key, const void *value)
{
	(void)key;
	*(uint64_t *)ctx += ((const struct account_row *)value)->balance != 0;
}

static void
rows_in_memory_are_found_after_others_were_dropped(void **state)
{
	struct memory *m = memory_new(NULL, NULL);
	const struct row_source *rows = memory_source(m);
	uint64_t left = 0;

	(void)state;
	for (uint64_t i = 0; i < 30000; i++) {
		struct row_key k = row_key3(TABLE_ACCOUNT, i, i % 7, 0);
		struct account_row *row = rows->add(rows->ctx, &k);

		assert_int_equal(row->balance, 0);
		row->balance = (int64_t)i + 1;
		if (i % 3 == 2) {
			struct row_key gone = row_key3(TABLE_ACCOUNT, i - 1, (i - 1) % 7, 0);

			rows->drop(rows->ctx, &gone);
		}
	}
	for (uint64_t i = 0; i < 30000; i++) {
		struct row_key k = row_key3(TABLE_ACCOUNT, i, i % 7, 0);
		const struct account_row *row = rows->get(rows->ctx, &k);

		assert_ptr_equal(rows->edit(rows->ctx, &k), row);
		assert_true((row == NULL) == (i % 3 == 1));
		assert_true(row == NULL || row->balance == (int64_t)i + 1);
	}
	memory_each(m, TABLE_ACCOUNT, count_rows, &left);
	assert_int_equal(left, 20000);
	memory_free(m);
}

/* ---- entries in one pass ---- */

static bool
same_bytes(struct said_bytes a, struct said_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool
same_lists(const struct said *a, const struct said *b)
{
	bool same = a->n_postings == b->n_postings && a->n_effects == b->n_effects &&
		    a->n_touched == b->n_touched;

	for (size_t i = 0; same && i < a->n_postings; i++) {
		const struct said_posting *p = &a->postings[i], *q = &b->postings[i];

		same = p->asset == q->asset && p->purpose == q->purpose && p->member == q->member &&
		       p->lot == q->lot && p->amount == q->amount &&
		       same_bytes(p->partner, q->partner) && same_bytes(p->item, q->item);
	}
	for (size_t i = 0; same && i < a->n_effects; i++)
		same = memcmp(&a->effects[i], &b->effects[i], sizeof(a->effects[i])) == 0;
	for (size_t i = 0; same && i < a->n_touched; i++)
		same = memcmp(&a->touched[i], &b->touched[i], sizeof(a->touched[i])) == 0;
	return same;
}

static void
assert_read_alike(const uint8_t *bytes, size_t n)
{
	struct arena one, other;
	struct said a, b;
	enum result err;

	assert_int_equal(arena_init(&one, 1u << 20), RESULT_OK);
	assert_int_equal(arena_init(&other, 1u << 20), RESULT_OK);
	err = said_decode(bytes, n, &one, &a);
	assert_int_equal(said_decode_reference(bytes, n, &other, &b), err);
	if (err == RESULT_OK) {
		assert_int_equal(a.seq, b.seq);
		assert_int_equal(a.time_us, b.time_us);
		assert_int_equal(a.rules, b.rules);
		assert_int_equal(a.semantics, b.semantics);
		assert_true(same_bytes(a.prev, b.prev) && same_bytes(a.act, b.act) &&
			    same_bytes(a.signature, b.signature));
		assert_true(same_lists(&a, &b));
	}
	arena_free(&one);
	arena_free(&other);
}

/* An entry with every field of a posting, an effect and a touched member. */
static size_t
entry_pack(uint8_t *out)
{
	uint8_t hash[32] = {1, 2, 3};
	Timebox__V1__Posting posting, *postings = &posting;
	Timebox__V1__Effect effect, *effects[] = {&effect, &effect};
	Timebox__V1__Touched touched, *touches = &touched;
	Timebox__V1__Entry e;
	char text[] = "RICE";

	timebox__v1__entry__init(&e);
	timebox__v1__posting__init(&posting);
	timebox__v1__effect__init(&effect);
	timebox__v1__touched__init(&touched);
	posting.asset = TIMEBOX__V1__ASSET__ASSET_ITEM;
	posting.purpose = TIMEBOX__V1__PURPOSE__PURPOSE_SHELF;
	posting.member = 300;
	posting.partner = posting.item = effect.item = effect.outlet = text;
	posting.lot = 1ull << 40;
	posting.amount = -77;
	effect.kind = TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_HELD;
	effect.command = effect.index = effect.minutes = effect.points = effect.count = 200;
	effect.id = effect.member = effect.rules = effect.until_us = effect.release_us = 1ull << 50;
	effect.verdict = 1;
	effect.day = -5;
	effect.provenance = TIMEBOX__V1__PROVENANCE__PROVENANCE_OPENING;
	touched.member = 300;
	touched.prev = 299;
	e.seq = 300;
	e.time_us = 1ull << 50;
	e.rules = 1;
	e.semantics = 1;
	e.prev = e.act = (ProtobufCBinaryData){sizeof(hash), hash};
	e.signature = (ProtobufCBinaryData){5, hash};
	e.postings = &postings;
	e.effects = effects;
	e.touched = &touches;
	e.n_postings = e.n_touched = 1;
	e.n_effects = 2;
	return timebox__v1__entry__pack(&e, out);
}

static void
an_entry_read_in_one_pass_is_as_protobuf_reads_it_whatever_is_wrong(void **state)
{
	uint8_t entry[1024], changed[1024];
	size_t n = entry_pack(entry);

	(void)state;
	assert_read_alike(entry, n);
	for (size_t i = 0; i < n; i++) {
		assert_read_alike(entry, i);
		for (int bit = 0; bit < 8; bit++) {
			memcpy(changed, entry, n);
			changed[i] ^= (uint8_t)(1 << bit);
			assert_read_alike(changed, n);
		}
		memcpy(changed, entry, i);
		memcpy(changed + i, entry + i + 1, n - i - 1);
		assert_read_alike(changed, n - 1);
	}
}

/* ---- kinds ---- */

static void
every_kind_has_its_depth_and_no_other_word_has_one(void **state)
{
	(void)state;
	assert_int_equal(auditor_kind_depth("checkpoint"), 1);
	assert_int_equal(auditor_kind_depth("effects"), 1);
	assert_int_equal(auditor_kind_depth("balance"), 2);
	assert_int_equal(auditor_kind_depth("refused"), 3);
	assert_int_equal(auditor_kind_depth("outcome"), 3);
	assert_int_equal(auditor_kind_depth("out"), 0);
	assert_int_equal(auditor_kind_depth("point"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_table_finds_what_was_put_in_and_nothing_else),
	    cmocka_unit_test(a_kept_size_and_root_is_read_strictly),
	    cmocka_unit_test(an_id_that_comes_twice_is_found_in_memory_and_in_files),
	    cmocka_unit_test(a_draw_is_the_same_for_everybody_and_without_repetition),
	    cmocka_unit_test(rows_in_memory_are_found_after_others_were_dropped),
	    cmocka_unit_test(an_entry_read_in_one_pass_is_as_protobuf_reads_it_whatever_is_wrong),
	    cmocka_unit_test(every_kind_has_its_depth_and_no_other_word_has_one),
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	    WITH_FIXTURE(an_export_carried_on_with_is_the_one_made_at_once),
	    WITH_FIXTURE(an_interrupted_export_is_carried_on_where_its_bundles_end),
	    WITH_FIXTURE(full_tiles_are_left_alone),
	    WITH_FIXTURE(a_damaged_hash_tile_is_written_again),
	    WITH_FIXTURE(damaged_entries_are_not_carried_on_with),
	    WITH_FIXTURE(a_ledger_that_was_cut_or_rewritten_is_told_and_the_export_stays),
	    WITH_FIXTURE(another_ledgers_export_is_not_touched),
	    WITH_FIXTURE(what_cannot_be_an_entry_is_refused),
	    WITH_FIXTURE(a_folder_that_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
