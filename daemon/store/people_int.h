/* The private shape of people.h, for people.c and people_renew.c. */
#ifndef TIMEBOX_STORE_PEOPLE_INT_H
#define TIMEBOX_STORE_PEOPLE_INT_H

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/store/people.h"

#define PEOPLE_PATH_MAX 4096

struct people {
	MDB_env *env;
	MDB_dbi dbi[PEOPLE_TABLES];
	MDB_txn *batch;
	/* A child of the batch, while a mark is open: all reads and writes go through it. */
	MDB_txn *mark;
	/*
	 * What reads go through while no batch is open. Once begun (`reading`) it stays so, as LMDB looks up every table anew in
	 * each transaction, and ends before anything is written: so it sees what was committed last, and holds nothing back.
	 */
	MDB_txn *reader;
	int reading;
	/* A read through it failed: it goes once nobody visits. */
	int reader_bad;
	/* How many people_each are under way, during which nothing is written. */
	int visiting;
	/* A write failed: no other is taken. */
	int failed;
	/* The file beside the folder that readers of another process lock, so that it is not replaced under them. */
	int turnstile;
	char dir[PEOPLE_PATH_MAX];
};

/* Opens the environment in `dir` with its tables, made if they are not there. */
MUST_CHECK enum result people_env(const char *dir, MDB_env **env, MDB_dbi dbi[PEOPLE_TABLES]);

/* Ends the read transaction that is kept for the next read. */
void people_reader_drop(struct people *p);

/* people_renew.c: the lock file beside `dir` (a descriptor, or -1 with errno); ends what a renewal that was cut off left. */
int turnstile_open(const char *dir);
MUST_CHECK enum result people_settle(const char *dir);

#endif
