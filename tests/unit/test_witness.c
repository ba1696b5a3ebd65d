/* A witness signs one story per ledger: the judgement, the store, and what the carried texts look like. */
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

#include "client/witness/witness.h"
#include "tests/unit/scratch.h"

#define ORIGIN	"station.example/test"
#define LEAVES	300
#define SECONDS 1767225600

/* A ledger: its key, and the leaves of one of two stories, which part at `fork`. */
struct log {
	uint8_t seed[SEED_LEN];
	char vkey[NOTE_VKEY_SIZE];
	uint64_t fork;
};

static struct log ledger = {.seed = {1}, .fork = LEAVES};
static struct log forked = {.seed = {1}, .fork = 5};
static struct witness w;
static const char *dir;

static enum result
leaf_of(void *ctx, uint64_t index, uint8_t out[HASH_LEN])
{
	const struct log *log = ctx;
	uint64_t entry = index >= log->fork ? index + 1000000 : index;

	tree_leaf_hash(&entry, sizeof(entry), out);
	return RESULT_OK;
}

static void
note_of(struct log *log, uint64_t size, char note[CHECKPOINT_SIZE])
{
	uint8_t root[HASH_LEN], leaf[HASH_LEN];
	struct tree_frontier f;

	tree_frontier_init(&f);
	for (uint64_t i = 0; i < size; i++) {
		assert_int_equal(leaf_of(log, i, leaf), RESULT_OK);
		tree_frontier_append(&f, leaf);
	}
	tree_frontier_root(&f, root);
	assert_int_equal(checkpoint_sign(note, CHECKPOINT_SIZE, ORIGIN, size, root, ORIGIN, log->seed), RESULT_OK);
}

static void
request_of(struct log *log, uint64_t old, uint64_t size, char out[WITNESS_REQUEST_MAX])
{
	uint8_t path[TREE_PATH_MAX][HASH_LEN];
	char note[CHECKPOINT_SIZE];
	size_t n = 0;

	note_of(log, size, note);
	if (old <= size)
		assert_int_equal(tree_consistency_prove(leaf_of, log, old, size, path, &n), RESULT_OK);
	assert_int_equal(witness_request_format(out, WITNESS_REQUEST_MAX, old, (const uint8_t(*)[HASH_LEN])path, n, note),
	    RESULT_OK);
}

static struct witness_answer
ask(struct log *log, uint64_t old, uint64_t size)
{
	static char body[WITNESS_REQUEST_MAX];
	struct witness_answer a;

	request_of(log, old, size, body);
	witness_add(&w, body, strlen(body), SECONDS, &a);
	return a;
}

static int
set_up(void **state)
{
	char vkey[NOTE_VKEY_SIZE];
	uint8_t pub[KEY_LEN];
	unsigned line;

	(void)state;
	dir = scratch_make();
	assert_int_equal(witness_make(dir, "office.example/w", vkey), RESULT_OK);
	assert_int_equal(witness_open(&w, dir, &line), RESULT_OK);
	assert_string_equal(w.vkey, vkey);
	assert_int_equal(ed25519_public(ledger.seed, pub), RESULT_OK);
	assert_int_equal(note_vkey_format(ledger.vkey, sizeof(ledger.vkey), ORIGIN, pub), RESULT_OK);
	assert_int_equal(witness_trust(&w, ledger.vkey), RESULT_OK);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	witness_close(&w);
	scratch_remove(dir);
	return 0;
}

/* Closes and opens again: what it knows now is what the disk has. */
static void
restart(void)
{
	unsigned line;

	witness_close(&w);
	assert_int_equal(witness_open(&w, dir, &line), RESULT_OK);
	assert_int_equal(witness_trust(&w, ledger.vkey), RESULT_OK);
}

static void
assert_cosigned(const struct witness_answer *a, uint64_t size)
{
	char note[CHECKPOINT_SIZE + WITNESS_ANSWER_MAX];
	struct note_vkey key;
	const char *line;
	uint64_t when;
	size_t n;

	assert_int_equal(a->status, WITNESS_COSIGNED);
	assert_int_equal(a->size, size);
	note_of(&ledger, size, note);
	strcat(note, a->body);
	assert_int_equal(note_vkey_parse(w.vkey, &key), RESULT_OK);
	assert_int_equal(cosignature_verify(note, strlen(note), &key, &when), RESULT_OK);
	assert_int_equal(when, SECONDS);
	assert_int_equal(note_line(note, strlen(note), &key, &line, &n), RESULT_OK);
	assert_int_equal(n, strlen(a->body));
	assert_memory_equal(line, a->body, n);
}

static void
what_goes_on_is_cosigned(void **state)
{
	static const uint64_t sizes[] = {1, 2, 2, 7, 8, 255, 256, 257, 300};
	struct witness_answer a;
	uint64_t old = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		a = ask(&ledger, old, sizes[i]);
		assert_cosigned(&a, sizes[i]);
		old = sizes[i];
		restart();
	}
}

static void
a_fork_is_never_cosigned(void **state)
{
	struct witness_answer a = ask(&ledger, 0, 10);

	(void)state;
	assert_cosigned(&a, 10);
	assert_int_equal(ask(&forked, 10, 20).status, WITNESS_NO_PROOF);
	restart();
	/* Two roots of one size, asked in every way. */
	a = ask(&forked, 10, 10);
	assert_int_equal(a.status, WITNESS_CONFLICT);
	assert_string_equal(a.body, "10\n");
	assert_int_equal(ask(&forked, 0, 10).status, WITNESS_CONFLICT);
	assert_int_equal(ask(&forked, 0, 20).status, WITNESS_CONFLICT);
	a = ask(&ledger, 10, 20);
	assert_cosigned(&a, 20);
}

static void
a_rollback_is_never_cosigned(void **state)
{
	struct witness_answer a = ask(&ledger, 0, 10);

	(void)state;
	assert_cosigned(&a, 10);
	restart();
	a = ask(&ledger, 5, 8);
	assert_int_equal(a.status, WITNESS_CONFLICT);
	assert_int_equal(a.size, 10);
	assert_int_equal(ask(&ledger, 10, 8).status, WITNESS_MALFORMED);
	assert_int_equal(ask(&ledger, 0, 8).status, WITNESS_CONFLICT);
	assert_int_equal(ask(&ledger, 0, 20).status, WITNESS_CONFLICT);
	assert_int_equal(ask(&ledger, 9, 20).status, WITNESS_CONFLICT);
	a = ask(&ledger, 10, 20);
	assert_cosigned(&a, 20);
}

static void
only_known_ledgers_and_their_keys_are_cosigned(void **state)
{
	struct log stranger = {.seed = {2}, .fork = LEAVES};
	char body[WITNESS_REQUEST_MAX], *at;
	struct witness_answer a;

	(void)state;
	assert_int_equal(ask(&stranger, 0, 3).status, WITNESS_NOT_SIGNED);
	request_of(&ledger, 0, 3, body);
	while ((at = strstr(body, ORIGIN)) != NULL)
		at[0] = 'S';
	witness_add(&w, body, strlen(body), SECONDS, &a);
	assert_int_equal(a.status, WITNESS_UNKNOWN_LOG);
	/* After a change of the ledger's key both are trusted for the origin. */
	uint8_t pub[KEY_LEN];
	char vkey[NOTE_VKEY_SIZE];

	assert_int_equal(ed25519_public(stranger.seed, pub), RESULT_OK);
	assert_int_equal(note_vkey_format(vkey, sizeof(vkey), ORIGIN, pub), RESULT_OK);
	assert_int_equal(witness_trust(&w, vkey), RESULT_OK);
	assert_int_equal(ask(&ledger, 0, 3).status, WITNESS_COSIGNED);
	assert_int_equal(ask(&stranger, 3, 4).status, WITNESS_COSIGNED);
}

static void
a_proof_that_is_not_needed_or_damaged_is_refused(void **state)
{
	char body[WITNESS_REQUEST_MAX];
	struct witness_answer a = ask(&ledger, 0, 10);

	(void)state;
	assert_cosigned(&a, 10);
	request_of(&ledger, 10, 20, body);
	body[8] = body[8] == 'A' ? 'B' : 'A';
	witness_add(&w, body, strlen(body), SECONDS, &a);
	assert_int_equal(a.status, WITNESS_NO_PROOF);
	/* The same size again, but with a proof. */
	char note[CHECKPOINT_SIZE], padded[WITNESS_REQUEST_MAX];
	uint8_t path[1][HASH_LEN] = {{7}};

	note_of(&ledger, 10, note);
	assert_int_equal(witness_request_format(padded, sizeof(padded), 10, (const uint8_t(*)[HASH_LEN])path, 1, note),
	    RESULT_OK);
	witness_add(&w, padded, strlen(padded), SECONDS, &a);
	assert_int_equal(a.status, WITNESS_NO_PROOF);
}

static void
a_request_cut_anywhere_signs_nothing(void **state)
{
	char body[WITNESS_REQUEST_MAX];
	struct witness_answer a = ask(&ledger, 0, 10);
	size_t len;

	(void)state;
	assert_cosigned(&a, 10);
	request_of(&ledger, 10, 20, body);
	for (len = strlen(body) - 1; len > 0; len--) {
		witness_add(&w, body, len, SECONDS, &a);
		assert_int_not_equal(a.status, WITNESS_COSIGNED);
	}
	a = ask(&ledger, 10, 20);
	assert_cosigned(&a, 20);
}

static void
requests_of_another_form_are_refused(void **state)
{
	static const char *const bad[] = {
	    "", "\n", "old 0", "old 0\n", "old 0\n\n", "old\n\nx", "old \n\nx", "old 00\n\nx", "old -1\n\nx",
	    "old 1 \n\nx", "Old 1\n\nx", "old 18446744073709551616\n\nx", "old 1\nAAAA\n\nx", "old 1\n\r\nx",
	};
	char many[8192] = "old 1\n";
	struct witness_request r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(witness_request_parse(bad[i], strlen(bad[i]), &r), RESULT_BAD_FIELD);
	assert_int_equal(witness_request_parse("old 1\n\nx", 8, &r), RESULT_OK);
	assert_int_equal(r.old_size, 1);
	for (int i = 0; i < WITNESS_PATH_MAX; i++)
		strcat(many, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
	strcat(many, "\nx");
	assert_int_equal(witness_request_parse(many, strlen(many), &r), RESULT_OK);
	assert_int_equal(r.n, WITNESS_PATH_MAX);
	strcpy(strstr(many, "\n\nx"), "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nx");
	assert_int_equal(witness_request_parse(many, strlen(many), &r), RESULT_BAD_FIELD);
}

static void
what_cannot_be_stored_is_not_cosigned(void **state)
{
	struct witness_answer a = ask(&ledger, 0, 10);
	char path[4096], name[128], hex[2 * HASH_LEN + 1];
	uint8_t hash[HASH_LEN];
	FILE *file;

	(void)state;
	assert_cosigned(&a, 10);
	sha256(ORIGIN, strlen(ORIGIN), hash);
	hex_encode(hex, sizeof(hex), hash, sizeof(hash));
	(void)snprintf(name, sizeof(name), "%s.checkpoint.new", hex);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(ask(&ledger, 10, 20).status, WITNESS_DISK);
	assert_int_equal(rmdir(path), 0);
	a = ask(&ledger, 10, 20);
	assert_cosigned(&a, 20);
	/* A store that cannot be read is no empty store. */
	path[strlen(path) - strlen(".new")] = '\0';
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs("torn", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(ask(&ledger, 0, 10).status, WITNESS_DISK);
	assert_int_equal(ask(&ledger, 20, 30).status, WITNESS_DISK);
}

static void
a_witness_is_made_once_and_its_key_is_its_own(void **state)
{
	char vkey[NOTE_VKEY_SIZE], path[4096];
	struct witness other;
	unsigned line;
	FILE *file;

	(void)state;
	assert_int_equal(witness_make(dir, "office.example/w", vkey), RESULT_EXISTS);
	assert_int_equal(witness_make(dir, "two words", vkey), RESULT_BAD_FIELD);
	assert_int_equal(witness_open(&other, "no such folder", &line), RESULT_NOT_FOUND);
	(void)snprintf(path, sizeof(path), "%s/logs", dir);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fprintf(file, "# ours\n\n%s\nnonsense\n", ledger.vkey) > 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(witness_open(&other, dir, &line), RESULT_BAD_FIELD);
	assert_int_equal(line, 4);
	(void)snprintf(path, sizeof(path), "%s/key", dir);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(witness_open(&other, dir, &line), RESULT_NOT_ALLOWED);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(what_goes_on_is_cosigned),
	    T(a_fork_is_never_cosigned),
	    T(a_rollback_is_never_cosigned),
	    T(only_known_ledgers_and_their_keys_are_cosigned),
	    T(a_proof_that_is_not_needed_or_damaged_is_refused),
	    T(a_request_cut_anywhere_signs_nothing),
	    T(requests_of_another_form_are_refused),
	    T(what_cannot_be_stored_is_not_cosigned),
	    T(a_witness_is_made_once_and_its_key_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
