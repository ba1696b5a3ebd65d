/* `timebox`: finds the subcommand, sets the language, and leaves the rest to it. */
#include <argp.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "client/cli/commands.h"

#ifndef TIMEBOX_LOCALE_DIR
#define TIMEBOX_LOCALE_DIR "/usr/local/share/locale"
#endif

#define PATH_OF_COMMAND 128

enum { KEY_HOME = 0x100, KEY_JSON, KEY_LANG, KEY_YES };

static const char main_examples[] =
	"  timebox --home ann enrol CODE --server 127.0.0.1:7443\n"
	"  timebox --home ann todo\n"
	"  timebox --home ann member show 20000016 --json\n"
	"  timebox member --help\n";

/* ---- words ---- */

/* The folder with zh_CN/LC_MESSAGES/timebox.mo: beside the program as it is built, else as installed. */
static void
main_locale_dir(char out[PATH_MAX + 64])
{
	static const char *const beside[] = {"locale", "../locale", "../../locale", "../share/locale"};
	char exe[PATH_MAX], mo[PATH_MAX + 128];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t i;

	exe[n > 0 ? n : 0] = '\0';
	if (strrchr(exe, '/') != NULL)
		*strrchr(exe, '/') = '\0';
	for (i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		(void)snprintf(out, PATH_MAX + 64, "%s/%s", exe, beside[i]);
		(void)snprintf(mo, sizeof(mo), "%s/zh_CN/LC_MESSAGES/timebox.mo", out);
		if (access(mo, R_OK) == 0)
			return;
	}
	(void)snprintf(out, PATH_MAX + 64, "%s", TIMEBOX_LOCALE_DIR);
}

/* --lang, wherever it stands: it is needed before argp prints a word. */
static const char *
main_lang_option(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--lang=", 7) == 0)
			return argv[i] + 7;
		if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc)
			return argv[i + 1];
	}
	return NULL;
}

/* The language that the environment asks for, as gettext reads it. */
static const char *
main_lang_environment(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	const char *lang = "C", *language = getenv("LANGUAGE");
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && v[0] != '\0') {
			lang = v;
			break;
		}
	}
	if (language != NULL && language[0] != '\0' && strcmp(lang, "C") != 0 &&
		strcmp(lang, "POSIX") != 0)
		return language;
	return lang;
}

/* Text is UTF-8 whatever the machine says; where its own locale is not, C.UTF-8 serves, in which gettext
 * follows LANGUAGE. */
static void
main_words(struct cli *c, int argc, char **argv)
{
	char dir[PATH_MAX + 64];
	const char *lang = main_lang_option(argc, argv);

	if (lang == NULL)
		lang = getenv("TIMEBOX_LANG");
	c->lang_said = lang != NULL && lang[0] != '\0';
	if (!c->lang_said)
		lang = main_lang_environment();
	c->zh = strncmp(lang, "zh", 2) == 0;
	if (setlocale(LC_ALL, "C.UTF-8") == NULL)
		(void)setlocale(LC_ALL, "");
	(void)setlocale(LC_NUMERIC, "C");
	(void)setenv("LANGUAGE", c->zh ? "zh_CN" : "en", 1);
	main_locale_dir(dir);
	(void)bindtextdomain("timebox", dir);
	(void)bind_textdomain_codeset("timebox", "UTF-8");
	(void)textdomain("timebox");
}

static void
main_home(struct cli *c)
{
	const char *home = getenv("TIMEBOX_HOME"), *user = getenv("HOME");

	if (home != NULL && home[0] != '\0')
		(void)snprintf(c->home_dir, sizeof(c->home_dir), "%s", home);
	else
		(void)snprintf(c->home_dir, sizeof(c->home_dir), "%s/.timebox",
			user != NULL ? user : "");
}

/* ---- finding the command ---- */

static const struct cli_command *
main_find(const struct cli_command *in, const char *name)
{
	for (; in != NULL && in->name != NULL; in++)
		if (strcmp(in->name, name) == 0)
			return in;
	return NULL;
}

/* A line for each command below `in`, groups with their members. */
static void
main_list(FILE *to, const struct cli_command *in, const char *path)
{
	char name[PATH_OF_COMMAND];

	for (; in->name != NULL; in++) {
		(void)snprintf(name, sizeof(name), "%s%s%s", path, path[0] != '\0' ? " " : "", in->name);
		if (in->run != NULL) {
			fprintf(to, "  %-22s %s", name, _(in->help));
			if (in->roles != NULL)
				fprintf(to, " [%s]", _(in->roles));
			fputc('\n', to);
		}
		if (in->sub != NULL)
			main_list(to, in->sub, name);
	}
}

static void
main_help_exits(FILE *to)
{
	fprintf(to, "\n%s\n%s", _("Exit codes:"),
		_("   0  done\n"
		  "   1  refused by the daemon (the reason's name is printed)\n"
		  "   2  the command line or a file given to it is wrong; nothing was sent\n"
		  "   3  nothing to do, or done before\n"
		  "   4  no connection, or the outcome is unknown (try again; `timebox receipt` tells)\n"
		  "   5  done, but some rows were refused\n"
		  "   6  a verification failed\n"
		  "   7  not finished: run again to carry on\n"
		  "  70  a fault of the program or the machine\n"));
}

/* Help for the whole program (in = cli_commands) or one group. */
static void
main_help(FILE *to, const struct cli_command *in, const char *path)
{
	fprintf(to, _("Usage: timebox %s%sCOMMAND [ARGUMENTS]\n"), path, path[0] != '\0' ? " " : "");
	fprintf(to, "%s\n\n", in == cli_commands
		? _("The time treasure box: hours given, points, redemptions, and their ledger.")
		: _("One of:"));
	main_list(to, in, path);
	fprintf(to, "\n%s\n%s", _("Options, before or after the command:"),
		_("  --home DIR     this person's or device's folder (TIMEBOX_HOME, else ~/.timebox)\n"
		  "  --json         one JSON object a line, errors too\n"
		  "  --lang zh|en   the language (TIMEBOX_LANG, else the locale)\n"
		  "  --yes          ask nothing\n"
		  "  -h, --help     help; `timebox COMMAND --help` explains one with examples\n"));
	if (in == cli_commands) {
		fprintf(to, "\n%s\n%s", _("Examples:"), main_examples);
		main_help_exits(to);
	}
}

struct top {
	struct cli *cli;
	int next; /* index of the first word that is no option */
	bool help;
};

static error_t
main_key(int key, char *text, struct argp_state *state)
{
	struct top *top = state->input;

	switch (key) {
	case KEY_HOME:
		(void)snprintf(top->cli->home_dir, sizeof(top->cli->home_dir), "%s", text);
		return 0;
	case KEY_JSON:
		top->cli->json = true;
		return 0;
	case KEY_LANG:
		return 0;
	case KEY_YES:
		top->cli->yes = true;
		return 0;
	case 'h':
		top->help = true;
		return 0;
	case ARGP_KEY_ARG:
		top->next = state->next - 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Walks down the table; words[0] is a command's name. */
static int
main_dispatch(struct cli *c, const struct cli_command *in, const char *path, int argc, char **argv)
{
	const struct cli_command *found = argc == 0 ? NULL : main_find(in, argv[0]);
	char name[PATH_OF_COMMAND];

	if (argc > 0 && (strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "--help") == 0)) {
		main_help(stdout, in, path);
		return CLI_DONE;
	}
	if (found == NULL) {
		if (argc > 0)
			fprintf(stderr, _("timebox: %s%s%s: no such command\n"), path,
				path[0] != '\0' ? " " : "", argv[0]);
		else
			main_help(stderr, in, path);
		fprintf(stderr, _("Try `timebox %s%s--help'.\n"), path, path[0] != '\0' ? " " : "");
		return CLI_USAGE;
	}
	(void)snprintf(name, sizeof(name), "%s%s%s", path, path[0] != '\0' ? " " : "", found->name);
	if (found->sub != NULL &&
		(found->run == NULL || (argc > 1 && main_find(found->sub, argv[1]) != NULL)))
		return main_dispatch(c, found->sub, name, argc - 1, argv + 1);
	char whole[PATH_OF_COMMAND + 16];

	(void)snprintf(whole, sizeof(whole), "timebox %s", name);
	argv[0] = whole;
	return found->run(c, argc, argv);
}

int
main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"home", KEY_HOME, "DIR", 0, NULL, 0},
		{"json", KEY_JSON, NULL, 0, NULL, 0},
		{"lang", KEY_LANG, "zh|en", 0, NULL, 0},
		{"yes", KEY_YES, NULL, 0, NULL, 0},
		{"help", 'h', NULL, 0, NULL, 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp argp = {.options = options, .parser = main_key};
	static struct cli c;
	struct top top = {.cli = &c, .next = argc};
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	main_words(&c, argc, argv);
	main_home(&c);
	argp_err_exit_status = CLI_USAGE;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_HELP, NULL, &top) != 0)
		return CLI_INTERNAL;
	if (top.help) {
		main_help(stdout, cli_commands, "");
		return CLI_DONE;
	}
	rc = main_dispatch(&c, cli_commands, "", argc - top.next, argv + top.next);
	if (c.home_opened)
		timebox_home_close(&c.home);
	if (fflush(stdout) != 0 || ferror(stdout))
		return rc == CLI_DONE ? CLI_INTERNAL : rc;
	return rc;
}
