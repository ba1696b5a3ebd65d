"""Faults: one call of the daemon fails, at every place that makes it, under a scripted load.

faults.py [PLACES]: memory, reads, writes, syncs, maps and opened files fail one at a time (inject.c), at
the first and at the last call from each place on the stack that reaches them (PLACES: at so many of them
only); then the disk fills up, files run out, the daemon is stopped and continued, and the clock jumps.
What must hold each time:

- every request is answered, or its connection ends; nothing waits for ever;
- the daemon goes on, or ends by itself with an exit code and says why, never by a signal;
- after a failed write or sync of ledger or texts no act is acknowledged by that process;
- it starts again, all that was acknowledged is there, and acts are accepted again.

ONLY=world or ONLY=calls does one half, KINDS="write sync" some kinds of calls; TIMEBOXD and TIMEBOXD_TEST are the
daemons, INJECTOR is built by make. The last line is "N passed, N failed".
"""
import collections
import ctypes
import errno
import hashlib
import json
import multiprocessing
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))

import small_station as small  # noqa: E402
from small_station import act_pb2, tc, timebox_code32, types_pb2  # noqa: E402

BUILD = pathlib.Path(__file__).resolve().parents[3] / "build"
INJECTOR = os.environ.get("INJECTOR", str(BUILD / "crash" / "faults" / "inject.so"))
TIMEBOXD_TEST = os.environ.get("TIMEBOXD_TEST", str(BUILD / "timeboxd-test"))
SETTINGS = "log_level: info\ncheckpoint_entries: 100\n"
REPORT = struct.Struct("<QQQ104s")
ADDR_NO_RANDOMIZE = 0x0040000
# A busy machine is slow; what waits for ever is found all the same.
ANSWER_S, END_S, CROWD = 20, 30, 110
# Kind of call, what it fails with, whether all after it fail, too.
FAULTS = [("memory", errno.ENOMEM, False), ("read", errno.EIO, False), ("write", errno.EIO, False),
          ("write", errno.ENOSPC, True), ("sync", errno.EIO, False), ("sync", errno.EIO, True),
          ("map", errno.ENOMEM, False), ("open", errno.EMFILE, False), ("open", errno.EIO, False),
          ("change", errno.EIO, False), ("change", errno.ENOSPC, True), ("thread", errno.EAGAIN, False)]
# What a fault may be answered with; never that the PIN is wrong, the code used or the member unknown.
ANSWERS = {"unavailable_outcome_unknown", "disk_full", "busy", "no_memory", "connection ended"}
# What the daemon says where it ends by itself.
REASONS = ("level=error", "timeboxd: ")


class Fault(Exception):
    """What must hold does not."""


class Skipped(Exception):
    """It cannot be made to happen here."""


class Station:
    """A copy of the set-up station, whose daemon fails as told."""

    all = []

    def __init__(self, base, folder):
        self.base = base
        self.dir = folder / "station"
        shutil.copytree(base.dir, self.dir)
        self.daemon = small.Daemon(self.dir, folder / "log")
        self.all.append(self)
        self.report = folder / "report"
        # Of what was acknowledged: when it was, or, of many sent at once, when they were sent; seq; leaf.
        self.acked, self.codes, self.clients = [], collections.Counter(), {}
        self.added = 0

    # -- the daemon --

    def spawn(self, program=small.TIMEBOXD, files=None, **env):
        """The same addresses each time, so that places can be compared."""
        personality = ctypes.CDLL(None).personality

        def before():
            personality(ADDR_NO_RANDOMIZE)
            if files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        with self.daemon.log.open("ab") as log:
            self.daemon.process = subprocess.Popen(
                [program, "run", str(self.dir), "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, env=dict(os.environ, **env),
                preexec_fn=before)

    def ready(self):
        """Whether it serves; one that does not has ended by itself."""
        process = self.daemon.process
        try:
            self.daemon.wait_ready(END_S)
            return True
        except RuntimeError:
            if process.returncode == -signal.SIGKILL and "ready" not in self.daemon.log_tail():
                raise Fault("it neither serves nor ends")
            self.ended(process.returncode)
            return False

    def ended(self, code):
        log = self.daemon.log.read_text(errors="replace")
        if code < 0:
            raise Fault("signal %d: %s" % (-code, log[-4000:]))
        if code > 0 and not any(reason in log for reason in REASONS):
            raise Fault("ended with %d and did not say why: %s" % (code, log[-400:]))
        return code

    def stop(self):
        process = self.daemon.process
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            raise Fault("it does not stop")
        process.stdout.close()
        self.daemon.process = None
        return self.ended(code)

    # -- the load --

    def client(self, name, member=None):
        key = (name, member)
        if key not in self.clients:
            client = tc.Client(self.daemon.address, self.base.keys[name], timeout=ANSWER_S)
            try:
                if member is not None:
                    client.login(self.base.members[member].number, self.base.members[member].pin)
            except BaseException:
                client.close()
                raise
            self.clients[key] = client
        return self.clients[key]

    def forget_clients(self):
        for client in self.clients.values():
            client.close()
        self.clients = {}

    def accept(self, client, request):
        receipt = client.ask(request).receipt
        self.acked.append((time.monotonic_ns(), receipt.seq, receipt.leaf))
        return receipt

    def add_member(self):
        staff = self.client("staff")
        draft = small.Draft()
        self.added += 1
        number = small.member_number(600000 + self.added)
        draft.add("member_add", small.person(number, "测试志愿者"), joined_day=self.base.today(staff),
                  **{"class": types_pb2.MEMBER_CLASS_RESIDENT})
        receipt = self.accept(staff, draft.request(staff))
        member = small.effects(receipt, "MEMBER_ADDED")[0].id
        slip = self.accept(staff, small.Draft().add("pin_slip", member=member).request(staff))
        self.client("kiosk").set_pin(number, slip.codes[0].code, small.pin_of(9))

    def give(self):
        kiosk = self.client("kiosk", 0)
        for other in self.base.members[1:3]:
            request = kiosk.request(act_pb2.Command(gift=act_pb2.Gift(
                member=kiosk.session.member.member, other=other.id, points=1)))
            receipt = self.accept(kiosk, request)
        if self.accept(kiosk, request) != receipt:
            raise Fault("another receipt for the same act")

    def crowd(self):
        """Many at once: they share commits, and the state is written."""
        kiosk = self.client("kiosk", 0)
        sent_ns, refused = time.monotonic_ns(), 0
        gifts = [kiosk.request(act_pb2.Command(gift=act_pb2.Gift(
            member=kiosk.session.member.member, other=self.base.members[1].id, points=1))) for _ in range(CROWD)]
        for number in [kiosk.send(gift) for gift in gifts]:
            response = kiosk.receive(number)
            if response.code == 0:
                self.acked.append((sent_ns, response.receipt.seq, response.receipt.leaf))
            else:
                self.codes[response.name] += 1
                refused += response.name == "unavailable_outcome_unknown"
            if refused and response.code == 0:
                raise Fault("accepted behind one whose outcome is unknown: entry %d" % response.receipt.seq)

    def redeem(self):
        kiosk, outlet = self.client("kiosk", 0), self.client("outlet")
        held = [self.accept(kiosk, kiosk.request(kiosk.hold_command(small.ITEM))) for _ in range(2)]
        self.accept(outlet, outlet.request(outlet.confirm_command(held[0]),
                                           code=timebox_code32.decode(held[0].codes[0].code, 10)))
        self.accept(kiosk, kiosk.request(act_pb2.Command(cancel=act_pb2.Cancel(ref=tc.ref_to(held[1])))))

    def look(self):
        staff = self.client("staff")
        staff.call("get_member", number=self.base.members[0].number)
        staff.call("get_history", member=self.base.members[0].id, limit=20)
        for kind in ("get_report", "get_todo", "get_keys", "get_proposals", "get_catalogue", "get_activities"):
            staff.call(kind)
        staff.call("get_records", limit=20)
        staff.call("get_texts", seq=staff.call("get_status").last_seq)
        self.client("kiosk", 0).holds()
        self.client("auditor").entries(3)
        staff.call("get_status")
        self.client("auditor").checkpoint()

    def load(self):
        """Every part is tried, whatever became of those before it."""
        for part in (self.add_member, self.crowd, self.give, self.redeem, self.look, self.add_member):
            try:
                part()
            except tc.Refused as refused:
                self.codes[refused.name] += 1
            except TimeoutError:
                raise Fault("no answer in %d s: %s" % (ANSWER_S, part.__name__))
            except (OSError, ssl.SSLError):
                self.codes["connection ended"] += 1
                self.forget_clients()
        self.forget_clients()

    # -- what must hold --

    def hit(self):
        """When the call failed, of which file, at which place; None if it never came to it."""
        if not self.report.exists():
            return None
        _, at_ns, place, path = REPORT.unpack(self.report.read_bytes())
        return None if at_ns == 0 else (at_ns, path.split(b"\0")[0].decode(), place)

    def no_act_after(self, at_ns):
        late = [seq for when, seq, _ in self.acked if when > at_ns]
        if late:
            raise Fault("acknowledged after a failed write or sync: entries %r" % late)

    def all_there(self):
        """Starts it again, unharmed."""
        self.daemon = small.Daemon(self.dir, self.daemon.log)
        self.spawn()
        try:
            self.daemon.wait_ready(END_S)
        except RuntimeError as fault:
            raise Fault("it does not start again: %s" % fault)
        auditor = self.client("auditor")
        entries = auditor.entries(self.client("staff").call("get_status").last_seq)
        for _, seq, leaf in self.acked:
            if seq > len(entries) or hashlib.sha256(b"\0" + entries[seq - 1]).digest() != leaf:
                raise Fault("entry %d of %d was acknowledged and is not there" % (seq, len(entries)))
        self.acked = []
        self.add_member()
        self.give()
        self.forget_clients()
        if self.stop() != 0:
            raise Fault("an unharmed daemon did not stop well")
        self.check()

    def check(self):
        done = subprocess.run([small.TIMEBOXD, "check", str(self.dir), "--json"], capture_output=True, timeout=60)
        if done.returncode != 0 or json.loads(done.stdout)["sums_zero"] is not True:
            raise Fault("check: %s" % (done.stdout + done.stderr).decode(errors="replace"))


# --- one call fails ---

BASE = None


class Result:
    def __init__(self, name):
        self.name, self.fault, self.place, self.codes, self.exit = name, None, None, collections.Counter(), None


def scratch():
    return pathlib.Path(tempfile.mkdtemp(prefix="case-", dir=BASE.folder))


def census(kind):
    """(first call, last call, place) of each place."""
    folder = scratch()
    station = Station(BASE, folder)
    station.spawn(LD_PRELOAD=INJECTOR, FAULT_KIND=kind, FAULT_PLACES=str(folder / "places"))
    station.daemon.wait_ready(60)
    station.load()
    assert station.stop() == 0 and not station.codes, station.codes
    places = [tuple(map(int, line.split())) for line in (folder / "places").read_text().splitlines()]
    shutil.rmtree(folder)
    return places


def attempt(job):
    """`which`: FAULT_N or FAULT_PLACE, and its value."""
    kind, error, sticky, which = job
    result = Result("%s %s, %s=%d%s" % (kind, errno.errorcode[error], *which, " and all after" if sticky else ""))
    folder = scratch()
    station = Station(BASE, folder)
    env = {"LD_PRELOAD": INJECTOR, "FAULT_KIND": kind, which[0]: str(which[1]), "FAULT_ERRNO": str(error),
           "FAULT_REPORT": str(station.report)}
    if sticky:
        env["FAULT_STICKY"] = "1"
    try:
        station.spawn(**env)
        if station.ready():
            station.load()
            result.exit = station.stop()
        hit = station.hit()
        if hit is not None:
            result.place = hit[2]
            if kind in ("sync", "write") and ("/ledger/" in hit[1] or "/people/" in hit[1]):
                station.no_act_after(hit[0])
        if set(station.codes) - ANSWERS:
            raise Fault("answered with %r" % dict(station.codes))
        station.all_there()
    except Exception as fault:  # noqa: B902  whatever it is, it is a finding
        result.fault = "%s: %s" % (type(fault).__name__, fault)
    finally:
        if result.fault and station.hit():
            result.name += " of '%s'" % station.hit()[1].replace(str(station.dir), "")
        if station.daemon.process is not None:
            station.daemon.kill()
        result.codes = station.codes
        shutil.rmtree(folder, ignore_errors=True)
    return result


class Tally:
    def __init__(self):
        self.passed = self.failed = 0
        self.codes = collections.Counter()

    def add(self, result):
        if result.fault is None:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED %s: %s" % (result.name, result.fault), flush=True)
        self.codes.update(result.codes)

    def say(self, name, fault):
        result = Result(name)
        result.fault = fault
        self.add(result)


def fail_everywhere(pool, tally, most, rng):
    for kind, error, sticky in FAULTS:
        reached, known, runs = set(), set(), 0
        # Calls are counted, so that the first and the last from a place can fail; a place that threads moved its calls away
        # from is then asked for by itself.
        for by_place in (False,) if most else (False, True, True, True, True):
            if by_place:
                calls = [("FAULT_PLACE", place) for place in sorted(known - reached)]
            else:
                places = census(kind)
                known = {place for _, _, place in places}
                calls = [("FAULT_N", n) for n in sorted({n for place in places for n in place[:2]})]
            if most:
                calls = sorted(rng.sample(calls, min(most, len(calls))))
            for result in pool.imap_unordered(attempt, [(kind, error, sticky, call) for call in calls]):
                tally.add(result)
                runs += 1
                if result.place is not None:
                    reached.add(result.place)
            if known <= reached:
                break
        if runs > 0 and not reached:
            tally.say(kind, "no call failed in %d runs: the injector is not asked" % runs)
        print("%s %s%s: %d runs, %d places of %d failed" % (
            kind, errno.errorcode[error], " for good" if sticky else "", runs, len(reached & known), len(known)), flush=True)


# --- the rest of the world ---

def may_mount():
    """What is mounted from here on nobody else sees, and it goes with this process."""
    libc, new_ns, new_user = ctypes.CDLL(None), 0x00020000, 0x10000000
    if os.geteuid() == 0:
        here = libc.unshare(new_ns) == 0
    else:
        ids = (os.geteuid(), os.getegid())
        here = libc.unshare(new_ns | new_user) == 0
        for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % ids[0]), ("gid_map", "0 %d 1" % ids[1])):
            here = here and pathlib.Path("/proc/self", name).write_text(text) > 0
    return here and subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True).returncode == 0


def full_disk():
    """A file system of its own fills up under the load, and is given room again."""
    folder = scratch()
    mount = folder / "small"
    mount.mkdir()
    size = 12 << 20
    mounted = may_mount() and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=%d" % size, "none", str(mount)], capture_output=True).returncode == 0
    if not mounted:
        raise Skipped("needs the right to mount")
    try:
        station = Station(BASE, mount)
        station.spawn()
        station.daemon.wait_ready(60)
        station.load()
        before = list(station.acked)
        ballast = mount / "ballast"
        fd = os.open(ballast, os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(fd, bytes(65536))
        except OSError:
            os.close(fd)
        codes = fill(station)
        if set(codes) != {"disk_full"}:
            raise Fault("a full disk is refused with %r" % dict(codes))
        station.look()
        entries = station.client("auditor").entries(before[-1][1])
        if hashlib.sha256(b"\0" + entries[-1]).digest() != before[-1][2]:
            raise Fault("what is committed cannot be read")
        station.forget_clients()
        ballast.unlink()
        # The daemon asks again each turn, and a turn is at most a second away.
        time.sleep(1.2)
        station.load()
        if station.codes or len(station.acked) < 2 * len(before):
            raise Fault("with room again: %r" % dict(station.codes))
        if station.stop() != 0:
            raise Fault("it did not stop well")
        station.all_there()
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=False)


def fill(station):
    """Gives until it is refused three times; the reasons."""
    codes = collections.Counter()
    kiosk = station.client("kiosk", 0)
    for _ in range(200):
        try:
            station.accept(kiosk, kiosk.request(act_pb2.Command(gift=act_pb2.Gift(
                member=kiosk.session.member.member, other=station.base.members[1].id, points=1))))
        except tc.Refused as refused:
            codes[refused.name] += 1
            if sum(codes.values()) == 3:
                break
    return codes


def out_of_files():
    """No descriptor is left: new connections wait or end, the old go on, and it recovers."""
    station = Station(BASE, scratch())
    station.spawn()
    station.daemon.wait_ready(60)
    station.give()
    used = len(os.listdir("/proc/%d/fd" % station.daemon.process.pid))
    resource.prlimit(station.daemon.process.pid, resource.RLIMIT_NOFILE, (used + 3, used + 3))
    host, _, port = station.daemon.address.rpartition(":")
    crowd = [socket.create_connection((host, int(port)), 5) for _ in range(20)]
    time.sleep(0.3)
    station.give()
    for one in crowd:
        one.close()
    time.sleep(0.3)
    station.clients.pop(("auditor", None), None)
    station.look()
    station.forget_clients()
    if station.stop() != 0:
        raise Fault("it did not stop well")
    station.all_there()


def few_files():
    """Started with next to no descriptors: it serves as many as it can, or says that it cannot."""
    for most in (6, 9, 12, 16, 20, 24, 40):
        station = Station(BASE, scratch())
        station.spawn(files=most)
        if not station.ready():
            continue
        try:
            station.give()
        except (OSError, ssl.SSLError):
            pass
        station.forget_clients()
        host, _, port = station.daemon.address.rpartition(":")
        crowd = [socket.create_connection((host, int(port)), 5) for _ in range(2 * most)]
        time.sleep(0.2)
        for one in crowd:
            one.close()
        if station.stop() != 0:
            raise Fault("with %d files it did not stop well" % most)
        station.all_there()


def pins_without_memory():
    """A PIN that cannot be checked is not a wrong one: busy, and nothing is counted."""
    folder = scratch()
    station, none = Station(BASE, folder), folder / "no-memory"
    station.spawn(LD_PRELOAD=INJECTOR, FAULT_KIND="map", FAULT_ERRNO=str(errno.ENOMEM), FAULT_WHILE=str(none))
    station.daemon.wait_ready(60)
    kiosk, member = station.client("kiosk"), BASE.members[0]
    none.touch()
    for _ in range(4):
        try:
            kiosk.login(member.number, member.pin)
            raise Fault("logged in without memory")
        except tc.Refused as refused:
            if refused.name != "busy":
                raise Fault("without memory: %s" % refused.name)
    none.unlink()
    # Had these counted as wrong, one would wait for seconds now.
    kiosk.login(member.number, member.pin)
    station.forget_clients()
    if station.stop() != 0:
        raise Fault("it did not stop well")
    station.all_there()


def stopped_and_continued():
    """SIGSTOP at any moment, then SIGCONT: late answers, no lost ones."""
    station = Station(BASE, scratch())
    station.spawn()
    station.daemon.wait_ready(60)
    stopper = subprocess.Popen([sys.executable, "-c", STOPPER, str(station.daemon.process.pid)])
    for _ in range(3):
        station.load()
    stopper.kill()
    stopper.wait()
    station.daemon.process.send_signal(signal.SIGCONT)
    if station.codes or station.stop() != 0:
        raise Fault("refused or ended: %r" % dict(station.codes))
    station.all_there()


STOPPER = """
import os, random, signal, sys, time
while True:
    time.sleep(random.random() * 0.02)
    os.kill(int(sys.argv[1]), signal.SIGSTOP)
    time.sleep(random.random() * 0.02)
    os.kill(int(sys.argv[1]), signal.SIGCONT)
"""


def jumping_clock():
    """The wall clock jumps: acts are refused until it is back, reads go on, times only go forward."""
    folder = scratch()
    station = Station(BASE, folder)
    offset = folder / "offset"
    offset.write_text("0 0")
    station.spawn(TIMEBOXD_TEST, TIMEBOX_TEST_CLOCK_FILE=str(offset))
    station.daemon.wait_ready(60)
    for jump in (0, 3600, -3600, 86400 * 400, -30, 0):
        fresh = folder / "fresh"
        fresh.write_text("0 %d" % jump)
        fresh.rename(offset)
        station.forget_clients()
        station.codes.clear()
        try:
            station.give()
            code = "accepted"
        except tc.Refused as refused:
            code = refused.name
        if code != ("accepted" if jump == 0 else "clock_doubtful"):
            raise Fault("a jump of %d s: %s" % (jump, code))
        station.look()
    station.forget_clients()
    if station.stop() != 0:
        raise Fault("it did not stop well")
    station.all_there()


def timeboxd(folder, command, **env):
    """The exit code, and what it said; a signal is a fault."""
    done = subprocess.run([small.TIMEBOXD, command, str(folder), "--json"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=END_S, env=dict(os.environ, **env))
    if done.returncode < 0 or (done.returncode and not done.stderr):
        raise Fault("%s: %d %s" % (command, done.returncode, done.stderr[-400:]))
    return done.returncode, done.stdout


def key_change_fails(kind, error, sticky, n):
    """`rotate-key` whose n-th call of that kind fails; False where it makes fewer. The next start has the one key or
    the other, as the entries say, and the key can be changed."""
    folder = scratch()
    station, report = folder / "station", folder / "report"
    shutil.copytree(BASE.dir, station)
    before = json.loads(timeboxd(station, "check")[1])["seq"]
    report.write_bytes(bytes(REPORT.size))
    env = {"FAULT_STICKY": "1"} if sticky else {}
    code, _ = timeboxd(station, "rotate-key", LD_PRELOAD=INJECTOR, FAULT_KIND=kind, FAULT_ERRNO=str(error), FAULT_N=str(n),
                       FAULT_REPORT=str(report), **env)
    hit = REPORT.unpack(report.read_bytes()[:REPORT.size])[1]
    what = "%s %d fails (%d)" % (kind, n, error)
    found, said = timeboxd(station, "check")
    if found or sorted(os.listdir(station / "keys")) != ["ledger", "tls", "voucher"]:
        raise Fault("%s: it does not start, or has the keys %s" % (what, os.listdir(station / "keys")))
    if code == 0 and json.loads(said)["seq"] == before:
        raise Fault("%s: it said that the key was changed, and no entry says so" % what)
    if timeboxd(station, "rotate-key")[0]:
        raise Fault("%s: the key cannot be changed any more" % what)
    shutil.rmtree(folder)
    return hit != 0


def changing_the_key():
    """Each write, sync, rename and open of `rotate-key` fails, one at a time."""
    for kind, error, sticky in FAULTS:
        n = 1
        while kind in ("write", "sync", "change", "open") and key_change_fails(kind, error, sticky, n):
            n += 1


def world(tally):
    for scenario in (full_disk, out_of_files, few_files, pins_without_memory, stopped_and_continued, jumping_clock,
                     changing_the_key):
        try:
            scenario()
            tally.say(scenario.__name__, None)
        except Skipped as why:
            print("skipped %s: %s" % (scenario.__name__, why), flush=True)
        except Exception as fault:  # noqa: B902  a finding, too
            tally.say(scenario.__name__, "%s: %s" % (type(fault).__name__, fault))
        for station in Station.all:
            station.daemon.kill()
        Station.all.clear()


def main():
    global BASE
    # What the injector is told is told here: a setting that came from outside would have every daemon do something else.
    for name in [name for name in os.environ if name.startswith("FAULT_") and name != "FAULT_ALL"]:
        del os.environ[name]
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    seed = int(os.environ.get("SEED") or time.time_ns() % 1000000)
    only = os.environ.get("ONLY", "")
    kinds = os.environ.get("KINDS", "").split()
    if kinds:
        FAULTS[:] = [fault for fault in FAULTS if fault[0] in kinds]
    home = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="timebox-faults-", dir=home) as folder:
        BASE = small.SmallStation(pathlib.Path(folder) / "base", SETTINGS)
        BASE.set_up(members=4, rows=2, gift=types_pb2.GIFT_POLICY_ANYONE).open()
        assert BASE.daemon.stop() == 0
        if only != "calls":
            world(tally)
        if only != "world":
            with multiprocessing.get_context("fork").Pool(2) as pool:
                fail_everywhere(pool, tally, most, random.Random(seed))
    print("answers: %s" % ", ".join("%s %d" % pair for pair in tally.codes.most_common()))
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    return 0 if tally.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
