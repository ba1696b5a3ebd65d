/*
 * timeboxd: makes a station, runs it, and looks after it.
 *
 * Exit codes: 0 done; 1 failed, stderr says why; 2 the command line or the settings are wrong; 3 another timeboxd has the
 * station; 4 what is stored does not match its hashes, or does not replay as stored.
 */
#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/check.h"
#include "daemon/engine/backup.h"
#include "daemon/engine/engine.h"
#include "daemon/ops/clock.h"
#include "daemon/ops/config.h"
#include "daemon/ops/log.h"
#include "daemon/rpc/rpc.h"
#include "proto/code32.h"
#include "proto/crypto.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_BUSY 3
#define EXIT_CORRUPT 4

#define VERSION "timeboxd 0.1"
#define PATH_SIZE 4096
#define NOTE_SIZE 4096
#define ZONE_DEFAULT_MINUTES 480
#define ZONE_MOST_MINUTES (14 * 60)
#define ENROL_CODE_LEN 32

static int
exit_code(enum result err)
{
	if (err == RESULT_BUSY)
		return EXIT_BUSY;
	return err == RESULT_CORRUPT ? EXIT_CORRUPT : EXIT_FAILED;
}

static int
complain(int code, const char *what, const char *why)
{
	fprintf(stderr, "timeboxd: %s: %s\n", what, why);
	return code;
}

/* ---- arguments: what the subcommands share ---- */

/* What is wrong with the words themselves argp has said, and ended. */
static void
parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
	error_t err = argp_parse(argp, argc, argv, flags, NULL, input);

	if (err != 0)
		exit(complain(EXIT_FAILED, "the command line", strerror(err)));
}

struct arguments {
	const char *dir;
	const char *origin;
	const char *listen;
	/* A checkpoint that somebody kept. */
	const char *known;
	/* `clock`: the word after it. */
	const char *verb;
	int32_t zone_minutes;
	int json;
	int wants_verb;
	/* `backup`, and `restore` whose first words are backups. */
	struct backup_ask backup;
	int to_stdout;
	struct restore_ask restore;
	const char **backups;
};

enum { OPTION_ORIGIN = 256, OPTION_ZONE, OPTION_LISTEN, OPTION_JSON, OPTION_KNOWN,
       OPTION_TO, OPTION_STDOUT, OPTION_SINCE, OPTION_NO_PEOPLE, OPTION_NO_KEYS, OPTION_INTO, OPTION_KEYS, OPTION_ERASURES,
       OPTION_PAST_KEEP_UNTIL };

/* "+08:00" */
static int
parse_zone(const char *text, int32_t *minutes)
{
	static const char form[] = "s00:00";
	int32_t m;

	if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
		return -1;
	for (size_t i = 0; form[i] != 0; i++)
		if (form[i] == '0' && (text[i] < '0' || text[i] > '9'))
			return -1;
	m = ((text[1] - '0') * 10 + text[2] - '0') * 60 + (text[4] - '0') * 10 + text[5] - '0';
	if (text[4] > '5' || m > ZONE_MOST_MINUTES)
		return -1;
	*minutes = text[0] == '-' ? -m : m;
	return 0;
}

static error_t
parse_word(struct arguments *a, char *arg, struct argp_state *state)
{
	if (a->wants_verb && a->verb == NULL)
		a->verb = arg;
	else if (a->dir == NULL)
		a->dir = arg;
	else
		argp_error(state, "too many arguments: %s", arg);
	return 0;
}

static error_t
parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPTION_ORIGIN:
		a->origin = arg;
		return 0;
	case OPTION_ZONE:
		if (parse_zone(arg, &a->zone_minutes) != 0)
			argp_error(state, "--zone: not like +08:00: %s", arg);
		return 0;
	case OPTION_LISTEN:
		a->listen = arg;
		return 0;
	case OPTION_KNOWN:
		a->known = arg;
		return 0;
	case OPTION_JSON:
		a->json = 1;
		return 0;
	case ARGP_KEY_ARG:
		return parse_word(a, arg, state);
	case ARGP_KEY_END:
		if (a->dir == NULL)
			argp_error(state, "which station? DIR is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

#define ORIGIN_OPTION \
	{ "origin", OPTION_ORIGIN, "NAME", 0, "the ledger's name for ever, e.g. station.example/box", 0 }
#define ZONE_OPTION { "zone", OPTION_ZONE, "+HH:MM", 0, "the station's fixed zone (default +08:00)", 0 }
#define LISTEN_OPTION \
	{ "listen", OPTION_LISTEN, "HOST:PORT", 0, "instead of what the settings say; port 0 picks one", 0 }
#define KNOWN_OPTION \
	{ "known", OPTION_KNOWN, "FILE", 0, "a signed checkpoint that somebody kept: an older ledger takes no acts", 0 }
#define JSON_OPTION { "json", OPTION_JSON, NULL, 0, "one line of JSON instead of text", 0 }

/* ---- init ---- */

static void
json_string(const char *text)
{
	putchar('"');
	for (; *text != 0; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

/* A code says which invitation it is, and the start of the server's key's hash: whom to send it to. */
static void
enrol_code(const uint8_t secret[16], const uint8_t server_key[32], char out[CODE32_SIZE(ENROL_CODE_LEN)])
{
	uint8_t digest[HASH_LEN], code[ENROL_CODE_LEN];

	sha256(server_key, KEY_LEN, digest);
	memcpy(code, secret, 16);
	memcpy(code + 16, digest, 16);
	code32_encode(out, CODE32_SIZE(ENROL_CODE_LEN), code, sizeof(code));
	crypto_wipe(code, sizeof(code));
}

static void
init_print(const struct arguments *a, const char *vkey, char code[3][CODE32_SIZE(ENROL_CODE_LEN)])
{
	if (a->json) {
		printf("{\"origin\":");
		json_string(a->origin);
		printf(",\"vkey\":");
		json_string(vkey);
		printf(",\"enrol\":[\"%s\",\"%s\"],\"recovery\":\"%s\"}\n", code[0], code[1], code[2]);
		return;
	}
	printf("The station is made: %s\n", a->origin);
	printf("verifier key      %s\n", vkey);
	printf("social worker 1   %s\n", code[0]);
	printf("social worker 2   %s\n", code[1]);
	printf("recovery          %s\n", code[2]);
	printf("The first two admit one key each and are valid for 72 hours. Seal the recovery code and give it away: it\n"
	       "admits two new keys when both are lost. None of them is shown again.\n");
}

/* The verifier key stands in the opened engine; so the new station is opened once, which also proves that it can be. */
static int
init_show(const struct arguments *a, uint8_t secrets[3][16], const uint8_t server_key[32])
{
	char code[3][CODE32_SIZE(ENROL_CODE_LEN)];
	struct engine_error error;
	struct engine *engine;
	enum result err = engine_open(a->dir, &engine, &error);

	if (err != RESULT_OK)
		return complain(exit_code(err), "init", error.text);
	for (int i = 0; i < 3; i++)
		enrol_code(secrets[i], server_key, code[i]);
	init_print(a, engine_vkey(engine), code);
	crypto_wipe(code, sizeof(code));
	engine_close(engine);
	return fflush(stdout) == 0 ? 0 : complain(EXIT_FAILED, "init", "cannot write the codes");
}

static int
run_init(int argc, char **argv)
{
	static const struct argp_option options[] = { ORIGIN_OPTION, ZONE_OPTION, JSON_OPTION, { 0 } };
	const struct argp argp = { options, parse_option, "DIR",
				   "Makes a station in the folder DIR: keys, ledger, first rules, first codes.\v"
				   "Example: timeboxd init station --origin station.example/box --json",
				   NULL, NULL, NULL };
	struct arguments a = { .zone_minutes = ZONE_DEFAULT_MINUTES };
	uint8_t secrets[3][16], server_key[32];
	struct engine_keys keys;
	enum result err;
	int code;

	parse(&argp, argc, argv, 0, &a);
	if (a.origin == NULL)
		return complain(EXIT_USAGE, "init", "--origin NAME is missing; see timeboxd init --help");
	memset(&keys, 0, sizeof(keys));
	err = engine_init(a.dir, a.origin, a.zone_minutes, secrets, &keys);
	if (err == RESULT_OK)
		err = ed25519_public(keys.tls_seed, server_key);
	crypto_wipe(&keys, sizeof(keys));
	if (err == RESULT_BAD_FIELD)
		return complain(EXIT_USAGE, "--origin", "a name without blanks and without '+', at most 255 bytes");
	if (err != RESULT_OK)
		return complain(exit_code(err), a.dir, result_text_en(err));
	code = init_show(&a, secrets, server_key);
	crypto_wipe(secrets, sizeof(secrets));
	return code;
}

/* ---- run ---- */

static int
load_config(const struct arguments *a, struct config *config)
{
	char path[PATH_SIZE], why[CONFIG_ERROR_SIZE];
	int n = snprintf(path, sizeof(path), "%s/timeboxd.yaml", a->dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return complain(EXIT_USAGE, a->dir, "the path is too long");
	if (config_load(path, config, why, sizeof(why)) != RESULT_OK)
		return complain(EXIT_USAGE, path, why);
	if (a->listen != NULL && config_parse_address(a->listen, config->host, &config->port) != RESULT_OK)
		return complain(EXIT_USAGE, "--listen", a->listen);
	return 0;
}

/* Asked to stop while it stops: it is about to, and says why with its exit code. */
static void
term_ignore(void)
{
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &term, NULL);
}

static int
serve(struct engine *engine, const struct config *config)
{
	char where[CONFIG_HOST_SIZE + 16];
	struct rpc *rpc = NULL;
	enum result err = rpc_open(engine, config, &rpc);

	if (err != RESULT_OK) {
		snprintf(where, sizeof(where), "%s:%u", config->host, (unsigned)config->port);
		return complain(EXIT_FAILED, where,
				err == RESULT_IO || err == RESULT_BAD_FIELD ? "cannot listen there"
									    : result_text_en(err));
	}
	printf("ready on %s\n", rpc_address(rpc));
	fflush(stdout);
	log_event(LOG_LEVEL_INFO, "serving", "seq=%" PRIu64, engine_last_seq(engine));
	err = rpc_run(rpc);
	term_ignore();
	log_event(LOG_LEVEL_INFO, "stopping", "seq=%" PRIu64, engine_last_seq(engine));
	rpc_close(rpc);
	return err == RESULT_OK ? 0 : complain(EXIT_FAILED, "run", result_text_en(err));
}

static int
run_run(int argc, char **argv)
{
	static const struct argp_option options[] = { LISTEN_OPTION, KNOWN_OPTION, { 0 } };
	const struct argp argp = { options, parse_option, "DIR",
				   "Serves the station in DIR until SIGTERM. Prints \"ready on HOST:PORT\"; the log is on "
				   "stderr; settings are in DIR/timeboxd.yaml.\v"
				   "Example: timeboxd run station --listen 127.0.0.1:7443",
				   NULL, NULL, NULL };
	struct arguments a = { 0 };
	struct engine_error error;
	struct config config;
	struct engine *engine;
	enum result err;
	int code;

	parse(&argp, argc, argv, 0, &a);
	if ((code = load_config(&a, &config)) != 0)
		return code;
	if (log_open(config.log_level) != RESULT_OK)
		return complain(EXIT_FAILED, "run", "cannot start the log");
	if ((err = engine_open(a.dir, &engine, &error)) != RESULT_OK) {
		log_close();
		return complain(exit_code(err), a.dir, error.text);
	}
	if (a.known != NULL && (err = engine_heed(engine, a.known, &error)) != RESULT_OK)
		code = complain(exit_code(err), "--known", error.text);
	else
		code = serve(engine, &config);
	engine_close(engine);
	log_close();
	return code;
}

/* ---- clock accept ---- */

static int
run_clock(int argc, char **argv)
{
	const struct argp argp = { NULL, parse_option, "accept DIR",
				   "Vouches for the machine's clock after the daemon doubted it, in an entry signed by the "
				   "ledger key. The daemon must be stopped.\v"
				   "Example: timeboxd clock accept station",
				   NULL, NULL, NULL };
	struct arguments a = { .wants_verb = 1 };
	struct engine_error error;
	struct engine *engine;
	enum result err;

	parse(&argp, argc, argv, 0, &a);
	if (strcmp(a.verb, "accept") != 0)
		return complain(EXIT_USAGE, "clock", "the only word here is accept");
	if ((err = engine_open(a.dir, &engine, &error)) != RESULT_OK)
		return complain(exit_code(err), a.dir, error.text);
	err = engine_clock_accept(engine);
	if (err == RESULT_OK)
		printf("accepted in entry %" PRIu64 "\n", engine_last_seq(engine));
	engine_close(engine);
	return err == RESULT_OK ? 0 : complain(exit_code(err), "clock accept", result_text_en(err));
}

/* ---- rotate-key ---- */

static void
rotate_print(const struct arguments *a, const struct engine *engine, const char *before)
{
	if (a->json) {
		printf("{\"from\":%" PRIu64 ",\"vkey\":", engine_last_seq(engine));
		json_string(engine_vkey(engine));
		printf(",\"before\":");
		json_string(before);
		printf("}\n");
		return;
	}
	printf("The ledger has another key, from entry %" PRIu64 " on.\n", engine_last_seq(engine));
	printf("verifier key      %s\n", engine_vkey(engine));
	printf("before            %s\n", before);
	printf("Give the new one to auditors and witnesses (in their DIR/logs, in the old one's place), and make a backup: the key\n"
	       "before is destroyed here, but older backups hold it. Whoever knows only the old one is led to the new one by the\n"
	       "ledger itself.\n");
}

static int
run_rotate_key(int argc, char **argv)
{
	static const struct argp_option options[] = { JSON_OPTION, { 0 } };
	const struct argp argp = { options, parse_option, "DIR",
				   "Gives the ledger another key, in an entry signed by the key before and by the new one, and destroys "
				   "the key before. The daemon must be stopped. What is cut off in between, the next start finishes or "
				   "drops.\v"
				   "Example: timeboxd rotate-key station",
				   NULL, NULL, NULL };
	struct arguments a = { 0 };
	char before[NOTE_VKEY_SIZE];
	struct engine_error error;
	struct engine *engine;
	enum result err;

	parse(&argp, argc, argv, 0, &a);
	if ((err = engine_open(a.dir, &engine, &error)) != RESULT_OK)
		return complain(exit_code(err), a.dir, error.text);
	snprintf(before, sizeof(before), "%s", engine_vkey(engine));
	if ((err = engine_rotate_key(engine)) == RESULT_OK)
		rotate_print(&a, engine, before);
	engine_close(engine);
	if (err != RESULT_OK)
		return complain(exit_code(err), "rotate-key", result_text_en(err));
	return fflush(stdout) == 0 ? 0 : complain(EXIT_FAILED, "rotate-key", "cannot write the new verifier key: timebox station keys shows it");
}

/* ---- accept-loss ---- */

static int
run_accept_loss(int argc, char **argv)
{
	const struct argp argp = { NULL, parse_option, "DIR",
				   "Gives up the entries that this ledger lacks, as it is older than one that is known, so that the "
				   "station takes acts again. Whoever acted in the lost part acts again. The daemon must be "
				   "stopped.\v"
				   "Example: timeboxd accept-loss station",
				   NULL, NULL, NULL };
	struct arguments a = { 0 };
	struct engine_error error;
	struct engine *engine;
	enum result err;
	uint64_t known;

	parse(&argp, argc, argv, 0, &a);
	if ((err = engine_open(a.dir, &engine, &error)) != RESULT_OK)
		return complain(exit_code(err), a.dir, error.text);
	err = engine_accept_loss(engine, &known);
	if (err == RESULT_OK)
		printf("given up: entries %" PRIu64 " to %" PRIu64 "\n", engine_last_seq(engine) + 1, known);
	engine_close(engine);
	if (err == RESULT_ALREADY_DONE)
		return complain(EXIT_FAILED, "accept-loss", "nothing is known to be missing");
	return err == RESULT_OK ? 0 : complain(exit_code(err), "accept-loss", result_text_en(err));
}

/* ---- backup, restore ---- */

static error_t
parse_backup(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	char *end;

	switch (key) {
	case OPTION_TO:
		a->backup.to = arg;
		return 0;
	case OPTION_STDOUT:
		a->to_stdout = 1;
		return 0;
	case OPTION_SINCE:
		a->backup.since = strtoull(arg, &end, 10);
		if (*arg < '0' || *arg > '9' || *end != 0)
			argp_error(state, "--since: not the number of an entry: %s", arg);
		return 0;
	case OPTION_NO_PEOPLE:
		a->backup.without_people = 1;
		return 0;
	case OPTION_NO_KEYS:
		a->backup.without_keys = 1;
		return 0;
	default:
		return parse_option(key, arg, state);
	}
}

static void
backup_print(FILE *to, const struct backup_done *done)
{
	char day[BACKUP_DAY_SIZE];

	fprintf(to, "entries %" PRIu64 " to %" PRIu64 ", %" PRIu64 " bytes; next time --since %" PRIu64 "\n", done->from,
		done->to, done->bytes, done->to);
	if (done->keep_until_day == 0)
		return;
	backup_day_text(done->keep_until_day, day);
	fprintf(to, "It holds people's data: keep it until %s, then destroy it.\n", day);
}

static int
run_backup(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "to", OPTION_TO, "FOLDER", 0, "the backup, which must not be there yet", 0 },
		{ "stdout", OPTION_STDOUT, NULL, 0, "the same as a tar stream on standard output", 0 },
		{ "since", OPTION_SINCE, "SEQ", 0, "only entries after this one, as a part to be added to an earlier backup", 0 },
		{ "no-people", OPTION_NO_PEOPLE, NULL, 0, "without names, telephones, PINs", 0 },
		{ "no-keys", OPTION_NO_KEYS, NULL, 0, "without the station's secrets", 0 },
		{ 0 } };
	const struct argp argp = { options, parse_backup, "DIR",
				   "Makes a backup of the station in DIR while it runs, and checks the ledger's chain on the way.\v"
				   "Example: timeboxd backup station --to backup-1",
				   NULL, NULL, NULL };
	struct arguments a = { .backup = { .tool = VERSION } };
	struct engine_error error;
	struct backup_done done;
	struct config config;
	enum result err;
	int code;

	parse(&argp, argc, argv, 0, &a);
	if ((a.backup.to != NULL) == a.to_stdout)
		return complain(EXIT_USAGE, "backup", "one of --to FOLDER and --stdout");
	if ((code = load_config(&a, &config)) != 0)
		return code;
	a.backup.dir = a.dir;
	a.backup.now_us = clock_now_us();
	a.backup.keep_days = config.backup_keep_days;
	if ((err = backup_make(&a.backup, &done, &error)) != RESULT_OK)
		return complain(exit_code(err), "backup", error.text);
	backup_print(a.to_stdout ? stderr : stdout, &done);
	return 0;
}

static error_t
parse_restore(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPTION_INTO:
		a->restore.into = arg;
		return 0;
	case OPTION_KEYS:
		a->restore.keys = arg;
		return 0;
	case OPTION_KNOWN:
		a->restore.known = arg;
		return 0;
	case OPTION_ERASURES:
		a->restore.erasures = arg;
		return 0;
	case OPTION_PAST_KEEP_UNTIL:
		a->restore.past_keep_until = 1;
		return 0;
	case ARGP_KEY_ARG:
		a->backups[a->restore.n++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->restore.n == 0 || a->restore.into == NULL)
			argp_error(state, "which BACKUP, and --into which DIR?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int
run_restore(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "into", OPTION_INTO, "DIR", 0, "the station to be made: not there, or an empty folder", 0 },
		{ "keys", OPTION_KEYS, "FOLDER", 0, "the station's keys, kept apart: ledger, tls, voucher", 0 }, KNOWN_OPTION,
		{ "erasures", OPTION_ERASURES, "FILE", 0,
		  "the newest DIR/erasures that was kept: who was erased since is erased again", 0 },
		{ "past-keep-until", OPTION_PAST_KEEP_UNTIL, NULL, 0,
		  "also where the newest backup was to be destroyed by now", 0 },
		{ 0 } };
	const struct argp argp = { options, parse_restore, "BACKUP...",
				   "Makes a station of a backup and the parts that were added to it, checks every byte and replays all "
				   "entries.\v"
				   "Example: timeboxd restore backup-1 backup-2 --into station",
				   NULL, NULL, NULL };
	struct arguments a = { 0 };
	struct engine_error error;
	struct restore_done done;
	enum result err;

	a.backups = calloc((size_t)argc, sizeof(*a.backups));
	NEED(a.backups);
	a.restore.from = a.backups;
	parse(&argp, argc, argv, 0, &a);
	a.restore.now_us = clock_now_us();
	err = backup_restore(&a.restore, &done, &error);
	free(a.backups);
	if (err != RESULT_OK)
		return complain(exit_code(err), "restore", error.text);
	printf("restored: %" PRIu64 " entries\n", done.last_seq);
	if (done.overdue != 0)
		printf("Past their last day, of these backups: %zu. Destroy them once the station runs.\n", done.overdue);
	if (done.behind != 0)
		printf("It was known to have %" PRIu64 ": it takes no acts until timeboxd accept-loss.\n", done.behind);
	if (done.erased != 0)
		printf("Erased again: %" PRIu64 " erasures that this ledger does not tell of.\n", done.erased);
	if (a.restore.erasures == NULL)
		printf("Who was erased after entry %" PRIu64 " is there again: give --erasures if a newer list was kept.\n",
		       done.last_seq);
	return 0;
}

/* ---- check ---- */

/* Sums of all accounts, per asset and item. */
#define SUMS_MAX 4096
struct sums {
	struct {
		uint8_t asset;
		code8 item;
		int64_t total;
	} of[SUMS_MAX];
	size_t n;
	int broken;
};

static void
sum_account(void *ctx, const struct row_key *key, const void *value)
{
	const struct account_row *row = value;
	struct sums *s = ctx;
	size_t i = 0;

	while (i < s->n && (s->of[i].asset != key->tag[1] || s->of[i].item != key->b))
		i++;
	if (i == SUMS_MAX) {
		s->broken = 1;
		return;
	}
	if (i == s->n) {
		s->n++;
		s->of[i].asset = key->tag[1];
		s->of[i].item = key->b;
		s->of[i].total = 0;
	}
	if (__builtin_add_overflow(s->of[i].total, row->balance, &s->of[i].total))
		s->broken = 1;
}

static int
sums_zero(const struct engine *engine)
{
	struct sums *s = calloc(1, sizeof(*s));
	int zero;

	NEED(s);
	engine_each(engine, TABLE_ACCOUNT, sum_account, s);
	zero = !s->broken;
	for (size_t i = 0; i < s->n; i++)
		zero &= s->of[i].total == 0;
	free(s);
	return zero;
}

/* The third line of a checkpoint is the root. */
static enum result
root_text(struct engine *engine, char out[BASE64_LEN(HASH_LEN) + 1])
{
	char note[NOTE_SIZE];
	const char *at = note;
	enum result err;

	/* However long it takes, also where a power cut tore DIR/nodes and every entry is read again. */
	while (engine_seal(engine, 0, UINT32_MAX))
		continue;
	if ((err = engine_sign_checkpoint(engine, note, sizeof(note))) != RESULT_OK)
		return err;
	for (int i = 0; i < 2 && at != NULL; i++) {
		at = strchr(at, '\n');
		at = at == NULL ? NULL : at + 1;
	}
	if (at == NULL || strlen(at) < BASE64_LEN(HASH_LEN))
		return RESULT_INTERNAL;
	memcpy(out, at, BASE64_LEN(HASH_LEN));
	out[BASE64_LEN(HASH_LEN)] = 0;
	return RESULT_OK;
}

static int
check_print(const struct arguments *a, struct engine *engine)
{
	char root[BASE64_LEN(HASH_LEN) + 1];
	uint64_t seq = engine_last_seq(engine), fingerprint = engine_fingerprint(engine);
	int zero = sums_zero(engine);

	if (root_text(engine, root) != RESULT_OK)
		return complain(EXIT_FAILED, "check", "cannot compute the root");
	if (a->json)
		printf("{\"seq\":%" PRIu64 ",\"root\":\"%s\",\"fingerprint\":\"%016" PRIx64 "\",\"sums_zero\":%s}\n",
		       seq, root, fingerprint, zero ? "true" : "false");
	else
		printf("entries      %" PRIu64 "\nroot         %s\nfingerprint  %016" PRIx64 "\nsums         %s\n", seq,
		       root, fingerprint, zero ? "zero, for each asset" : "NOT ZERO");
	return zero ? 0 : EXIT_CORRUPT;
}

static int
run_check(int argc, char **argv)
{
	static const struct argp_option options[] = { JSON_OPTION, { 0 } };
	const struct argp argp = { options, parse_option, "DIR",
				   "Opens the station in DIR, replays what its state lacks (all entries, where DIR/state was "
				   "removed), and says where it stands. The daemon must be stopped.\v"
				   "Example: timeboxd check station --json",
				   NULL, NULL, NULL };
	struct arguments a = { 0 };
	struct engine_error error;
	struct engine *engine;
	enum result err;
	int code;

	parse(&argp, argc, argv, 0, &a);
	if ((err = engine_open(a.dir, &engine, &error)) != RESULT_OK)
		return complain(exit_code(err), a.dir, error.text);
	code = check_print(&a, engine);
	engine_close(engine);
	return code;
}

/* ---- permissions ---- */

struct asker {
	const char *name;
	enum role role;
	int unlinked;
};

static const struct asker askers[] = {
	{ "staff", ROLE_STAFF, 0 },   { "unlinked", ROLE_STAFF, 1 },  { "kiosk", ROLE_KIOSK, 0 },
	{ "member", ROLE_MEMBER, 0 }, { "outlet", ROLE_OUTLET, 0 },   { "auditor", ROLE_AUDITOR, 0 },
	{ "unknown", ROLE_NONE, 0 },
};
#define N_ASKERS (sizeof(askers) / sizeof(askers[0]))

/* "yes", "proposed", or the name of the refusal: the same questions in the same order as book and rpc ask them. */
static const char *
act_cell(const struct command_rule *rule, const struct asker *who, int open)
{
	enum command_when when = open ? rule->open : rule->set_up;

	if ((rule->roles & ROLE_BIT(who->role)) == 0)
		return result_name(who->role == ROLE_NONE ? RESULT_UNKNOWN_KEY : RESULT_NOT_ALLOWED);
	if (when == WHEN_NO)
		return result_name(open ? RESULT_ALREADY_OPEN : RESULT_NOT_OPEN);
	if (who->unlinked && !(open ? rule->unlinked_open : rule->unlinked_set_up))
		return result_name(RESULT_KEY_NOT_LINKED);
	return when == WHEN_PROPOSED ? "proposed" : "yes";
}

static const char *
call_cell(const struct call_rule *rule, const struct asker *who)
{
	if (who->role == ROLE_NONE)
		return result_name(RESULT_UNKNOWN_KEY);
	if ((rule->roles & ROLE_BIT(who->role)) == 0)
		return result_name(who->role == ROLE_KIOSK && (rule->roles & ROLE_BIT(ROLE_MEMBER))
					   ? RESULT_SESSION_NEEDED
					   : RESULT_NOT_ALLOWED);
	return who->unlinked && !rule->unlinked ? result_name(RESULT_KEY_NOT_LINKED) : "yes";
}

static int
run_permissions(int argc, char **argv)
{
	const struct command_rule *act;
	const struct call_rule *call;

	(void)argv;
	if (argc != 1)
		return complain(EXIT_USAGE, "permissions", "takes no arguments");
	printf("kind\tname");
	for (size_t w = 0; w < N_ASKERS; w++)
		printf("\t%s set-up\t%s open", askers[w].name, askers[w].name);
	printf("\n");
	for (size_t i = 0; (act = book_command_rule(i)) != NULL; i++) {
		printf("act\t%s", act->name);
		for (size_t w = 0; w < N_ASKERS; w++)
			printf("\t%s\t%s", act_cell(act, &askers[w], 0), act_cell(act, &askers[w], 1));
		printf("\n");
	}
	for (size_t i = 0; (call = rpc_call_rule(i)) != NULL; i++) {
		printf("call\t%s", call->name);
		for (size_t w = 0; w < N_ASKERS; w++)
			printf("\t%s\t%s", call_cell(call, &askers[w]), call_cell(call, &askers[w]));
		printf("\n");
	}
	return 0;
}

/* ---- the subcommands ---- */

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
};

static const struct subcommand subcommands[] = {
	{ "init", run_init },	{ "run", run_run },	      { "clock", run_clock },
	{ "check", run_check }, { "accept-loss", run_accept_loss },
	{ "rotate-key", run_rotate_key },
	{ "backup", run_backup }, { "restore", run_restore },
	{ "permissions", run_permissions },
};

static const char help[] =
	"The daemon of a time treasure box station: one writer over an append-only ledger.\v"
	"Commands:\n"
	"  init DIR --origin NAME [--zone +08:00] [--json]   make a station\n"
	"  run DIR [--listen HOST:PORT] [--known FILE]       serve it until SIGTERM\n"
	"  clock accept DIR                                  vouch for the clock after it was doubted\n"
	"  rotate-key DIR [--json]                           give the ledger another key, signed by both\n"
	"  check DIR [--json]                                open, replay, and say where it stands\n"
	"  backup DIR --to FOLDER | --stdout [--since SEQ] [--no-people] [--no-keys]\n"
	"                                                    copy it, also while it runs\n"
	"  restore BACKUP... --into DIR [--keys FOLDER] [--known FILE]\n"
	"                                                    make a station of backups\n"
	"  accept-loss DIR                                   go on although entries are missing\n"
	"  permissions                                       who may do what and when, as a table (TSV)\n"
	"\n"
	"Exit codes: 0 done; 1 failed; 2 wrong command line or settings; 3 the station is in use; 4 stored data is corrupt.\n";

struct top {
	const struct subcommand *command;
	int at;
};

static error_t
parse_top(int key, char *arg, struct argp_state *state)
{
	struct top *top = state->input;

	if (key == ARGP_KEY_NO_ARGS)
		argp_error(state, "which command?");
	if (key != ARGP_KEY_ARG)
		return key == ARGP_KEY_INIT ? 0 : ARGP_ERR_UNKNOWN;
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (strcmp(subcommands[i].name, arg) == 0)
			top->command = &subcommands[i];
	if (top->command == NULL)
		argp_error(state, "no such command: %s", arg);
	/* What follows is the subcommand's. */
	top->at = state->next - 1;
	state->next = state->argc;
	return 0;
}

int
main(int argc, char **argv)
{
	const struct argp argp = { NULL, parse_top, "COMMAND ...", help, NULL, NULL, NULL };
	char name[64];
	struct top top = { 0 };

	umask(077);
	crypto_need_memory();
	argp_program_version = VERSION;
	argp_err_exit_status = EXIT_USAGE;
	parse(&argp, argc, argv, ARGP_IN_ORDER, &top);
	/* As the subcommand's own help and errors call it. */
	snprintf(name, sizeof(name), "timeboxd %s", top.command->name);
	argv[top.at] = name;
	return top.command->run(argc - top.at, argv + top.at);
}
