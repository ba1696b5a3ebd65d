#include "tests/bench/wire.h"

#include "proto/code32.h"
#include "proto/frame.h"
#include "proto/uuid7.h"

#include <string.h>

#define ACT_ROOM  (400u + 40u * WIRE_COMMANDS_MAX)
#define TAG(f, w) ((uint64_t)(f) << 3 | (w))

/* ---- writing ---- */

struct pen {
	uint8_t *p;
};

static void
put_varint(struct pen *w, uint64_t v)
{
	while (v > 127) {
		*w->p++ = (uint8_t)(v | 128);
		v >>= 7;
	}
	*w->p++ = (uint8_t)v;
}

static void
put_number(struct pen *w, unsigned field, uint64_t v)
{
	if (v == 0)
		return;
	put_varint(w, TAG(field, 0));
	put_varint(w, v);
}

static void
put_bytes(struct pen *w, unsigned field, const void *p, size_t n)
{
	put_varint(w, TAG(field, 2));
	put_varint(w, n);
	memcpy(w->p, p, n);
	w->p += n;
}

/* A sub-message of what was written from `body` on, which lies in its own buffer. */
static void
put_message(struct pen *w, unsigned field, const uint8_t *body, const struct pen *end)
{
	put_bytes(w, field, body, (size_t)(end->p - body));
}

uint64_t
wire_random(void)
{
	static uint64_t s[2];
	uint64_t a, b;

	if (s[0] == 0 && crypto_random(s, sizeof(s)) != RESULT_OK)
		bench_die("no randomness");
	a = s[0];
	b = s[1];
	s[0] = b;
	a ^= a << 23;
	s[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
	return s[1] + b;
}

/* A UUIDv7 whose random bits are ours: the system's generator costs too much here. */
static void
make_id(uint8_t id[UUID7_LEN], uint64_t unix_ms)
{
	uint64_t a = wire_random(), b = wire_random();

	for (int i = 0; i < 6; i++)
		id[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
	memcpy(id + 6, &a, 2);
	memcpy(id + 8, &b, 8);
	id[6] = (uint8_t)(0x70 | (id[6] & 0x0f));
	id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
}

static void
put_act_head(struct pen *w, const struct actor *a, uint64_t now_us)
{
	uint8_t id[UUID7_LEN];

	make_id(id, now_us / 1000);
	put_bytes(w, 1, a->origin, strlen(a->origin));
	put_bytes(w, 2, id, sizeof(id));
	put_number(w, 3, now_us);
	put_bytes(w, 4, a->key, KEY_LEN);
	if (a->member != 0) {
		put_number(w, 5, a->member);
		put_bytes(w, 6, a->session, sizeof(a->session));
	}
}

/* Command `field` with the body from `body` on, as the act's next command. */
static void
put_command(struct pen *w, unsigned field, const uint8_t *body, const struct pen *end)
{
	uint8_t command[128];
	struct pen in = {command};

	put_message(&in, field, body, end);
	put_message(w, 9, command, &in);
}

static void
send_frame(struct conn *c, const uint8_t *body, size_t n)
{
	uint8_t *to = bytes_room(&c->out, n + FRAME_HEAD_MAX);
	size_t head = frame_head(to, (uint32_t)n);

	memcpy(to + head, body, n);
	c->out.n += head + n;
	c->number++;
	c->waiting++;
}

static void
send_act(struct conn *c, const uint8_t *act, const struct pen *end)
{
	static uint8_t request[ACT_ROOM + 16];
	struct pen w = {request};

	put_message(&w, 1, act, end);
	send_frame(c, request, (size_t)(w.p - request));
}

void
wire_gift(struct conn *c, const struct actor *a, uint64_t now_us, const uint64_t *to, unsigned n)
{
	static uint8_t act[ACT_ROOM];
	struct pen w = {act};

	put_act_head(&w, a, now_us);
	for (unsigned i = 0; i < n; i++) {
		uint8_t gift[64];
		struct pen g = {gift};

		put_number(&g, 1, a->member);
		put_number(&g, 2, to[i]);
		put_number(&g, 3, 1);
		put_command(&w, 66, gift, &g);
	}
	send_act(c, act, &w);
}

void
wire_hold(struct conn *c, const struct actor *a, uint64_t now_us, const char *item)
{
	uint8_t act[512], hold[64];
	struct pen w = {act}, h = {hold};

	put_act_head(&w, a, now_us);
	put_number(&h, 1, a->member);
	put_bytes(&h, 2, item, strlen(item));
	put_number(&h, 4, 1);
	put_command(&w, 60, hold, &h);
	send_act(c, act, &w);
}

void
wire_confirm(struct conn *c, const struct actor *a, uint64_t now_us, const struct answer *held)
{
	uint8_t act[512], ref[64], confirm[80], request[800], code[10], private[40], sig[SIG_LEN];
	struct pen w = {act}, r = {ref}, m = {confirm}, q = {request}, s = {private};
	char text[64];

	if (held->leaf == NULL || held->voucher == NULL || held->voucher_len >= sizeof(text))
		bench_die("a hold without a voucher");
	memcpy(text, held->voucher, held->voucher_len);
	text[held->voucher_len] = '\0';
	if (code32_decode(text, code, sizeof(code)) != RESULT_OK)
		bench_die("a voucher that cannot be read");
	put_act_head(&w, a, now_us);
	put_number(&r, 1, held->seq);
	put_bytes(&r, 3, held->leaf, HASH_LEN);
	put_message(&m, 1, ref, &r);
	put_command(&w, 61, confirm, &m);
	if (act_sign(a->seed, act, (size_t)(w.p - act), sig) != RESULT_OK)
		bench_die("an act cannot be signed");
	put_message(&q, 1, act, &w);
	put_bytes(&q, 2, sig, sizeof(sig));
	put_bytes(&s, 2, code, sizeof(code));
	put_message(&q, 3, private, &s);
	send_frame(c, request, (size_t)(q.p - request));
}

static void
send_call(struct conn *c, unsigned field, const uint8_t *body, const struct pen *end)
{
	uint8_t call[256], request[300];
	struct pen w = {call}, q = {request};

	put_message(&w, field, body, end);
	put_message(&q, 4, call, &w);
	send_frame(c, request, (size_t)(q.p - request));
}

void
wire_get_member(struct conn *c, uint64_t member)
{
	uint8_t body[32];
	struct pen w = {body};

	put_number(&w, 2, member);
	send_call(c, 5, body, &w);
}

void
wire_login(struct conn *c, const char *number, const char *pin)
{
	uint8_t body[128];
	struct pen w = {body};

	put_bytes(&w, 1, number, strlen(number));
	put_bytes(&w, 3, pin, strlen(pin));
	send_call(c, 1, body, &w);
}

/* ---- reading ---- */

struct eye {
	const uint8_t *p, *end;
};

struct field {
	uint64_t number, value;
	const uint8_t *p; /* of length-delimited fields; value is the length */
};

static uint64_t
get_varint(struct eye *e)
{
	uint64_t v = 0;

	for (unsigned shift = 0; e->p < e->end && shift < 64; shift += 7) {
		v |= (uint64_t)(*e->p & 127) << shift;
		if ((*e->p++ & 128) == 0)
			return v;
	}
	bench_die("an answer that is no message");
}

/* 1 and the next field, or 0 at the end. Our messages have varints and bytes only. */
static int
next_field(struct eye *e, struct field *f)
{
	uint64_t tag;

	if (e->p == e->end)
		return 0;
	tag = get_varint(e);
	f->number = tag >> 3;
	f->value = get_varint(e);
	f->p = e->p;
	if ((tag & 7) == 0)
		return 1;
	if ((tag & 7) != 2 || f->value > (uint64_t)(e->end - e->p))
		bench_die("an answer that is no message");
	e->p += f->value;
	return 1;
}

size_t
wire_frame(const struct conn *c, const uint8_t **body, size_t *body_len)
{
	size_t head;

	switch (frame_parse(c->in.p, c->in.n, FRAME_MAX_BYTES, &head, body_len)) {
	case FRAME_MORE:
		return 0;
	case FRAME_READY:
		*body = c->in.p + head;
		return head + *body_len;
	case FRAME_BAD:
	case FRAME_OVERSIZED:
		break;
	}
	bench_die("an answer that is no frame");
}

static void
read_receipt(const struct field *in, struct answer *out)
{
	struct eye e = {in->p, in->p + in->value};
	struct field f, g;

	while (next_field(&e, &f)) {
		if (f.number == 1)
			out->seq = f.value;
		else if (f.number == 2 && f.value == HASH_LEN)
			out->leaf = f.p;
		else if (f.number == 4 && out->voucher == NULL) {
			struct eye code = {f.p, f.p + f.value};

			while (next_field(&code, &g))
				if (g.number == 2) {
					out->voucher = (const char *)g.p;
					out->voucher_len = g.value;
				}
		}
	}
}

void
wire_answer(const uint8_t *p, size_t n, struct answer *out)
{
	struct eye e = {p, p + n};
	struct field f;

	memset(out, 0, sizeof(*out));
	while (next_field(&e, &f)) {
		if (f.number == 1) {
			out->number = f.value;
		} else if (f.number == 2) {
			out->code = (uint32_t)f.value;
		} else if (f.number == 3) {
			size_t len = f.value < sizeof(out->name) ? f.value : sizeof(out->name) - 1;

			memcpy(out->name, f.p, len);
		} else if (f.number == 11) {
			read_receipt(&f, out);
		}
	}
}
