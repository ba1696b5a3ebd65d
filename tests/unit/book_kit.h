/*
 * A station in memory for tests of the book alone: a fake clock, commands as plain structs, and after every accepted one the
 * books are checked to balance. One station at a time.
 */
#ifndef TIMEBOX_TESTS_BOOK_KIT_H
#define TIMEBOX_TESTS_BOOK_KIT_H

#include "daemon/book/book.h"
#include "daemon/store/rows.h"

#define START_US (20000ull * DAY_US)
/* Keys. */
#define STAFF_A	 1
#define STAFF_B	 2
#define KIOSK	 3
#define OUTLET	 4
#define LEDGER	 99

/* Ids of the cast. */
enum { WORKER_A = 101, WORKER_B, ANNA, BEN, CARL, KIN_OF_B };

extern struct rows *rows;
extern struct row_source source;
/* What the book said last. */
extern struct book_out out;
/* The clock, and the last entry. */
extern uint64_t now_us, seq;

/* For cmocka: a station in set-up with the cast, kiosk, outlet P03, catalogue 101 (60:1), item I01 (2 points, quota 6) and
 * ten pieces. */
int open_rows(void **state);
int close_rows(void **state);
/* Links both staff keys and opens the station. */
void link_and_open(void);
/* Enrols a key with the code whose hash begins with this byte. */
void admit(unsigned who, uint8_t with);

/* One act of one command, by a key, a member's kiosk session, or the daemon. */
enum result by(unsigned who, struct command c);
/* An act of several; the keys of the others are one byte and zeros. */
enum result by_key(const uint8_t key[32], const struct command *c, uint32_t n);
enum result by_member(uint64_t member, struct command c);
enum result by_system(struct command c);
enum result propose_and_approve(struct command c);

/* `n` rows of an hour each on successive days, in one part; their attestation; the system entry over them. */
enum result import(unsigned who, uint8_t batch, uint64_t member, uint32_t n);
enum result attest(unsigned who, uint8_t batch, uint32_t records, uint64_t part_seq);
enum result system_over_rows(enum command_kind kind, uint64_t part_seq, uint32_t n);
/* All three: so many points. In set-up only. */
void give_points(uint8_t batch, uint64_t member, uint32_t n);
/* Holds pieces of I01 in the member's session; confirms at the outlet. */
enum result hold(uint64_t member, uint32_t count);
enum result confirm(uint64_t held_seq, int32_t day);

struct ref ref_to(uint64_t entry_seq);
code8 code(const char *text);
struct member_sums sums(uint64_t member);
/* Of I01, in the month the tests begin in. */
uint32_t quota_used(uint64_t member);

#endif
