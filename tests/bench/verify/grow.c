/*
 * grow FROM OUT LEDGER_KEY STAFF_SEED_HEX N SIGNED_PER_1000: the ledger exported in FROM, carried on by N entries, exported into
 * OUT.
 *
 * The entries are decided by the book and signed with the station's own keys, so that every depth of
 * an audit accepts them: gifts at the kiosk, and PIN slips that a social worker signs. A daemon
 * would take minutes for what is here made in seconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/auditor/auditor_int.h"
#include "client/auditor/memory.h"
#include "daemon/base/check.h"
#include "daemon/codec/act.h"
#include "daemon/codec/entry.h"
#include "proto/canonical.h"
#include "proto/uuid7.h"
#include "timebox/v1/act.pb-c.h"

#define MEMBERS_MAX (1u << 20)

struct grow {
	struct arena arena;
	struct auditor_broken broken;
	struct reexec *rows;
	struct note_vkey vkey;
	char vkey_text[NOTE_VKEY_SIZE];
	uint8_t ledger_seed[SEED_LEN], staff_seed[SEED_LEN], staff[KEY_LEN], kiosk[KEY_LEN];
	uint64_t givers[MEMBERS_MAX], members[MEMBERS_MAX];
	size_t n_givers, n_members;
	uint64_t seq, time_us, random;
	uint8_t leaf[HASH_LEN];
	struct tree_frontier tree;
	struct book_out out;
	FILE *kept; /* all entries, until the root is known */
};

static struct grow g;

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "grow: %s (%s)\n", what, g.broken.kind != NULL ? g.broken.why : "");
	exit(1);
}

static uint64_t
draw(uint64_t below)
{
	g.random = g.random * 6364136223846793005u + 1442695040888963407u;
	return (g.random >> 33) % below;
}

static void
keep(const uint8_t *entry, size_t n)
{
	uint8_t head[2] = {(uint8_t)(n >> 8), (uint8_t)n};

	must(fwrite(head, 1, 2, g.kept) == 2 && fwrite(entry, 1, n, g.kept) == n, "cannot write");
	tree_leaf_hash(entry, n, g.leaf);
	tree_frontier_append(&g.tree, g.leaf);
}

static void
take(const uint8_t *entry, size_t n)
{
	struct said_bytes bytes = {entry, n};
	struct said said;
	struct deed deed;

	arena_reset(&g.arena);
	must(said_decode(entry, n, &g.arena, &said) == RESULT_OK &&
		 deed_decode(said.act, g.vkey.name, &g.arena, &deed) == RESULT_OK,
	    "an entry cannot be decoded");
	g.seq = said.seq;
	g.time_us = said.time_us;
	keep(entry, n);
	must(reexec_entry(g.rows, bytes, &said, &deed, g.leaf) == RESULT_OK, "the ledger is not whole");
}

static void
load(const char *from)
{
	static uint8_t buf[FILES_ENTRY_MAX];
	struct tiles t;
	size_t n;

	must(vkey_read(from, g.vkey_text) == RESULT_OK &&
		 note_vkey_parse(g.vkey_text, &g.vkey) == RESULT_OK, "no vkey");
	g.rows = reexec_new(g.vkey.name, &g.broken);
	must(g.rows != NULL && arena_init(&g.arena, 16u << 20) == RESULT_OK, "no memory");
	tree_frontier_init(&g.tree);
	tiles_begin(&t, from, TILE_ENTRIES, FILES_SIZE_UNKNOWN);
	while (tiles_entry(&t, buf, &n) == RESULT_OK)
		take(buf, n);
	tiles_end(&t);
}

static void
see_key(void *ctx, const struct row_key *key, const void *value)
{
	const struct key_row *row = value;

	(void)ctx;
	if (row->role == ROLE_KIOSK)
		memcpy(g.kiosk, &key->a, KEY_LEN);
}

static void
see_member(void *ctx, const struct row_key *key, const void *value)
{
	struct member_sums sums;

	(void)ctx;
	(void)value;
	book_member_sums(memory_source(reexec_memory(g.rows)), key->a, &sums);
	if (g.n_members < MEMBERS_MAX)
		g.members[g.n_members++] = key->a;
	if (sums.available > 1000 && g.n_givers < MEMBERS_MAX)
		g.givers[g.n_givers++] = key->a;
}

static ProtobufCBinaryData
blob(uint8_t *p, size_t n)
{
	return (ProtobufCBinaryData){.len = n, .data = p};
}

static size_t
act_make(uint8_t *out, int is_signed)
{
	static uint8_t session[8] = "session";
	Timebox__V1__Command command, *commands = &command;
	Timebox__V1__Gift gift;
	Timebox__V1__PinSlip slip;
	Timebox__V1__Act act;
	uint8_t id[UUID7_LEN];

	timebox__v1__act__init(&act);
	timebox__v1__command__init(&command);
	timebox__v1__gift__init(&gift);
	timebox__v1__pin_slip__init(&slip);
	CHECK(uuid7_make(id, g.time_us / 1000) == RESULT_OK);
	act.origin = g.vkey.name;
	act.request_id = blob(id, sizeof(id));
	act.made_at_us = g.time_us - 1500;
	act.commands = &commands;
	act.n_commands = 1;
	act.actor_key = blob(is_signed ? g.staff : g.kiosk, KEY_LEN);
	if (is_signed) {
		command.kind_case = TIMEBOX__V1__COMMAND__KIND_PIN_SLIP;
		command.pin_slip = &slip;
		slip.member = g.members[draw(g.n_members)];
		slip.reset = 1;
		return timebox__v1__act__pack(&act, out);
	}
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_GIFT;
	command.gift = &gift;
	gift.points = 1;
	gift.member = g.givers[draw(g.n_givers)];
	do
		gift.other = g.members[draw(g.n_members)];
	while (gift.other == gift.member);
	act.actor_member = gift.member;
	act.session = blob(session, sizeof(session));
	return timebox__v1__act__pack(&act, out);
}

static void
more(int is_signed)
{
	static uint8_t bytes[4096], entry[ENTRY_MAX_BYTES];
	const struct row_source *rows = memory_source(reexec_memory(g.rows));
	uint8_t signature[SIG_LEN];
	struct act_fault fault;
	struct act act;
	size_t n;
	enum result err;

	g.time_us += 1000;
	n = act_make(bytes, is_signed);
	arena_reset(&g.arena);
	err = act_decode(bytes, n, g.vkey.name, 0, &g.arena, &act, &fault);
	must(err == RESULT_OK, "an act is not one");
	struct book_in in = {.act = &act, .now_us = g.time_us, .seq = ++g.seq, .prev = g.leaf};
	struct entry_source src = {.seq = g.seq, .prev = g.leaf, .time_us = g.time_us, .act = bytes,
		.act_len = n, .signature = signature, .signature_len = is_signed ? SIG_LEN : 0,
		.out = &g.out};

	if (is_signed)
		must(act_sign(g.staff_seed, bytes, n, signature) == RESULT_OK, "no signature");
	err = book_decide(rows, &in, &g.out);
	must(err == RESULT_OK, result_name(err));
	must((n = entry_encode(entry, sizeof(entry), &src, NULL)) != 0, "an entry is too long");
	keep(entry, n);
	book_seal(rows, &g.out, g.leaf);
}

static void
write_out(const char *out)
{
	static uint8_t entry[FILES_ENTRY_MAX];
	char note[CHECKPOINT_SIZE];
	struct auditor_export *x;
	uint8_t root[HASH_LEN];
	struct keychain keys;
	int high;

	tree_frontier_root(&g.tree, root);
	must(checkpoint_sign(note, sizeof(note), g.vkey.name, g.tree.size, root, g.vkey.name,
		 g.ledger_seed) == RESULT_OK, "no checkpoint");
	keychain_only(&keys, &g.vkey);
	must(auditor_export_begin(out, &keys, note, &x, &g.broken) == RESULT_OK, "no export");
	rewind(g.kept);
	while ((high = fgetc(g.kept)) != EOF) {
		size_t n = (size_t)high << 8 | (size_t)fgetc(g.kept);

		must(fread(entry, 1, n, g.kept) == n, "cannot read");
		must(auditor_export_entry(x, entry, n) == RESULT_OK, "cannot export");
	}
	must(auditor_export_finish(x, root, &g.broken) == RESULT_OK, "cannot finish");
	auditor_export_free(x);
}

int
main(int argc, char **argv)
{
	uint64_t n;
	FILE *key;

	must(argc == 7, "FROM OUT LEDGER_KEY STAFF_SEED_HEX N SIGNED_PER_1000");
	key = fopen(argv[3], "rb");
	must(key != NULL && fread(g.ledger_seed, 1, SEED_LEN, key) == SEED_LEN, "no ledger key");
	fclose(key);
	must(hex_decode(g.staff_seed, SEED_LEN, argv[4], strlen(argv[4])) == RESULT_OK &&
		 ed25519_public(g.staff_seed, g.staff) == RESULT_OK, "no staff key");
	g.kept = tmpfile();
	g.random = 1;
	must(g.kept != NULL, "no temporary file");
	load(argv[1]);
	memory_each(reexec_memory(g.rows), TABLE_KEY, see_key, NULL);
	memory_each(reexec_memory(g.rows), TABLE_MEMBER, see_member, NULL);
	must(g.n_givers > 0, "nobody has points");
	n = strtoull(argv[5], NULL, 10);
	for (uint64_t i = 0; i < n; i++)
		more((i * strtoull(argv[6], NULL, 10)) % 1000 + strtoull(argv[6], NULL, 10) >= 1000);
	write_out(argv[2]);
	printf("%" PRIu64 " entries\n", g.tree.size);
	return 0;
}
