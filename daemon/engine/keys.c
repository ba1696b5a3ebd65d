/* The station's secrets: DIR/keys/{ledger,tls,voucher}, 32 raw bytes each, mode 0600. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/engine/engine_int.h"
#include "proto/crypto.h"

static enum result
key_path(char out[ENGINE_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, ENGINE_PATH_MAX, "%s/keys/%s", dir, name);

	return n < 0 || n >= ENGINE_PATH_MAX ? RESULT_OVERFLOW : RESULT_OK;
}

static enum result
key_read(const char *dir, const char *name, uint8_t out[32])
{
	char path[ENGINE_PATH_MAX];
	enum result err = key_path(path, dir, name);
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
key_write(const char *dir, const char *name, const uint8_t key[32])
{
	char path[ENGINE_PATH_MAX];
	enum result err = key_path(path, dir, name);
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
keys_load(const char *dir, struct engine_keys *out)
{
	enum result err;

	if ((err = key_read(dir, "ledger", out->ledger_seed)) != RESULT_OK ||
	    (err = key_read(dir, "tls", out->tls_seed)) != RESULT_OK ||
	    (err = key_read(dir, "voucher", out->voucher_key)) != RESULT_OK)
		return err;
	return ed25519_public(out->ledger_seed, out->ledger_pub);
}

enum result
keys_make(const char *dir, struct engine_keys *out)
{
	char path[ENGINE_PATH_MAX];
	uint8_t pub[32];
	enum result err;
	int n = snprintf(path, sizeof(path), "%s/keys", dir);

	if (n < 0 || n >= ENGINE_PATH_MAX)
		return RESULT_OVERFLOW;
	if ((mkdir(dir, 0700) != 0 && errno != EEXIST) ||
	    (mkdir(path, 0700) != 0 && errno != EEXIST))
		return RESULT_IO;
	if ((err = ed25519_generate(out->ledger_seed, out->ledger_pub)) != RESULT_OK ||
	    (err = ed25519_generate(out->tls_seed, pub)) != RESULT_OK ||
	    (err = crypto_random(out->voucher_key, 32)) != RESULT_OK ||
	    (err = key_write(dir, "ledger", out->ledger_seed)) != RESULT_OK ||
	    (err = key_write(dir, "tls", out->tls_seed)) != RESULT_OK ||
	    (err = key_write(dir, "voucher", out->voucher_key)) != RESULT_OK ||
	    (err = sync_folder(path)) != RESULT_OK)
		return err;
	return sync_folder(dir);
}
