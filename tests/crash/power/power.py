"""Power cuts: what the daemon wrote and synced is recorded, and every state that the disk could have
been in is rebuilt and checked by the daemon.

power.py WINDOWS: makes a station under the recorder (record.c), from `timeboxd init` on, and loads it
with acts one by one and many at once, texts, PINs, checkpoints of the state, clean stops and kills, changes of the ledger's key;
then replay.c takes the recording apart. TIMEBOXD is the daemon; RECORDER and REPLAY are built by make;
SEED replays the script and the choice of states. POWER_LIE=sync or POWER_LIE=through is a disk whose
fdatasync or whose O_DSYNC does nothing: that must be found. The last line is "N passed, N failed", in windows.
"""
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))

import small_station as small  # noqa: E402
from small_station import act_pb2, tc, types_pb2  # noqa: E402

BUILD = pathlib.Path(__file__).resolve().parents[3] / "build" / "crash"
RECORDER = os.environ.get("RECORDER", str(BUILD / "power" / "record.so"))
REPLAY = os.environ.get("REPLAY", str(BUILD / "replay"))
SETTINGS = "checkpoint_seconds: 1\ncheckpoint_entries: 100\nmemory_mib: 16\nlog_level: warn\n"
MEMBERS, MOST_AT_ONCE, STEPS_A_RUN = 6, 12, 90


class Acked:
    """What the daemon acknowledged, and when the client had it in hand."""

    def __init__(self):
        self.lines, self.last_seq, self.printed = [], 0, []

    def receipt(self, receipt):
        self.lines.append("%d %d %s" % (time.monotonic_ns(), receipt.seq, receipt.leaf.hex()))
        self.last_seq = max(self.last_seq, receipt.seq)

    def print(self, seq):
        """What a command printed; its leaf is known when all is done."""
        self.printed.append((time.monotonic_ns(), seq))

    def all(self, leaves):
        lines = ["%d %d %s" % (when, seq, leaves[seq - 1]) for when, seq in self.printed]
        return sorted(lines + self.lines, key=lambda line: int(line.split()[0]))

    def pin(self, member):
        self.lines.append("%d pin %d" % (time.monotonic_ns(), member))


class Watched(tc.Client):
    """A client that notes every receipt as it comes."""

    acked = None

    def receive(self, number):
        response = super().receive(number)
        if response.code == 0 and response.WhichOneof("body") == "receipt":
            self.acked.receipt(response.receipt)
        return response


class Station(small.SmallStation):
    """Its days can be counted from an earlier one: a day's service is credited once."""

    back = 0

    def today(self, client):
        return super().today(client) - self.back


class Script:
    """One station's life under the recorder."""

    def __init__(self, folder, rng):
        self.rng, self.acked, self.number, self.held, self.credited = rng, Acked(), 500000, [], 0
        self.restarts = 0
        self.recording = folder / "recording"
        os.environ.update(POWER_LOG=str(self.recording), POWER_DIR=str(folder / "life" / "station"))
        tc.Client, Watched.acked = Watched, self.acked
        self.daemon_under_recorder()
        make = small.init
        small.init = lambda *args: self.timed(make, args)
        self.station = Station(folder / "life", SETTINGS)

    def timed(self, make, args):
        """What init prints acknowledges entry 1."""
        made = make(*args)
        self.acked.print(1)
        return made

    def daemon_under_recorder(self):
        """The programs of small_station, started with the recorder before them."""
        wrapper = pathlib.Path(os.environ["POWER_LOG"]).with_name("timeboxd")
        wrapper.write_text("#!/bin/sh\nexec env LD_PRELOAD=%s %s \"$@\"\n" % (RECORDER, small.TIMEBOXD))
        wrapper.chmod(0o755)
        self.real, small.TIMEBOXD = small.TIMEBOXD, str(wrapper)
        small.Daemon.__init__.__defaults__ = (str(wrapper),)

    # -- acts --

    def gift(self, kiosk):
        other = self.rng.choice([m for m in self.station.members if m.id != kiosk.session.member.member])
        return kiosk.request(act_pb2.Command(gift=act_pb2.Gift(
            member=kiosk.session.member.member, other=other.id, points=self.rng.randint(1, 3))))

    def hold_or_cancel(self, kiosk):
        mine = [h for h in self.held if h[0] is kiosk]
        if mine and self.rng.random() < 0.4:
            self.held.remove(mine[0])
            return kiosk.request(act_pb2.Command(cancel=act_pb2.Cancel(ref=tc.ref_to(mine[0][1]))))
        return kiosk.request(kiosk.hold_command(self.rng.choice((small.ITEM, small.OTHER_ITEM))))

    def person(self):
        self.number += 1
        return small.person(small.member_number(self.number), "测试志愿者%d" % self.number)

    def adding(self, staff):
        draft = small.Draft()
        for _ in range(self.rng.choice((1, 1, 1, 4, 20))):
            draft.add("member_add", self.person(), joined_day=self.station.today(staff),
                      **{"class": types_pb2.MEMBER_CLASS_UNIVERSITY})
        return draft.request(staff)

    def make(self, client):
        if client.session is None:
            return self.adding(client)
        return self.gift(client) if self.rng.random() < 0.6 else self.hold_or_cancel(client)

    def take(self, client, number):
        response = client.receive(number)
        if response.code != 0:
            assert response.name not in ("unavailable", "internal"), response.name
        elif small.effects(response.receipt, "HELD"):
            self.held.append((client, response.receipt))

    def step(self, clients):
        """Some acts at once: they share a commit, or a few."""
        sent = []
        for _ in range(self.rng.choice((1, 1, 2, 5, MOST_AT_ONCE))):
            client = self.rng.choice(clients)
            sent.append((client, client.send(self.make(client))))
        for client, number in sent:
            self.take(client, number)

    def new_pin(self, staff, kiosk):
        """A slip, and a member who sets a first PIN with it: a call that is acknowledged, too."""
        person = self.person()
        draft = small.Draft().add("member_add", person, joined_day=self.station.today(staff),
                                  **{"class": types_pb2.MEMBER_CLASS_RESIDENT})
        member = small.effects(draft.send(staff), "MEMBER_ADDED")[0].id
        slip = small.Draft().add("pin_slip", member=member).send(staff).codes[0].code
        kiosk.set_pin(person.number, slip, small.pin_of(7))
        self.acked.pin(member)

    # -- the life --

    def begin(self):
        self.station.set_up(members=MEMBERS, rows=20, gift=types_pb2.GIFT_POLICY_ANYONE).open()

    def session(self, steps):
        station = self.station
        with station.connect("staff") as staff, station.connect("second") as second, \
                station.connect("kiosk") as door:
            kiosks = [station.session(i) for i in self.rng.sample(range(MEMBERS), 3)]
            for i in range(steps):
                self.step(kiosks + [staff])
                if i % 40 == 20:
                    self.new_pin(staff, door)
                if i % 80 == 60:
                    self.credit(staff, second)
        station.clients.clear()
        self.held = []

    def credit(self, staff, second):
        self.credited += 1
        self.station.back = 20 + self.credited
        self.station.credit(staff, second, 1, batch=self.rng.randbytes(16))
        self.station.back = 0

    def rotate_key(self):
        said = subprocess.run([small.TIMEBOXD, "rotate-key", str(self.station.dir), "--json"], stdout=subprocess.PIPE, check=True,
                              timeout=60)
        self.acked.print(json.loads(said.stdout)["from"])

    def restart(self):
        """By turns asked to stop, and killed; what is being written then is waited for. The first time and then now and
        again the ledger gets another key."""
        time.sleep(0.01)
        if self.rng.random() < 0.5:
            assert self.station.daemon.stop() == 0
        else:
            self.station.daemon.kill()
        if self.restarts == 0 or self.rng.random() < 0.3:
            self.rotate_key()
        self.restarts += 1
        self.station.daemon.start()

    def finish(self, folder):
        """What replay.c reads."""
        with self.station.connect("auditor") as auditor:
            entries = auditor.entries(auditor.call("get_status").last_seq)
        assert self.station.daemon.stop() == 0
        leaves = [hashlib.sha256(b"\0" + e).hexdigest() for e in entries]
        (folder / "leaves").write_text("".join(leaf + "\n" for leaf in leaves))
        (folder / "acked").write_text("".join(line + "\n" for line in self.acked.all(leaves)))


def record(folder, windows, rng):
    """Every step commits at least once; restarts and the set-up come besides."""
    script = Script(folder, rng)
    try:
        script.begin()
        for done in range(0, windows, STEPS_A_RUN):
            script.session(min(STEPS_A_RUN, max(30, windows - done)))
            script.restart()
        script.finish(folder)
    finally:
        script.station.close()
    return script


def main():
    windows = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(os.environ.get("SEED") or time.time_ns() % 1000000)
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="timebox-power-", dir=base))
    print("seed %d" % seed, flush=True)
    done = None
    try:
        script = record(folder, windows, random.Random(seed))
        (folder / "states").mkdir()
        done = subprocess.run([REPLAY, str(script.recording), str(folder / "leaves"), str(folder / "acked"),
                               str(script.station.dir), script.real, str(folder / "states"), str(windows), str(seed)])
    finally:
        if (done is not None and done.returncode == 0) or "POWER_LIE" in os.environ:
            shutil.rmtree(folder)
        else:
            print("kept: %s" % folder)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
