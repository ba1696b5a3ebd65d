"""make bench: the daemon beside PostgreSQL, Redis and the floor, in alternating rounds.

Settings come from the environment: QUICK=1 (one round of 3 s, 10,000 members), ROUNDS, SECONDS,
MEMBERS, IDLE (connections that say nothing), BENCH_DIR (where the data lies: the disk that is
measured), ONLY=timebox (no peers). See README.md here.
"""
import collections
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

import bench_station
import machine
import peers
from table import Table, spread

BUILD = peers.ROOT / "build"
QUICK = bool(os.environ.get("QUICK"))


def setting(name, quick, full):
    return int(os.environ.get(name) or (quick if QUICK else full))


ROUNDS, SECONDS = setting("ROUNDS", 1, 5), setting("SECONDS", 3, 5)
MEMBERS, IDLE = setting("MEMBERS", 10000, 1000000), setting("IDLE", 0, 10000)
LATENCY_SECONDS = setting("LATENCY_SECONDS", 8, 15)
DISK_ACTS = 20000 if QUICK else 200000
GIVERS, READERS, COMMANDS_MAX = 256, 8, 1024
# What the daemon and the load generator take of a core each at half the rate.
BUSY = 0.7
# Memory that falls by less in 15 s falls no more.
QUIET = 2 << 20
MEMORY = (1 if QUICK else 6) << 30
CONNS = (1, 64, 256)
TIMEBOX, PG, REDIS, FLOOR = "timeboxd", "PostgreSQL 15", "Redis", "floor"


def say(text):
    print("[%4.0f s] %s" % (time.monotonic() - BEGAN, text), flush=True)


def sync_disk():
    """What somebody else left to be written is written before the next one is measured."""
    os.sync()


class Checkpoints(threading.Thread):
    """Notes the moments at which the state env is written: whole seconds, unix time in ms given."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.file, self.moments, self.ended = folder / "state" / "data.mdb", [], threading.Event()

    def run(self):
        last = None
        while not self.ended.wait(0.02):
            now = os.stat(self.file).st_mtime_ns
            if last is not None and now != last:
                self.moments.append(time.time() * 1000)
            last = now

    def touches(self, since_ms):
        """Whether the second from `since_ms` on had a write of a checkpoint in it."""
        return any(since_ms <= m < since_ms + 1000 for m in self.moments)


class Measure:
    """All that is measured, by name, one value a round."""

    def __init__(self, folder, stack):
        self.folder, self.stack = folder, stack
        self.got = collections.defaultdict(list)
        self.peers, self.missing = {}, {}
        self.probe = stack.enter_context(contextlib.closing(peers.Bench("probe")))
        self.station = stack.enter_context(contextlib.closing(bench_station.BenchStation(folder / "station")))

    # -- set-up --

    def set_up(self):
        say("a station: %d members that give, %d that receive" % (GIVERS, MEMBERS))
        self.station.make(GIVERS)
        self.station.add_receivers(MEMBERS)
        self.station.add_stock(2)
        self.bench = self.stack.enter_context(contextlib.closing(peers.Bench(*self.station.write_files())))
        if os.environ.get("ONLY") != "timebox":
            self.start_peers()
        say("the members log in")
        self.bench("balance", conns=GIVERS, seconds=0.2)
        self.fits = self.most_commands()

    def start_peers(self):
        for name, make in ((FLOOR, lambda: peers.Floor(self.folder / "floor")),
                           (PG, lambda: peers.Postgres(self.folder / "postgres", MEMBERS)),
                           (REDIS, lambda: peers.Redis(self.folder / "redis", MEMBERS))):
            say("starts %s" % name)
            try:
                self.peers[name] = self.stack.enter_context(contextlib.closing(make()))
            except peers.Missing as missing:
                self.missing[name] = str(missing)
                say(str(missing))

    def most_commands(self):
        """As many gifts as one act holds, to within 8."""
        low, high = 1, COMMANDS_MAX + 8
        while high - low > 8:
            middle = (low + high) // 2
            if middle <= COMMANDS_MAX and self.bench("gift", commands=middle, acts=1)["refused"] == 0:
                low = middle
            else:
                high = middle
        if low > COMMANDS_MAX - 8 and self.bench("gift", commands=COMMANDS_MAX, acts=1)["refused"] == 0:
            low = COMMANDS_MAX
        return low

    # -- one measurement --

    def gift(self, name, **settings):
        sync_disk()
        answer = self.bench("gift", **{"seconds": SECONDS, **settings})
        if answer["refused"]:
            raise RuntimeError("%s: %d acts refused: %s" % (name, answer["refused"], answer["refusal"]))
        self.got[name].append(answer["commands_per_s"])
        return answer

    def singles(self, turn):
        """One command an act: all of us in another order each round."""
        for conns in CONNS:
            everyone = [TIMEBOX, *self.peers]
            for i in range(len(everyone)):
                who = everyone[(i + turn) % len(everyone)]
                if who == TIMEBOX:
                    answer = self.gift((TIMEBOX, conns), conns=conns)
                    self.got["p50", conns].append(answer["latency"]["p50_us"])
                    self.got["p99", conns].append(answer["latency"]["p99_us"])
                else:
                    sync_disk()
                    self.got[who, conns].append(self.peers[who].rate(conns, SECONDS))
            say("  %3d connections: %s" % (conns, ", ".join(
                "%s %.0f/s" % (who, self.got[who, conns][-1]) for who in everyone)))

    def pipelined(self):
        self.gift("64x16", conns=64, flight=16)
        if FLOOR in self.peers:
            sync_disk()
            self.got[FLOOR, "64x16"].append(self.peers[FLOOR].rate(64, SECONDS, 16))
        self.gift("skewed", conns=64, flight=16, skew=4)
        self.gift("100", conns=1, flight=4, commands=100)
        self.gift("fits", conns=1, flight=4, commands=self.fits)

    def redeem(self):
        answer = self.bench("redeem", conns=64, flight=1, seconds=SECONDS)
        self.got["redeem"].append(answer["acts_per_s"])

    def latency(self):
        """Half of this round's rate of 64 connections, as acts are due and not as they are answered."""
        rate = self.got[TIMEBOX, 64][-1] / 2
        sync_disk()
        watch = Checkpoints(self.station.dir)
        watch.start()
        answer = self.bench("gift", conns=64, flight=64, rate=rate, seconds=LATENCY_SECONDS)
        watch.ended.set()
        watch.join()
        if FLOOR in self.peers:
            sync_disk()
            floor = self.peers[FLOOR].bench("echo", conns=64, flight=64, rate=rate, seconds=LATENCY_SECONDS)
            self.got["floor open p99"].append(floor["latency"]["p99_us"])
        self.got["open p99"].append(answer["latency"]["p99_us"])
        self.got["open p50"].append(answer["latency"]["p50_us"])
        for i, p99 in enumerate(answer["p99_us_by_second"]):
            with_it = watch.touches(answer["started_unix_ms"] + 1000 * i)
            self.got["p99 with checkpoint" if with_it else "p99 without"].append(p99)

    def reads(self):
        alone = self.gift("writes alone", conns=64, flight=16)["acts_per_s"]
        both = self.gift("writes beside reads", conns=64, flight=16, readers=READERS, read_flight=16)
        self.got["reads"].append(both["reads_per_s"])
        self.got["write fall"].append(100 * (1 - both["acts_per_s"] / alone))
        self.got["reads alone"].append(self.bench("balance", conns=READERS, flight=16, seconds=SECONDS)["acts_per_s"])

    def machine(self):
        sync_disk()
        answer = self.probe("fdatasync", seconds=2, folder=self.folder)
        latency = answer["latency"]
        self.got["fdatasync moment"].append(answer["moment_p99_us"])
        self.got["fdatasync p50"].append(latency["p50_us"])
        self.got["fdatasync p99"].append(latency["p99_us"])
        self.got["wake p99"].append(self.probe("wake", seconds=1, busy=BUSY)["latency"]["p99_us"])
        self.got["sha256"].append(self.probe("sha256", seconds=0.3)["per_s"])

    def round(self, turn):
        self.machine()
        self.singles(turn)
        self.pipelined()
        self.redeem()
        self.latency()
        self.reads()
        say("  64x16 %.0f/s, acts of 100 %.0f/s, of %d %.0f/s, p99 at half rate %.0f µs" % (
            self.got["64x16"][-1], self.got["100"][-1], self.fits, self.got["fits"][-1], self.got["open p99"][-1]))

    # -- once --

    def disk(self):
        first = self.station.settled()
        before = self.station.disk("ledger"), self.station.disk()
        self.bench("gift", conns=64, flight=16, acts=DISK_ACTS)
        last = self.station.settled()
        entries, size = last - first, self.station.entry_bytes(first + 1, last)
        self.got["entry bytes"].append(size)
        self.got["ledger bytes"].append((self.station.disk("ledger") - before[0]) / entries)
        self.got["all bytes"].append((self.station.disk() - before[1]) / entries)

    def quiet_memory(self):
        """The daemon's memory when it has had nothing to do for a while and has trimmed."""
        seen = []
        for _ in range(15):
            time.sleep(1)
            seen.append(self.station.resident_bytes())
        return min(seen)

    def idle(self):
        rate = self.bench("gift", conns=64, seconds=SECONDS)["acts_per_s"]
        # What waits to be merged is memory, too, that is given back meanwhile, and not all at once.
        self.station.settled()
        until = time.monotonic() + 180
        before, last = self.quiet_memory(), None
        while last is None or (before < last - QUIET and time.monotonic() < until):
            before, last = self.quiet_memory(), before
        self.bench("idle", n=IDLE)
        self.got["idle KiB"].append((self.quiet_memory() - before) / IDLE / 1024)
        beside = self.bench("gift", conns=64, seconds=SECONDS)
        self.bench("idle", n=0)
        self.got["rate beside idle"].append(beside["acts_per_s"] / rate)


def table_of(m):
    t, got = Table(), m.got
    bars = {1: ((PG, 1.0),), 64: ((PG, 5), (REDIS, 1.3), (FLOOR, 0.6)), 256: ((PG, 8), (REDIS, 1.3))}
    for conns, wanted in bars.items():
        for who, bar in wanted:
            name = "one command an act, %d connection%s" % (conns, "s" * (conns > 1))
            t.ratio(name, "/s", got[TIMEBOX, conns], got[who, conns], m.missing.get(who, who), bar)
    t.ratio("p50, 1 connection", "µs", got["p50", 1], got["fdatasync p50"], "p50 of fdatasync", 3, "<=")
    floor = got[FLOOR, "64x16"]
    t.value("64 connections, 16 in flight", "/s", got["64x16"],
            min(180000, 0.4 * sorted(floor)[len(floor) // 2]) if floor else 180000, ">=", floor, FLOOR)
    t.value("acts of 100, 4 in flight", "/s", got["100"], 150000, ">=")
    t.value("acts of %d (as many as fit), 4 in flight" % m.fits, "/s", got["fits"], 400000, ">=")
    p99 = sorted(got["fdatasync p99"])[ROUNDS // 2]
    t.value("p99 at half the rate, 64 connections", "µs", got["open p99"], 3 * p99 + 1000, "<=",
            got["fdatasync p99"], "p99 of fdatasync")
    checkpoint_row(t, got)
    t.value("balance reads beside full write load", "/s", got["reads"], 50000, ">=")
    t.value("fall of the write rate meanwhile", "%", got["write fall"], 30, "<=")
    once(t, got)
    notes(t, got)
    return t


def checkpoint_row(t, got):
    name = "p99 in seconds with a checkpoint"
    with_it, without = got["p99 with checkpoint"], got["p99 without"]
    if len(with_it) < 2 or len(without) < 2:
        t.leave_out(name, "%d seconds with and %d without a checkpoint were seen" % (len(with_it), len(without)))
        return
    middle = sorted(without)[len(without) // 2]
    t.ratio(name, "µs", [sorted(with_it)[len(with_it) // 2]], [middle], "p99 in those without", 2, "<=")


def once(t, got):
    t.ratio("disk, single commands: ledger env", "B an entry", got["ledger bytes"], got["entry bytes"], "entry bytes", 1.6, "<=")
    t.value("disk, single commands: all", "B an entry", got["all bytes"], 700, "<=")
    if IDLE:
        t.value("%d idle connections" % IDLE, "KiB each", got["idle KiB"], 28, "<=")
        t.note("rate of 64 others beside them", "%.2f of that without" % got["rate beside idle"][0])
    else:
        t.leave_out("idle connections", "IDLE=0 (QUICK)")
    for name in ("growth", "start after a stop, start after kill -9"):
        t.leave_out(name, "make bench-grow measures it")
    t.leave_out("instructions per gift", "make bench-instructions counts them, under callgrind")


def notes(t, got):
    t.note("fdatasync of 4 KiB into a file of zeros", "p50 %s µs, p99 %s µs" % (
        spread(got["fdatasync p50"]), spread(got["fdatasync p99"])))
    t.note("… at any moment, until the one under way is over", "p99 %s µs" % spread(got["fdatasync moment"]))
    t.note("SHA-256 of 240 bytes", "%s /s" % spread(got["sha256"]))
    t.note("64 connections x 16, receivers skewed (u^4)", "%s /s" % spread(got["skewed"]))
    t.note("hold and confirm (signed), 64 connections", "%s pairs/s" % spread(got["redeem"]))
    t.note("balance reads alone, %d connections x 16" % READERS, "%s /s" % spread(got["reads alone"]))
    for conns in CONNS:
        t.note("closed loop, %d connections" % conns, "p50 %s µs, p99 %s µs" % (
            spread(got["p50", conns]), spread(got["p99", conns])))
    t.note("at half the rate", "p50 %s µs" % spread(got["open p50"]))
    t.note("%.1f of each ms of pure computing, a thread a core, begins" % BUSY, "late by p99 %s µs" % spread(got["wake p99"]))
    if got["floor open p99"]:
        t.note("the floor at that rate", "p99 %s µs" % spread(got["floor open p99"]))


def warn_if_busy():
    load = os.getloadavg()[0]
    if load > 0.5:
        say("the machine is not quiet (load average %.1f): the numbers will not say much" % load)
    return load


def main():
    load = warn_if_busy()
    if machine.touch_memory(MEMORY):
        say("touched %d GiB of memory, so that the machine has them" % (MEMORY >> 30))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="timebox-bench-", dir=os.environ.get("BENCH_DIR", "/var/tmp")))
    folder.chmod(0o755)
    try:
        with contextlib.ExitStack() as stack:
            m = Measure(folder, stack)
            m.set_up()
            m.disk()
            for turn in range(ROUNDS):
                say("round %d of %d" % (turn + 1, ROUNDS))
                m.round(turn)
            if IDLE:
                say("%d idle connections" % IDLE)
                m.idle()
            table = table_of(m)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table.show()
    table.write(BUILD / "bench.json", rounds=ROUNDS, seconds=SECONDS, members=MEMBERS, load_average_before=load)
    say("written: build/bench.json")


BEGAN = time.monotonic()
if __name__ == "__main__":
    sys.exit(main())
