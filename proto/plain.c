#include "proto/plain.h"

#include <assert.h>
#include <string.h>
#include <unistr.h>

#include "proto/wire.h"

typedef ProtobufCFieldDescriptor Field;

/* How a type stands on the wire; those that our schema does not have are of none. */
enum form { FORM_NONE, FORM_NUMBER, FORM_STRING, FORM_BYTES, FORM_MESSAGE };

static const struct {
	uint8_t form;
	uint8_t size; /* of a value in memory, bytes */
} types[] = {
    [PROTOBUF_C_TYPE_INT32] = {FORM_NUMBER, sizeof(int32_t)},
    [PROTOBUF_C_TYPE_SINT32] = {FORM_NUMBER, sizeof(int32_t)},
    [PROTOBUF_C_TYPE_INT64] = {FORM_NUMBER, sizeof(int64_t)},
    [PROTOBUF_C_TYPE_SINT64] = {FORM_NUMBER, sizeof(int64_t)},
    [PROTOBUF_C_TYPE_UINT32] = {FORM_NUMBER, sizeof(uint32_t)},
    [PROTOBUF_C_TYPE_UINT64] = {FORM_NUMBER, sizeof(uint64_t)},
    [PROTOBUF_C_TYPE_BOOL] = {FORM_NUMBER, sizeof(protobuf_c_boolean)},
    [PROTOBUF_C_TYPE_ENUM] = {FORM_NUMBER, sizeof(int32_t)},
    [PROTOBUF_C_TYPE_STRING] = {FORM_STRING, sizeof(char *)},
    [PROTOBUF_C_TYPE_BYTES] = {FORM_BYTES, sizeof(ProtobufCBinaryData)},
    [PROTOBUF_C_TYPE_MESSAGE] = {FORM_MESSAGE, sizeof(ProtobufCMessage *)},
};

static int
is_packed(const Field *f)
{
	return (f->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0;
}

static int
is_choice(const Field *f)
{
	return (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* ---- numbers in memory and on the wire ---- */

static uint64_t
unsigned_load(const void *at, size_t size)
{
	uint64_t v8;
	uint32_t v4;

	if (size == sizeof(v8)) {
		memcpy(&v8, at, sizeof(v8));
		return v8;
	}
	memcpy(&v4, at, sizeof(v4));
	return v4;
}

static int64_t
signed_load(const void *at, size_t size)
{
	uint64_t v = unsigned_load(at, size);

	return size == sizeof(int32_t) ? (int32_t)(uint32_t)v : (int64_t)v;
}

/* A value as its varint. */
static uint64_t
number_load(ProtobufCType type, const void *at)
{
	size_t size = types[type].size;
	int64_t s;

	switch ((int)type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_ENUM:
		return (uint64_t)signed_load(at, size);
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SINT64:
		s = signed_load(at, size);
		return (uint64_t)s << 1 ^ (s < 0 ? UINT64_MAX : 0);
	case PROTOBUF_C_TYPE_BOOL:
		return unsigned_load(at, size) != 0;
	default:
		return unsigned_load(at, size);
	}
}

/* A varint as the value; 0, or -1 where the type does not hold it. */
static int
number_store(ProtobufCType type, uint64_t v, void *at)
{
	size_t size = types[type].size;
	uint64_t value = v;
	uint32_t v4;

	if (type == PROTOBUF_C_TYPE_SINT32 || type == PROTOBUF_C_TYPE_SINT64)
		value = v >> 1 ^ (v & 1 ? UINT64_MAX : 0);
	v4 = (uint32_t)value;
	memcpy(at, size == sizeof(v4) ? (const void *)&v4 : &value, size);
	return number_load(type, at) == v ? 0 : -1;
}

/* ---- reading: -1, or NULL, where it is not plain or there is no memory ---- */

static ProtobufCMessage *message_read(
    const ProtobufCMessageDescriptor *desc, struct arena *a, struct wire w);

/* The bytes with a 0 behind them. */
static uint8_t *
bytes_copy(struct arena *a, const struct wire *value)
{
	size_t n = wire_left(value);
	uint8_t *copy = arena_alloc(a, n + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, value->p, n);
	copy[n] = 0;
	return copy;
}

static int
string_read(struct arena *a, const struct wire *value, void *at)
{
	size_t n = wire_left(value);
	uint8_t *copy;

	if (n > 0 && (memchr(value->p, 0, n) != NULL || u8_check(value->p, n) != NULL))
		return -1;
	copy = bytes_copy(a, value);
	memcpy(at, &copy, sizeof(copy));
	return copy != NULL ? 0 : -1;
}

static int
bytes_read(struct arena *a, const struct wire *value, void *at)
{
	ProtobufCBinaryData data = {wire_left(value), bytes_copy(a, value)};

	memcpy(at, &data, sizeof(data));
	return data.data != NULL ? 0 : -1;
}

/* One value; `absent`: whether it is one that is left out where it stands alone. */
static int
value_read(const Field *f, struct arena *a, unsigned type, struct wire *w, void *at, int *absent)
{
	ProtobufCMessage *m;
	struct wire value;
	uint64_t v;

	if (types[f->type].form == FORM_NUMBER) {
		if (type != WIRE_VARINT || wire_varint(w, &v) != 0)
			return -1;
		*absent = v == 0;
		return number_store(f->type, v, at);
	}
	if (type != WIRE_BYTES || wire_bytes(w, &value) != 0)
		return -1;
	*absent = wire_left(&value) == 0;
	switch ((enum form)types[f->type].form) {
	case FORM_STRING:
		return string_read(a, &value, at);
	case FORM_BYTES:
		return bytes_read(a, &value, at);
	case FORM_MESSAGE:
		*absent = 0;
		m = message_read(f->descriptor, a, value);
		memcpy(at, &m, sizeof(m));
		return m != NULL ? 0 : -1;
	case FORM_NUMBER:
	case FORM_NONE:
		break;
	}
	return -1;
}

/* Room for a list of n values, noted in the message, whose wire bytes are there already. */
static uint8_t *
list_make(ProtobufCMessage *m, const Field *f, struct arena *a, size_t n)
{
	uint8_t *list = arena_alloc(a, n * types[f->type].size);

	memcpy((char *)m + f->quantifier_offset, &n, sizeof(n));
	memcpy((char *)m + f->offset, &list, sizeof(list));
	return list;
}

static int
packed_read(ProtobufCMessage *m, const Field *f, struct arena *a, unsigned type, struct wire *w)
{
	struct wire numbers;
	size_t n = 0;
	uint64_t v;
	uint8_t *at;

	if (type != WIRE_BYTES || wire_bytes(w, &numbers) != 0 || wire_left(&numbers) == 0)
		return -1;
	/* A varint ends with its first byte below 128. */
	for (const uint8_t *p = numbers.p; p < numbers.end; p++)
		n += *p < 0x80;
	if ((at = list_make(m, f, a, n)) == NULL)
		return -1;
	for (; wire_left(&numbers) > 0; at += types[f->type].size)
		if (wire_varint(&numbers, &v) != 0 || number_store(f->type, v, at) != 0)
			return -1;
	return 0;
}

/* How many values of the field stand from here on, the first behind its key. */
static size_t
list_count(const Field *f, unsigned type, struct wire w)
{
	uint32_t id = f->id;
	size_t n = 0;

	for (; id == f->id && wire_skip(&w, type) == 0; n++)
		if (wire_left(&w) == 0 || wire_key(&w, &id, &type) != 0)
			id = 0;
	return n;
}

static int
list_read(ProtobufCMessage *m, const Field *f, struct arena *a, unsigned type, struct wire *w)
{
	size_t n = list_count(f, type, *w);
	uint8_t *at = list_make(m, f, a, n);
	uint32_t id;
	int absent;

	if (at == NULL || n == 0)
		return -1;
	for (size_t i = 0; i < n; i++, at += types[f->type].size)
		if ((i > 0 && wire_key(w, &id, &type) != 0) ||
		    value_read(f, a, type, w, at, &absent) != 0)
			return -1;
	return 0;
}

static int
field_read(ProtobufCMessage *m, const Field *f, struct arena *a, unsigned type, struct wire *w)
{
	char *quantifier = (char *)m + f->quantifier_offset, *at = (char *)m + f->offset;
	uint32_t chosen;
	int absent;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return is_packed(f) ? packed_read(m, f, a, type, w) : list_read(m, f, a, type, w);
	/* What notes apart whether it is there. */
	if (f->label != PROTOBUF_C_LABEL_NONE)
		return -1;
	if (is_choice(f)) {
		memcpy(&chosen, quantifier, sizeof(chosen));
		if (chosen != 0)
			return -1;
		memcpy(quantifier, &f->id, sizeof(f->id));
	}
	if (value_read(f, a, type, w, at, &absent) != 0)
		return -1;
	return absent && !is_choice(f) ? -1 : 0;
}

static ProtobufCMessage *
message_read(const ProtobufCMessageDescriptor *desc, struct arena *a, struct wire w)
{
	ProtobufCMessage *m = arena_alloc(a, desc->sizeof_message);
	uint32_t id;
	unsigned type, i = 0;

	if (m == NULL)
		return NULL;
	protobuf_c_message_init(desc, m);
	for (; wire_left(&w) > 0; i++) {
		if (wire_key(&w, &id, &type) != 0)
			return NULL;
		/* Both go upwards. */
		while (i < desc->n_fields && desc->fields[i].id < id)
			i++;
		if (i == desc->n_fields || desc->fields[i].id != id ||
		    field_read(m, &desc->fields[i], a, type, &w) != 0)
			return NULL;
	}
	return m;
}

ProtobufCMessage *
plain_unpack(const ProtobufCMessageDescriptor *desc, struct arena *a, const uint8_t *buf, size_t n)
{
	static const uint8_t nothing[1];

	if (n == 0)
		buf = nothing;
	return message_read(desc, a, (struct wire){buf, buf + n});
}

/* ---- writing, from the last byte to the first: lengths are known when they are written ---- */

struct back {
	uint8_t *start, *at; /* at..end is written */
	int full;
};

static void
back_bytes(struct back *b, const void *p, size_t n)
{
	if (b->full || n > (size_t)(b->at - b->start)) {
		b->full = 1;
		return;
	}
	b->at -= n;
	if (n > 0)
		memcpy(b->at, p, n);
}

static void
back_varint(struct back *b, uint64_t v)
{
	/* 7 bits a byte, and a byte for none. */
	size_t n = (size_t)(70 - __builtin_clzll(v | 1)) / 7;
	uint8_t *p;

	if (b->full || n > (size_t)(b->at - b->start)) {
		b->full = 1;
		return;
	}
	p = b->at -= n;
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p = (uint8_t)v;
}

static void message_back(struct back *b, const ProtobufCMessage *m);

/* What is inside a value that has a length before it. */
static void
inside_back(struct back *b, const Field *f, const void *at)
{
	ProtobufCBinaryData data = {0, NULL};
	const ProtobufCMessage *m;

	switch ((enum form)types[f->type].form) {
	case FORM_STRING:
		memcpy(&data.data, at, sizeof(data.data));
		data.len = data.data != NULL ? strlen((const char *)data.data) : 0;
		back_bytes(b, data.data, data.len);
		break;
	case FORM_BYTES:
		memcpy(&data, at, sizeof(data));
		back_bytes(b, data.data, data.len);
		break;
	case FORM_MESSAGE:
		memcpy(&m, at, sizeof(m));
		if (m != NULL)
			message_back(b, m);
		break;
	case FORM_NUMBER:
	case FORM_NONE:
		assert(0);
	}
}

static void
value_back(struct back *b, const Field *f, const void *at)
{
	const uint8_t *end = b->at;

	assert(types[f->type].form != FORM_NONE);
	if (types[f->type].form == FORM_NUMBER) {
		back_varint(b, number_load(f->type, at));
		back_varint(b, (uint64_t)f->id << 3 | WIRE_VARINT);
		return;
	}
	inside_back(b, f, at);
	back_varint(b, (uint64_t)(end - b->at));
	back_varint(b, (uint64_t)f->id << 3 | WIRE_BYTES);
}

static void
list_back(struct back *b, const ProtobufCMessage *m, const Field *f)
{
	const uint8_t *list, *end = b->at;
	size_t n, size = types[f->type].size;

	memcpy(&n, (const char *)m + f->quantifier_offset, sizeof(n));
	memcpy(&list, (const char *)m + f->offset, sizeof(list));
	if (n == 0)
		return;
	while (n-- > 0)
		if (is_packed(f))
			back_varint(b, number_load(f->type, list + n * size));
		else
			value_back(b, f, list + n * size);
	if (is_packed(f)) {
		back_varint(b, (uint64_t)(end - b->at));
		back_varint(b, (uint64_t)f->id << 3 | WIRE_BYTES);
	}
}

/* Whether a field that stands alone is left out: a number that is 0, nothing inside. */
static int
is_absent(const Field *f, const void *at)
{
	const char *p;

	if (types[f->type].form == FORM_NUMBER)
		return unsigned_load(at, types[f->type].size) == 0;
	/* Of bytes, this is their length. */
	memcpy(&p, at, sizeof(p));
	return p == NULL || (types[f->type].form == FORM_STRING && p[0] == 0);
}

/* Whether a field is the one that was chosen of several: then it is written also when it is 0. */
static int
is_chosen(const ProtobufCMessage *m, const Field *f)
{
	uint32_t chosen;
	const void *p;

	memcpy(&chosen, (const char *)m + f->quantifier_offset, sizeof(chosen));
	if (chosen != f->id)
		return 0;
	if (types[f->type].form != FORM_STRING && types[f->type].form != FORM_MESSAGE)
		return 1;
	memcpy(&p, (const char *)m + f->offset, sizeof(p));
	return p != NULL && p != f->default_value;
}

static void
field_back(struct back *b, const ProtobufCMessage *m, const Field *f)
{
	const void *at = (const char *)m + f->offset;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		list_back(b, m, f);
	else if (is_choice(f) ? is_chosen(m, f) : !is_absent(f, at))
		value_back(b, f, at);
}

static void
message_back(struct back *b, const ProtobufCMessage *m)
{
	for (unsigned i = m->n_unknown_fields; i-- > 0;) {
		const ProtobufCMessageUnknownField *u = &m->unknown_fields[i];

		back_bytes(b, u->data, u->len);
		back_varint(b, (uint64_t)u->tag << 3 | u->wire_type);
	}
	for (unsigned i = m->descriptor->n_fields; i-- > 0;)
		field_back(b, m, &m->descriptor->fields[i]);
}

const uint8_t *
plain_pack(const ProtobufCMessage *m, uint8_t *buf, size_t cap)
{
	struct back b = {.start = buf, .at = buf + cap};

	message_back(&b, m);
	return b.full ? NULL : b.at;
}
