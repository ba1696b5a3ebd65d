/* The station's secrets: DIR/keys/{ledger,tls,voucher}, 32 raw bytes each, mode 0600; ledger.new while the ledger's is changed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/engine/engine_int.h"
#include "proto/crypto.h"

static enum result
key_path(char out[ENGINE_PATH_MAX], const char *folder, const char *name)
{
	int n = snprintf(out, ENGINE_PATH_MAX, "%s/%s", folder, name);

	return n < 0 || n >= ENGINE_PATH_MAX ? RESULT_OVERFLOW : RESULT_OK;
}

static enum result
key_read(const char *folder, const char *name, uint8_t out[32])
{
	char path[ENGINE_PATH_MAX];
	enum result err = key_path(path, folder, name);
	struct stat st;
	uint8_t more;
	int fd;

	if (err != RESULT_OK)
		return err;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return errno == ENOENT ? RESULT_NOT_FOUND : RESULT_IO;
	if (fstat(fd, &st) != 0 || read(fd, out, 32) != 32 || read(fd, &more, 1) != 0)
		err = RESULT_CORRUPT;
	else if ((st.st_mode & 077) != 0)
		err = RESULT_NOT_ALLOWED;
	close(fd);
	return err;
}

static enum result
key_write(const char *folder, const char *name, const uint8_t key[32])
{
	char path[ENGINE_PATH_MAX];
	enum result err = key_path(path, folder, name);
	int fd;

	if (err != RESULT_OK)
		return err;
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return errno == EEXIST ? RESULT_EXISTS : RESULT_IO;
	if (write(fd, key, 32) != 32 || fsync(fd) != 0)
		err = RESULT_IO;
	if (close(fd) != 0)
		err = RESULT_IO;
	return err;
}

static enum result
sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum result err = fd >= 0 && fsync(fd) == 0 ? RESULT_OK : RESULT_IO;

	if (fd >= 0)
		close(fd);
	return err;
}

enum result
keys_read(const char *folder, struct engine_keys *out)
{
	enum result err;

	if ((err = key_read(folder, "ledger", out->ledger_seed)) != RESULT_OK ||
	    (err = key_read(folder, "tls", out->tls_seed)) != RESULT_OK ||
	    (err = key_read(folder, "voucher", out->voucher_key)) != RESULT_OK)
		return err;
	return ed25519_public(out->ledger_seed, out->ledger_pub);
}

enum result
keys_load(const char *dir, struct engine_keys *out)
{
	char path[ENGINE_PATH_MAX];
	enum result err = key_path(path, dir, "keys");

	return err != RESULT_OK ? err : keys_read(path, out);
}

enum result
keys_write(const char *dir, const struct engine_keys *keys)
{
	char path[ENGINE_PATH_MAX];
	enum result err = key_path(path, dir, "keys");

	if (err != RESULT_OK)
		return err;
	if ((mkdir(dir, 0700) != 0 && errno != EEXIST) ||
	    (mkdir(path, 0700) != 0 && errno != EEXIST))
		return RESULT_IO;
	if ((err = key_write(path, "ledger", keys->ledger_seed)) != RESULT_OK ||
	    (err = key_write(path, "tls", keys->tls_seed)) != RESULT_OK ||
	    (err = key_write(path, "voucher", keys->voucher_key)) != RESULT_OK ||
	    (err = sync_folder(path)) != RESULT_OK)
		return err;
	return sync_folder(dir);
}

enum result
keys_make(const char *dir, struct engine_keys *out)
{
	uint8_t pub[32];
	enum result err;

	if ((err = ed25519_generate(out->ledger_seed, out->ledger_pub)) != RESULT_OK ||
	    (err = ed25519_generate(out->tls_seed, pub)) != RESULT_OK ||
	    (err = crypto_random(out->voucher_key, 32)) != RESULT_OK)
		return err;
	return keys_write(dir, out);
}

/* ---- another ledger key ---- */

#define FRESH "ledger.new"

/* Overwrites a key that is not to be found again, as far as the disk lets one; RESULT_OK where there is none. */
static enum result
key_destroy(const char *folder, const char *name)
{
	static const uint8_t nothing[32];
	char path[ENGINE_PATH_MAX];
	enum result err = key_path(path, folder, name);
	int fd;

	if (err != RESULT_OK)
		return err;
	if ((fd = open(path, O_WRONLY | O_CLOEXEC)) < 0)
		return errno == ENOENT ? RESULT_OK : RESULT_IO;
	if (write(fd, nothing, sizeof(nothing)) != (ssize_t)sizeof(nothing) || fsync(fd) != 0)
		err = RESULT_IO;
	close(fd);
	return err;
}

static enum result
fresh_drop(const char *folder)
{
	char path[ENGINE_PATH_MAX];
	enum result err = key_path(path, folder, FRESH);

	if (err != RESULT_OK || access(path, F_OK) != 0)
		return err;
	if ((err = key_destroy(folder, FRESH)) != RESULT_OK)
		return err;
	return unlink(path) == 0 ? sync_folder(folder) : RESULT_IO;
}

static enum result
fresh_take_over(const char *folder)
{
	char from[ENGINE_PATH_MAX], to[ENGINE_PATH_MAX];
	enum result err;

	if ((err = key_path(from, folder, FRESH)) != RESULT_OK || (err = key_path(to, folder, "ledger")) != RESULT_OK ||
	    (err = key_destroy(folder, "ledger")) != RESULT_OK)
		return err;
	return rename(from, to) == 0 ? sync_folder(folder) : RESULT_IO;
}

enum result
keys_next(const char *dir, uint8_t seed[32], uint8_t pub[32])
{
	char folder[ENGINE_PATH_MAX];
	enum result err;

	if ((err = key_path(folder, dir, "keys")) != RESULT_OK || (err = fresh_drop(folder)) != RESULT_OK ||
	    (err = ed25519_generate(seed, pub)) != RESULT_OK ||
	    (err = key_write(folder, FRESH, seed)) != RESULT_OK)
		return err;
	return sync_folder(folder);
}

/* In which file the key is: NULL if in neither. */
static const char *
file_of_key(const char *folder, const uint8_t ledger_key[32], struct engine_keys *keys)
{
	static const char *const names[] = {"ledger", FRESH};
	uint8_t seed[32], pub[32];
	const char *found = NULL;

	for (size_t i = 0; i < 2 && found == NULL; i++) {
		if (key_read(folder, names[i], seed) != RESULT_OK || ed25519_public(seed, pub) != RESULT_OK ||
		    memcmp(pub, ledger_key, sizeof(pub)) != 0)
			continue;
		found = names[i];
		memcpy(keys->ledger_seed, seed, sizeof(seed));
		memcpy(keys->ledger_pub, pub, sizeof(pub));
	}
	crypto_wipe(seed, sizeof(seed));
	return found;
}

enum result
keys_find(const char *dir, const uint8_t ledger_key[32], struct engine_keys *keys)
{
	char folder[ENGINE_PATH_MAX];
	enum result err = key_path(folder, dir, "keys");

	if (err != RESULT_OK)
		return err;
	return file_of_key(folder, ledger_key, keys) != NULL ? RESULT_OK : RESULT_BAD_SIGNATURE;
}

enum result
keys_settle(const char *dir, const uint8_t ledger_key[32], struct engine_keys *keys)
{
	char folder[ENGINE_PATH_MAX];
	enum result err = key_path(folder, dir, "keys");
	const char *name;

	if (err != RESULT_OK)
		return err;
	if ((name = file_of_key(folder, ledger_key, keys)) == NULL)
		return RESULT_BAD_SIGNATURE;
	return strcmp(name, FRESH) == 0 ? fresh_take_over(folder) : fresh_drop(folder);
}
