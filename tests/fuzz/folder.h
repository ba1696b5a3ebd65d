/*
 * A folder for a fuzz target of what keeps files: this process's own, in memory where there is such a place, and gone when the
 * process ends. Nothing in it needs to outlive the machine, so fsync and fdatasync do nothing in a fuzz target.
 */
#ifndef TIMEBOX_TESTS_FUZZ_FOLDER_H
#define TIMEBOX_TESTS_FUZZ_FOLDER_H

#define FUZZ_PATH 64

/* Its path. */
const char *fuzz_folder(void);
/* The path of a file in it. */
void fuzz_path(char out[FUZZ_PATH], const char *name);

#endif
