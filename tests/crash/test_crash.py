"""kill -9 under load: no acknowledged act is lost, none is done twice, and nothing leaks.

Each cycle: kiosk sessions give, hold and cancel, an outlet confirms, a social worker adds members
with private texts, all with several acts in flight; the daemon is killed at a random moment. After
the restart every act is sent again, the same bytes over another connection of its key:

- one that was answered gets the same receipt;
- one that was not gets its receipt, or `not_accepted_use_new_id` and then is nowhere in the ledger;
  a member whose addition was not accepted can be added anew under the same number (an orphaned
  private text would be in the way).

CRASH_CYCLES says how many cycles (10); SEED replays the moments and choices of an earlier run, as
far as the machine allows. Alone: test_crash.py [--cycles N] [--seed S].
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import small_station as small  # noqa: E402
from small_station import act_pb2, entry_pb2, rpc_pb2, tc, types_pb2  # noqa: E402

CYCLES = int(os.environ.get("CRASH_CYCLES", "10"))
KIOSKS, MEMBERS, WINDOW = 3, 6, 8
# Little memory: rows leave it, and changes of the state are merged, in every cycle or two.
SETTINGS = "checkpoint_seconds: 1\ncheckpoint_entries: 200\nmemory_mib: 16\n"
OK = 0  # RESULT_CODE_OK
# The state is rebuilt from nothing after the first and the last cycle and every so many.
REBUILD_EVERY = 10
NEGATIVE = {types_pb2.PURPOSE_ISSUED, types_pb2.PURPOSE_GIVEN, types_pb2.PURPOSE_DONATED,
            types_pb2.PURPOSE_ADJUSTED, types_pb2.PURPOSE_DEBT}


class Load(threading.Thread):
    """A client that keeps WINDOW acts in flight until the connection breaks.

    `sent` has every Request in order, `receipts` the answers by position; a refusal is None.
    """

    def __init__(self, station, name, rng):
        super().__init__(daemon=True)
        self.station, self.name, self.rng = station, name, rng
        self.sent, self.receipts, self.refused, self.fault = [], {}, collections.Counter(), None
        self.client = None

    def log_in(self):
        self.client = self.station.connect(self.name)

    def run(self):
        try:
            while True:
                while len(self.sent) - len(self.receipts) < WINDOW:
                    request = self.make()
                    self.sent.append(request)
                    self.client.send(request)
                self.take()
        except OSError:  # the daemon was killed
            pass
        except Exception as fault:  # noqa: B902  kept for the main thread
            self.fault = fault

    def take(self):
        """The next answer; acts of one connection are answered in their order."""
        i = len(self.receipts)
        response = tc.read_response(self.client.sock)
        assert response.number == self.client.number - (len(self.sent) - i) + 1
        if response.code == OK:
            self.receipts[i] = response.receipt
            self.accepted(response.receipt)
        else:
            self.receipts[i] = None
            self.refused[response.name] += 1

    def accepted(self, receipt):
        pass


class Kiosk(Load):
    """Gives, holds and cancels in one member's session."""

    def __init__(self, station, rng, member, vouchers):
        super().__init__(station, "kiosk", rng)
        self.member, self.vouchers, self.held = member, vouchers, []

    def log_in(self):
        super().log_in()
        self.client.login(self.member.number, self.member.pin)

    def make(self):
        dice = self.rng.random()
        if dice < 0.2 and self.held:
            held = self.held.pop(self.rng.randrange(len(self.held)))
            return self.client.request(act_pb2.Command(cancel=act_pb2.Cancel(ref=tc.ref_to(held))))
        if dice < 0.5:
            return self.client.request(self.client.hold_command(self.rng.choice((small.ITEM, small.OTHER_ITEM))))
        other = self.rng.choice([m for m in self.station.members if m is not self.member])
        return self.client.request(act_pb2.Command(gift=act_pb2.Gift(
            member=self.member.id, other=other.id, points=self.rng.randint(1, 3))))

    def accepted(self, receipt):
        if small.effects(receipt, "HELD"):
            # Some vouchers are both the outlet's and ours: exactly one of the two gets it.
            if self.rng.random() < 0.6:
                self.held.append(receipt)
            if self.rng.random() < 0.6:
                self.vouchers.append(receipt)


class Outlet(Load):
    """Confirms what the kiosks hold."""

    def __init__(self, station, rng, vouchers):
        super().__init__(station, "outlet", rng)
        self.vouchers = vouchers

    def make(self):
        while not self.vouchers:
            if self.station.daemon.process is None or self.station.daemon.process.poll() is not None:
                raise ConnectionError("the daemon is gone")
            time.sleep(0.001)
        held = self.vouchers.popleft()
        secret = small.timebox_code32.decode(held.codes[0].code, 10)
        return self.client.request(self.client.confirm_command(held), code=secret)


class Staff(Load):
    """Adds members: acts whose private texts are stored beside the ledger."""

    numbers = None

    def make(self):
        number = next(self.numbers)
        return self.adding(number)

    def adding(self, number):
        draft = small.Draft().add(
            "member_add", small.person(number, "测试志愿者" + number), joined_day=self.station.today(self.client),
            **{"class": types_pb2.MEMBER_CLASS_UNIVERSITY})
        return draft.request(self.client)


# --- what must hold ---

class Books:
    """The ledger as its postings tell it, read entry by entry."""

    def __init__(self):
        self.seq, self.ids, self.balances = 0, {}, collections.Counter()

    def read(self, client, last):
        while self.seq < last:
            part = client.call("get_entries", from_seq=self.seq + 1, limit=1000).entries
            assert part, "the ledger ends at %d, not at %d" % (self.seq, last)
            for data in part:
                self.add(data)

    def add(self, data):
        entry = entry_pb2.Entry.FromString(data)
        assert entry.seq == self.seq + 1
        self.seq = entry.seq
        request_id = act_pb2.Act.FromString(entry.act).request_id
        assert request_id not in self.ids, "request id twice: entries %d and %d" % (self.ids[request_id], entry.seq)
        self.ids[request_id] = entry.seq
        for p in entry.postings:
            self.balances[p.asset, p.purpose, p.member, p.partner, p.item, p.lot] += p.amount

    def check(self):
        sums = collections.Counter()
        for (asset, purpose, _, _, item, _), amount in self.balances.items():
            sums[asset, item] += amount
            assert amount >= 0 or purpose in NEGATIVE, "a balance below zero"
        assert not any(sums.values()), "an asset does not add up: %r" % sums

    def of(self, member, purpose):
        return sum(amount for (_, p, m, _, _, _), amount in self.balances.items() if (p, m) == (purpose, member))


def daemon_check(station):
    """`timeboxd check` on the station as it lies there."""
    done = subprocess.run([small.TIMEBOXD, "check", str(station.dir), "--json"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    found = json.loads(done.stdout)
    assert found["sums_zero"] is True, found
    return found


def rebuild_gives_the_same(station):
    before = daemon_check(station)
    shutil.rmtree(station.dir / "state")
    after = daemon_check(station)
    assert after["fingerprint"] == before["fingerprint"], (before, after)


def request_id(request):
    return act_pb2.Act.FromString(request.act).request_id


def ask_again(station, load):
    """Sends every act of `load` once more; counts what was accepted without an answer, and returns
    the requests that never were accepted."""
    unknown, lost = 0, []
    with station.connect(load.name) as client:
        for start in range(0, len(load.sent), 64):
            part = load.sent[start:start + 64]
            numbers = [client.send(request) for request in part]
            for i, (request, number) in enumerate(zip(part, numbers), start):
                response = client.receive(number)
                if load.receipts.get(i) is not None:
                    assert response.code == OK, response.name
                    assert response.receipt == load.receipts[i], "another receipt for entry %d" % response.receipt.seq
                elif response.code == OK:
                    assert i not in load.receipts, "a refused act was accepted later"
                    load.receipts[i] = response.receipt
                    unknown += 1
                else:
                    assert response.name == "not_accepted_use_new_id", response.name
                    if i not in load.receipts:
                        lost.append(request)
    return unknown, lost


class Run:
    def __init__(self, folder, seed, say):
        self.say, self.rng = say, random.Random(seed)
        self.station = small.SmallStation(folder, SETTINGS)
        self.station.set_up(members=MEMBERS, rows=20, gift=types_pb2.GIFT_POLICY_ANYONE).open()
        self.books, self.total, self.number = Books(), collections.Counter(), 500000

    def numbers(self):
        while True:
            self.number += 1
            yield small.member_number(self.number)

    def loads(self):
        vouchers = collections.deque()
        members = self.rng.sample(self.station.members, KIOSKS)
        loads = [Kiosk(self.station, random.Random(self.rng.random()), m, vouchers) for m in members]
        loads.append(Outlet(self.station, random.Random(self.rng.random()), vouchers))
        staff = Staff(self.station, "staff", random.Random(self.rng.random()))
        staff.numbers = self.numbers()
        return loads + [staff]

    def restart(self):
        """Every fifth time the start itself is killed too."""
        daemon = self.station.daemon
        if self.rng.random() < 0.2:
            daemon.spawn()
            time.sleep(self.rng.random() * 0.1)
            daemon.kill()
        daemon.start()

    def cycle(self, i, last):
        loads = self.loads()
        for load in loads:
            load.log_in()
        for load in loads:
            load.start()
        time.sleep(0.02 + self.rng.random() * 0.4)
        self.station.daemon.kill()
        for load in loads:
            load.join(30)
            assert not load.is_alive()
            if load.fault is not None:
                raise load.fault
            load.client.close()
        self.station.clients.clear()
        if i == 0 or last or i % REBUILD_EVERY == 0:
            rebuild_gives_the_same(self.station)
        self.restart()
        self.judge(loads)

    def judge(self, loads):
        lost = {}
        for load in loads:
            unknown, lost[load] = ask_again(self.station, load)
            self.total["unanswered, accepted"] += unknown
            self.total["unanswered, not accepted"] += len(lost[load])
            self.total["answered"] += sum(r is not None for r in load.receipts.values()) - unknown
            self.total.update({"refused " + k: n for k, n in load.refused.items()})
        with self.station.connect("staff") as staff:
            self.books.read(staff, staff.call("get_status").last_seq)
            for load in loads:
                for n, request in enumerate(load.sent):
                    receipt = load.receipts.get(n)
                    assert self.books.ids.get(request_id(request)) == (receipt.seq if receipt else None)
            self.add_the_lost(staff, [r for load in lost if isinstance(load, Staff) for r in lost[load]])
            self.balances_agree(staff)

    def add_the_lost(self, staff, requests):
        """No orphaned text is in the way of the same number under a new request id."""
        for request in requests:
            old = rpc_pb2.PersonText.FromString(request.private.texts[0].text)
            joined = act_pb2.Act.FromString(request.act).commands[0].member_add.joined_day
            small.Draft().add("member_add", old, joined_day=joined,
                              **{"class": types_pb2.MEMBER_CLASS_UNIVERSITY}).send(staff)
        for request in requests[:3]:
            number = rpc_pb2.PersonText.FromString(request.private.texts[0].text).number
            assert staff.call("get_member", number=number).number == number

    def balances_agree(self, staff):
        self.books.read(staff, staff.call("get_status").last_seq)
        self.books.check()
        points = 0
        for member in self.station.members:
            told = staff.call("get_member", member=member.id)
            assert told.available == self.books.of(member.id, types_pb2.PURPOSE_AVAILABLE)
            assert told.held == self.books.of(member.id, types_pb2.PURPOSE_HELD)
            points += told.available + told.held
        received = sum(amount for key, amount in self.books.balances.items() if key[1] == types_pb2.PURPOSE_RECEIVED)
        assert points + received == MEMBERS * 20 * small.POINTS_A_ROW

    def go(self, cycles):
        started = time.monotonic()
        try:
            for i in range(cycles):
                self.cycle(i, i == cycles - 1)
                self.say("cycle %d: %d entries" % (i + 1, self.books.seq))
            assert self.station.daemon.stop() == 0
            daemon_check(self.station)
        finally:
            self.station.close()
        self.say("%d cycles in %.0f s, %d entries; %s" % (
            cycles, time.monotonic() - started, self.books.seq,
            ", ".join("%s: %d" % pair for pair in sorted(self.total.items()))))


def run(folder, cycles, seed, say):
    say("seed %d" % seed)
    test = Run(folder, seed, say)
    test.go(cycles)
    return test


def test_nothing_is_lost_or_doubled_by_kill_9(tmp_path):
    seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
    done = run(tmp_path, CYCLES, seed, print)
    assert done.total["answered"] > CYCLES, "the load did nothing"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="kill -9 under load")
    parser.add_argument("--cycles", type=int, default=CYCLES)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1000000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="timebox-crash-") as scratch:
        run(scratch, given.cycles, given.seed, lambda text: print(text, flush=True))
