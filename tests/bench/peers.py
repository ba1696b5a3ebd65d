"""What the daemon is compared with: PostgreSQL, Redis and the floor, each in a folder of its own.

All speak TLS on the loopback, all are durable before they answer, all do the same work: points from
one member to another, not below zero, once per request id, with a record of it.
"""
import datetime
import json
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM, FLOOR = ROOT / "build/timebox-bench", ROOT / "build/bench-floor"
PG = pathlib.Path("/usr/lib/postgresql/15/bin")


class Missing(Exception):
    """A peer that is not installed."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def certificate(folder):
    """A server's key (P-256, as usual elsewhere) and self-signed certificate: (cert, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    cert = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()) \
        .serial_number(x509.random_serial_number()).not_valid_before(datetime.datetime(2020, 1, 1)) \
        .not_valid_after(datetime.datetime(2120, 1, 1)).sign(key, hashes.SHA256())
    paths = folder / "tls.crt", folder / "tls.key"
    paths[0].write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    paths[1].touch(mode=0o600)
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    return paths


class Bench:
    """A timebox-bench: told a line, it answers with one."""

    def __init__(self, *args):
        self.process = subprocess.Popen([PROGRAM, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, line, **settings):
        self.process.stdin.write(line + "".join(" %s=%s" % pair for pair in settings.items()) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("timebox-bench ended at: %s %s" % (line, settings))
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Server:
    """A process of ours, ended by its id."""

    process = None

    def spawn(self, args, log, **more):
        with open(log, "ab") as file:
            self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stderr=file, **{"stdout": file, **more})

    def close(self, signum=signal.SIGTERM):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signum)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def wait_until(self, ready, seconds=60):
        until = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError("%s does not start" % type(self).__name__)
            time.sleep(0.1)


class Floor(Server):
    name = "floor"

    def __init__(self, folder):
        folder.mkdir()
        cert, key = certificate(folder)
        self.spawn([FLOOR, cert, key, folder / "records"], folder / "log", stdout=subprocess.PIPE)
        select.select([self.process.stdout], [], [], 120)
        line = self.process.stdout.readline().decode()
        if not line.startswith("ready on "):
            raise RuntimeError("the floor does not start")
        self.bench = Bench("floor", line.split()[2])

    def rate(self, conns, seconds, flight=1):
        return self.bench("echo", conns=conns, flight=flight, seconds=seconds)["acts_per_s"]

    def close(self):
        self.bench.close()
        stdout = self.process.stdout
        super().close()
        stdout.close()


SCHEMA = """
CREATE TABLE member (id bigint PRIMARY KEY, points bigint NOT NULL CHECK (points >= 0)) WITH (fillfactor = 50);
CREATE TABLE request (id uuid PRIMARY KEY);
CREATE TABLE log (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, request uuid NOT NULL, giver bigint NOT NULL,
	receiver bigint NOT NULL, points bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
INSERT INTO member SELECT i, 1000000 FROM generate_series(1, %d) i;
CREATE FUNCTION gift(request_id uuid, a bigint, b bigint, n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE s bigint;
BEGIN
	INSERT INTO request VALUES (request_id);
	IF a < b THEN
		UPDATE member SET points = points - n WHERE id = a;
		UPDATE member SET points = points + n WHERE id = b;
	ELSE
		UPDATE member SET points = points + n WHERE id = b;
		UPDATE member SET points = points - n WHERE id = a;
	END IF;
	INSERT INTO log (request, giver, receiver, points) VALUES (request_id, a, b, n) RETURNING seq INTO s;
	RETURN s;
END $$;
VACUUM ANALYZE;
CHECKPOINT;
"""
SCRIPT = """\\set a random(1, %d)
\\set b random(1, %d)
SELECT gift(gen_random_uuid(), :a, :b, 1);
"""
PG_CONF = """
listen_addresses = '127.0.0.1'
port = %d
unix_socket_directories = '%s'
max_connections = 300
ssl = on
ssl_cert_file = '%s'
ssl_key_file = '%s'
fsync = on
synchronous_commit = on
shared_buffers = 1GB
max_wal_size = 8GB
checkpoint_timeout = 15min
"""


class Postgres(Server):
    name = "PostgreSQL 15"

    def __init__(self, folder, members):
        if not (PG / "pgbench").exists():
            raise Missing("postgresql-15 is not installed (make bench-deps)")
        self.folder, self.user = folder, self.unprivileged()
        folder.mkdir()
        cert, key = certificate(folder)
        if self.user:
            for path in (folder, cert, key):
                shutil.chown(path, self.user)
        self.run([PG / "initdb", "-D", folder / "data", "-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C"])
        port = free_port()
        with open(folder / "data/postgresql.conf", "a") as conf:
            conf.write(PG_CONF % (port, folder, cert, key))
        self.spawn([PG / "postgres", "-D", folder / "data"], folder / "log", **self.as_user())
        self.env = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(port), PGUSER="bench", PGDATABASE="postgres",
                        PGSSLMODE="require")
        self.wait_until(lambda: subprocess.run([PG / "pg_isready", "-q"], env=self.env).returncode == 0)
        subprocess.run([PG / "psql", "-q", "-v", "ON_ERROR_STOP=1"], env=self.env, input=(SCHEMA % members).encode(), check=True)
        self.script = folder / "gift.sql"
        self.script.write_text(SCRIPT % (members, members))

    @staticmethod
    def unprivileged():
        """PostgreSQL refuses to run as root: then it runs as whoever its package made, or nobody."""
        if os.geteuid() != 0:
            return None
        names = {p.pw_name for p in pwd.getpwall()}
        return "postgres" if "postgres" in names else "nobody"

    def as_user(self):
        return {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": [],
                "cwd": self.folder} if self.user else {}

    def run(self, args):
        subprocess.run(args, stdout=subprocess.DEVNULL, check=True, **self.as_user())

    def rate(self, conns, seconds):
        """The mean of the last seconds: pgbench's time begins before it has connected, and each new
        backend is slow at first, which 256 of them would otherwise be judged by."""
        seconds = max(1, round(seconds))
        done = subprocess.run([PG / "pgbench", "-n", "-M", "prepared", "-c", str(conns), "-j", str(min(conns, 2)), "-P", "1",
                               "-T", str(seconds + 1 + conns // 40), "-f", self.script],
                              env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
        rates = [float(r) for r in re.findall(r"^progress: .*? ([0-9.]+) tps", done.stderr, re.M)]
        return sum(rates[-seconds:]) / seconds

    def close(self):
        super().close(signal.SIGINT)  # the "fast" shutdown


REDIS_FUNCTION = """#!lua name=bench
redis.register_function('gift', function(keys, args)
	if not redis.call('SET', keys[1], args[1], 'NX') then return 'again' end
	local n = tonumber(args[1])
	if tonumber(redis.call('GET', keys[2]) or '0') < n then return redis.error_reply('insufficient') end
	redis.call('DECRBY', keys[2], n)
	redis.call('INCRBY', keys[3], n)
	return 'OK'
end)
"""
REDIS_FILL = """for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
	redis.call('SET', string.format('m:%012d', i), 1000000) end"""


class Redis(Server):
    name = "Redis"

    def __init__(self, folder, members):
        program = shutil.which("redis-check-rdb")  # the server's own file: it goes by the name it is called
        if program is None or shutil.which("redis-benchmark") is None:
            raise Missing("redis-tools is not installed (make bench-deps)")
        folder.mkdir()
        cert, key = certificate(folder)
        self.members, self.port = members, free_port()
        self.tls = ["-h", "127.0.0.1", "-p", str(self.port), "--tls", "--cacert", str(cert), "--insecure"]
        self.spawn(["redis-server", "--port", "0", "--tls-port", str(self.port), "--bind", "127.0.0.1",
                    "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no", "--dir", folder,
                    "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", "0"],
                   folder / "log", executable=program)
        self.wait_until(lambda: self.cli("PING").strip() == "PONG")
        self.cli("-x", "FUNCTION", "LOAD", input=REDIS_FUNCTION)
        for start in range(0, members, 10000):
            self.cli("EVAL", REDIS_FILL, "0", str(start), str(min(start + 9999, members - 1)))
        self.estimate = {}

    def cli(self, *args, input=""):
        return subprocess.run(["redis-cli", *self.tls, *args], input=input, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout

    def requests(self, conns, n):
        done = subprocess.run(["redis-benchmark", *self.tls, "-c", str(conns), "-n", str(n), "-r", str(self.members), "--csv",
                               "FCALL", "gift", "3", "i:__rand_int____rand_int____rand_int__", "m:__rand_int__",
                               "m:__rand_int__", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
        return float(done.stdout.strip().splitlines()[-1].rsplit('","', 7)[1])

    def rate(self, conns, seconds):
        """redis-benchmark counts requests, not seconds: as many as the last rate needs."""
        if conns not in self.estimate:
            self.estimate[conns] = self.requests(conns, 500 + 60 * conns)
        self.estimate[conns] = self.requests(conns, max(conns, int(self.estimate[conns] * seconds)))
        return self.estimate[conns]
