/* The command line of one subcommand, over argp. */
#include "client/cli/cli.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 32
#define KEY_OPTION  0x1000 /* of the command's first option */

enum { KEY_HOME = 0x100, KEY_JSON, KEY_LANG, KEY_YES };

/* argp gives a parser one pointer: this. */
struct args {
	struct cli *cli;
	const struct cli_usage *usage;
	const char **args;
	int n;
};

static const struct argp_option args_common[] = {
	{"home", KEY_HOME, "DIR", 0, N_("the home: this person's or device's key and station"), 90},
	{"json", KEY_JSON, NULL, 0, N_("one JSON object a line"), 90},
	{"lang", KEY_LANG, "zh|en", 0, N_("the language of the words"), 90},
	{"yes", KEY_YES, NULL, 0, N_("ask nothing"), 90},
	{NULL, 'h', NULL, 0, N_("the same as --help"), 90},
	{NULL, 0, NULL, 0, NULL, 0},
};
#define COMMON (sizeof(args_common) / sizeof(args_common[0]))

static void
args_number(struct argp_state *state, const struct cli_option *option, const char *text)
{
	char *end = NULL;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v > UINT32_MAX)
		argp_error(state, _("--%s: %s is not a number"), option->name, text);
	*option->number = (uint32_t)v;
}

static void
args_option(struct argp_state *state, const struct cli_option *option, const char *text)
{
	if (option->flag != NULL) {
		*option->flag = true;
	} else if (option->number != NULL) {
		args_number(state, option, text);
	} else if (option->list != NULL) {
		if (option->list->n == CLI_LIST_MAX)
			argp_error(state, _("--%s: given too often"), option->name);
		else
			option->list->item[option->list->n++] = text;
	} else {
		*option->text = text;
	}
}

static void
args_home(struct argp_state *state, struct cli *c, const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n >= sizeof(c->home_dir)) {
		argp_error(state, "%s", _("--home: an empty path, or a very long one"));
		return;
	}
	memcpy(c->home_dir, text, n + 1);
}

/* The options that every command has. */
static error_t
args_common_key(int key, const char *text, struct argp_state *state, struct cli *c)
{
	switch (key) {
	case KEY_HOME:
		args_home(state, c, text);
		return 0;
	case KEY_JSON:
		c->json = true;
		return 0;
	case KEY_LANG:
		return 0; /* main looked at it before any word was printed */
	case KEY_YES:
		c->yes = true;
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t
args_key(int key, char *text, struct argp_state *state)
{
	struct args *a = state->input;

	if (key >= KEY_OPTION && key < KEY_OPTION + OPTIONS_MAX) {
		args_option(state, &a->usage->options[key - KEY_OPTION], text);
		return 0;
	}
	switch (key) {
	case ARGP_KEY_ARG:
		if (a->n == a->usage->max)
			argp_error(state, _("%s: one argument too many"), text);
		else
			a->args[a->n++] = text;
		return 0;
	case ARGP_KEY_END:
		if (a->n < a->usage->min)
			argp_error(state, _("missing: %s"), a->usage->args);
		return 0;
	default:
		return args_common_key(key, text, state, a->cli);
	}
}

/* The help's text: what it does, and after the options the examples. To be freed. */
static char *
args_doc(const struct cli_usage *u)
{
	char *doc = NULL;
	int n;

	if (u->examples == NULL)
		n = asprintf(&doc, "%s", _(u->help));
	else
		n = asprintf(&doc, "%s\v%s\n%s", _(u->help), _("Examples:"), u->examples);
	if (n < 0)
		abort();
	return doc;
}

void
cli_parse(struct cli *c, const struct cli_usage *usage, int argc, char **argv, const char **args)
{
	struct argp_option options[OPTIONS_MAX + COMMON];
	struct args a = {.cli = c, .usage = usage, .args = args, .n = 0};
	struct argp argp = {
		.options = options,
		.parser = args_key,
		.args_doc = usage->args,
		.argp_domain = "timebox",
	};
	char *doc = args_doc(usage);
	int n = 0, i;

	memset(options, 0, sizeof(options));
	for (i = 0; usage->options != NULL && usage->options[i].name != NULL; i++) {
		const struct cli_option *o = &usage->options[i];

		if (n == OPTIONS_MAX)
			abort();
		options[n++] = (struct argp_option){.name = o->name, .key = KEY_OPTION + i,
			.arg = o->arg, .doc = o->help, .group = 1};
	}
	memcpy(options + n, args_common, sizeof(args_common));
	for (i = 0; i < usage->max; i++)
		args[i] = NULL;
	argp.doc = doc;
	(void)setenv("ARGP_HELP_FMT", "rmargin=100", 0);
	argp_err_exit_status = CLI_USAGE;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &a) != 0)
		exit(CLI_INTERNAL);
	free(doc);
}
