/*
 * libcyaml reads the file by a schema and refuses what does not belong; all values come as text,
 * since its own numbers would take "5x" and "010". Ranges are a table here. Positions in error
 * texts are looked up by key, because libcyaml names the value before the unknown key.
 */
#include "daemon/ops/config.h"

#include "daemon/base/check.h"

#include <arpa/inet.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 300 /* characters of a value */

struct raw_witness {
	char *vkey;
	char *address;
};

/* What the file says, as text; NULL where it says nothing. */
struct raw {
	char *listen;
	char *max_connections;
	char *handshake_seconds;
	char *frame_seconds;
	char *idle_seconds;
	char *checkpoint_seconds;
	char *checkpoint_entries;
	char *memory_mib;
	char *backup_keep_days;
	char *pin_threads;
	char *log_level;
	char *quorum;
	struct raw_witness *witnesses;
	unsigned n_witnesses;
};

#define RAW_FIELD(key)                                                                             \
	CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw, key, 0, \
			       VALUE_MAX)

static const cyaml_schema_field_t witness_fields[] = {
	CYAML_FIELD_STRING_PTR("vkey", CYAML_FLAG_POINTER, struct raw_witness, vkey, 0, VALUE_MAX),
	CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_witness,
			       address, 0, VALUE_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t witness_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_witness, witness_fields),
};

static const cyaml_schema_field_t raw_fields[] = {
	RAW_FIELD(listen),
	RAW_FIELD(max_connections),
	RAW_FIELD(handshake_seconds),
	RAW_FIELD(frame_seconds),
	RAW_FIELD(idle_seconds),
	RAW_FIELD(checkpoint_seconds),
	RAW_FIELD(checkpoint_entries),
	RAW_FIELD(memory_mib),
	RAW_FIELD(backup_keep_days),
	RAW_FIELD(pin_threads),
	RAW_FIELD(log_level),
	RAW_FIELD(quorum),
	CYAML_FIELD_SEQUENCE_COUNT("witnesses", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw, witnesses,
				   n_witnesses, &witness_schema, 0, CONFIG_WITNESSES_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t raw_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, raw_fields),
};

/* A setting that is a number. */
struct number {
	const char *key;
	size_t raw_offset, config_offset;
	uint32_t min, max, preset;
};

#define NUMBER(key, min, max, preset)                                                              \
	{ #key, offsetof(struct raw, key), offsetof(struct config, key), min, max, preset }

static const struct number numbers[] = {
	NUMBER(max_connections, 1, 100000, 12000),
	NUMBER(handshake_seconds, 1, 60, 5),
	NUMBER(frame_seconds, 1, 300, 10),
	NUMBER(idle_seconds, 10, 86400, 300),
	NUMBER(checkpoint_seconds, 1, 3600, 5),
	NUMBER(checkpoint_entries, 100, 10000000, 50000),
	NUMBER(memory_mib, 16, 1000000, 1024),
	NUMBER(backup_keep_days, 1, 36500, 90),
	NUMBER(pin_threads, 1, 16, 1),
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

#define DEFAULT_HOST "127.0.0.1"
#define DEFAULT_PORT 7600

/* The text being read, and where its error goes. */
struct source {
	const char *name;
	const char *text;
	size_t len;
	char *err;
	size_t err_size;
	char why[256];	 /* libcyaml's first message */
	char where[128]; /* and the first position it gave */
};

void
config_init(struct config *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->host, DEFAULT_HOST, sizeof(DEFAULT_HOST));
	out->port = DEFAULT_PORT;
	out->log_level = LOG_LEVEL_INFO;
	for (size_t i = 0; i < NUMBERS; i++)
		memcpy((char *)out + numbers[i].config_offset, &numbers[i].preset,
		       sizeof(uint32_t));
}

/* Finds the line (from 1) that starts with `key` and a colon; its column too. -1 if none does. */
static int
source_locate(const struct source *source, const char *key, unsigned *line, unsigned *column)
{
	const char *at = source->text;
	const char *end = source->text + source->len;
	size_t key_len = strlen(key);

	for (*line = 1; at < end; (*line)++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline != NULL ? newline : end;
		const char *word = at;

		while (word < stop && (*word == ' ' || *word == '"' || *word == '\''))
			word++;
		if ((size_t)(stop - word) > key_len && memcmp(word, key, key_len) == 0 &&
		    memchr(": \"'\t", word[key_len], 5) != NULL) {
			*column = (unsigned)(word - at) + 1;
			return 0;
		}
		if (newline == NULL)
			return -1;
		at = newline + 1;
	}
	return -1;
}

/* Writes "NAME, line L, column C: WHAT" into the error text; the position by `key` if found. */
static enum result
source_refuse(const struct source *source, const char *key, const char *what)
{
	unsigned line, column;

	if (key != NULL && source_locate(source, key, &line, &column) == 0)
		snprintf(source->err, source->err_size, "%s, line %u, column %u: %s", source->name,
			 line, column, what);
	else if (source->where[0] != '\0')
		snprintf(source->err, source->err_size, "%s, %s: %s", source->name, source->where,
			 what);
	else
		snprintf(source->err, source->err_size, "%s: %s", source->name, what);
	return RESULT_BAD_FIELD;
}

/* Notes the first message of libcyaml and the first "(line: L, column: C)" behind it. */
static void __attribute__((format(printf, 3, 0)))
source_note(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	static const char prefix[] = "Load: ";
	struct source *source = ctx;
	char message[256];
	char *text = message;
	unsigned line, column;

	(void)level;
	if (vsnprintf(message, sizeof(message), fmt, args) < 0)
		return;
	message[strcspn(message, "\n")] = '\0';
	if (strncmp(text, prefix, strlen(prefix)) == 0)
		text += strlen(prefix);
	if (source->why[0] == '\0')
		snprintf(source->why, sizeof(source->why), "%s", text);
	text = strstr(message, "(line: ");
	if (source->where[0] == '\0' && text != NULL &&
	    sscanf(text, "(line: %u, column: %u)", &line, &column) == 2)
		snprintf(source->where, sizeof(source->where), "line %u, column %u", line, column);
}

/* What to say about a file that libcyaml refused. */
static enum result
source_refuse_yaml(struct source *source, cyaml_err_t error)
{
	static const char unknown[] = "Unexpected key: ";
	char what[400];

	if (error == CYAML_ERR_OOM)
		return RESULT_NO_MEMORY;
	if (strncmp(source->why, unknown, strlen(unknown)) == 0) {
		const char *key = source->why + strlen(unknown);

		snprintf(what, sizeof(what),
			 "there is no setting \"%s\": correct its name or remove the line", key);
		return source_refuse(source, key, what);
	}
	snprintf(what, sizeof(what), "%s: write one \"key: value\" per line",
		 source->why[0] != '\0' ? source->why : cyaml_strerror(error));
	return source_refuse(source, NULL, what);
}

/* Reads an unsigned decimal number without sign, blanks or leading zeros; -1 if it is none. */
static int
number_parse(const char *text, uint32_t max, uint32_t *out)
{
	uint64_t value = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > max)
			return -1;
	}
	*out = (uint32_t)value;
	return 0;
}

enum result
config_parse_address(const char *text, char host[CONFIG_HOST_SIZE], uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	const char *begin = text;
	const char *end = colon;
	uint32_t number;

	if (colon == NULL || number_parse(colon + 1, UINT16_MAX, &number) != 0)
		return RESULT_BAD_FIELD;
	if (*text == '[') {
		begin = text + 1;
		end = colon - 1;
		if (end <= begin || *end != ']')
			return RESULT_BAD_FIELD;
	} else if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
		return RESULT_BAD_FIELD; /* an IPv6 address without brackets */
	}
	if (end == begin || end - begin >= CONFIG_HOST_SIZE)
		return RESULT_BAD_FIELD;
	for (const char *p = begin; p < end; p++) {
		if (*p <= ' ' || *p > '~' || *p == '[' || *p == ']')
			return RESULT_BAD_FIELD;
	}
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	*port = (uint16_t)number;
	return RESULT_OK;
}

/* The text of a numeric setting. */
static const char *
raw_number(const struct raw *raw, const struct number *number)
{
	const char *text;

	memcpy(&text, (const char *)raw + number->raw_offset, sizeof(text));
	return text;
}

/* One witness: a key that is a witness's, named once, at an address that needs no look-up. */
static enum result
witness_take(const struct source *source, const struct raw_witness *raw, struct config *out)
{
	struct config_witness *w = &out->witnesses[out->n_witnesses];
	unsigned char address[sizeof(struct in6_addr)];
	char what[400];

	if (note_vkey_parse(raw->vkey, &w->key) != RESULT_OK || w->key.type != NOTE_TYPE_COSIGNATURE) {
		snprintf(what, sizeof(what), "vkey \"%.120s\": give what timebox witness key printed", raw->vkey);
		return source_refuse(source, "witnesses", what);
	}
	for (uint32_t i = 0; i < out->n_witnesses; i++)
		if (strcmp(out->witnesses[i].key.name, w->key.name) == 0) {
			snprintf(what, sizeof(what), "the witness %s stands there twice", w->key.name);
			return source_refuse(source, "witnesses", what);
		}
	w->host[0] = '\0';
	w->port = 0;
	if (raw->address != NULL &&
	    (config_parse_address(raw->address, w->host, &w->port) != RESULT_OK || w->port == 0 ||
	     (inet_pton(AF_INET, w->host, address) != 1 && inet_pton(AF_INET6, w->host, address) != 1))) {
		snprintf(what, sizeof(what),
			 "address \"%.80s\": give ADDRESS:PORT, as in 127.0.0.1:7660; names are not looked up",
			 raw->address);
		return source_refuse(source, "witnesses", what);
	}
	out->n_witnesses++;
	return RESULT_OK;
}

static enum result
witnesses_take(const struct source *source, const struct raw *raw, struct config *out)
{
	enum result err = RESULT_OK;
	char what[256];

	for (unsigned i = 0; i < raw->n_witnesses && err == RESULT_OK; i++)
		err = witness_take(source, &raw->witnesses[i], out);
	if (err != RESULT_OK)
		return err;
	out->quorum = out->n_witnesses > 0 ? 1 : 0;
	if (raw->quorum == NULL)
		return RESULT_OK;
	if (number_parse(raw->quorum, out->n_witnesses, &out->quorum) == 0 && out->quorum > 0)
		return RESULT_OK;
	snprintf(what, sizeof(what), "quorum is \"%.40s\": give a number from 1 to that of the witnesses, %u",
		 raw->quorum, (unsigned)out->n_witnesses);
	return source_refuse(source, "quorum", what);
}

/* Turns the texts into settings, over the defaults in *out. */
static enum result
config_take(const struct source *source, const struct raw *raw, struct config *out)
{
	char what[256];

	for (size_t i = 0; i < NUMBERS; i++) {
		const struct number *number = &numbers[i];
		const char *text = raw_number(raw, number);
		uint32_t value;

		if (text == NULL)
			continue;
		if (number_parse(text, number->max, &value) != 0 || value < number->min) {
			snprintf(what, sizeof(what),
				 "%s is \"%.40s\": give a whole number from %u to %u", number->key,
				 text, number->min, number->max);
			return source_refuse(source, number->key, what);
		}
		memcpy((char *)out + number->config_offset, &value, sizeof(value));
	}
	if (raw->listen != NULL &&
	    config_parse_address(raw->listen, out->host, &out->port) != RESULT_OK) {
		snprintf(what, sizeof(what),
			 "listen is \"%.80s\": give HOST:PORT, as in 127.0.0.1:7600 or "
			 "\"[::1]:7600\"",
			 raw->listen);
		return source_refuse(source, "listen", what);
	}
	if (raw->log_level != NULL && log_level_parse(raw->log_level, &out->log_level) != 0) {
		snprintf(what, sizeof(what),
			 "log_level is \"%.40s\": give error, warn, info or debug", raw->log_level);
		return source_refuse(source, "log_level", what);
	}
	return witnesses_take(source, raw, out);
}

/* libcyaml reads the first document only, and would pass over the others without a word. */
static int
source_has_documents(const struct source *source)
{
	const char *at = source->text;
	const char *end = source->text + source->len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (at != source->text && end - at >= 3 &&
		    (memcmp(at, "---", 3) == 0 || memcmp(at, "...", 3) == 0))
			return 1;
		if (newline == NULL)
			return 0;
		at = newline + 1;
	}
	return 0;
}

enum result
config_parse(const char *name, const char *text, size_t len, struct config *out, char *err,
	     size_t err_size)
{
	struct source source = {
		.name = name, .text = text, .len = len, .err = err, .err_size = err_size
	};
	const cyaml_config_t cyaml = {
		.log_fn = source_note,
		.log_ctx = &source,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	cyaml_data_t *data = NULL;
	cyaml_err_t error;
	enum result r;

	config_init(out);
	if (err_size > 0)
		err[0] = '\0';
	if (len == 0)
		return RESULT_OK;
	if (source_has_documents(&source))
		return source_refuse(&source, NULL,
				     "more than one document: remove \"---\" and \"...\"");
	error = cyaml_load_data((const uint8_t *)text, len, &cyaml, &raw_schema, &data, NULL);
	if (error != CYAML_OK)
		return source_refuse_yaml(&source, error);
	if (data == NULL)
		return RESULT_OK; /* nothing but comments */
	r = config_take(&source, data, out);
	error = cyaml_free(&cyaml, &raw_schema, data, 0);
	CHECK(error == CYAML_OK);
	return r;
}

enum result
config_load(const char *path, struct config *out, char *err, size_t err_size)
{
	char *text = NULL;
	FILE *file;
	size_t len;
	enum result r = RESULT_IO;

	if (err_size > 0)
		err[0] = '\0';
	file = fopen(path, "re");
	if (file == NULL && errno == ENOENT) {
		config_init(out);
		return RESULT_OK;
	}
	if (file == NULL) {
		snprintf(err, err_size, "%s cannot be opened (%s): make it readable", path,
			 strerror(errno));
		return RESULT_IO;
	}
	text = malloc(CONFIG_FILE_MAX + 1);
	if (text == NULL) {
		r = RESULT_NO_MEMORY;
		goto out;
	}
	len = fread(text, 1, CONFIG_FILE_MAX + 1, file);
	if (ferror(file)) {
		snprintf(err, err_size, "%s cannot be read (%s)", path, strerror(errno));
		goto out;
	}
	if (len > CONFIG_FILE_MAX) {
		snprintf(err, err_size, "%s has more than %d bytes: it is no settings file", path,
			 CONFIG_FILE_MAX);
		r = RESULT_BAD_FIELD;
		goto out;
	}
	r = config_parse(path, text, len, out, err, err_size);
out:
	free(text);
	fclose(file);
	return r;
}
