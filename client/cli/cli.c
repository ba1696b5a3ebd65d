#include "client/cli/cli.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/out.h"

/* ---- errors ---- */

const char *
cli_result_text(const struct cli *c, enum result code)
{
	return c->zh ? result_text_zh(code) : result_text_en(code);
}

int
cli_exit_of(enum timebox_failure failure, enum result code)
{
	switch (failure) {
	case TIMEBOX_FAILURE_NONE:
		return CLI_DONE;
	case TIMEBOX_FAILURE_REFUSED:
		return code == RESULT_ALREADY_DONE || code == RESULT_ALREADY_OPEN ? CLI_NOTHING
										  : CLI_REFUSED;
	case TIMEBOX_FAILURE_REACH:
	case TIMEBOX_FAILURE_UNKNOWN:
		return CLI_UNKNOWN;
	case TIMEBOX_FAILURE_HERE:
		break;
	}
	if (code == RESULT_NO_MEMORY || code == RESULT_INTERNAL || code == RESULT_IO)
		return CLI_INTERNAL;
	return code == RESULT_CORRUPT || code == RESULT_UNKNOWN_KEY || code == RESULT_WRONG_ORIGIN
		? CLI_VERIFY : CLI_USAGE;
}

/* What somebody can do about it; "" where the text says it all. */
static const char *
fail_advice(const struct timebox_error *e)
{
	switch (e->failure) {
	case TIMEBOX_FAILURE_UNKNOWN:
		return _("it may have happened: ask before doing it again");
	case TIMEBOX_FAILURE_REACH:
		return _("nothing was done: try again, and see that timeboxd runs there");
	case TIMEBOX_FAILURE_NONE:
	case TIMEBOX_FAILURE_HERE:
	case TIMEBOX_FAILURE_REFUSED:
		break;
	}
	return "";
}

static void
fail_words(const struct cli *c, const struct timebox_error *e, const char *request_id)
{
	const char *advice = fail_advice(e);

	fprintf(stderr, "timebox: %s (%s)", result_known((unsigned)e->code) && e->name[0] != '\0' &&
			strcmp(e->name, result_name(e->code)) == 0
		? cli_result_text(c, e->code) : "?", e->name);
	if (e->field[0] != '\0')
		fprintf(stderr, ": %s", e->field);
	if (e->text[0] != '\0')
		fprintf(stderr, ": %s", e->text);
	fputc('\n', stderr);
	if (e->retry_after_s > 0)
		fprintf(stderr, _("timebox: wait %u s before the next try\n"), e->retry_after_s);
	if (advice[0] != '\0')
		fprintf(stderr, "timebox: %s\n", advice);
	if (request_id != NULL)
		fprintf(stderr, "timebox: timebox receipt %s\n", request_id);
}

static void
fail_json(const struct cli *c, const struct timebox_error *e, const char *request_id)
{
	json_t *j = json_object();

	json_object_set_new(j, "error", json_string(e->name));
	json_object_set_new(j, "text",
		json_string(e->text[0] != '\0' ? e->text : cli_result_text(c, e->code)));
	if (e->field[0] != '\0')
		json_object_set_new(j, "field", json_string(e->field));
	if (e->failure == TIMEBOX_FAILURE_REFUSED)
		json_object_set_new(j, "command", json_integer(e->command));
	if (e->retry_after_s > 0)
		json_object_set_new(j, "retry_after", json_integer(e->retry_after_s));
	if (request_id != NULL)
		json_object_set_new(j, "request_id", json_string(request_id));
	out_json_line(j);
}

/* request_id: of an act whose outcome is unknown, else NULL. */
static int
fail_print(const struct cli *c, const struct timebox_error *e, const char *request_id)
{
	cli_progress_end(c);
	fflush(stdout);
	fail_words(c, e, request_id);
	if (c->json)
		fail_json(c, e, request_id);
	return cli_exit_of(e->failure, e->code);
}

int
cli_fail(const struct cli *c, const struct timebox_error *e)
{
	return fail_print(c, e, NULL);
}

int
cli_fail_tb(const struct cli *c, const struct timebox *tb)
{
	return fail_print(c, timebox_last_error(tb), NULL);
}

/* What something is called; of a long path the end, which tells more. */
static void
fail_field(char *out, size_t size, const char *what)
{
	size_t n = strlen(what);

	if (n < size) {
		memcpy(out, what, n + 1);
		return;
	}
	what += n - (size - 1 - 3);
	while (((unsigned char)*what & 0xC0) == 0x80)
		what++;
	(void)snprintf(out, size, "...%s", what);
}

int
cli_fail_here(const struct cli *c, enum result code, const char *what, const char *format, ...)
{
	struct timebox_error e;
	va_list args;

	(void)timebox_error_set(&e, TIMEBOX_FAILURE_HERE, code, "here", "%s", "");
	fail_field(e.field, sizeof(e.field), what == NULL ? "" : what);
	if (format != NULL) {
		va_start(args, format);
		(void)vsnprintf(e.text, sizeof(e.text), format, args);
		va_end(args);
	}
	return fail_print(c, &e, NULL);
}

int
cli_nothing(const struct cli *c, const char *format, ...)
{
	char text[256] = "";
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (c->json)
		out_json_line(json_pack("{s:s,s:s}", "error", result_name(RESULT_ALREADY_DONE), "text",
			text));
	else
		printf("%s\n", text);
	return CLI_NOTHING;
}

/* ---- home and connection ---- */

int
cli_home_open(struct cli *c)
{
	struct timebox_error e;

	if (c->home_opened)
		return CLI_DONE;
	if (timebox_home_open(&c->home, c->home_dir, &e) != RESULT_OK)
		return cli_fail(c, &e);
	c->home_opened = true;
	return CLI_DONE;
}

static void
cli_waits(void *user, const struct timebox_error *why)
{
	const struct cli *c = user;

	if (!c->json && isatty(STDERR_FILENO))
		fprintf(stderr, "timebox: %s: %s\n", cli_result_text(c, why->code),
			_("asking again, the same act is never done twice"));
}

int
cli_connect(struct cli *c, struct timebox **out)
{
	struct timebox_error e;
	int rc;

	*out = NULL;
	rc = cli_home_open(c);
	if (rc != CLI_DONE)
		return rc;
	if (!c->home.enrolled)
		return cli_fail_here(c, RESULT_UNKNOWN_KEY, c->home_dir, "%s",
			_("this home is not enrolled: timebox enrol CODE --server HOST:PORT"));
	if (timebox_connect(&c->home, out, &e) != RESULT_OK)
		return cli_fail(c, &e);
	timebox_on_wait(*out, cli_waits, c);
	return CLI_DONE;
}

int
cli_login(struct cli *c, struct timebox *tb, const char *number, const char *pin_file,
	Timebox__V1__Response **out)
{
	char pin[CLI_PIN_SIZE] = "";
	enum result r;
	int rc;

	if (out != NULL)
		*out = NULL;
	if (timebox_hello(tb)->role != TIMEBOX__V1__ROLE__ROLE_KIOSK)
		return cli_fail_here(c, RESULT_NOT_ALLOWED, c->home_dir, "%s",
			_("only a kiosk's home logs members in"));
	rc = cli_number(c, "NO", number);
	if (rc == CLI_DONE)
		rc = cli_pin(c, pin_file, pin);
	if (rc != CLI_DONE)
		return rc;
	r = timebox_login(tb, number, NULL, pin, out);
	crypto_wipe(pin, sizeof(pin));
	return r == RESULT_OK ? CLI_DONE : cli_fail_tb(c, tb);
}

int
cli_call(struct cli *c, struct timebox *tb, const Timebox__V1__Call *call,
	Timebox__V1__Response__BodyCase body, Timebox__V1__Response **out)
{
	struct timebox_error e;

	if (timebox_call(tb, call, out) != RESULT_OK)
		return cli_fail_tb(c, tb);
	if ((*out)->body_case == body)
		return CLI_DONE;
	timebox_response_free(*out);
	*out = NULL;
	(void)timebox_error_set(&e, TIMEBOX_FAILURE_REACH, RESULT_BAD_MESSAGE, "call", "%s",
		_("the daemon's answer is not the one to this question"));
	return cli_fail(c, &e);
}

int
cli_act(struct cli *c, struct timebox *tb, struct timebox_draft *d, Timebox__V1__Response **out)
{
	char id[2 * UUID7_LEN + 1];
	enum result r = timebox_act(tb, d, out);

	/* It never was accepted and never will be: only a new id can do it, and cannot do it twice. */
	if (r == RESULT_USE_NEW_ID && timebox_last_error(tb)->failure == TIMEBOX_FAILURE_REFUSED) {
		timebox_draft_unseal(d);
		r = timebox_act(tb, d, out);
	}
	if (r == RESULT_OK)
		return CLI_DONE;
	if (timebox_last_error(tb)->failure != TIMEBOX_FAILURE_UNKNOWN)
		return cli_fail_tb(c, tb);
	(void)hex_encode(id, sizeof(id), timebox_draft_request_id(d), UUID7_LEN);
	return fail_print(c, timebox_last_error(tb), id);
}

int
cli_act_one(struct cli *c, struct timebox *tb, const Timebox__V1__Command *command,
	Timebox__V1__Response **out)
{
	struct timebox_draft *d = timebox_draft_new();
	enum result r = d == NULL ? RESULT_NO_MEMORY : timebox_draft_add(d, command);
	int rc;

	if (out != NULL)
		*out = NULL;
	rc = r == RESULT_OK ? cli_act(c, tb, d, out) : cli_fail_here(c, r, NULL, NULL);
	timebox_draft_free(d);
	return rc;
}

int
cli_member_id(struct cli *c, struct timebox *tb, const char *number, uint64_t *member)
{
	Timebox__V1__Response *answer = NULL;
	Timebox__V1__Resolve resolve;
	Timebox__V1__Call call;
	struct timebox_error e;
	char *numbers[1] = {timebox_string(number)};
	int rc = cli_number(c, "NO", number);

	if (rc != CLI_DONE)
		return rc;
	timebox__v1__resolve__init(&resolve);
	timebox__v1__call__init(&call);
	resolve.n_numbers = 1;
	resolve.numbers = numbers;
	call.kind_case = TIMEBOX__V1__CALL__KIND_RESOLVE;
	call.resolve = &resolve;
	rc = cli_call(c, tb, &call, TIMEBOX__V1__RESPONSE__BODY_RESOLVED, &answer);
	if (rc != CLI_DONE)
		return rc;
	*member = answer->resolved->n_members == 1 ? answer->resolved->members[0] : 0;
	timebox_response_free(answer);
	if (*member != 0)
		return CLI_DONE;
	(void)timebox_error_set(&e, TIMEBOX_FAILURE_REFUSED, RESULT_UNKNOWN_MEMBER, "resolve", "%s",
		number);
	return cli_fail(c, &e);
}
