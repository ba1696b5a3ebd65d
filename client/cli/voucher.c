#include "client/cli/voucher.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/out.h"
#include "client/cli/qr.h"

#define DAY_US	  86400000000ll
#define MINUTE_US 60000000ll

int32_t
voucher_last_day(uint64_t end_us, int32_t zone_minutes)
{
	int64_t here = (int64_t)end_us - 1 + zone_minutes * MINUTE_US;

	return end_us == 0 ? 0 : (int32_t)(here / DAY_US);
}

int
voucher_decode(const struct cli *c, const char *text, uint8_t out[VOUCHER_CODE_LEN])
{
	if (code32_decode(text, out, VOUCHER_CODE_LEN) == RESULT_OK)
		return CLI_DONE;
	return cli_fail_here(c, RESULT_WRONG_VOUCHER, "VOUCHER", "%s",
		_("a character is wrong or missing: look again"));
}

int
voucher_find(struct cli *c, struct timebox *tb, const char *text,
	char canonical[CODE32_SIZE(VOUCHER_CODE_LEN)], Timebox__V1__Response **out)
{
	Timebox__V1__GetVoucher ask;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	uint8_t code[VOUCHER_CODE_LEN];
	int rc = voucher_decode(c, text, code);

	*out = NULL;
	if (rc != CLI_DONE)
		return rc;
	(void)code32_encode(canonical, CODE32_SIZE(VOUCHER_CODE_LEN), code, sizeof(code));
	crypto_wipe(code, sizeof(code));
	timebox__v1__get_voucher__init(&ask);
	ask.code = canonical;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_VOUCHER;
	call.get_voucher = &ask;
	return cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_VOUCHER, out);
}

static const Timebox__V1__Voucher *
holds_find(const Timebox__V1__Holds *holds, const uint8_t code[VOUCHER_CODE_LEN])
{
	for (size_t i = 0; i < holds->n_holds; i++) {
		uint8_t other[VOUCHER_CODE_LEN];

		if (code32_decode(holds->holds[i]->code, other, sizeof(other)) == RESULT_OK &&
		    memcmp(other, code, sizeof(other)) == 0)
			return holds->holds[i];
	}
	return NULL;
}

int
voucher_find_own(struct cli *c, struct timebox *tb, uint64_t member, const char *text,
	Timebox__V1__Ref *ref, uint8_t leaf[HASH_LEN])
{
	Timebox__V1__GetHolds ask = TIMEBOX__V1__GET_HOLDS__INIT;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	const Timebox__V1__Voucher *v;
	uint8_t code[VOUCHER_CODE_LEN];
	struct timebox_error e;
	int rc = voucher_decode(c, text, code);

	if (rc != CLI_DONE)
		return rc;
	ask.member = member;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_HOLDS;
	call.get_holds = &ask;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_HOLDS, &answer);
	if (rc != CLI_DONE)
		return rc;
	v = holds_find(answer->holds, code);
	if (v == NULL || v->leaf.len != HASH_LEN) {
		(void)timebox_error_set(&e, TIMEBOX_FAILURE_REFUSED, RESULT_WRONG_VOUCHER, text,
			"%s", "");
		rc = cli_fail(c, &e);
	} else {
		memcpy(leaf, v->leaf.data, HASH_LEN);
		voucher_ref(v, ref);
		ref->leaf = timebox_bytes(leaf, HASH_LEN);
	}
	timebox_response_free(answer);
	return rc;
}

enum result
voucher_state_result(Timebox__V1__HoldState state)
{
	if (state == TIMEBOX__V1__HOLD_STATE__HOLD_STATE_HELD)
		return RESULT_OK;
	if (state == TIMEBOX__V1__HOLD_STATE__HOLD_STATE_CONFIRMED)
		return RESULT_CONFIRMED;
	if (state == TIMEBOX__V1__HOLD_STATE__HOLD_STATE_CANCELLED)
		return RESULT_CANCELLED;
	if (state == TIMEBOX__V1__HOLD_STATE__HOLD_STATE_RELEASED)
		return RESULT_RELEASED;
	if (state == TIMEBOX__V1__HOLD_STATE__HOLD_STATE_REVERSED)
		return RESULT_REVERSED;
	return RESULT_WRONG_VOUCHER;
}

void
voucher_ref(const Timebox__V1__Voucher *v, Timebox__V1__Ref *ref)
{
	ref->seq = v->seq;
	ref->index = v->index;
	ref->leaf = v->leaf;
}

static const Timebox__V1__Effect *
effect_find(const Timebox__V1__Receipt *r, Timebox__V1__EffectKind kind)
{
	for (size_t i = 0; i < r->n_effects; i++)
		if (r->effects[i]->kind == kind)
			return r->effects[i];
	return NULL;
}

bool
voucher_from_receipt(const Timebox__V1__Receipt *r, int32_t zone_minutes, struct voucher_slip *slip)
{
	const Timebox__V1__Effect *e = effect_find(r, TIMEBOX__V1__EFFECT_KIND__EFFECT_KIND_HELD);

	if (e == NULL || r->n_codes == 0 || r->leaf.len != HASH_LEN)
		return false;
	*slip = (struct voucher_slip){.seq = r->seq, .count = e->count, .points = e->points};
	receipt_short(slip->receipt, r->seq, r->leaf.data);
	(void)snprintf(slip->code, sizeof(slip->code), "%s", r->codes[0]->code);
	(void)snprintf(slip->item, sizeof(slip->item), "%s", e->item);
	(void)snprintf(slip->outlet, sizeof(slip->outlet), "%s", e->outlet);
	slip->use_by = voucher_last_day(e->until_us, zone_minutes);
	slip->release = voucher_last_day(e->release_us, zone_minutes) + 1;
	return true;
}

void
voucher_print_json(const struct voucher_slip *slip)
{
	char day[OUT_TIME_SIZE], release[OUT_TIME_SIZE];

	out_json_line(json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "voucher", slip->code,
		"seq", (json_int_t)slip->seq, "receipt", slip->receipt, "item", slip->item, "outlet", slip->outlet, "count",
		(json_int_t)slip->count, "points", (json_int_t)slip->points, "use_by",
		out_day(day, slip->use_by), "release_on", out_day(release, slip->release)));
}

/* "6 H 2 K  -  ...": read out, and copied by hand, letter by letter. */
static void
print_spaced(const char *code)
{
	fputs("  ", stdout);
	for (const char *at = code; *at != '\0'; at++) {
		if (*at == '-')
			fputs("  ", stdout);
		else
			printf(" %c", *at);
	}
	fputs("\n", stdout);
}

static void
print_qr(const char *code)
{
	int terminal = isatty(STDOUT_FILENO);
	struct qr qr;

	if (qr_make(&qr, code) != RESULT_OK)
		return;
	for (size_t i = 0; i < qr.n; i++)
		printf("  %s%s%s\n", terminal ? "\033[30;47m" : "", qr.line[i],
			terminal ? "\033[0m" : "");
}

void
voucher_print_slip(const struct voucher_slip *slip)
{
	char day[OUT_TIME_SIZE];

	printf("\n  %s\n\n", _("Redemption voucher"));
	print_spaced(slip->code);
	fputs("\n", stdout);
	print_qr(slip->code);
	printf("\n  %s: %s × %u\n", _("Item"), slip->item, slip->count);
	printf("  %s: %s\n", _("Collect at"), slip->outlet);
	printf("  %s: %u\n", _("Points"), slip->points);
	printf("  %s: %s\n", _("Good until (that day included)"), out_day(day, slip->use_by));
	printf("  %s: %s\n\n", _("Receipt"), slip->receipt);
	printf("  %s\n\n", _("Whoever shows this slip may collect. Points are thanks, not pay."));
}
