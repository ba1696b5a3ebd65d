/*
 * Any bytes as a kept list of erasures. What must hold for whatever is accepted: each is of one person, in one scope, by an entry;
 * what is signed is the prefix and all lines before the signature; and written again and read again it is the same list.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"
#include "daemon/engine/erasure_int.h"

#define ORIGIN "fuzz.example/1"
#define PREFIX_LEN (sizeof(ERASURE_LIST_PREFIX) - 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `signed_text` is to be freed; so is the list. */
static enum result
list_read(const void *data, size_t size, struct erasures *out, char **signed_text, size_t *len)
{
	FILE *file = fmemopen((void *)(uintptr_t)data, size, "r"), *text = open_memstream(signed_text, len);
	uint8_t signature[SIG_LEN];
	struct keychain keys;
	enum result err;

	CHECK(file != NULL && text != NULL);
	memset(out, 0, sizeof(*out));
	keychain_begin(&keys);
	err = erasure_list_read(file, ORIGIN, out, &keys, text, signature);
	CHECK(fclose(text) == 0);
	fclose(file);
	return err;
}

static void
check_list(const struct erasures *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct texts_erasure *x = &l->list[i];

		CHECK((x->member == 0) != (x->beneficiary == 0) && x->id >> 16 != 0);
		CHECK(x->scope > SCOPE_NONE && x->scope < SCOPE_LAST);
	}
}

static void
check_round_trip(const struct erasures *l)
{
	char *text = NULL, *signed_text = NULL;
	uint8_t seed[SEED_LEN];
	struct erasures again;
	size_t len, signed_len;

	sha256("ledger", 6, seed);
	CHECK(erasure_list_print(ORIGIN, "", seed, l, &text, &len) == RESULT_OK);
	CHECK(list_read(text + PREFIX_LEN, len - PREFIX_LEN, &again, &signed_text, &signed_len) == RESULT_OK);
	CHECK(again.n == l->n && memcmp(signed_text, text, signed_len) == 0);
	for (size_t i = 0; i < l->n; i++)
		CHECK(again.list[i].id == l->list[i].id && again.list[i].member == l->list[i].member &&
		      again.list[i].beneficiary == l->list[i].beneficiary && again.list[i].scope == l->list[i].scope);
	free(again.list);
	free(signed_text);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct erasures l;
	char *text = NULL;
	size_t len;
	enum result err;

	if (size == 0)
		return 0;
	err = list_read(data, size, &l, &text, &len);
	CHECK(err == RESULT_OK || err == RESULT_BAD_FIELD || err == RESULT_WRONG_ORIGIN);
	if (err == RESULT_OK) {
		CHECK(len > PREFIX_LEN && len - PREFIX_LEN <= size && memcmp(text + PREFIX_LEN, data, len - PREFIX_LEN) == 0);
		check_list(&l);
		check_round_trip(&l);
	}
	free(l.list);
	free(text);
	return 0;
}
