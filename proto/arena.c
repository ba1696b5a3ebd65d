#include "proto/arena.h"

#include <assert.h>
#include <stdlib.h>

static_assert(ARENA_ALIGN <= _Alignof(max_align_t), "malloc aligns the block for everything in it");

enum result
arena_init(struct arena *a, size_t cap)
{
	assert(cap > 0);
	a->base = malloc(cap);
	a->size = a->base == NULL ? 0 : cap;
	a->used = 0;
	a->full = 0;
	return a->base == NULL ? RESULT_NO_MEMORY : RESULT_OK;
}

void
arena_reset(struct arena *a)
{
	a->used = 0;
	a->full = 0;
}

void
arena_free(struct arena *a)
{
	free(a->base);
	*a = (struct arena){0};
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t room = a->size - a->used;
	size_t take;
	void *p;

	if (n == 0)
		n = 1;
	if (n > room) {
		a->full = 1;
		return NULL;
	}
	p = a->base + a->used;
	/* The last piece may end without the padding that would lie beyond the block. */
	take = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	a->used += take < n || take > room ? room : take;
	return p;
}

static void *
arena_protobuf_alloc(void *data, size_t n)
{
	struct arena *a = data;

	return arena_alloc(a, n);
}

static void
arena_protobuf_free(void *data, void *p)
{
	(void)data;
	(void)p;
}

ProtobufCAllocator
arena_protobuf(struct arena *a)
{
	return (ProtobufCAllocator){
	    .alloc = arena_protobuf_alloc,
	    .free = arena_protobuf_free,
	    .allocator_data = a,
	};
}
