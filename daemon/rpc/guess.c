/* Keys that guess: voucher codes at an outlet, members' numbers at outlets and kiosks. Kept while the daemon runs. */
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/rpc_int.h"

static struct guesses *
guess_find(struct rpc *rpc, uint32_t key_no, enum guess what)
{
	for (size_t i = 0; i < rpc->n_guesses; i++)
		if (rpc->guesses[i].key_no == key_no && rpc->guesses[i].what == what)
			return &rpc->guesses[i];
	return NULL;
}

uint32_t
guess_wait_s(struct rpc *rpc, uint32_t key_no, enum guess what)
{
	const struct guesses *g = guess_find(rpc, key_no, what);
	uint64_t oldest_us, now_us = clock_boot_us();

	/* The oldest of the last ten decides: it is the one that would be overwritten next. */
	if (g == NULL || (oldest_us = g->at_us[g->next % RPC_GUESS_WRONG]) == 0 ||
	    now_us - oldest_us >= RPC_GUESS_WINDOW_US)
		return 0;
	return (uint32_t)((RPC_GUESS_WINDOW_US - (now_us - oldest_us) + 999999) / 1000000);
}

void
guess_note(struct rpc *rpc, uint32_t key_no, enum guess what)
{
	struct guesses *g = guess_find(rpc, key_no, what);

	if (g == NULL) {
		/* At most two per key that ever guessed: keys are admitted by hand. */
		g = realloc(rpc->guesses, (rpc->n_guesses + 1) * sizeof(*g));
		NEED(g);
		rpc->guesses = g;
		g = &rpc->guesses[rpc->n_guesses++];
		memset(g, 0, sizeof(*g));
		g->key_no = key_no;
		g->what = what;
	}
	g->at_us[g->next++ % RPC_GUESS_WRONG] = clock_boot_us();
}
