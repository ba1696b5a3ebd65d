#include "daemon/store/tail.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/check.h"

#define LENGTH_BYTES sizeof(uint32_t)
#define FIRST_BYTES  ((size_t)64 * 1024)
#define FIRST_SLOTS  256

void
tail_free(struct tail *t)
{
	free(t->bytes);
	free(t->at);
	memset(t, 0, sizeof(*t));
}

static int
tail_room(struct tail *t, size_t len)
{
	size_t cap = t->cap == 0 ? FIRST_BYTES : t->cap;
	size_t slots = t->at_cap == 0 ? FIRST_SLOTS : t->at_cap;
	void *p;

	if (t->n == t->at_cap) {
		slots = t->n < slots ? slots : slots * 2;
		if ((p = realloc(t->at, slots * sizeof(*t->at))) == NULL)
			return ENOMEM;
		t->at = p;
		t->at_cap = slots;
	}
	while (cap - t->len < LENGTH_BYTES + len)
		cap *= 2;
	if (cap != t->cap) {
		if ((p = realloc(t->bytes, cap)) == NULL)
			return ENOMEM;
		t->bytes = p;
		t->cap = cap;
	}
	return 0;
}

int
tail_add(struct tail *t, const void *entry, size_t len)
{
	const uint32_t len_be = htobe32((uint32_t)len);
	int rc = tail_room(t, len);

	if (rc != 0)
		return rc;
	t->at[t->n++] = t->len;
	memcpy(t->bytes + t->len, &len_be, LENGTH_BYTES);
	memcpy(t->bytes + t->len + LENGTH_BYTES, entry, len);
	t->len += LENGTH_BYTES + len;
	return 0;
}

MDB_val
tail_get(const struct tail *t, size_t i)
{
	uint32_t len_be;

	CHECK(i < t->n);
	memcpy(&len_be, t->bytes + t->at[i], LENGTH_BYTES);
	return (MDB_val){be32toh(len_be), t->bytes + t->at[i] + LENGTH_BYTES};
}

void
tail_cut(struct tail *t, size_t n)
{
	if (n >= t->n)
		return;
	t->len = t->at[n];
	t->n = n;
}

int
tail_split(struct tail *from, size_t n, struct tail *to)
{
	struct tail rest = *to;
	int rc = 0;

	CHECK(to->n == 0);
	for (size_t i = n; i < from->n && rc == 0; i++) {
		MDB_val entry = tail_get(from, i);

		rc = tail_add(&rest, entry.mv_data, entry.mv_size);
	}
	if (rc != 0) {
		tail_cut(&rest, 0);
		*to = rest;
		return rc;
	}
	tail_cut(from, n);
	*to = *from;
	*from = rest;
	return 0;
}
