/* Checkpoints and proofs over a real ledger: one root per size, read back, found again after a start. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/engine/engine_int.h"
#include "tests/unit/engine_kit.h"

static struct kit k;

static void
grow_to(uint64_t size)
{
	while (engine_last_seq(k.engine) < size) {
		Timebox__V1__Command command;
		Timebox__V1__TermAdd add;

		timebox__v1__command__init(&command);
		timebox__v1__term_add__init(&add);
		add.term = TIMEBOX__V1__TERM_KIND__TERM_KIND_AREA;
		command.kind_case = TIMEBOX__V1__COMMAND__KIND_TERM_ADD;
		command.term_add = &add;
		assert_int_equal(kit_ask(&k, &k.staff[0], &command), RESULT_OK);
	}
}

/* Every entry and every older size is proved under the newest checkpoint. */
static void
assert_proved(void)
{
	uint8_t leaf[32], path[TREE_PATH_MAX][32];
	const struct engine_checkpoint *c;
	struct engine_checkpoint old = {.size = 0};
	struct tree_frontier tree;
	size_t n;

	assert_int_equal(engine_signed(k.engine, &c), RESULT_OK);
	assert_int_equal(c->size, engine_last_seq(k.engine));
	tree_frontier_init(&tree);
	for (uint64_t seq = 1; seq <= c->size; seq++) {
		assert_int_equal(engine_prove_entry(k.engine, seq, c, leaf, path, &n), RESULT_OK);
		tree_frontier_append(&tree, leaf);
		tree_frontier_root(&tree, old.root);
		assert_int_equal(engine_prove_growth(k.engine, seq, c, path, &n), RESULT_OK);
		assert_int_equal(tree_consistency_verify(seq, old.root, c->size, c->root, (const uint8_t(*)[32])path, n),
		    RESULT_OK);
	}
	assert_memory_equal(old.root, c->root, 32);
	assert_int_equal(engine_prove_entry(k.engine, c->size + 1, c, leaf, path, &n), RESULT_NOT_FOUND);
	assert_int_equal(engine_prove_entry(k.engine, 0, c, leaf, path, &n), RESULT_NOT_FOUND);
	assert_int_equal(engine_prove_growth(k.engine, c->size + 1, c, path, &n), RESULT_NOT_FOUND);
}

static void
every_entry_is_proved_also_after_a_start(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	kit_station(&k);
	grow_to(600);
	assert_proved();
	kit_reopen(&k);
	(void)snprintf(path, sizeof(path), "%s/nodes", k.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 2 * 32);
	assert_int_equal(k.engine->signer.n_loaded, 2);
	grow_to(800);
	assert_proved();
	kit_close(&k);
}

static void
nodes_that_do_not_fit_are_read_again(void **state)
{
	uint8_t wrong[64] = {1};
	char path[128];
	FILE *file;

	(void)state;
	kit_station(&k);
	grow_to(600);
	assert_proved();
	(void)snprintf(path, sizeof(path), "%s/nodes", k.dir);
	/* Whole and wrong, then short and wrong: found at the start, and before the first signature. */
	for (size_t len = sizeof(wrong); len >= 32; len -= 32) {
		kit_reopen(&k);
		assert_int_equal(unlink(path), 0);
		file = fopen(path, "we");
		assert_non_null(file);
		assert_int_equal(fwrite(wrong, len, 1, file), 1);
		assert_int_equal(fclose(file), 0);
		engine_close(k.engine);
		assert_int_equal(engine_open(k.dir, &k.engine, &(struct engine_error){.text = ""}), RESULT_OK);
		if (k.engine->signer.n_loaded > 0) {
			const struct engine_checkpoint *c;

			assert_int_equal(engine_signed(k.engine, &c), RESULT_BUSY);
		}
		assert_proved();
	}
	kit_close(&k);
}

static void
it_is_signed_once_in_a_while_and_only_what_is_new(void **state)
{
	const struct engine_checkpoint *c;
	uint64_t at;

	(void)state;
	kit_station(&k);
	assert_int_equal(engine_newest(k.engine)->size, 0);
	assert_int_equal(engine_seal(k.engine, 60000, 1000000), 0);
	at = engine_newest(k.engine)->size;
	assert_int_equal(at, engine_last_seq(k.engine));
	grow_to(at + 1);
	assert_int_equal(engine_seal(k.engine, 60000, 1000000), 0);
	assert_int_equal(engine_newest(k.engine)->size, at);
	/* Whoever asks gets all that is committed; asked again, the very same note. */
	assert_int_equal(engine_signed(k.engine, &c), RESULT_OK);
	assert_int_equal(c->size, at + 1);
	at = c->at_us;
	assert_int_equal(engine_signed(k.engine, &c), RESULT_OK);
	assert_int_equal(c->at_us, at);
	kit_close(&k);
}

static void
what_was_not_read_back_as_decided_is_not_signed(void **state)
{
	const struct engine_checkpoint *c;

	(void)state;
	kit_station(&k);
	k.engine->committed_tree.hash[__builtin_ctzll(k.engine->committed_tree.size)][0] ^= 1;
	assert_int_equal(engine_signed(k.engine, &c), RESULT_CORRUPT);
	assert_int_equal(engine_writable(k.engine), RESULT_CORRUPT);
	assert_int_equal(engine_signed(k.engine, &c), RESULT_CORRUPT);
	assert_int_equal(engine_newest(k.engine)->size, 0);
	kit_close(&k);
}

/* ---- reading back on another thread ---- */

static void *
read_aside(void *engine)
{
	engine_readback_run(engine);
	return NULL;
}

/* Enough entries for another thread, most of them in LMDB. */
static void
station_to_read_aside(void)
{
	kit_station(&k);
	assert_int_equal(engine_readback_begin(k.engine), 0);
	grow_to(READBACK_LEAST + 600);
	assert_true(ledger_folded_seq(k.engine->ledger) > READBACK_LEAST + 10);
}

static void
the_most_is_read_aside_while_the_ledger_grows(void **state)
{
	pthread_t thread;
	uint64_t folded, last;

	(void)state;
	station_to_read_aside();
	folded = ledger_folded_seq(k.engine->ledger);
	assert_int_equal(engine_readback_begin(k.engine), 1);
	assert_int_equal(engine_readback_begin(k.engine), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_aside, k.engine), 0);
	/* Nothing is signed, nor read by the loop, as long as it runs. */
	grow_to(engine_last_seq(k.engine) + 200);
	assert_int_equal(engine_seal(k.engine, 0, 1000000), 0);
	assert_int_equal(engine_newest(k.engine)->size, 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	last = engine_last_seq(k.engine);
	assert_int_equal(engine_unread(k.engine), last);
	engine_readback_end(k.engine, 1);
	assert_int_equal(engine_unread(k.engine), last - folded);
	assert_int_equal(engine_readback_begin(k.engine), 0);
	assert_proved();
	kit_close(&k);
}

static void
what_was_read_aside_is_dropped_if_the_loop_was_ahead(void **state)
{
	const struct engine_checkpoint *c;

	(void)state;
	station_to_read_aside();
	assert_int_equal(engine_readback_begin(k.engine), 1);
	engine_readback_run(k.engine);
	assert_int_equal(engine_signed(k.engine, &c), RESULT_OK);
	assert_int_equal(c->size, engine_last_seq(k.engine));
	engine_readback_end(k.engine, 1);
	assert_int_equal(engine_unread(k.engine), 0);
	grow_to(c->size + 300);
	assert_proved();
	kit_close(&k);
}

static void
one_that_never_ran_leaves_everything_as_it_was(void **state)
{
	(void)state;
	station_to_read_aside();
	assert_int_equal(engine_readback_begin(k.engine), 1);
	engine_readback_end(k.engine, 0);
	assert_int_equal(engine_unread(k.engine), engine_last_seq(k.engine));
	assert_int_equal(engine_readback_begin(k.engine), 1);
	engine_readback_end(k.engine, 0);
	assert_proved();
	kit_close(&k);
}

/* The size that is due stays what it was when it became due, however the ledger grows, and nothing is read beyond it. */
static void
what_is_due_is_signed_although_the_ledger_grows(void **state)
{
	uint64_t due;

	(void)state;
	station_to_read_aside();
	due = engine_last_seq(k.engine);
	assert_int_equal(engine_seal(k.engine, 0, 0), 1);
	grow_to(due + 400);
	assert_int_equal(engine_readback_begin(k.engine), 1);
	engine_readback_run(k.engine);
	engine_readback_end(k.engine, 1);
	assert_true(engine_unread(k.engine) >= 400);
	assert_int_equal(engine_seal(k.engine, 0, UINT32_MAX), 0);
	assert_int_equal(engine_newest(k.engine)->size, due);
	assert_proved();
	kit_close(&k);
}

/* Also where there is enough for another thread again each time one ends. */
static void
what_is_read_aside_without_end_is_signed(void **state)
{
	(void)state;
	kit_station(&k);
	for (int turn = 0; turn < 3 && engine_newest(k.engine)->size == 0; turn++) {
		uint64_t before = engine_last_seq(k.engine);

		grow_to(before + READBACK_LEAST + 300);
		if (engine_readback_begin(k.engine)) {
			assert_int_equal(engine_seal(k.engine, 0, 1000000), 0);
			engine_readback_run(k.engine);
			grow_to(engine_last_seq(k.engine) + READBACK_LEAST + 300);
			engine_readback_end(k.engine, 1);
		} else {
			assert_int_equal(engine_seal(k.engine, 0, 1000000), 0);
		}
	}
	assert_true(engine_newest(k.engine)->size >= READBACK_LEAST);
	assert_true(engine_unread(k.engine) > READBACK_LEAST);
	kit_close(&k);
}

static void
one_that_failed_is_not_tried_again_at_once(void **state)
{
	(void)state;
	station_to_read_aside();
	assert_int_equal(engine_readback_begin(k.engine), 1);
	engine_readback_run(k.engine);
	k.engine->signer.aside.back.result = RESULT_NO_MEMORY;
	engine_readback_end(k.engine, 1);
	assert_int_equal(engine_unread(k.engine), engine_last_seq(k.engine));
	assert_int_equal(engine_readback_begin(k.engine), 0);
	assert_int_equal(engine_writable(k.engine), RESULT_OK);
	assert_proved();
	kit_close(&k);
}

static void
what_is_wrong_is_found_aside_too(void **state)
{
	const struct engine_checkpoint *c;

	(void)state;
	kit_station(&k);
	assert_int_equal(engine_signed(k.engine, &c), RESULT_OK);
	grow_to(2 * READBACK_LEAST);
	k.engine->signer.leaf[0] ^= 1;
	assert_int_equal(engine_readback_begin(k.engine), 1);
	engine_readback_run(k.engine);
	assert_int_equal(engine_writable(k.engine), RESULT_OK);
	engine_readback_end(k.engine, 1);
	assert_int_equal(engine_writable(k.engine), RESULT_CORRUPT);
	assert_int_equal(engine_signed(k.engine, &c), RESULT_CORRUPT);
	assert_int_equal(engine_readback_begin(k.engine), 0);
	kit_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_entry_is_proved_also_after_a_start),
	    cmocka_unit_test(nodes_that_do_not_fit_are_read_again),
	    cmocka_unit_test(it_is_signed_once_in_a_while_and_only_what_is_new),
	    cmocka_unit_test(what_was_not_read_back_as_decided_is_not_signed),
	    cmocka_unit_test(the_most_is_read_aside_while_the_ledger_grows),
	    cmocka_unit_test(what_was_read_aside_is_dropped_if_the_loop_was_ahead),
	    cmocka_unit_test(one_that_never_ran_leaves_everything_as_it_was),
	    cmocka_unit_test(what_is_due_is_signed_although_the_ledger_grows),
	    cmocka_unit_test(what_is_read_aside_without_end_is_signed),
	    cmocka_unit_test(one_that_failed_is_not_tried_again_at_once),
	    cmocka_unit_test(what_is_wrong_is_found_aside_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
