/* timebox member import: the station's people, and then who is kin of whom. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/commands.h"
#include "client/cli/import.h"
#include "client/sheet/member_sheet.h"

_Static_assert((int)MEMBER_CLASS_RESIDENT == (int)TIMEBOX__V1__MEMBER_CLASS__MEMBER_CLASS_RESIDENT &&
	(int)MEMBER_CLASS_PAID == (int)TIMEBOX__V1__MEMBER_CLASS__MEMBER_CLASS_PAID_STAFF,
	"the sheet's numbers are the protocol's");

#define COLUMN_NUMBER "志愿者编号"
#define COLUMN_KIN    "亲属编号"

IMPORT_PARSE(member_parse, member_row, member_sheet_parse)

/* ---- first pass: members ---- */

static int
compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Refuses rows whose kin is neither a member nor in a right row of the file; as that may take the kin
 * away from another row, until nothing changes. */
static void
refuse_unknown_kin(struct import *im)
{
	const struct member_row *rows = im->rows;
	const char **there = calloc(im->n + 1, sizeof(*there));
	bool changed = true;

	if (there == NULL)
		abort();
	while (changed) {
		size_t n = 0;

		changed = false;
		for (size_t i = 0; i < im->n; i++)
			if (import_is_open(im, i))
				there[n++] = rows[i].number;
		qsort(there, n, sizeof(*there), compare_text);
		for (size_t i = 0; i < im->n; i++) {
			const char *kin = rows[i].kin;

			if (!import_is_open(im, i) || kin[0] == '\0' ||
				words_id(&im->numbers, kin) != 0 ||
				bsearch(&kin, there, n, sizeof(*there), compare_text) != NULL)
				continue;
			import_refuse(im, i, RESULT_UNKNOWN_MEMBER, COLUMN_KIN);
			changed = true;
		}
	}
	free(there);
}

static int
member_prepare(struct import *im)
{
	const struct member_row *rows = im->rows;
	int rc;

	import_refuse_repeated(im, offsetof(struct member_row, number), COLUMN_NUMBER);
	for (size_t i = 0; i < im->n; i++) {
		if (!import_is_open(im, i))
			continue;
		import_day(im, i, rows[i].joined, im->today, "加入日期");
		import_day(im, i, rows[i].training_from, INT32_MAX, "培训生效");
		import_day(im, i, rows[i].training_to, INT32_MAX, "培训有效期至");
		if (strcmp(rows[i].kin, rows[i].number) == 0)
			import_refuse(im, i, RESULT_SAME_PERSON, COLUMN_KIN);
		words_add(&im->numbers, rows[i].number);
		words_add(&im->numbers, rows[i].kin);
	}
	rc = words_resolve(im->c, im->tb, &im->numbers);
	if (rc != CLI_DONE)
		return rc;
	refuse_unknown_kin(im);
	for (size_t i = 0; i < im->n; i++) {
		if (!import_is_open(im, i))
			continue;
		if (words_id(&im->numbers, rows[i].number) != 0)
			import_refuse(im, i, RESULT_EXISTS, COLUMN_NUMBER);
		else
			words_add(&im->areas, rows[i].community);
	}
	rc = words_resolve(im->c, im->tb, &im->areas);
	return rc == CLI_DONE ? import_create(im, &im->areas) : rc;
}

static enum result
member_compose(const struct import *im, struct timebox_draft *d, size_t i)
{
	const struct member_row *row = (const struct member_row *)im->rows + i;
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__MemberAdd add = TIMEBOX__V1__MEMBER_ADD__INIT;
	Timebox__V1__PersonText text;
	uint8_t commitment[HASH_LEN];
	enum result r;

	timebox__v1__person_text__init(&text);
	text.number = timebox_string(row->number);
	text.name = timebox_string(row->name);
	text.unit = timebox_string(row->unit);
	text.zone = timebox_string(row->zone);
	text.phone = timebox_string(row->phone);
	r = timebox_draft_text(d, timebox_draft_next(d), 0, &text.base, commitment);
	if (r != RESULT_OK)
		return r;
	command.kind_case = TIMEBOX__V1__COMMAND__KIND_MEMBER_ADD;
	command.member_add = &add;
	add.class_ = (Timebox__V1__MemberClass)row->class;
	add.area = (uint32_t)words_id(&im->areas, row->community);
	add.joined_day = row->joined;
	add.trained_from_day = import_act_day(row->training_from);
	add.trained_to_day = import_act_day(row->training_to);
	add.birth_year = row->birth_year;
	add.commitment = timebox_bytes(commitment, sizeof(commitment));
	return timebox_draft_add(d, &command);
}

/* ---- second pass: kin, when all have ids ---- */

struct pair {
	uint64_t low, high;
	size_t row; /* one that names it */
};

struct pairs {
	struct import *im;
	struct pair *pair;
	size_t n;
};

static int
pair_compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return (x->high > y->high) - (x->high < y->high);
}

/* Each pair once; rows that were there already count too, for an import that broke off in between. */
static void
pairs_collect(struct pairs *p)
{
	const struct member_row *rows = p->im->rows;
	size_t kept = 0;

	for (size_t i = 0; i < p->im->n; i++) {
		uint64_t a = words_id(&p->im->numbers, rows[i].number);
		uint64_t b = words_id(&p->im->numbers, rows[i].kin);
		enum result verdict = p->im->lines[i].verdict;

		if ((verdict == RESULT_OK || verdict == RESULT_EXISTS) && a != 0 && b != 0)
			p->pair[p->n++] = (struct pair){a < b ? a : b, a < b ? b : a, i};
	}
	qsort(p->pair, p->n, sizeof(*p->pair), pair_compare);
	for (size_t i = 0; i < p->n; i++)
		if (kept == 0 || pair_compare(&p->pair[kept - 1], &p->pair[i]) != 0)
			p->pair[kept++] = p->pair[i];
	p->n = kept;
}

static int
pair_is_known(struct import *im, const struct pair *pair, bool *known)
{
	Timebox__V1__GetMember ask;
	Timebox__V1__Call call = TIMEBOX__V1__CALL__INIT;
	Timebox__V1__Response *answer = NULL;
	int rc;

	timebox__v1__get_member__init(&ask);
	ask.member = pair->low;
	call.kind_case = TIMEBOX__V1__CALL__KIND_GET_MEMBER;
	call.get_member = &ask;
	*known = false;
	rc = cli_call(im->c, im->tb, &call, TIMEBOX__V1__RESPONSE__BODY_MEMBER, &answer);
	for (size_t i = 0; rc == CLI_DONE && i < answer->member->n_kin; i++)
		*known = *known || answer->member->kin[i] == pair->high;
	timebox_response_free(answer);
	return rc;
}

/* Leaves out the pairs that are kin already. */
static int
pairs_drop_known(struct pairs *p)
{
	size_t kept = 0;
	int rc = CLI_DONE;

	for (size_t i = 0; i < p->n && rc == CLI_DONE; i++) {
		bool known = false;

		if (p->im->lines[p->pair[i].row].verdict == RESULT_EXISTS)
			rc = pair_is_known(p->im, &p->pair[i], &known);
		if (!known)
			p->pair[kept++] = p->pair[i];
	}
	p->n = kept;
	return rc;
}

static enum result
pair_compose(void *ctx, struct timebox_draft *d, size_t i)
{
	const struct pairs *p = ctx;
	Timebox__V1__Command command = TIMEBOX__V1__COMMAND__INIT;
	Timebox__V1__KinAdd add = TIMEBOX__V1__KIN_ADD__INIT;

	command.kind_case = TIMEBOX__V1__COMMAND__KIND_KIN_ADD;
	command.kin_add = &add;
	add.member = p->pair[i].low;
	add.other = p->pair[i].high;
	return timebox_draft_add(d, &command);
}

static void
pair_refused(void *ctx, size_t i, const struct timebox_error *why)
{
	struct pairs *p = ctx;

	import_refuse(p->im, p->pair[i].row, why->code, COLUMN_KIN);
}

static int
pairs_send(struct pairs *p)
{
	const struct acts a = {.ctx = p, .compose = pair_compose, .refused = pair_refused,
		.label = _("kin")};
	size_t *items = calloc(p->n + 1, sizeof(*items));
	int rc;

	if (items == NULL)
		abort();
	for (size_t i = 0; i < p->n; i++)
		items[i] = i;
	rc = acts_send(p->im->c, p->im->tb, &a, items, p->n);
	free(items);
	p->im->extra = p->n;
	return rc;
}

static int
member_finish(struct import *im)
{
	struct pairs p = {.im = im, .pair = calloc(im->n + 1, sizeof(*p.pair))};
	int rc = words_resolve(im->c, im->tb, &im->numbers);

	if (p.pair == NULL)
		abort();
	if (rc == CLI_DONE) {
		pairs_collect(&p);
		rc = pairs_drop_known(&p);
	}
	if (rc == CLI_DONE)
		rc = pairs_send(&p);
	free(p.pair);
	return rc;
}

int
cmd_member_import(struct cli *c, int argc, char **argv)
{
	static const struct import_column columns[] = {
		{RESULT_EXISTS, "", COLUMN_NUMBER},
		{RESULT_OK, "number", COLUMN_NUMBER},
		{RESULT_OK, "area", "社区"},
		{RESULT_OK, "joined_day", "加入日期"},
		{RESULT_OK, "", NULL},
	};
	static const struct import_kind kind = {
		.parse = member_parse, IMPORT_ROWS(member_row), .prepare = member_prepare,
		.compose = member_compose, .finish = member_finish, .columns = columns,
	};

	return import_run(c, argc, argv,
		N_("Takes in the people of a sheet with the columns 志愿者编号 姓名 类别 单位 社区 片区 手机 "
		   "出生年份 加入日期 培训生效 培训有效期至 亲属编号. Numbers that are there already are left as "
		   "they are; the kin may stand further down."),
		"  timebox member import members.csv\n", &kind);
}
