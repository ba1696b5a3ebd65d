/*
 * What every subcommand of `timebox` uses: its command line, connection, errors, and words.
 *
 * A subcommand is a row in a const table (struct cli_command) and a function `run`, which returns
 * the exit code. Usual shape:
 *
 *	int
 *	cmd_thing_do(struct cli *c, int argc, char **argv)
 *	{
 *		const char *member = NULL, *args[1];
 *		const struct cli_option options[] = {
 *			{.name = "member", .arg = "NO", .help = N_("for this member"), .text = &member},
 *			{.name = NULL},
 *		};
 *		const struct cli_usage usage = {
 *			.args = "ITEM", .min = 1, .max = 1, .options = options,
 *			.help = N_("Does the thing with an item."),
 *			.examples = "  timebox thing do RICE --member 20000016\n",
 *		};
 *		struct timebox *tb = NULL;
 *		int rc;
 *
 *		cli_parse(c, &usage, argc, argv, args);
 *		rc = cli_connect(c, &tb);
 *		if (rc == CLI_DONE)
 *			rc = thing_do(c, tb, args[0], member);
 *		timebox_close(tb);
 *		return rc;
 *	}
 *
 * Functions that return an exit code (int) have told the person, in words or as JSON, before they
 * return another than CLI_DONE. In --json what is printed on stdout is one JSON object a line, the
 * error too; words for people go to stderr.
 *
 * Message ids are the English words; `_()` translates where text is printed, `N_()` marks text in
 * tables. Chinese is in client/po/zh_CN.po (msgfmt --check-format must accept it).
 */
#ifndef TIMEBOX_CLIENT_CLI_CLI_H
#define TIMEBOX_CLIENT_CLI_CLI_H

#include <libintl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "client/lib/timebox.h"
#include "proto/codes.h"

#define _(text)	 gettext(text)
#define N_(text) text

/* Exit codes; the texts stand in main.c's --help and in README.md. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_REFUSED = 1,   /* the daemon said no; the result's name was printed */
	CLI_USAGE = 2,	   /* the command line or a file given to it is wrong: nothing was sent */
	CLI_NOTHING = 3,   /* nothing to do, or done before */
	CLI_UNKNOWN = 4,   /* no connection, or the outcome is unknown: try again */
	CLI_ROWS = 5,	   /* done, but some rows were refused */
	CLI_VERIFY = 6,	   /* a verification failed */
	CLI_PART = 7,	   /* not finished: run again to carry on */
	CLI_INTERNAL = 70, /* a fault of the program or the machine */
};

struct cli {
	char home_dir[TIMEBOX_PATH_MAX]; /* --home, TIMEBOX_HOME, or ~/.timebox */
	bool json;			 /* --json */
	bool yes;			 /* --yes: no questions */
	bool zh;			 /* words are Chinese */
	bool lang_said;			 /* by --lang or TIMEBOX_LANG, not by the locale */
	struct timebox_home home;	 /* open after cli_connect or cli_home_open */
	bool home_opened;
};

/* A row of the table of commands; the last has name NULL. */
struct cli_command {
	const char *name;
	const char *help;  /* one line, N_() */
	const char *roles; /* who may: "staff", "staff, kiosk", ... as the help shows it; NULL: anybody */
	int (*run)(struct cli *c, int argc, char **argv);
	const struct cli_command *sub; /* instead of run: subcommands */
};

/* ---- the command line ---- */

/* One option: exactly one of text, number, flag, list is set and receives what was typed. */
struct cli_option {
	const char *name; /* long, without -- */
	const char *arg;  /* what the value is called; NULL for a flag */
	const char *help; /* N_() */
	const char **text;
	uint32_t *number; /* decimal, 0 to 2^32 - 1 */
	bool *flag;
	struct cli_list *list; /* may be given more than once */
};

#define CLI_LIST_MAX 1024
struct cli_list {
	size_t n;
	const char *item[CLI_LIST_MAX];
};

struct cli_usage {
	const char *args; /* the positional arguments as help shows them: "NO [FILE]"; NULL: none */
	int min, max;	  /* how many there must and may be */
	const char *help; /* N_(): one or two sentences */
	const char *examples; /* indented lines, each ending in \n */
	const struct cli_option *options; /* ends with name NULL; NULL: none */
};

/* Reads argv (argv[0] is the whole command, "timebox member show"). Every command also takes --json,
 * --yes, --home, --lang, -h and --help. `args` has usage->max places; those not given become NULL.
 * Returns only when the line is right: help exits with CLI_DONE, a wrong line with CLI_USAGE. */
void cli_parse(struct cli *c, const struct cli_usage *usage, int argc, char **argv,
	const char **args);

/* ---- home and connection ---- */

/* Opens c->home; an exit code. Closed by main. */
int cli_home_open(struct cli *c);
/* Opens the home and connects; CLI_DONE: *out is to be closed with timebox_close. */
int cli_connect(struct cli *c, struct timebox **out);
/* Logs in at a kiosk: checks number and home role, reads the PIN from pin_file (NULL: asks without
 * echo). `out` may be NULL, else the answer with the body session, to be freed. */
int cli_login(struct cli *c, struct timebox *tb, const char *number, const char *pin_file,
	Timebox__V1__Response **out);
/* Asks; CLI_DONE: *out is to be freed with timebox_response_free and has the body `body`. */
int cli_call(struct cli *c, struct timebox *tb, const Timebox__V1__Call *call,
	Timebox__V1__Response__BodyCase body, Timebox__V1__Response **out);
/* Sends an act of the draft and waits; an act that the daemon never accepted because its id was too
 * old by then is sent once more under a new one. `out` may be NULL, else the receipt, to be freed. */
int cli_act(struct cli *c, struct timebox *tb, struct timebox_draft *d,
	Timebox__V1__Response **out);
/* An act of one command, already filled; `out` as above. */
int cli_act_one(struct cli *c, struct timebox *tb, const Timebox__V1__Command *command,
	Timebox__V1__Response **out);

/* ---- errors ---- */

/* Prints *e: on stderr in words with what to do, and with --json on stdout
 * {"error":"<name>","text":...,"field":...,"command":N,"retry_after":S} (the last three where they say something);
 * returns the exit code for it. */
int cli_fail(const struct cli *c, const struct timebox_error *e);
/* The same for tb's last error. */
int cli_fail_tb(const struct cli *c, const struct timebox *tb);
/* The same for something wrong here: an argument, a file. `what` is its name ("--day", a path),
 * shown as the field; the printf-like text is already translated, NULL: the code's own. */
int cli_fail_here(const struct cli *c, enum result code, const char *what, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Says that there is nothing to do: in words, or {"error":"already_done",...}; returns CLI_NOTHING. */
int cli_nothing(const struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The exit code that a result has when it came in this way. */
int cli_exit_of(enum timebox_failure failure, enum result code);
/* The code's text in the person's language. */
const char *cli_result_text(const struct cli *c, enum result code);

/* ---- what people type; each prints what is wrong and returns CLI_USAGE, or CLI_DONE ---- */

/* A member number (8 digits, checked) for the argument or option `what`. */
int cli_number(const struct cli *c, const char *what, const char *text);
/* A day, 2026-01-31 and the like, as days since 1970. */
int cli_day(const struct cli *c, const char *what, const char *text, int32_t *day);
/* A decimal number in [low, high]. */
int cli_count(const struct cli *c, const char *what, const char *text, uint32_t low, uint32_t high,
	uint32_t *out);
/* A code of an item, partner or outlet, into upper case. */
#define CLI_CODE_SIZE 9
int cli_code(const struct cli *c, const char *what, const char *text, char out[CLI_CODE_SIZE]);
/* "SEQ" or "SEQ.INDEX" (index 0 where it is not said). */
int cli_id(const struct cli *c, const char *what, const char *text, uint64_t *seq, uint32_t *index);
/* A PIN of 4 to 8 digits from the first line of pin_file, or, where that is NULL, typed without echo. */
#define CLI_PIN_SIZE 9
int cli_pin(const struct cli *c, const char *pin_file, char out[CLI_PIN_SIZE]);
/* One of `words` (NULL at the end), any case: its index. */
int cli_choice(const struct cli *c, const char *what, const char *text, const char *const *words,
	unsigned *index);

/* Asks the daemon for the internal id of a member number. CLI_REFUSED with unknown_member. */
int cli_member_id(struct cli *c, struct timebox *tb, const char *number, uint64_t *member);

/* Asks a yes/no question on the terminal; true at once with --yes. Without a terminal, and not
 * --yes, says that --yes is needed and is false. */
bool cli_confirm(const struct cli *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- progress: on stderr, only where that is a terminal and not --json; nothing else otherwise ---- */

/* "label 120/4000" in place; call as often as one likes. */
void cli_progress(const struct cli *c, const char *label, uint64_t done, uint64_t total);
/* Wipes the line. */
void cli_progress_end(const struct cli *c);

#endif
