/* The ledger's key is changed: in the entry, in the files, in what is signed; and wherever that is cut off. */
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

#include "daemon/engine/backup.h"
#include "daemon/engine/engine_int.h"
#include "tests/unit/engine_kit.h"
#include "tests/unit/scratch.h"

static struct kit k;
static char base[256];
static struct engine_error error;

static int
setup(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "%s", scratch_make());
	kit_station(&k);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	kit_close(&k);
	scratch_remove(base);
	return 0;
}

static const char *
in(const char *name)
{
	static char ring[8][400];
	static unsigned at;
	char *path = ring[at++ % 8];

	snprintf(path, 400, "%s/%s", base, name);
	return path;
}

/* A line of shell, in which $A and $B are the two. */
static void
shell(const char *line, const char *a, const char *b)
{
	assert_int_equal(setenv("A", a, 1), 0);
	assert_int_equal(setenv("B", b, 1), 0);
	assert_int_equal(system(line), 0);
}

static void
term(void)
{
	Timebox__V1__Command command;
	Timebox__V1__TermAdd add;

	timebox__v1__command__init(&command);
	timebox__v1__term_add__init(&add);
	add.term = TIMEBOX__V1__TERM_KIND__TERM_KIND_AREA;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_TERM_ADD;
	command.term_add = &add;
	assert_int_equal(kit_ask(&k, &k.staff[0], &command), RESULT_OK);
}

static void
vkey_of(struct engine *engine, char out[NOTE_VKEY_SIZE])
{
	snprintf(out, NOTE_VKEY_SIZE, "%s", engine_vkey(engine));
}

/* The station's checkpoint now, into the file `name`. */
static void
keep_checkpoint(const char *name)
{
	char note[CHECKPOINT_SIZE];
	FILE *file = fopen(in(name), "w");

	assert_non_null(file);
	assert_int_equal(engine_sign_checkpoint(k.engine, note, sizeof(note)), RESULT_OK);
	fputs(note, file);
	assert_int_equal(fclose(file), 0);
}

static void
signed_by(const char *vkey)
{
	char note[CHECKPOINT_SIZE];
	struct note_vkey key;
	struct checkpoint c;

	assert_int_equal(engine_sign_checkpoint(k.engine, note, sizeof(note)), RESULT_OK);
	assert_int_equal(note_vkey_parse(vkey, &key), RESULT_OK);
	assert_int_equal(checkpoint_parse_verify(note, strlen(note), &key, &c), RESULT_OK);
	assert_int_equal(c.size, engine_last_seq(k.engine));
}

/* Which file there are, and that nobody else reads them. */
static void
keys_are_settled(void)
{
	char path[ENGINE_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/keys/ledger.new", k.dir);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/keys/ledger", k.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 32);
	assert_int_equal(st.st_mode & 077, 0);
}

static void
the_new_key_signs_from_its_entry_on_also_after_a_start(void **state)
{
	char before[NOTE_VKEY_SIZE], after[NOTE_VKEY_SIZE];
	uint64_t seq = engine_last_seq(k.engine), fingerprint;
	struct keychain keys;

	(void)state;
	vkey_of(k.engine, before);
	signed_by(before);
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	assert_int_equal(engine_last_seq(k.engine), seq + 1);
	vkey_of(k.engine, after);
	assert_string_not_equal(before, after);
	signed_by(after);
	keys_are_settled();
	term();
	fingerprint = engine_fingerprint(k.engine);
	kit_rebuild(&k);
	assert_string_equal(engine_vkey(k.engine), after);
	assert_true(engine_fingerprint(k.engine) == fingerprint);
	signed_by(after);
	engine_keychain(k.engine, &keys);
	assert_int_equal(keys.n, 2);
	assert_int_equal(keys.list[0].from, 1);
	assert_int_equal(keys.list[1].from, seq + 1);
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	kit_reopen(&k);
	engine_keychain(k.engine, &keys);
	assert_int_equal(keys.n, 3);
}

static void
the_entries_prove_the_keys(void **state)
{
	uint8_t entry[ENTRY_MAX_BYTES];
	struct keychain said, proved;
	size_t len;

	(void)state;
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	term();
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	engine_keychain(k.engine, &said);
	keychain_begin(&proved);
	for (uint64_t seq = 1; seq <= engine_last_seq(k.engine); seq++) {
		assert_int_equal(engine_entry(k.engine, seq, entry, sizeof(entry), &len), RESULT_OK);
		(void)!keychain_entry(&proved, entry, len);
	}
	assert_int_equal(proved.n, 3);
	assert_string_equal(proved.origin, said.origin);
	for (size_t i = 0; i < said.n; i++) {
		assert_memory_equal(proved.list[i].key, said.list[i].key, KEY_LEN);
		assert_int_equal(proved.list[i].from, said.list[i].from);
	}
}

/*
 * Cut off: the files as they are after each step, and with each the ledger without and with the entry.
 *   `keys`  what is put into DIR/keys: o the old key, n the new one, z zeros, t a torn file, - nothing
 *   `entry` whether the entry was durable
 *   `wants` which key the next start has; - it does not start
 */
struct cut {
	const char *name;
	char ledger, fresh;
	int entry;
	char wants;
};

static const struct cut cuts[] = {
    {"the new key half written", 'o', 't', 0, 'o'},
    {"the new key durable", 'o', 'n', 0, 'o'},
    {"the entry durable", 'o', 'n', 1, 'n'},
    {"the old key overwritten", 'z', 'n', 1, 'n'},
    {"the wrong files beside each other", 'n', '-', 0, '-'},
    {"the key of an entry is lost", 'o', '-', 1, '-'},
    {"the dropped key overwritten", 'o', 'z', 0, 'o'},
    {"renamed", 'n', '-', 1, 'n'},
};

static void
put_key(char what, const char *name, const char *saved)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/keys/%s", k.dir, name);
	if (what == '-')
		shell("rm -f \"$A\"", path, "");
	else if (what == 'z')
		shell("head -c 32 /dev/zero >\"$A\" && chmod 600 \"$A\"", path, "");
	else if (what == 't')
		shell("head -c 7 /dev/zero >\"$A\" && chmod 600 \"$A\"", path, "");
	else
		shell(what == 'o' ? "cp -p \"$A/keys.old/ledger\" \"$B\"" : "cp -p \"$A/keys.new/ledger\" \"$B\"", saved, path);
}

static void
wherever_it_is_cut_off_the_next_start_has_the_key_of_the_entries(void **state)
{
	char vkey[2][NOTE_VKEY_SIZE];

	(void)state;
	vkey_of(k.engine, vkey[0]);
	engine_close(k.engine);
	shell("cp -rp \"$A\" \"$B\"", k.dir, in("old"));
	shell("cp -rp \"$A/keys\" \"$B\"", k.dir, in("keys.old"));
	assert_int_equal(engine_open(k.dir, &k.engine, &error), RESULT_OK);
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	vkey_of(k.engine, vkey[1]);
	engine_close(k.engine);
	shell("cp -rp \"$A\" \"$B\"", k.dir, in("new"));
	shell("cp -rp \"$A/keys\" \"$B\"", k.dir, in("keys.new"));
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		const struct cut *c = &cuts[i];
		enum result err;

		print_message("    %s\n", c->name);
		shell("rm -rf \"$A\"", k.dir, "");
		shell("cp -rp \"$A\" \"$B\"", in(c->entry ? "new" : "old"), k.dir);
		put_key(c->ledger, "ledger", base);
		put_key(c->fresh, "ledger.new", base);
		k.engine = NULL;
		err = engine_open(k.dir, &k.engine, &error);
		if (c->wants == '-') {
			assert_int_equal(err, RESULT_BAD_SIGNATURE);
			assert_non_null(strstr(error.text, "keys/ledger"));
			continue;
		}
		assert_int_equal(err, RESULT_OK);
		assert_string_equal(engine_vkey(k.engine), vkey[c->wants == 'n']);
		signed_by(vkey[c->wants == 'n']);
		keys_are_settled();
		/* And it can be done (again). */
		assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
		keys_are_settled();
		engine_close(k.engine);
	}
	assert_int_equal(engine_open(k.dir, &k.engine, &error), RESULT_OK);
}

static void
the_key_before_is_not_left_on_the_disk(void **state)
{
	char path[ENGINE_PATH_MAX];
	uint8_t seed[32], now[32];
	FILE *old;

	(void)state;
	snprintf(path, sizeof(path), "%s/keys/ledger", k.dir);
	memcpy(seed, engine_keys(k.engine)->ledger_seed, sizeof(seed));
	/* Who has the file open sees what becomes of its bytes. */
	assert_non_null(old = fopen(path, "r"));
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	assert_int_equal(fread(now, 1, sizeof(now), old), sizeof(now));
	assert_memory_not_equal(now, seed, sizeof(now));
	fclose(old);
	assert_memory_not_equal(engine_keys(k.engine)->ledger_seed, seed, sizeof(seed));
}

static void
no_client_changes_the_key_not_even_with_it(void **state)
{
	const struct engine_keys *keys = engine_keys(k.engine);
	struct actor operator = {.signs = 1};
	uint8_t leaf[32], proof[SIG_LEN];
	Timebox__V1__LedgerKey body;
	Timebox__V1__Command command;
	Timebox__V1__Ref ref;
	char before[NOTE_VKEY_SIZE];

	(void)state;
	vkey_of(k.engine, before);
	memcpy(operator.seed, keys->ledger_seed, sizeof(operator.seed));
	memcpy(operator.pub, keys->ledger_pub, sizeof(operator.pub));
	timebox__v1__command__init(&command);
	timebox__v1__ledger_key__init(&body);
	timebox__v1__ref__init(&ref);
	assert_int_equal(engine_leaf(k.engine, engine_last_seq(k.engine), leaf), RESULT_OK);
	const struct key_change change = {
	    KIT_ORIGIN, keys->ledger_pub, k.staff[0].pub, engine_last_seq(k.engine), leaf};
	assert_int_equal(key_change_sign(&change, k.staff[0].seed, proof), RESULT_OK);
	ref.seq = change.seq;
	ref.leaf = (ProtobufCBinaryData){32, leaf};
	body.key = (ProtobufCBinaryData){32, k.staff[0].pub};
	body.ref = &ref;
	body.signature = (ProtobufCBinaryData){SIG_LEN, proof};
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_LEDGER_KEY;
	command.ledger_key = &body;
	assert_int_equal(kit_ask(&k, &operator, &command), RESULT_NOT_ALLOWED);
	assert_string_equal(engine_vkey(k.engine), before);
}

static void
a_checkpoint_of_before_the_change_is_known_and_one_of_a_key_not_in_force_is_not(void **state)
{
	static const uint8_t root[32] = {1};
	char note[CHECKPOINT_SIZE];
	uint8_t old_seed[32];
	uint64_t size;
	FILE *file;

	(void)state;
	keep_checkpoint("before");
	memcpy(old_seed, engine_keys(k.engine)->ledger_seed, sizeof(old_seed));
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	assert_int_equal(engine_heed(k.engine, in("before"), &error), RESULT_OK);
	keep_checkpoint("after");
	assert_int_equal(engine_heed(k.engine, in("after"), &error), RESULT_OK);
	/* Of a larger ledger, by either key: the one before would only say that somebody has it still. */
	size = engine_last_seq(k.engine) + 5;
	for (int old = 1; old >= 0; old--) {
		assert_int_equal(checkpoint_sign(note, sizeof(note), KIT_ORIGIN, size, root, KIT_ORIGIN,
				     old ? old_seed : engine_keys(k.engine)->ledger_seed),
		    RESULT_OK);
		assert_non_null(file = fopen(in("larger"), "w"));
		fputs(note, file);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(engine_heed(k.engine, in("larger"), &error), old ? RESULT_BAD_SIGNATURE : RESULT_OK);
		assert_int_equal(engine_behind(k.engine), old ? 0 : size);
	}
}

/* ---- backups ---- */

static struct backup_done made;
static struct restore_done back;

static enum result
backup(const char *name, uint64_t since)
{
	struct backup_ask ask = {.dir = k.dir, .to = in(name), .since = since, .tool = "test 1"};
	enum result err;

	engine_close(k.engine);
	err = backup_make(&ask, &made, &error);
	assert_int_equal(engine_open(k.dir, &k.engine, &error), RESULT_OK);
	return err;
}

static enum result
restore(const char *one, const char *two, const char *keys, const char *known)
{
	const char *from[2] = {in(one), two == NULL ? NULL : in(two)};
	struct restore_ask ask = {
	    .from = from, .n = two == NULL ? 1 : 2, .into = in("back"), .keys = keys, .known = known};

	shell("rm -rf \"$A\"", in("back"), "");
	return backup_restore(&ask, &back, &error);
}

static void
backups_of_before_and_after_go_together(void **state)
{
	char before[NOTE_VKEY_SIZE], after[NOTE_VKEY_SIZE];
	struct engine *engine;

	(void)state;
	vkey_of(k.engine, before);
	assert_int_equal(backup("one", 0), RESULT_OK);
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	vkey_of(k.engine, after);
	term();
	assert_int_equal(backup("two", made.to), RESULT_OK);
	/* Together they are the station of now; the first alone is the one of then, with the key of then. */
	assert_int_equal(restore("one", "two", NULL, NULL), RESULT_OK);
	assert_int_equal(engine_open(in("back"), &engine, &error), RESULT_OK);
	assert_string_equal(engine_vkey(engine), after);
	engine_close(engine);
	assert_int_equal(restore("one", NULL, NULL, NULL), RESULT_OK);
	assert_int_equal(engine_open(in("back"), &engine, &error), RESULT_OK);
	assert_string_equal(engine_vkey(engine), before);
	engine_close(engine);
}

static void
restored_keys_must_be_those_of_the_last_entry(void **state)
{
	char keys[400];

	(void)state;
	shell("cp -rp \"$A/keys\" \"$B\"", k.dir, in("keys.old"));
	assert_int_equal(backup("one", 0), RESULT_OK);
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	assert_int_equal(backup("two", 0), RESULT_OK);
	snprintf(keys, sizeof(keys), "%s/keys", k.dir);
	assert_int_equal(restore("two", NULL, in("keys.old"), NULL), RESULT_BAD_SIGNATURE);
	assert_int_equal(restore("two", NULL, keys, NULL), RESULT_OK);
	assert_int_equal(restore("one", NULL, keys, NULL), RESULT_BAD_SIGNATURE);
	assert_int_equal(restore("one", NULL, in("keys.old"), NULL), RESULT_OK);
}

static void
a_restored_ledger_that_lacks_the_change_says_what_to_do_with_a_later_checkpoint(void **state)
{
	(void)state;
	assert_int_equal(backup("one", 0), RESULT_OK);
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	term();
	keep_checkpoint("later");
	assert_int_equal(restore("one", NULL, NULL, in("later")), RESULT_BAD_SIGNATURE);
	assert_non_null(strstr(error.text, "restore a newer backup"));
}

static void
a_backup_made_where_a_change_was_cut_off_has_the_key_of_its_entries(void **state)
{
	char path[600];
	struct engine *engine;

	(void)state;
	assert_int_equal(engine_rotate_key(k.engine), RESULT_OK);
	engine_close(k.engine);
	/* As after the entry, before the rename. */
	snprintf(path, sizeof(path), "%s/keys", k.dir);
	shell("mv \"$A/ledger\" \"$A/ledger.new\"", path, "");
	put_key('z', "ledger", base);
	struct backup_ask ask = {.dir = k.dir, .to = in("cut"), .tool = "test 1"};
	assert_int_equal(backup_make(&ask, &made, &error), RESULT_OK);
	assert_int_equal(restore("cut", NULL, NULL, NULL), RESULT_OK);
	assert_int_equal(engine_open(in("back"), &engine, &error), RESULT_OK);
	engine_close(engine);
	assert_int_equal(engine_open(k.dir, &k.engine, &error), RESULT_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_new_key_signs_from_its_entry_on_also_after_a_start),
	    TEST(the_entries_prove_the_keys),
	    TEST(wherever_it_is_cut_off_the_next_start_has_the_key_of_the_entries),
	    TEST(the_key_before_is_not_left_on_the_disk),
	    TEST(no_client_changes_the_key_not_even_with_it),
	    TEST(a_checkpoint_of_before_the_change_is_known_and_one_of_a_key_not_in_force_is_not),
	    TEST(backups_of_before_and_after_go_together),
	    TEST(restored_keys_must_be_those_of_the_last_entry),
	    TEST(a_restored_ledger_that_lacks_the_change_says_what_to_do_with_a_later_checkpoint),
	    TEST(a_backup_made_where_a_change_was_cut_off_has_the_key_of_its_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
