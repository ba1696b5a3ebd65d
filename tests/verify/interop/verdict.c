/*
 * The auditor as a servant of tests: one process, many exports.
 *
 * Reads lines "DEPTH DIR VKEY KEPT WITNESS", where the last three (KEPT: SIZE:ROOT) may be "-", and answers each with a
 * line: "ok SIZE -", or "KIND ENTRY CODE": 0 where no entry is named, the result code's name of what the rules refuse.
 *
 * The same few signatures come in every export that a test damages: a table remembers what was said of
 * (key, message, signature), so that a run of 100,000 exports is not one of 3,000,000 verifications. The
 * linker puts it between the auditor and proto/crypto (--wrap).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/auditor/auditor.h"

#define SLOTS 65536

struct slot {
	uint8_t of[HASH_LEN];
	enum result said;
	int used;
};

static struct slot slots[SLOTS];

/* The linker's names, not ours to choose. */
enum result __real_act_verify(
    const uint8_t pub[KEY_LEN], const void *act, size_t n, const uint8_t sig[SIG_LEN]);
enum result __wrap_act_verify(
    const uint8_t pub[KEY_LEN], const void *act, size_t n, const uint8_t sig[SIG_LEN]);
enum result __real_ed25519_verify(
    const uint8_t pub[KEY_LEN], const void *m, size_t n, const uint8_t sig[SIG_LEN]);
enum result __wrap_ed25519_verify(
    const uint8_t pub[KEY_LEN], const void *m, size_t n, const uint8_t sig[SIG_LEN]);

typedef enum result (*verify_fn)(
    const uint8_t pub[KEY_LEN], const void *m, size_t n, const uint8_t sig[SIG_LEN]);

static enum result
remembered(verify_fn verify, const char *what, const uint8_t *pub, const void *m, size_t n,
    const uint8_t *sig)
{
	struct sha256_part parts[] = {{what, 1}, {pub, KEY_LEN}, {sig, SIG_LEN}, {m, n}};
	uint8_t of[HASH_LEN];
	struct slot *s;

	sha256_parts(parts, 4, of);
	s = &slots[of[0] | of[1] << 8];
	if (!s->used || memcmp(s->of, of, HASH_LEN) != 0) {
		s->said = verify(pub, m, n, sig);
		s->used = 1;
		memcpy(s->of, of, HASH_LEN);
	}
	return s->said;
}

enum result
__wrap_act_verify(
    const uint8_t pub[KEY_LEN], const void *act, size_t n, const uint8_t sig[SIG_LEN])
{
	return remembered(__real_act_verify, "a", pub, act, n, sig);
}

enum result
__wrap_ed25519_verify(
    const uint8_t pub[KEY_LEN], const void *m, size_t n, const uint8_t sig[SIG_LEN])
{
	return remembered(__real_ed25519_verify, "e", pub, m, n, sig);
}

static int
answer(char *line)
{
	const char *witness;
	char *words[5], *rest = NULL;
	/* One thread: what was verified is remembered without a lock. */
	struct auditor_options o = {.threads = 1};
	struct auditor_kept kept;
	struct auditor_result r;
	enum result err;

	for (int i = 0; i < 5; i++)
		if ((words[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest)) == NULL)
			return -1;
	o.depth = (unsigned)strtoul(words[0], NULL, 10);
	o.vkey = strcmp(words[2], "-") == 0 ? NULL : words[2];
	witness = words[4];
	o.witnesses = &witness;
	o.n_witnesses = strcmp(witness, "-") != 0;
	o.kept = &kept;
	o.n_kept = strcmp(words[3], "-") != 0;
	if (o.n_kept != 0 && auditor_kept_parse(words[3], &kept) != RESULT_OK)
		return -1;
	if ((err = auditor_verify(words[1], &o, &r)) != RESULT_OK)
		printf("error 0 %s\n", result_name(err));
	else if (r.ok)
		printf("ok %" PRIu64 " -\n", r.size);
	else
		printf("%s %" PRIu64 " %s\n", r.broken.kind, r.broken.entry,
		    result_name(r.broken.code));
	if (err == RESULT_OK)
		auditor_result_free(&r);
	return fflush(stdout);
}

int
main(void)
{
	static char line[8192];

	while (fgets(line, sizeof(line), stdin) != NULL)
		if (answer(line) != 0) {
			fprintf(stderr, "verdict: a line is DEPTH DIR VKEY KEPT WITNESS\n");
			return 2;
		}
	return 0;
}
