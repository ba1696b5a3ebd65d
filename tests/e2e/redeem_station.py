"""A small station with something to redeem at two outlets, and homes for the `timebox` command.

    station = RedeemStation(tmp_path, members=4)         # open, everybody has POINTS points
    ok = station.timebox("kiosk", "redeem", "hold", ...)  # one JSON object, the exit code must be 0
    station.refused("outlet", "redeem", "confirm", v)     # the name of the error, the exit code must be 1

With clock=True the daemon is the one whose clock moves: station.move_clock(days=8).
"""
import json
import os
import pathlib
import subprocess

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from small_station import BUILD, OUTLET, TIMEBOX, Daemon, Draft, SmallStation
import timebox_client as tc
from timebox_schema import act_pb2, entry_pb2, types_pb2

TIMEBOXD_TEST = os.environ.get("TIMEBOXD_TEST", str(BUILD / "timeboxd-test"))
HALL = "HALL"
POINTS = 960
# Item: points, outlets, quota, pieces at SHOP, pieces at HALL.
ITEMS = {
    "TOWEL": (3, [OUTLET, HALL], 2, 40, 40),
    "LAST": (5, [OUTLET, HALL], 0, 1, 4),
    "ONCE": (1, [OUTLET], 0, 1, 0),
    "LAMP": (POINTS + 1, [OUTLET], 0, 5, 0),
    "NONE": (1, [OUTLET], 0, 0, 0),
}


class OwnDaemon(Daemon):
    """A daemon on a port of our choice, whose clock can be moved."""

    listen, environment = "127.0.0.1:0", {}

    def spawn(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "run", str(self.folder), "--listen", self.listen],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=dict(os.environ, **self.environment))


class RedeemStation(SmallStation):
    def __init__(self, folder, members=4, rules=None, gift=0, clock=False):
        super().__init__(folder)
        self.offset_s, self.clock_file = 0, None
        try:
            self.use_own_daemon(clock)
            self.set_up(members=members, gift=gift)
            with self.connect("staff") as staff:
                if rules:
                    self.change_rules(staff, rules)
            self.invite("hall", types_pb2.ROLE_OUTLET, HALL)
            self.open()
        except BaseException:
            self.close()
            raise

    def use_own_daemon(self, clock):
        self.daemon.stop()
        self.daemon = OwnDaemon(self.dir, self.daemon.log)
        if clock:
            self.clock_file = self.folder / "clock"
            self.clock_file.write_text("0\n")
            self.daemon.environment = {"TIMEBOX_TEST_CLOCK_FILE": str(self.clock_file)}
            self.daemon.program = TIMEBOXD_TEST
        self.daemon.start()

    def rotate_key(self):
        """What `timeboxd rotate-key` says; the daemon runs again."""
        self.daemon.stop()
        done = subprocess.run([self.daemon.program, "rotate-key", str(self.dir), "--json"], stdout=subprocess.PIPE,
                              check=True, timeout=60, env=dict(os.environ, **getattr(self.daemon, "environment", {})))
        self.daemon.start()
        return json.loads(done.stdout)

    def change_rules(self, staff, changed):
        """Like set_rules, but can set a field to 0."""
        genesis = act_pb2.Act.FromString(entry_pb2.Entry.FromString(staff.entries(1)[0]).act)
        rules = genesis.commands[0].genesis.rules
        for name, value in changed.items():
            setattr(rules, name, value)
        Draft().add("rules_set", rules=rules).send(staff)

    def add_catalogue(self, staff):
        super().add_catalogue(staff)
        today = self.today(staff)
        Draft().add("partner_set", "社区服务大厅", partner=HALL, from_day=today - 300,
                    partner_kind=types_pb2.PARTNER_KIND_SOCIAL_ORGANISATION).send(staff)
        draft = Draft()
        for item, (points, outlets, quota, _, _) in ITEMS.items():
            draft.add("item_set", "物品" + item, item=item, item_kind=types_pb2.ITEM_KIND_GOODS,
                      points=points, outlets=outlets, quota=quota)
        draft.send(staff)
        draft = Draft()
        for item, (_, _, _, *stock) in ITEMS.items():
            for outlet, count in zip((OUTLET, HALL), stock):
                if count:
                    self.donate(draft, today, item, outlet, count)
        draft.send(staff)

    def donate(self, draft, today, item, outlet, count):
        draft.add("donation_add", "收据", receipt="D-%s-%s" % (item, outlet), partner=OUTLET, item=item,
                  count=count, quality=types_pb2.QUALITY_GOOD, outlet=outlet,
                  member=self.workers[0].id, day=today - 10)

    # -- the command --

    def home(self, name):
        """A folder as `timebox --home` wants it, for the key of that name, on the daemon's present address."""
        folder = self.folder / "homes" / name
        folder.mkdir(parents=True, exist_ok=True)
        with tc.Client(self.daemon.address, self.keys[name]) as client:
            hello, key = client.hello, tc.server_key(client.sock)
        seed = self.keys[name].private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        lines = {"server": self.daemon.address, "server_key": key.hex(), "origin": hello.origin,
                 "vkey": hello.vkey, "partner": hello.partner,
                 "role": types_pb2.Role.Name(hello.role)[len("ROLE_"):].lower()}
        (folder / "key").touch(mode=0o600)
        (folder / "key").write_bytes(seed)
        (folder / "station").write_text("".join("%s=%s\n" % line for line in lines.items()))
        return folder

    def run(self, name, *args, timeout=60):
        """A finished `timebox` with --json, not checked."""
        command = [TIMEBOX, "--home", str(self.home(name)), *map(str, args), "--json", "--yes"]
        environment = dict(os.environ, LC_ALL="C.UTF-8", TIMEBOX_LANG="en")
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=timeout, env=environment, text=True)

    def lines(self, name, *args):
        done = self.run(name, *args)
        assert done.returncode == 0, (args, done.returncode, done.stdout, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def timebox(self, name, *args):
        lines = self.lines(name, *args)
        assert len(lines) == 1, (args, lines)
        return lines[0]

    def refused(self, name, *args, code=1):
        """The error's name; the exit code has to be `code`, or with None: refused here (2) or there (1)."""
        done = self.run(name, *args)
        assert done.returncode in ((1, 2) if code is None else (code,)), (args, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])["error"]

    def as_member(self, i, *args):
        """What follows a command at the kiosk: who, and the file with the PIN."""
        someone = self.members[i]
        path = self.folder / ("pin-%d" % i)
        path.write_text(someone.pin + "\n")
        return [*args, "--member", someone.number, "--pin-file", str(path)]

    def hold_args(self, i, item, *more):
        return self.as_member(i, "redeem", "hold", "--item", item, *more)

    def hold(self, i, item, *more):
        """What `redeem hold` prints."""
        return self.timebox("kiosk", *self.hold_args(i, item, *more))

    def points(self, i):
        """(available, held) of a member, as staff see it."""
        shown = self.timebox("staff", "member", "show", self.members[i].number)
        return shown["points"]["available"], shown["points"]["held"]

    def by_two(self, *args):
        """Proposed by one social worker and approved by the other."""
        proposed = self.timebox("staff", *args)
        assert proposed["proposed"] is True
        self.timebox("second", "proposal", "approve", proposed["id"])
        return proposed["id"]

    def verify(self):
        """Exports the ledger and verifies it; the verdict."""
        out = self.folder / ("export-%d" % len(list(self.folder.glob("export-*"))))
        self.lines("auditor", "audit", "export", out)
        verdict = self.timebox("auditor", "audit", "verify", out)
        assert verdict["ok"] is True, verdict
        return verdict

    # -- time --

    def set_clock(self, offset_s):
        fresh = pathlib.Path(str(self.clock_file) + ".new")
        fresh.write_text("%d\n" % offset_s)
        fresh.rename(self.clock_file)
        self.offset_s = offset_s

    def move_clock(self, days=0, seconds=0):
        """Time goes by while the daemon is stopped, by less than it would doubt."""
        self.daemon.stop()
        self.set_clock(self.offset_s + days * 86400 + seconds)
        self.daemon.start()

