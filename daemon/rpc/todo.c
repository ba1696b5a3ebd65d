/* What waits for this social worker, in both languages. Ids and counts only: names are for who asks further. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/rpc/rpc_int.h"

#define TODO_LINES 500
#define TODO_TEXT 256

struct todo {
	struct call *c;
	Timebox__V1__Todo *out;
};

static Timebox__V1__TodoLine *line_add(struct todo *t, Timebox__V1__TodoKind kind, const char *en,
				       const char *zh, ...);

/* Both formats take the same arguments in the same order; a number is an unsigned long long. */
static Timebox__V1__TodoLine *
line_add(struct todo *t, Timebox__V1__TodoKind kind, const char *en, const char *zh, ...)
{
	Timebox__V1__TodoLine *line = call_message(t->c, &timebox__v1__todo_line__descriptor);
	char *text = call_alloc(t->c, (size_t)2 * TODO_TEXT);
	va_list ap, again;

	if (line == NULL || text == NULL || t->out->n_lines == TODO_LINES) {
		/* More than anybody reads at once: the rest shows when these are done. */
		return NULL;
	}
	va_start(ap, zh);
	va_copy(again, ap);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(text, TODO_TEXT, en, ap);
	vsnprintf(text + TODO_TEXT, TODO_TEXT, zh, again);
#pragma GCC diagnostic pop
	va_end(again);
	va_end(ap);
	line->todo = kind;
	line->text_en = text;
	line->text_zh = text + TODO_TEXT;
	t->out->lines[t->out->n_lines++] = line;
	return line;
}

/* ---- keys, proposals, the opening ---- */

static void
todo_link(struct todo *t)
{
	if (t->c->key->member == 0)
		line_add(t, TIMEBOX__V1__TODO_KIND__TODO_KIND_LINK_KEY,
			 "link this key to your member number (timebox key link), and have a colleague approve it",
			 "请把此密钥关联到您的编号(timebox key link),并由同事批准");
}

static void
todo_proposal(void *ctx, const struct row_key *key, const void *value)
{
	const struct proposal_row *row = value;
	struct todo *t = ctx;
	const struct command_rule *rule = book_command_find(row->command.kind);
	uint64_t proposer = book_key_person(t->c->rows, row->proposer_no);
	Timebox__V1__TodoLine *line;

	(void)key;
	if (row->proposer_no == t->c->key->no || (proposer != 0 && proposer == t->c->key->member))
		return;
	/* A key that is not linked approves links, and in set-up invitations. */
	if (t->c->key->member == 0 && row->command.kind != COMMAND_KEY_LINK &&
	    (row->command.kind != COMMAND_INVITE || book_station(t->c->rows)->opened))
		return;
	line = line_add(t, TIMEBOX__V1__TODO_KIND__TODO_KIND_APPROVE,
			"a colleague's proposal waits for a second person: %s (entry %llu)",
			"同事的申请等待第二人批准:%s(第 %llu 条)", rule == NULL ? "?" : rule->name,
			(unsigned long long)row->origin.seq);
	if (line != NULL) {
		line->seq = row->origin.seq;
		line->index = row->origin.index;
	}
}

static void
todo_open(struct todo *t)
{
	const struct station *station = book_station(t->c->rows);

	if (station->opened || t->c->key->member == 0 || station->staff_linked < 2 ||
	    station->open_signer == t->c->key->no)
		return;
	line_add(t, TIMEBOX__V1__TODO_KIND__TODO_KIND_OPEN_STATION,
		 station->open_signer == 0
			 ? "the station is in set-up: both social workers sign timebox station open to open it"
			 : "your colleague signed the opening: your timebox station open opens the station",
		 station->open_signer == 0 ? "站点处于期初设置:两位社工都签署 timebox station open 后开放"
					   : "同事已签署开放:您签署 timebox station open 后站点开放");
}

/* Records that this key attested before it was linked, and that turned out to be its person's or of their kin. */
static void
todo_conflict(void *ctx, const struct row_key *key, const void *value)
{
	const struct unlinked_row *row = value;
	struct todo *t = ctx;
	Timebox__V1__TodoLine *line;

	if (key->a != t->c->key->no || t->c->key->member == 0 ||
	    !book_same_or_kin(t->c->rows, t->c->key->member, key->b))
		return;
	line = line_add(t, TIMEBOX__V1__TODO_KIND__TODO_KIND_LINK_CONFLICT,
			"you attested %llu opening records of yourself or of kin, the first in entry %llu: a colleague looks at them",
			"您认定过本人或亲属的期初记录 %llu 条,最早在第 %llu 条:请同事复核",
			(unsigned long long)row->count, (unsigned long long)(row->first_record >> 16));
	if (line != NULL) {
		line->seq = row->first_record >> 16;
		line->index = (uint32_t)(row->first_record & 0xffff);
		line->count = row->count;
	}
}

/* ---- batches and records ---- */

static void
batch_line(struct todo *t, const struct row_key *key, const struct batch_row *row,
	   Timebox__V1__TodoKind kind, const char *en, const char *zh, uint32_t count)
{
	Timebox__V1__TodoLine *line = line_add(t, kind, en, zh, (unsigned long long)count,
					       (unsigned long long)row->first_part);

	if (line == NULL)
		return;
	line->seq = row->first_part;
	line->count = count;
	line->batch = call_bytes(t->c, &key->a, 16);
}

static void
todo_batch(void *ctx, const struct row_key *key, const void *value)
{
	const struct batch_row *row = value;
	struct todo *t = ctx;
	int mine = row->importer_no == t->c->key->no;

	if (row->state == BATCH_IS_INCOMPLETE && mine)
		batch_line(t, key, row, TIMEBOX__V1__TODO_KIND__TODO_KIND_RESUME_BATCH,
			   "your import is incomplete, %llu parts are missing (begun in entry %llu): import the same file again",
			   "您的导入尚缺 %llu 部分(始于第 %llu 条):请再次导入同一文件",
			   row->parts - row->parts_done);
	else if (row->state == BATCH_RECORDED && !mine &&
		 (t->c->key->member != 0 || !book_station(t->c->rows)->opened))
		batch_line(t, key, row, TIMEBOX__V1__TODO_KIND__TODO_KIND_ATTEST_BATCH,
			   "an import of %llu records waits for attestation (from entry %llu)",
			   "有一批 %llu 条记录等待认定(始于第 %llu 条)", row->records);
}

struct waiting_records {
	struct todo *t;
	uint32_t n;
	uint64_t first;
};

/* Records that stand alone, which this key neither opened nor closed, and which are not its person's or of kin. */
static void
count_record(void *ctx, const struct row_key *key, const void *value)
{
	const struct record_row *row = value;
	struct waiting_records *w = ctx;
	const struct key_row *asker = w->t->c->key;

	if (row->state != RECORD_RECORDED || row->in_batch || row->recorder_no == asker->no ||
	    row->closer_no == asker->no || book_same_or_kin(w->t->c->rows, asker->member, row->member))
		return;
	w->n++;
	if (w->first == 0 || key->a < w->first)
		w->first = key->a;
}

static void
todo_records(struct todo *t)
{
	struct waiting_records w = { .t = t };
	Timebox__V1__TodoLine *line;

	if (t->c->key->member == 0)
		return;
	engine_each(t->c->rpc->engine, TABLE_RECORD, count_record, &w);
	if (w.n == 0)
		return;
	line = line_add(t, TIMEBOX__V1__TODO_KIND__TODO_KIND_ATTEST_RECORDS,
			"%llu single records wait for attestation", "有 %llu 条单独记录等待认定",
			(unsigned long long)w.n);
	if (line != NULL) {
		line->count = w.n;
		line->seq = w.first >> 16;
		line->index = (uint32_t)(w.first & 0xffff);
	}
}

/* ---- findings ---- */

/* Staff correct the record; whoever looks again and finds the paper ends it, too. */
static void
todo_finding(void *ctx, const struct row_key *key, const void *value)
{
	const struct finding_row *f = value;
	struct todo *t = ctx;
	const struct record_row *r = call_row(t->c, row_key3(TABLE_RECORD, key->a, 0, 0));
	int missing = f->outcome == FINDING_MISSING;
	Timebox__V1__TodoLine *line;

	if (!finding_open(f, r))
		return;
	line = line_add(t, TIMEBOX__V1__TODO_KIND__TODO_KIND_FINDING,
			missing ? "an audit did not find the sheet behind record %llu.%llu: find it or correct the record"
				: "an audit found a sheet that differs from record %llu.%llu: correct the record",
			missing ? "审计未找到第 %llu.%llu 条记录的原始单据:请补交单据或更正记录"
				: "审计发现第 %llu.%llu 条记录与原始单据不符:请更正记录",
			(unsigned long long)(key->a >> 16), (unsigned long long)(key->a & 0xffff));
	if (line != NULL) {
		line->seq = key->a >> 16;
		line->index = (uint32_t)(key->a & 0xffff);
		line->count = f->count;
	}
}

/* ---- holds, the clock ---- */

static void
todo_hold(void *ctx, const struct row_key *key, const void *value)
{
	const struct hold_row *h = value;
	struct todo *t = ctx;
	Timebox__V1__TodoLine *line;
	char outlet[9];

	(void)key;
	if (h->state != HOLD_HELD || h->use_by_us > t->c->now_us)
		return;
	code_unpack(h->outlet, outlet);
	line = line_add(t, TIMEBOX__V1__TODO_KIND__TODO_KIND_HOLD_ENDING,
			"voucher of entry %llu at %s is past its day and will lapse: ask the outlet whether it was handed out",
			"第 %llu 条的兑换码(%s)已过使用日,即将释放:请问兑换点是否已发放",
			(unsigned long long)h->origin.seq, outlet);
	if (line != NULL) {
		line->seq = h->origin.seq;
		line->index = h->origin.index;
		line->count = h->count;
	}
}

static void
todo_clock(struct todo *t)
{
	uint64_t overdue = engine_overdue(t->c->rpc->engine);
	Timebox__V1__TodoLine *line;

	if (engine_clock_doubtful(t->c->rpc->engine))
		line_add(t, TIMEBOX__V1__TODO_KIND__TODO_KIND_CLOCK,
			 "the clock cannot be trusted and nothing is accepted: check it, then timeboxd clock accept",
			 "时钟不可信,暂停受理:请核对后运行 timeboxd clock accept");
	if (overdue > 0 &&
	    (line = line_add(t, TIMEBOX__V1__TODO_KIND__TODO_KIND_OVERDUE,
			     "%llu things that fell due by the clock are not done yet", "有 %llu 项到期事务尚未处理",
			     (unsigned long long)overdue)) != NULL)
		line->count = overdue > UINT32_MAX ? UINT32_MAX : (uint32_t)overdue;
	line_add(t, TIMEBOX__V1__TODO_KIND__TODO_KIND_CALENDAR,
		 "no holiday calendar for this year: working days are Monday to Friday",
		 "本年度未设节假日日历:工作日按周一至周五计算");
}

enum result
call_get_todo(struct call *c)
{
	struct todo t = { c, call_message(c, &timebox__v1__todo__descriptor) };
	struct engine *engine = c->rpc->engine;

	if (t.out == NULL || (t.out->lines = call_alloc(c, TODO_LINES * sizeof(*t.out->lines))) == NULL)
		return RESULT_NO_MEMORY;
	todo_clock(&t);
	todo_link(&t);
	todo_open(&t);
	todo_records(&t);
	engine_each(engine, TABLE_UNLINKED, todo_conflict, &t);
	engine_each(engine, TABLE_PROPOSAL, todo_proposal, &t);
	engine_each(engine, TABLE_BATCH, todo_batch, &t);
	engine_each(engine, TABLE_FINDING, todo_finding, &t);
	engine_each(engine, TABLE_HOLD, todo_hold, &t);
	c->answer->body_case = TIMEBOX__V1__RESPONSE__BODY_TODO;
	c->answer->todo = t.out;
	return RESULT_OK;
}
