#include "client/sheet/sheet.h"

#include <csv.h>
#include <errno.h>
#include <libintl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/sheet/internal.h"

#define FEED_BYTES \
	4096u /* at most so much goes to the CSV parser at a time: a runaway field stops soon */

struct record {
	uint32_t at, size;	 /* in the text, without the line end */
	uint32_t first, columns; /* in the fields */
};

/*
 * The text stays whole (for sheet_raw); trimmed fields lie one after the other in `pool`, each
 * with its NUL, and `fields` holds where each begins. All offsets fit 32 bits: SHEET_FILE_MAX ×
 * 1.5 bytes of text at most.
 */
struct sheet {
	uint8_t *file;
	size_t file_size;
	char *text;
	size_t text_size;
	struct record *records;
	size_t record_count, record_room;
	uint32_t *fields;
	size_t field_count, field_room;
	char *pool;
	size_t pool_size, pool_room;
};

/* What libcsv's callbacks note; read_records acts on it. */
struct reader {
	struct sheet *sheet;
	size_t fed;	     /* bytes of text given to the parser so far */
	size_t record_at;    /* where the current record began */
	size_t record_first; /* its first field */
	enum result fault;
	const char *words; /* of the fault */
};

/* Make room for `more` elements; doubles, so that the cost per element is constant. */
static int
grow(void **array, size_t *room, size_t count, size_t more, size_t element)
{
	size_t wanted = *room ? *room : 64;
	void *larger;

	if (count + more <= *room)
		return 0;
	while (wanted < count + more)
		wanted *= 2;
	larger = realloc(*array, wanted * element);
	if (!larger)
		return -1;
	*array = larger;
	*room = wanted;
	return 0;
}

static void
note_fault(struct reader *reader, enum result r, const char *words)
{
	if (reader->fault != RESULT_OK)
		return;
	reader->fault = r;
	reader->words = words;
}

static int
add_field(struct sheet *s, const char *text, size_t size)
{
	void *fields = s->fields;
	void *pool = s->pool;
	int failed = grow(&fields, &s->field_room, s->field_count, 1, sizeof *s->fields);

	s->fields = fields;
	failed |= grow(&pool, &s->pool_room, s->pool_size, size + 1, 1);
	s->pool = pool;
	if (failed)
		return -1;
	s->fields[s->field_count++] = (uint32_t)s->pool_size;
	if (size > 0)
		memcpy(s->pool + s->pool_size, text, size);
	s->pool[s->pool_size + size] = '\0';
	s->pool_size += size + 1;
	return 0;
}

static void
on_field(void *text, size_t size, void *context)
{
	struct reader *reader = context;
	struct sheet *s = reader->sheet;
	const char *trimmed = text;

	if (reader->fault != RESULT_OK)
		return;
	if (s->field_count - reader->record_first >= SHEET_COLUMNS_MAX) {
		note_fault(reader, RESULT_TOO_MANY, gettext("has more than 64 columns"));
		return;
	}
	if (size > SHEET_FIELD_MAX) {
		note_fault(reader, RESULT_TOO_MANY, gettext("has a field of more than 4096 bytes"));
		return;
	}
	if (size > 0)
		trimmed = sheet_trim(trimmed, &size);
	if (add_field(s, trimmed, size) != 0)
		note_fault(reader, RESULT_NO_MEMORY, gettext("does not fit into memory"));
}

/*
 * The parser reports CR and LF one by one, each at the end of what was fed: `fed - 1` is its
 * place.
 */
static void
on_record(int end, void *context)
{
	struct reader *reader = context;
	struct sheet *s = reader->sheet;
	size_t at = reader->fed - 1;
	int second_half =
	    end == '\n' && at > 0 && at == reader->record_at && s->text[at - 1] == '\r';
	void *records = s->records;

	if (reader->fault != RESULT_OK)
		return;
	if (second_half) {
		reader->record_at = at + 1;
		return;
	}
	if (s->record_count >= SHEET_RECORDS_MAX) {
		note_fault(reader, RESULT_TOO_MANY,
		    gettext("is beyond the 1,000,000 that a sheet may have"));
		return;
	}
	if (grow(&records, &s->record_room, s->record_count, 1, sizeof *s->records) != 0) {
		note_fault(reader, RESULT_NO_MEMORY, gettext("does not fit into memory"));
		return;
	}
	s->records = records;
	s->records[s->record_count++] = (struct record){
	    .at = (uint32_t)reader->record_at,
	    .size = (uint32_t)(at - reader->record_at),
	    .first = (uint32_t)reader->record_first,
	    .columns = (uint32_t)(s->field_count - reader->record_first),
	};
	reader->record_at = at + 1;
	reader->record_first = s->field_count;
}

/* Through the next line end, whether quoted or not, so that on_record knows where it is. */
static size_t
feed_size(const char *text, size_t left)
{
	size_t size = 0;

	while (size < left && size < FEED_BYTES) {
		char c = text[size++];

		if (c == '\n' || c == '\r')
			break;
	}
	return size;
}

static void
feed(struct csv_parser *parser, struct reader *reader, const char *bytes, size_t size)
{
	reader->fed += size;
	if (csv_parse(parser, bytes, size, on_field, on_record, reader) != size)
		note_fault(reader, RESULT_NO_MEMORY, gettext("does not fit into memory"));
	if (parser->entry_pos > SHEET_FIELD_MAX)
		note_fault(reader, RESULT_TOO_MANY,
		    gettext("has a field of more than 4096 bytes (is a quote left open there?)"));
}

static enum result
read_records(struct sheet *s, char *err, size_t err_size)
{
	struct reader reader = {.sheet = s};
	struct csv_parser parser;

	if (csv_init(&parser, CSV_REPALL_NL) != 0)
		return sheet_fault(
		    err, err_size, RESULT_NO_MEMORY, gettext("not enough memory for this file"));
	csv_set_blk_size(&parser, FEED_BYTES);
	while (reader.fed < s->text_size && reader.fault == RESULT_OK) {
		const char *from = s->text + reader.fed;

		feed(&parser, &reader, from, feed_size(from, s->text_size - reader.fed));
	}
	if (reader.fault == RESULT_OK && reader.record_at < s->text_size) {
		feed(&parser, &reader, "\n", 1);
		if (reader.fault == RESULT_OK && reader.record_at <= s->text_size)
			note_fault(
			    &reader, RESULT_BAD_ROW, gettext("opens a quote that is never closed"));
	}
	csv_free(&parser);
	if (reader.fault != RESULT_OK)
		return sheet_fault(err, err_size, reader.fault, gettext("line %zu %s"),
		    s->record_count + 1, reader.words);
	return RESULT_OK;
}

/* Takes `file` over, also when it fails. */
static enum result
parse_owned(uint8_t *file, size_t size, struct sheet **out, char *err, size_t err_size)
{
	struct sheet *s = calloc(1, sizeof *s);
	enum result r;

	if (!s) {
		free(file);
		return sheet_fault(
		    err, err_size, RESULT_NO_MEMORY, gettext("not enough memory for this file"));
	}
	s->file = file;
	s->file_size = size;
	r = sheet_decode(file, size, &s->text, &s->text_size, err, err_size);
	if (r == RESULT_OK)
		r = read_records(s, err, err_size);
	if (r != RESULT_OK) {
		sheet_free(s);
		return r;
	}
	*out = s;
	return RESULT_OK;
}

enum result
sheet_parse(const uint8_t *bytes, size_t size, struct sheet **out, char *err, size_t err_size)
{
	uint8_t *copy;

	*out = NULL;
	err[0] = '\0';
	if (size > SHEET_FILE_MAX)
		return sheet_fault(
		    err, err_size, RESULT_TOO_MANY, gettext("the file is larger than 64 MiB"));
	copy = malloc(size + 1);
	if (!copy)
		return sheet_fault(
		    err, err_size, RESULT_NO_MEMORY, gettext("not enough memory for this file"));
	if (size > 0)
		memcpy(copy, bytes, size);
	return parse_owned(copy, size, out, err, err_size);
}

/* Everything in the stream, at most SHEET_FILE_MAX + 1 bytes; -1 with errno set. */
static int
read_stream(FILE *stream, uint8_t **bytes, size_t *size)
{
	void *buffer = NULL;
	size_t room = 0, count = 0;

	while (count <= SHEET_FILE_MAX) {
		size_t more;

		if (grow(&buffer, &room, count, 65536, 1) != 0)
			break;
		more = fread((uint8_t *)buffer + count, 1, 65536, stream);
		count += more;
		if (more < 65536)
			break;
	}
	if (ferror(stream) || !buffer || (!feof(stream) && count <= SHEET_FILE_MAX)) {
		free(buffer);
		return -1;
	}
	*bytes = buffer;
	*size = count;
	return 0;
}

enum result
sheet_read(const char *path, struct sheet **out, char *err, size_t err_size)
{
	FILE *stream = fopen(path, "rbe");
	uint8_t *bytes = NULL;
	size_t size = 0;
	int failed;

	*out = NULL;
	err[0] = '\0';
	errno = stream ? 0 : errno;
	failed = !stream || read_stream(stream, &bytes, &size) != 0;
	if (failed)
		sheet_fault(err, err_size, RESULT_NOT_FOUND, gettext("cannot be read: %s"),
		    strerror(errno));
	if (stream)
		fclose(stream);
	if (failed)
		return RESULT_NOT_FOUND;
	if (size > SHEET_FILE_MAX) {
		free(bytes);
		return sheet_fault(
		    err, err_size, RESULT_TOO_MANY, gettext("the file is larger than 64 MiB"));
	}
	return parse_owned(bytes, size, out, err, err_size);
}

void
sheet_free(struct sheet *s)
{
	if (!s)
		return;
	free(s->file);
	free(s->text);
	free(s->records);
	free(s->fields);
	free(s->pool);
	free(s);
}

size_t
sheet_rows(const struct sheet *s)
{
	return s->record_count;
}

size_t
sheet_columns(const struct sheet *s, size_t row)
{
	return row < s->record_count ? s->records[row].columns : 0;
}

const char *
sheet_field(const struct sheet *s, size_t row, size_t column)
{
	if (column >= sheet_columns(s, row))
		return "";
	return s->pool + s->fields[s->records[row].first + column];
}

const char *
sheet_raw(const struct sheet *s, size_t row, size_t *size)
{
	*size = row < s->record_count ? s->records[row].size : 0;
	return row < s->record_count ? s->text + s->records[row].at : NULL;
}

const uint8_t *
sheet_file_bytes(const struct sheet *s, size_t *size)
{
	*size = s->file_size;
	return s->file;
}
