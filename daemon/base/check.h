/*
 * Assertions that stay in release builds.
 *
 * CHECK(cond) stops the process at the line when a thing that the program itself guarantees does
 * not hold (a programmer's error). What comes from outside (bytes, files, the disk) is never
 * CHECKed: it is refused with a code. OBJ_CHECK tests the magic of what passed through `void *`.
 */
#ifndef TIMEBOX_BASE_CHECK_H
#define TIMEBOX_BASE_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(cond)                                                                                    \
	do {                                                                                           \
		if (__builtin_expect(!(cond), 0)) {                                                    \
			fprintf(stderr, "check failed at %s:%d: %s\n", __FILE__, __LINE__, #cond);     \
			abort();                                                                       \
		}                                                                                      \
	} while (0)

#define OBJ_CHECK(obj, magic_value) CHECK((obj) != NULL && (obj)->magic == (magic_value))

#endif
