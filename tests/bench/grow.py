"""make bench-grow: what a gift costs against members and entries, and how long a start takes.

The rate of 64 connections with 16 in flight and of acts of 100, at 1,000 members and few entries, then
at ever more of both; at the end the starts, after a clean stop and after kill -9 under full load.
GROW_ENTRIES (10,000,000; QUICK: 300,000), GROW_MEMBERS (1,000,000; QUICK: 30,000), ROUNDS of each
measurement (5; QUICK: 3), SECONDS (3; QUICK: 2), BENCH_DIR.
"""
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
from table import Table, median, spread

QUICK = bool(os.environ.get("QUICK"))


def setting(name, quick, full):
    return int(os.environ.get(name) or (quick if QUICK else full))


ENTRIES, MEMBERS = setting("GROW_ENTRIES", 300000, 10000000), setting("GROW_MEMBERS", 30000, 1000000)
ROUNDS, SECONDS = setting("ROUNDS", 3, 5), setting("SECONDS", 2, 3)
GIVERS, FIRST_MEMBERS, FIRST_ENTRIES = 64, 1000, 10000
# The daemon's rows, and the pages of its files.
MEMORY = (1 if QUICK else 11) << 30
KINDS = {"64 connections x 16": {"conns": 64, "flight": 16}, "64 connections": {"conns": 64},
         "acts of 100, 4 in flight": {"conns": 1, "flight": 4, "commands": 100}}


class Growth:
    def __init__(self, station):
        self.station, self.steps, self.bench = station, [], None

    def open_bench(self):
        self.close_bench()
        self.bench = peers.Bench(*self.station.write_files())

    def close_bench(self):
        if self.bench is not None:
            self.bench.close()
            self.bench = None

    def grow_to(self, members, entries):
        """Adds members, then entries by pipelined gifts; what they left to be merged is merged."""
        if members > len(self.station.ids):
            self.station.add_receivers(members)
            self.open_bench()
        missing = entries - self.station.status().last_seq
        while missing > 0:
            part = min(missing, 500000)
            self.bench("gift", conns=64, flight=64, acts=part)
            missing -= part
        self.station.settled()

    def step(self, members, entries):
        """The first one is short, or it would itself be what it is compared with."""
        self.grow_to(members, entries)
        rates = {name: [] for name in KINDS}
        seconds = SECONDS if self.steps else 0.3
        for _ in range(ROUNDS):
            for name, load in KINDS.items():
                rates[name].append(self.bench("gift", seconds=seconds, warm_up=0.1, **load)["commands_per_s"])
        status = self.station.status()
        self.steps.append((members, status.last_seq, rates))
        print("%9d members %10d entries: %s; %.0f B an entry on the disk, %.0f MiB resident" % (
            members, status.last_seq, ", ".join("%s %s/s" % (n, spread(r)) for n, r in rates.items()),
            self.station.disk() / status.last_seq, self.station.resident_bytes() / 2**20), flush=True)

    def starts(self):
        """Seconds to serve after SIGTERM, and after SIGKILL under load."""
        daemon, clean, killed = self.station.daemon, [], []
        self.close_bench()
        for _ in range(min(3, ROUNDS)):
            assert daemon.stop(timeout=300) == 0, "the daemon does not stop cleanly"
            clean.append(bench_station.timed_start(daemon))
        for _ in range(min(3, ROUNDS)):
            self.open_bench()
            self.kill_under_load(daemon)
            killed.append(bench_station.timed_start(daemon))
        return clean, killed

    def kill_under_load(self, daemon):
        """The load generator ends with the daemon: that is not its failure here."""
        process = self.bench.process
        self.bench("balance", conns=64, seconds=0.2)
        timer = threading.Timer(2 + SECONDS, daemon.process.kill)
        timer.start()
        with contextlib.suppress(RuntimeError):
            self.bench("gift", conns=64, flight=16, seconds=60)
        timer.join()
        process.wait(30)
        self.close_bench()
        daemon.kill()


def steps():
    """Ten times as much each time, up to what is asked for."""
    members, entries = FIRST_MEMBERS, FIRST_ENTRIES
    while True:
        yield members, entries
        if members >= MEMBERS and entries >= ENTRIES:
            return
        members, entries = min(10 * members, MEMBERS), min(10 * entries, ENTRIES)


def judge(growth, clean, killed):
    table = Table()
    (few, begun, first), (members, entries, last) = growth.steps[0], growth.steps[-1]
    for name in KINDS:
        table.ratio("%s, %d members, %.1f M entries" % (name, members, entries / 1e6), "/s", last[name],
                    [median(first[name])] * len(last[name]),
                    "%d members, %.2f M entries" % (few, begun / 1e6), 0.8)
    table.value("start after a clean stop, %.1f M entries" % (entries / 1e6), "s", [max(clean)], 1, "<=")
    table.value("start after kill -9 under load", "s", [max(killed)], 3, "<=")
    table.note("each start, the slowest is judged", "clean %s s; killed %s s" % (spread(clean, 2), spread(killed, 2)))
    return table


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="timebox-grow-", dir=os.environ.get("BENCH_DIR", "/var/tmp")))
    began = time.monotonic()
    machine.touch_memory(MEMORY)
    try:
        with contextlib.closing(bench_station.BenchStation(folder / "station")) as station:
            station.make(GIVERS)
            growth = Growth(station)
            growth.open_bench()
            try:
                for members, entries in steps():
                    growth.step(members, entries)
                clean, killed = growth.starts()
            finally:
                growth.close_bench()
            table = judge(growth, clean, killed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table.show()
    table.write(peers.ROOT / "build/bench-grow.json", rounds=ROUNDS, members=MEMBERS, entries=ENTRIES)
    print("%.0f s; written: build/bench-grow.json" % (time.monotonic() - began))


if __name__ == "__main__":
    sys.exit(main())
