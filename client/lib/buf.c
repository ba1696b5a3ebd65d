#include "client/lib/lib_int.h"

#include <stdlib.h>
#include <string.h>

#define BUF_MAX ((size_t)64 << 20)

enum result
buf_reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap == 0 ? 512 : b->cap;
	uint8_t *p;

	if (n > BUF_MAX || b->n > BUF_MAX - n)
		return RESULT_NO_MEMORY;
	if (b->n + n <= b->cap)
		return RESULT_OK;
	while (cap < b->n + n)
		cap *= 2;
	p = realloc(b->p, cap);
	if (p == NULL)
		return RESULT_NO_MEMORY;
	b->p = p;
	b->cap = cap;
	return RESULT_OK;
}

enum result
buf_append(struct buf *b, const void *p, size_t n)
{
	enum result r = buf_reserve(b, n);

	if (r != RESULT_OK)
		return r;
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return RESULT_OK;
}

/* LEB128, as protobuf writes it; returns the size. */
static size_t
buf_varint(uint8_t out[10], uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	return n;
}

/* Tag and length of a field of wire type 2; returns their size. */
static size_t
buf_field_head(uint8_t out[20], uint32_t field, size_t n)
{
	size_t tag = buf_varint(out, (uint64_t)field << 3 | 2);

	return tag + buf_varint(out + tag, n);
}

enum result
buf_append_field(struct buf *b, uint32_t field, const void *p, size_t n)
{
	uint8_t head[20];
	size_t head_n = buf_field_head(head, field, n);
	enum result r;

	if (n > BUF_MAX)
		return RESULT_NO_MEMORY;
	r = buf_reserve(b, head_n + n);
	if (r == RESULT_OK)
		r = buf_append(b, head, head_n);
	if (r == RESULT_OK)
		r = buf_append(b, p, n);
	return r;
}

size_t
buf_message_field_size(uint32_t field, const ProtobufCMessage *m)
{
	uint8_t head[20];
	size_t n = protobuf_c_message_get_packed_size(m);

	return buf_field_head(head, field, n) + n;
}

enum result
buf_append_message(struct buf *b, uint32_t field, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m), head_n;
	uint8_t head[20];
	enum result r;

	if (n > BUF_MAX)
		return RESULT_NO_MEMORY;
	head_n = buf_field_head(head, field, n);
	r = buf_reserve(b, head_n + n);
	if (r == RESULT_OK)
		r = buf_append(b, head, head_n);
	if (r != RESULT_OK)
		return r;
	b->n += protobuf_c_message_pack(m, b->p + b->n);
	return RESULT_OK;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){NULL, 0, 0};
}
