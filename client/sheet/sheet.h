/*
 * A spreadsheet saved as CSV, read into records and fields.
 *
 * Bytes become text once, here: UTF-8 with a byte order mark, else valid UTF-8, else GB18030.
 * Records end with CR LF, LF or CR; a field in quotes may hold commas, line ends and doubled
 * quotes; the last record may lack its line end. A quote inside a field that did not begin with
 * one is taken as it is.
 *
 * Record 0 is the head. "Line" always means the record's number with the head being 1, which is
 * also the row that a spreadsheet program shows: line = record + 1. An empty line (nothing, or
 * only spaces and tabs) keeps its number and is a record of 0 columns, which the readers of the
 * single sheets pass over without a verdict. A line of commas alone is not an empty line.
 */
#ifndef TIMEBOX_CLIENT_SHEET_SHEET_H
#define TIMEBOX_CLIENT_SHEET_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "proto/codes.h"

#define SHEET_FILE_MAX	  (64u << 20) /* bytes in the file */
#define SHEET_RECORDS_MAX 1000000u    /* head and empty lines included */
#define SHEET_COLUMNS_MAX 64u	      /* fields in one record */
#define SHEET_FIELD_MAX	  4096u	      /* bytes of one field, as UTF-8 */

struct sheet;

/*
 * Read and parse a file. RESULT_OK: *out is the caller's, to be freed with sheet_free. Else
 * *out is NULL and err (err_size > 0, always terminated) says in words, through gettext, what
 * is wrong and in which line: RESULT_NOT_FOUND, RESULT_NOT_UTF8 (neither UTF-8 nor GB18030, or a NUL
 * byte: not text), RESULT_TOO_MANY (a limit above), RESULT_BAD_ROW (a quote that is never
 * closed), RESULT_NO_MEMORY.
 */
enum result sheet_read(const char *path, struct sheet **out, char *err, size_t err_size) MUST_CHECK;
/* The same from memory; the bytes are copied. */
enum result sheet_parse(
    const uint8_t *bytes, size_t size, struct sheet **out, char *err, size_t err_size) MUST_CHECK;
/* Frees a sheet and everything that was handed out of it; NULL is allowed. */
void sheet_free(struct sheet *s);

/* The number of records, head and empty lines included; 0 for an empty file. */
size_t sheet_rows(const struct sheet *s);
/*
 * The number of fields in record `row` (< sheet_rows); 0 for an empty line or a row beyond the
 * end.
 */
size_t sheet_columns(const struct sheet *s, size_t row);
/*
 * One field, UTF-8, terminated, blanks (every Unicode white space, U+3000 among them) trimmed
 * at both ends, else as in the file. "" for a field that is not there. Valid until sheet_free.
 */
const char *sheet_field(const struct sheet *s, size_t row, size_t column);
/*
 * The record as it stood in the file, as UTF-8 without its line end, not terminated; for a file
 * of refused rows. NULL with *size 0 beyond the end. Valid until sheet_free.
 */
const char *sheet_raw(const struct sheet *s, size_t row, size_t *size);
/* The file's bytes before decoding: what a batch id is hashed from. Valid until sheet_free. */
const uint8_t *sheet_file_bytes(const struct sheet *s, size_t *size);

#endif
