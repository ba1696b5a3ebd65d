/* For tests of what keeps files, and of what stops the process. */
#ifndef TIMEBOX_TESTS_SCRATCH_H
#define TIMEBOX_TESTS_SCRATCH_H

/* A new empty folder; static until the next call. Gone after scratch_remove. */
const char *scratch_make(void);
void scratch_remove(const char *dir);

/* 1 if `fn` stops the process with a failed CHECK; it runs in a fork. */
int scratch_stops(void (*fn)(void *arg), void *arg);

/* While limited, files cannot grow beyond `bytes`: writes fail as on a faulty disk. 0: no limit. */
void scratch_limit_files(unsigned long bytes);

#endif
