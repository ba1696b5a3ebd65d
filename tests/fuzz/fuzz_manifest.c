/*
 * Any bytes as the manifest of a backup. What must hold for whatever is accepted: names are no paths, sizes within the limit, and
 * written again and read again it says the same, with a signature that covers all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/engine/backup_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_same(const struct manifest *a, const struct manifest *b)
{
	CHECK(strcmp(a->tool, b->tool) == 0 && strcmp(a->origin, b->origin) == 0);
	CHECK(a->from == b->from && a->to == b->to && a->people == b->people && a->keys == b->keys);
	CHECK(memcmp(a->prev, b->prev, 32) == 0 && memcmp(a->leaf, b->leaf, 32) == 0);
	CHECK(a->keep_until_day == b->keep_until_day && a->n_files == b->n_files);
	for (size_t i = 0; i < a->n_files; i++) {
		const struct backup_file *x = &a->files[i], *y = &b->files[i];

		CHECK(strcmp(x->name, y->name) == 0 && x->size == y->size && memcmp(x->sha, y->sha, 32) == 0);
		CHECK(x->name[0] != '\0' && strpbrk(x->name, "/. \n") == NULL && x->size <= BACKUP_FILE_MAX);
	}
}

static void
check_round_trip(const struct manifest *m)
{
	uint8_t seed[SEED_LEN], pub[KEY_LEN];
	struct manifest again;
	char *text = NULL;
	size_t len;

	sha256("ledger", 6, seed);
	CHECK(ed25519_public(seed, pub) == RESULT_OK);
	CHECK(manifest_write(m, seed, &text, &len) == RESULT_OK);
	CHECK(manifest_read(&again, text, len) == RESULT_OK);
	check_same(m, &again);
	CHECK(manifest_verify(&again, pub) == RESULT_OK);
	manifest_free(&again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* No NUL behind it, so that a look beyond the length is seen. */
	char *text = malloc(size > 0 ? size : 1);
	struct manifest m;
	enum result err;

	CHECK(text != NULL);
	memcpy(text, data, size);
	err = manifest_read(&m, text, size);
	CHECK(err == RESULT_OK || err == RESULT_BAD_FIELD);
	if (err == RESULT_OK)
		check_round_trip(&m);
	manifest_free(&m);
	free(text);
	return 0;
}
