/*
 * The station's own words (member numbers, areas, purposes, references of beneficiaries) and the ids
 * that the daemon knows them by.
 *
 * Words are collected, looked up all at once, and then found one by one. No memory stops the process.
 */
#ifndef TIMEBOX_CLIENT_CLI_WORDS_H
#define TIMEBOX_CLIENT_CLI_WORDS_H

#include "client/cli/cli.h"

enum words_kind {
	WORDS_NUMBERS, /* of members; they cannot be created here */
	WORDS_AREAS,
	WORDS_PURPOSES,
	WORDS_BENEFICIARIES,
};

/* All zero but `kind` at first; to be freed. */
struct words {
	enum words_kind kind;
	size_t n, room;
	struct word {
		const char *text;
		uint64_t id; /* 0: not known */
	} *word;
};

void words_free(struct words *w);
/* Adds a word, as often as one likes; "" is left out. The text is kept, not copied. */
void words_add(struct words *w, const char *text);
/* Asks for the ids of all words; an exit code. */
int words_resolve(struct cli *c, struct timebox *tb, struct words *w);
/* Creates the words without an id (terms, beneficiaries); an exit code. */
int words_create(struct cli *c, struct timebox *tb, struct words *w);
/* The id of a word that was added; 0: not known. After words_resolve. */
uint64_t words_id(const struct words *w, const char *text);

#endif
