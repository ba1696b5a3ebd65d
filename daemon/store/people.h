/*
 * The people environment: personal texts, PIN hashes and the words that lead to ids. Never in the ledger, and erasable.
 *
 * Plain tables of byte keys and values. Writes gather in one batch until people_commit makes them durable; reads see the open batch. A
 * failed write is final for the process, as in ledger.h. LMDB keeps old pages in the file until they are used again: erasing
 * for good means people_compact into a new folder.
 */
#ifndef TIMEBOX_STORE_PEOPLE_H
#define TIMEBOX_STORE_PEOPLE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

#define PEOPLE_KEY_MAX 400
#define PEOPLE_VALUE_MAX 8192

enum people_table {
	/* request id ‖ command ‖ row → key ‖ text */
	PEOPLE_PRIVATE,
	/* member id → number ‖ key in PRIVATE */
	PEOPLE_MEMBER,
	/* number → member id */
	PEOPLE_NUMBER,
	/* SHA-256 of a card's token → member id ‖ seq */
	PEOPLE_CARD,
	/* member id → PIN hash and failures */
	PEOPLE_PIN,
	/* kind ‖ id → key in PRIVATE; term kind ‖ name → term */
	PEOPLE_NAME,
	/* reference → beneficiary id */
	PEOPLE_BENEFICIARY,
	/* request id ‖ n → how to undo what was written before its entry was durable */
	PEOPLE_PENDING,
	PEOPLE_TABLES
};

struct people;

MUST_CHECK enum result people_open(const char *dir, struct people **out);
/* Drops what was not committed. NULL is fine. */
void people_close(struct people *people);

/* Copies a value; RESULT_NOT_FOUND, RESULT_OVERFLOW if it is longer than cap. */
MUST_CHECK enum result people_get(struct people *people, enum people_table table, const void *key,
				  size_t key_len, void *buf, size_t cap, size_t *len);
MUST_CHECK enum result people_put(struct people *people, enum people_table table, const void *key,
				  size_t key_len, const void *value, size_t len);
/* RESULT_OK also where nothing was there. */
MUST_CHECK enum result people_delete(struct people *people, enum people_table table, const void *key,
				     size_t key_len);
/* Makes the open batch durable; nothing to do is RESULT_OK. */
MUST_CHECK enum result people_commit(struct people *people);

/* Visits, in order of key, all rows whose key begins with the prefix. The function may not write. */
typedef enum result (*people_fn)(void *ctx, const uint8_t *key, size_t key_len, const uint8_t *value,
				 size_t len);
MUST_CHECK enum result people_each(struct people *people, enum people_table table, const void *prefix,
				   size_t prefix_len, people_fn fn, void *ctx);

/* Copies what is there, without free pages, into the existing empty folder `dir`. */
MUST_CHECK enum result people_compact(struct people *people, const char *dir);

#endif
