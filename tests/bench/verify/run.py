"""make bench-verify: how fast an export is verified, against `openssl speed`; rows in build/bench-verify.json.

Settings: ENTRIES (1,000,000), SIGNED (30,000 signed entries), ROUNDS (3), BENCH_DIR (where the ledgers lie). The ledgers
are made from a small station's by `bench-verify-grow`: gifts, and for the signatures PIN slips. What must be hashed for an
entry of N bytes is a leaf of 1 + N and a node of 65: against that, and, stricter, against the entry's own N bytes alone.
Each measurement is the whole command, from its start to its end, in alternating rounds with what it is compared with:
against one core of openssl, which measures processor time, by processor time, else by the clock (so on a quiet machine).
ENTRIES / 4 and ENTRIES tell whether memory grows."""
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import station  # noqa: E402
from table import Table, median  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
ENTRIES = int(os.environ.get("ENTRIES") or 1000000)
SIGNED = int(os.environ.get("SIGNED") or 30000)
ROUNDS = int(os.environ.get("ROUNDS") or 3)
TIMEBOX = ROOT / "build" / "timebox"
NODE_BYTES = 65
SHORT_RUNS = 5


def verify(folder, *options):
    """(seconds, seconds of processor time, bytes of memory at most)"""
    began = time.monotonic()
    process = subprocess.Popen([TIMEBOX, "audit", "verify", folder, "--json", *map(str, options)],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    report = json.loads(process.stdout.read().splitlines()[-1])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0 and report["ok"], report
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def openssl(*arguments):
    done = subprocess.run(["openssl", "speed", "-seconds", "2", *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True)
    return done.stdout.decode()


def sha256_per_second(size, *options):
    """Messages a second, on one core where no option says more."""
    line = re.search(r"^sha256 +([0-9.]+)k", openssl(*options, "-bytes", size, "sha256"), re.M)
    return float(line.group(1)) * 1000 / size


def cores_over_one(size):
    """What a second core adds on this machine, to openssl alone."""
    return sha256_per_second(size, "-elapsed", "-multi", 2) / sha256_per_second(size, "-elapsed")


def ed25519_per_second():
    return float(openssl("ed25519").split()[-1])


def grow(small, ledger_key, seed, out, entries, signed):
    subprocess.run([ROOT / "build" / "bench-verify-grow", small, out, ledger_key, seed, str(entries), str(signed)],
                   check=True, stdout=subprocess.DEVNULL)
    bundles = list((out / "tile" / "entries").rglob("*"))
    total = sum(p.stat().st_size for p in bundles if p.is_file())
    count = int((out / "checkpoint").read_text().splitlines()[1])
    return count, total // count - 2


def hashing(seen, folder, n):
    """Less than half a second each: several in a round, one core and two by turns."""
    processors = []
    for _ in range(SHORT_RUNS):
        wall, processor, _ = verify(folder, "--depth", 0, "--threads", 1)
        processors.append(processor)
        seen["hash1"].append(n / wall)
        seen["hash2"].append(n / verify(folder, "--depth", 0, "--threads", 2)[0])
    seen["hash"].append(n / median(processors))


def rounds(table, gifts, slips, quarter, size):
    seen = {name: [] for name in ("hash", "hash1", "hash2", "sha", "all", "sig", "sig1", "sig2", "ed", "deep", "deep_processor", "mem1", "mem2")}
    n, n_slips = gifts[1], slips[1]
    for i in range(ROUNDS):
        print("round %d of %d" % (i + 1, ROUNDS), flush=True)
        seen["sha"].append(sha256_per_second(size))
        seen["all"].append(1 / (1 / sha256_per_second(1 + size) + 1 / sha256_per_second(NODE_BYTES)))
        hashing(seen, *gifts)
        seen["ed"].append(ed25519_per_second())
        for threads in (1, 2):
            wall, processor, _ = verify(slips[0], "--depth", 1, "--threads", threads)
            seen["sig%d" % threads].append(n_slips / wall)
            seen["sig"] += [n_slips / processor] if threads == 1 else []
        wall, processor, _ = verify(gifts[0], "--depth", 3, "--no-signatures")
        seen["deep"].append(n / wall)
        seen["deep_processor"].append(processor / n * 1e6)
        for depth in (1, 2):
            seen["mem%d" % depth].append(verify(gifts[0], "--depth", depth)[2] / verify(quarter[0], "--depth", depth)[2])
    table.ratio("hash, chain, tree: one core", "entries/s", seen["hash"], seen["all"], "openssl: %d and %d bytes" % (1 + size, NODE_BYTES), 0.7)
    table.ratio("... beside the entry's bytes alone", "entries/s", seen["hash"], seen["sha"], "openssl: %d bytes" % size, 0.7)
    table.ratio("hash, chain, tree: two cores over one", "entries/s", seen["hash2"], seen["hash1"], "one core", 1.8)
    table.ratio("signatures: one core", "signatures/s", seen["sig"], seen["ed"], "openssl speed ed25519", 0.8)
    table.ratio("signatures: two cores over one", "signatures/s", seen["sig2"], seen["sig1"], "one core", 1.6)
    table.value("depth 3 without signatures", "entries/s", seen["deep"], 300000, ">=")
    for depth in (1, 2):
        table.value("memory at depth %d, %d entries over %d" % (depth, n, quarter[1]), "x", seen["mem%d" % depth], 1.1, "<=")
    table.note("bytes of an entry", str(size))
    table.note("openssl: two cores over one", "%.2f" % cores_over_one(size))
    table.note("depth 3: processor time of an entry, µs", "%.2f" % min(seen["deep_processor"]))
    table.note("memory at depth 3, MB", "%.0f" % (verify(gifts[0], "--depth", 3)[2] / 1e6))


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="timebox-verify-", dir=os.environ.get("BENCH_DIR", "/var/tmp")))
    table = Table()
    try:
        small, ledger_key, seed = station.make(folder)
        n, size = grow(small, ledger_key, seed, folder / "gifts", ENTRIES, 0)
        quarter, _ = grow(small, ledger_key, seed, folder / "quarter", ENTRIES // 4, 0)
        slips, _ = grow(small, ledger_key, seed, folder / "slips", SIGNED, 1000)
        load = os.getloadavg()[0]
        rounds(table, (folder / "gifts", n), (folder / "slips", slips), (folder / "quarter", quarter), size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table.show()
    table.write(ROOT / "build" / "bench-verify.json", rounds=ROUNDS, entries=n, entry_bytes=size,
                load_average_before=load, cores=os.cpu_count(), peak_of_this=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print("written: build/bench-verify.json")


main()
