"""The daemon under a tool that watches its memory or its threads, with all that a station does at once.

watched.py tsan|valgrind [SECONDS]: a small station, then for SECONDS several kiosks, staff, outlet and auditor, PINs right
and wrong, connections that end anywhere, bytes that are no frames, checkpoints of the state, and backups
beside it; SIGTERM in the middle, a restart that replays, a restore, a check. Whatever the tool reports is a failure, and so is an
answer that none of this deserves. Each step is one check; the last line is "N passed, N failed".

build/tsan/bin/timeboxd is the daemon for tsan, TIMEBOXD the one for valgrind, SMALL_MAPS the library that keeps LMDB's
maps within valgrind's reach; all are built by make.
"""
import collections
import contextlib
import os
import pathlib
import random
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))

import small_station as small  # noqa: E402
from small_station import act_pb2, tc, timebox_code32, types_pb2  # noqa: E402

BUILD = pathlib.Path(__file__).resolve().parents[3] / "build"
HERE = pathlib.Path(__file__).resolve().parent
SMALL_MAPS = os.environ.get("SMALL_MAPS", str(BUILD / "bench-smallmap.so"))
SETTINGS = "checkpoint_seconds: 1\ncheckpoint_entries: 100\nhandshake_seconds: 60\nframe_seconds: 300\nlog_level: info\n"
MEMBERS, KIOSKS, AT_ONCE, ROWS = 4, 3, 16, 20
# The load goes on until each part was done once, at most so long.
MOST_S = 300
START_S = 600
# Under valgrind, on a busy machine, a handshake alone may take seconds.
ANSWER_S = {"tsan": 60, "valgrind": 240}
FOUND = {"tsan": ("WARNING: ThreadSanitizer", "FATAL: ThreadSanitizer"),
         "valgrind": ("== Invalid", "uninitialised", "definitely lost", "indirectly lost", "Mismatched", "overlap",
                      "unrecognised instruction", "Process terminating")}
COMMAND = {
    "tsan": "exec env TSAN_OPTIONS='suppressions={here}/tsan.txt second_deadlock_stack=1 exitcode=66 "
            "log_path={folder}/report' {build}/tsan/bin/timeboxd \"$@\"\n",
    "valgrind": "exec env LD_PRELOAD={maps} valgrind -q --fair-sched=yes --error-exitcode=66 --leak-check=full --num-callers=30 "
                "--errors-for-leak-kinds=definite,indirect --show-leak-kinds=definite,indirect "
                "--log-file={folder}/report.%p {timeboxd} \"$@\"\n"}
# What can happen to those who do nothing wrong.
DESERVED = {"insufficient_points", "quota_used_up", "out_of_stock", "busy", "already_cancelled", "already_confirmed"}


class Check:
    def __init__(self):
        self.passed = self.failed = 0

    def step(self, name, do):
        began = time.monotonic()
        try:
            do()
        except Exception as fault:  # noqa: B902  whatever it is, it is a finding
            self.failed += 1
            print("FAILED %s: %s: %s" % (name, type(fault).__name__, fault), flush=True)
        else:
            self.passed += 1
            print("ok %s (%.0f s)" % (name, time.monotonic() - began), flush=True)


class Watched:
    def __init__(self, tool, folder, seconds):
        self.tool, self.folder, self.seconds = tool, folder, seconds
        self.real = small.TIMEBOXD
        wrapper = folder / "timeboxd"
        wrapper.write_text("#!/bin/sh\n" + COMMAND[tool].format(
            here=HERE, folder=folder, build=BUILD, maps=SMALL_MAPS, timeboxd=small.TIMEBOXD))
        wrapper.chmod(0o755)
        small.TIMEBOXD = self.wrapper = str(wrapper)
        small.Daemon.__init__.__defaults__, small.Daemon.start.__defaults__ = (self.wrapper,), (START_S,)
        self.station, self.stopping, self.ending = None, threading.Event(), threading.Event()
        self.held, self.codes, self.faults, self.done = collections.deque(), collections.Counter(), [], collections.Counter()
        self.backups, self.number = [], 500000

    # -- what the tool says --

    def nothing_reported(self):
        for path in sorted(self.folder.glob("report.*")) + [self.folder / "life" / "daemon.log"]:
            text = path.read_text(errors="replace") if path.exists() else ""
            for sign in FOUND[self.tool]:
                at = text.find(sign)
                assert at < 0, "%s\n%s" % (path.name, text[max(0, at - 200):at + 6000])

    # -- the load --

    def connect(self, name):
        return tc.Client(self.station.daemon.address, self.station.keys[name], timeout=ANSWER_S[self.tool])

    def run(self, part, i):
        """Again and again, until it is over; connections may end only when the daemon is asked to."""
        rng = random.Random(i)
        while not self.stopping.is_set():
            try:
                part(rng, i)
                self.done[part.__name__] += 1
            except tc.Refused as refused:
                if refused.name in DESERVED:
                    self.codes[refused.name] += 1
                else:
                    self.faults.append("%s: refused with %s" % (part.__name__, refused.name))
            except (OSError, ssl.SSLError) as ended:
                if not self.ending.is_set():
                    self.faults.append("%s: %s" % (part.__name__, ended))
                return
            except Exception as fault:  # noqa: B902  whatever it is, it is a finding
                self.faults.append("%s: %s: %s" % (part.__name__, type(fault).__name__, fault))
                return

    def gift(self, kiosk, rng):
        me = kiosk.session.member.member
        other = rng.choice([m.id for m in self.station.members if m.id != me])
        return kiosk.request(act_pb2.Command(gift=act_pb2.Gift(member=me, other=other, points=1)))

    def kiosk(self, rng, i):
        someone = self.station.members[i]
        with self.connect("kiosk") as kiosk:
            kiosk.login(someone.number, someone.pin)
            for _ in range(3):
                sent = [kiosk.send(self.gift(kiosk, rng)) for _ in range(AT_ONCE)]
                for number in sent:
                    self.codes[kiosk.receive(number).name or "accepted"] += 1
                self.held.append(kiosk.act(kiosk.hold_command(small.ITEM)))
                kiosk.cancel(kiosk.act(kiosk.hold_command(small.OTHER_ITEM)))
                kiosk.holds()
                kiosk.call("get_member", member=someone.id)
                kiosk.call("get_history", member=someone.id, limit=20)
            kiosk.logout()

    def stranger(self, rng, i):
        """Wrong PINs of a member of its own, so that nobody else has to wait."""
        with self.connect("kiosk") as kiosk:
            for pin in ("135790", "246802"):
                try:
                    kiosk.login(self.station.members[-1].number, pin)
                    raise AssertionError("a wrong PIN was right")
                except tc.Refused as refused:
                    assert refused.name in ("wrong_pin", "pin_wait", "pin_locked", "busy"), refused.name
        time.sleep(0.05)

    def staff(self, rng, i):
        with self.connect("staff") as staff, self.connect("kiosk") as door:
            self.number += 1
            person = small.person(small.member_number(self.number), "测试志愿者%d" % self.number)
            added = small.Draft().add("member_add", person, joined_day=self.station.today(staff),
                                      **{"class": types_pb2.MEMBER_CLASS_RESIDENT}).send(staff)
            member = small.effects(added, "MEMBER_ADDED")[0].id
            slip = small.Draft().add("pin_slip", member=member).send(staff)
            door.set_pin(person.number, slip.codes[0].code, small.pin_of(9))
            for kind in ("get_report", "get_todo", "get_keys", "get_proposals", "get_catalogue", "get_activities",
                         "get_records", "get_status"):
                staff.call(kind)
            staff.call("get_texts", seq=added.seq)

    def outlet(self, rng, i):
        with self.connect("outlet") as outlet:
            while self.held and not self.stopping.is_set():
                held = self.held.popleft()
                outlet.voucher(held.codes[0].code)
                outlet.ask(outlet.request(outlet.confirm_command(held),
                                          code=timebox_code32.decode(held.codes[0].code, 10)))
        time.sleep(0.05)

    def auditor(self, rng, i):
        with self.connect("auditor") as auditor:
            size = int(auditor.checkpoint().split("\n")[1])
            assert len(auditor.entries(size)) == size

    def nobody(self, rng, i):
        """Ends a handshake in the middle, or sends what is no frame."""
        host, _, port = self.station.daemon.address.rpartition(":")
        with socket.create_connection((host, int(port)), 10) as raw:
            raw.sendall(rng.randbytes(rng.randrange(1, 600)))
        with tc.tls_connect(self.station.daemon.address, self.station.keys["auditor"],
                            timeout=ANSWER_S[self.tool]) as sock:
            sock.sendall(rng.randbytes(rng.randrange(1, 600)))
        time.sleep(0.02)

    def backup(self, rng, i):
        name = self.folder / ("backup-%d" % len(self.backups))
        done = subprocess.run([self.wrapper, "backup", str(self.station.dir), "--to", str(name)],
                              capture_output=True, timeout=600)
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
        self.backups.append(name)
        time.sleep(0.5)

    # -- the steps --

    def set_up(self):
        self.station = small.SmallStation(self.folder / "life", SETTINGS)
        self.station.set_up(members=MEMBERS, rows=ROWS, gift=types_pb2.GIFT_POLICY_ANYONE).open()
        for client in self.station.clients:
            client.close()

    def load(self):
        parts = [self.kiosk] * KIOSKS + [self.stranger, self.staff, self.outlet, self.auditor, self.nobody, self.backup]
        threads = [threading.Thread(target=self.run, args=(part, i)) for i, part in enumerate(parts)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        while time.monotonic() < began + self.seconds or \
                (any(not self.done[part.__name__] for part in parts) and time.monotonic() < began + MOST_S):
            time.sleep(0.1)
        # In the middle of it all.
        self.ending.set()
        code = self.station.daemon.stop(300)
        self.stopping.set()
        for thread in threads:
            thread.join()
        print("done: %s; answers: %s" % (dict(self.done), dict(self.codes)), flush=True)
        assert not self.faults, "; ".join(self.faults[:10])
        idle = [part.__name__ for part in parts if self.done[part.__name__] == 0]
        assert not idle, "never done: %r" % idle
        assert code == 0, "exit code %d: %s" % (code, self.station.daemon.log_tail())

    def killed_and_replayed(self):
        self.station.daemon.start()
        self.ending.clear()
        with self.station.connect("staff", timeout=ANSWER_S[self.tool]) as staff:
            small.Draft().add("member_add", small.person(small.member_number(499999), "测试志愿者"),
                              joined_day=self.station.today(staff),
                              **{"class": types_pb2.MEMBER_CLASS_RESIDENT}).send(staff)
        self.station.daemon.kill()
        shutil.rmtree(self.station.dir / "state")
        self.station.daemon.start()
        assert self.station.daemon.stop(300) == 0

    def command(self, *words):
        done = subprocess.run([self.wrapper, *words], capture_output=True, timeout=900)
        assert done.returncode == 0, "%s: %d %s" % (words[0], done.returncode, done.stderr.decode(errors="replace")[-2000:])

    def checked(self):
        self.command("check", str(self.station.dir), "--json")

    def restored(self):
        self.command("restore", str(self.backups[-1]), "--into", str(self.folder / "restored"))
        self.command("check", str(self.folder / "restored"))


def main():
    tool = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20
    check = Check()
    with tempfile.TemporaryDirectory(prefix="timebox-watched-") as name, contextlib.ExitStack() as stack:
        watched = Watched(tool, pathlib.Path(name), seconds)
        stack.callback(lambda: watched.station is not None and watched.station.close())
        for step in (watched.set_up, watched.load, watched.killed_and_replayed, watched.checked, watched.restored):
            check.step(step.__name__, step)
            check.step("nothing reported at %s" % step.__name__, watched.nothing_reported)
            if check.failed:
                break
    print("%d passed, %d failed" % (check.passed, check.failed))
    return 0 if check.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
