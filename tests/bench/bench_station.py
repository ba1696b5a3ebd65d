"""A station for the load: many members with points, some of whom can log in.

A kiosk session's acts are its own member's. So each connection of the load is one member, who gives
to others: "uniform over a million members" is said of those who receive. Everything is made by acts,
as a station makes it.
"""
import array
import os
import pathlib
import shutil
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import small_station as small  # noqa: E402
from small_station import rpc_pb2, tc, types_pb2  # noqa: E402

# Log files stay small and sessions stay open; everything else as a station has it.
SETTINGS = "idle_seconds: 86400\nlog_level: warn\n"
POINTS_A_MINUTE = 100000
FIRST_RECEIVER = 2000000
MEMBERS_AN_ACT, ACTS_IN_FLIGHT = 500, 8


class BenchStation(small.SmallStation):
    def __init__(self, folder, settings=SETTINGS):
        super().__init__(folder, settings)
        # For the next starts: a build meanwhile must not change what is measured.
        self.daemon.program = shutil.copy2(small.TIMEBOXD, self.folder / "timeboxd")

    def add_people(self, staff, members):
        joined, everybody = self.today(staff) - 400, []
        numbers = [small.member_number(1000 + 7 * i) for i in range(members + 2)]
        for start in range(0, len(numbers), 200):
            draft = small.Draft()
            for number in numbers[start:start + 200]:
                draft.add("member_add", small.person(number, "测试"), joined_day=joined,
                          **{"class": types_pb2.MEMBER_CLASS_RESIDENT})
            everybody.extend(small.effects(draft.send(staff), "MEMBER_ADDED"))
        everybody = [self.Person(i, number, e.id) for i, (number, e) in enumerate(zip(numbers, everybody))]
        self.workers, self.members = everybody[:2], everybody[2:]

    def add_catalogue(self, staff):
        super().add_catalogue(staff)
        small.Draft().add("service_item_set", "陪伴聊天", item=small.SERVICE, minutes=1,
                          points=POINTS_A_MINUTE).send(staff)

    def add_stock(self, times):
        """More of what `redeem` takes: 900,000 pieces each time."""
        with self.connect("staff") as staff:
            for i in range(times):
                small.Draft().add("donation_add", "收据", receipt="M-%d" % i, partner=small.OUTLET, item=small.ITEM,
                                  count=900000, quality=types_pb2.QUALITY_GOOD, outlet=small.OUTLET,
                                  member=self.workers[0].id, day=self.today(staff) - 9).send(staff)

    def set_pins(self, staff):
        """A slip for each, and all PINs sent at once: hashing them takes the daemon a while."""
        slips = []
        for start in range(0, len(self.members), 200):
            draft = small.Draft()
            for someone in self.members[start:start + 200]:
                draft.add("pin_slip", member=someone.id)
            slips.extend(c.code for c in draft.send(staff).codes)
        with self.connect("kiosk", timeout=120) as kiosk:
            for someone, slip in zip(self.members, slips):
                call = rpc_pb2.Call(set_pin=rpc_pb2.SetPin(number=someone.number, slip=slip, pin=someone.pin))
                kiosk.send(rpc_pb2.Request(call=call))
            for _ in self.members:
                response = tc.read_response(kiosk.sock)
                assert response.code == 0, response.name

    def make(self, givers):
        with self.connect("staff", timeout=120) as staff, self.connect("second") as second:
            self.add_people(staff, givers)
            self.add_catalogue(staff)
            self.link(staff, second)
            self.set_rules(staff, gift=types_pb2.GIFT_POLICY_ANYONE)
            self.credit(staff, second, 1)
            for name, role, partner in (("kiosk", types_pb2.ROLE_KIOSK, ""),
                                        ("outlet", types_pb2.ROLE_OUTLET, small.OUTLET),
                                        ("auditor", types_pb2.ROLE_AUDITOR, "")):
                self.invite(name, role, partner)
            self.set_pins(staff)
        self.ids = array.array("Q", (someone.id for someone in self.members))
        return self.open()

    def add_receivers(self, total):
        """Members until there are `total` that may receive."""
        with self.connect("staff", timeout=120) as staff:
            joined, waiting = self.today(staff) - 400, []
            while len(self.ids) + MEMBERS_AN_ACT * len(waiting) < total:
                at = len(self.ids) + MEMBERS_AN_ACT * len(waiting)
                draft = small.Draft()
                for n in range(at, min(at + MEMBERS_AN_ACT, total)):
                    draft.add("member_add", rpc_pb2.PersonText(number=small.member_number(FIRST_RECEIVER + n), name="测试"),
                              joined_day=joined, **{"class": types_pb2.MEMBER_CLASS_RESIDENT})
                waiting.append(staff.send(draft.request(staff)))
                if len(waiting) == ACTS_IN_FLIGHT:
                    self.take_added(staff, waiting.pop(0))
            for number in waiting:
                self.take_added(staff, number)

    def take_added(self, staff, number):
        response = staff.receive(number)
        assert response.code == 0, response.name
        self.ids.extend(e.id for e in small.effects(response.receipt, "MEMBER_ADDED"))

    def write_files(self):
        """What timebox-bench reads; its arguments."""
        members, ids = self.folder / "members", self.folder / "ids"
        members.write_text("".join("%s %s %d\n" % (m.number, m.pin, m.id) for m in self.members))
        ids.write_bytes(self.ids.tobytes())
        return ["station", self.daemon.address, str(self.folder / "keys"), small.ORIGIN, str(members), str(ids), small.ITEM]

    def status(self):
        with self.connect("staff") as staff:
            return staff.call("get_status")

    def entry_bytes(self, first, last, samples=1000):
        """Mean size of the entries from `first` on."""
        with self.connect("auditor") as auditor:
            part = auditor.call("get_entries", from_seq=max(1, first), limit=min(samples, last - first + 1)).entries
            return sum(map(len, part)) / len(part)

    def settled(self):
        """Waits until the state on the disk covers every entry and is merged (bounded); the last entry."""
        until = time.monotonic() + 60
        while True:
            status = self.status()
            rests = status.checkpoint_seq >= status.last_seq and not any(self.dir.glob("state/log-*"))
            if rests or time.monotonic() > until:
                return status.last_seq
            time.sleep(0.2)

    def disk(self, folder=""):
        """Bytes on the disk."""
        return sum(os.lstat(pathlib.Path(where) / name).st_blocks * 512
                   for where, _, names in os.walk(self.dir / folder) for name in names)

    def resident_bytes(self):
        with open("/proc/%d/status" % self.daemon.process.pid) as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


def timed_start(daemon):
    """Seconds from the start of the process until it serves."""
    began = time.monotonic()
    daemon.start(timeout=600)
    return time.monotonic() - began
