/* In the simulator nobody keeps a checkpoint: a disk that lost an end is what the model itself finds. Nor a list of erasures. */
#include "daemon/engine/engine_int.h"

enum result
known_load(struct engine *e, struct engine_error *error)
{
	(void)e;
	(void)error;
	return RESULT_OK;
}

void
known_draft(struct engine *e)
{
	(void)e;
}

void
known_write(void *ctx)
{
	(void)ctx;
}

void
known_settle(struct engine *e)
{
	(void)e;
}

enum result
nodes_load(struct engine *e)
{
	(void)e;
	return RESULT_OK;
}

void
nodes_save(struct engine *e)
{
	(void)e;
}

void
erasure_list_write(struct engine *e)
{
	(void)e;
}

uint64_t
engine_behind(const struct engine *e)
{
	(void)e;
	return 0;
}
