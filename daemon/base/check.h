/*
 * Assertions that stay in release builds.
 *
 * CHECK(cond) stops the process at the line when a thing that the program itself guarantees does
 * not hold (a programmer's error). What comes from outside (bytes, files, the disk) is never
 * CHECKed: it is refused with a code. OBJ_CHECK tests the magic of what passed through `void *`.
 *
 * NEED(p) is for memory in the middle of what cannot be given up half done: where there is none, the
 * process says so on stderr and ends with exit code 1. Nothing that was not committed was answered, so this is a
 * power cut that says why; the next start goes on from the last commit.
 */
#ifndef TIMEBOX_BASE_CHECK_H
#define TIMEBOX_BASE_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(cond)                                                                                    \
	do {                                                                                           \
		if (__builtin_expect(!(cond), 0)) {                                                    \
			fprintf(stderr, "check failed at %s:%d: %s\n", __FILE__, __LINE__, #cond);     \
			abort();                                                                       \
		}                                                                                      \
	} while (0)

#define OBJ_CHECK(obj, magic_value) CHECK((obj) != NULL && (obj)->magic == (magic_value))

#define NEED(p)                                                                                        \
	do {                                                                                           \
		if (__builtin_expect((p) == NULL, 0)) {                                                \
			fprintf(stderr,                                                                \
				"level=error event=no_memory at=%s:%d hint=\"what was acknowledged is "  \
				"durable: give it memory and start it again\"\n",                     \
				__FILE__, __LINE__);                                                   \
			_exit(1);                                                                      \
		}                                                                                      \
	} while (0)

#endif
