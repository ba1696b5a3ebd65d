"""A station of a few people, set up through the Python client alone.

Quick to make, with every id, PIN and code at hand: for tests that need a daemon and people rather
than the four years of the sample station.

    station = SmallStation(tmp_path)        # init, start, two social workers enrolled
    station.set_up(members=3)               # people, an item, stock, points, PINs; both keys linked
    station.open()                          # both sign: redemption begins
"""
import hashlib
import hmac
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "pyclient"))

import timebox_code32  # noqa: E402
import timebox_client as tc  # noqa: E402
from timebox_schema import act_pb2, entry_pb2, rpc_pb2, types_pb2  # noqa: E402

BUILD = HERE.parents[1] / "build"
TIMEBOXD = os.environ.get("TIMEBOXD", str(BUILD / "timeboxd"))
TIMEBOX = os.environ.get("TIMEBOX", str(BUILD / "timebox"))
ORIGIN = "station.example/small"
DAY_US = 86400 * 1000000
ITEM, OTHER_ITEM, OUTLET, SERVICE = "RICE", "OIL", "SHOP", "S01"
POINTS_A_ROW = 480


def member_number(n):
    """The n-th number with a right check digit (ISO 7064 MOD 11,10)."""
    digits, p = "%07d" % n, 10
    for digit in digits:
        s = (p + int(digit)) % 10
        p = (s or 10) * 2 % 11
    return digits + str((11 - p) % 10)


def pin_of(i):
    """A good PIN for the i-th member: neither a run nor all the same."""
    return "%06d" % (907153 + 1371 * i)


# --- acts with private texts ---

class Draft:
    """The commands of one act, with the private texts that open their commitments."""

    def __init__(self):
        self.commands, self.texts = [], []

    def commit(self, text, row=0):
        """Puts a text beside the next command; returns its commitment."""
        key, data = os.urandom(32), text.SerializeToString()
        self.texts.append(rpc_pb2.PrivateText(command=len(self.commands), row=row, key=key, text=data))
        return hmac.new(key, data, hashlib.sha256).digest()

    def add(self, kind, text=None, **fields):
        """Appends a command. A str as `text` stands for a NameText."""
        if isinstance(text, str):
            text = rpc_pb2.NameText(name=text)
        if text is not None:
            fields["commitment"] = self.commit(text)
        command = act_pb2.Command()
        message = getattr(command, kind)
        message.SetInParent()
        message.MergeFrom(type(message)(**fields))
        self.commands.append(command)
        return self

    def request(self, client, code=b"", **fields):
        request = client.request(*self.commands, code=code, **fields)
        request.private.texts.extend(self.texts)
        return request

    def send(self, client, code=b"", **fields):
        """The receipt."""
        return client.ask(self.request(client, code=code, **fields)).receipt


def effects(receipt, name):
    kind = entry_pb2.EffectKind.Value("EFFECT_KIND_" + name)
    return [e for e in receipt.effects if e.kind == kind]


def person(number, name):
    return rpc_pb2.PersonText(number=number, name=name, unit="望麓社区", zone="北片区", phone="13800000000")


# --- the daemon ---

class Daemon:
    """A timeboxd on a folder. Its log goes to the file `log`, across restarts."""

    def __init__(self, folder, log, program=TIMEBOXD):
        self.folder, self.log, self.program = pathlib.Path(folder), pathlib.Path(log), program
        self.process = self.address = None

    def spawn(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "run", str(self.folder), "--listen", "127.0.0.1:0"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)

    def start(self, timeout=60):
        self.spawn()
        self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=60):
        line, until = b"", time.monotonic() + timeout
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            part = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            if not part:
                self.kill()
                raise RuntimeError("the daemon is not ready; its log ends with:\n%s" % self.log_tail())
            line += part
        assert line.startswith(b"ready on "), line
        self.address = line[len(b"ready on "):].decode().strip()

    def log_tail(self):
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self, timeout=30):
        """SIGTERM; the exit code."""
        return self.end(signal.SIGTERM, timeout)

    def kill(self):
        return self.end(signal.SIGKILL, 30)

    def end(self, signum, timeout):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signum)
        code = self.process.wait(timeout)
        self.process.stdout.close()
        self.process = None
        return code


def init(folder, origin=ORIGIN):
    """What `timeboxd init` prints."""
    done = subprocess.run([TIMEBOXD, "init", str(folder), "--origin", origin, "--json"],
                          stdout=subprocess.PIPE, check=True, timeout=60)
    return json.loads(done.stdout)


# --- the station ---

class SmallStation:
    """Fields: dir, daemon, init (codes and vkey), keys (Identity by name), members ([Person])."""

    class Person:
        def __init__(self, i, number, member):
            self.number, self.id, self.pin, self.name = number, member, pin_of(i), "测试志愿者%d" % i

    def __init__(self, folder, settings="", origin=ORIGIN):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.dir = self.folder / "station"
        self.init = init(self.dir, origin)
        if settings:
            (self.dir / "timeboxd.yaml").write_text(settings)
        self.daemon = Daemon(self.dir, self.folder / "daemon.log").start()
        self.keys, self.members, self.clients = {}, [], []
        try:
            for name, code in zip(("staff", "second"), self.init["enrol"]):
                self.enrol(name, code)
        except BaseException:
            self.close()
            raise

    def close(self):
        for client in self.clients:
            client.close()
        self.clients = []
        if self.daemon.process is not None:
            self.daemon.kill()

    # -- who --

    def connect(self, name, timeout=30):
        """A connection of this key; closed with the station at the latest."""
        client = tc.Client(self.daemon.address, self.keys[name], timeout=timeout)
        self.clients.append(client)
        return client

    def enrol(self, name, code):
        self.keys[name] = tc.Identity.create(self.folder / "keys" / name)
        with tc.Client(self.daemon.address, self.keys[name], code) as client:
            client.enrol(code)

    def code_for(self, by, role, partner=""):
        """Draws an enrolment code, by this staff key."""
        with self.connect(by) as client:
            secret = os.urandom(16)
            Draft().add("invite", role=role, partner=partner,
                        code_hash=hashlib.sha256(secret).digest()).send(client)
            return timebox_code32.encode(secret + hashlib.sha256(tc.server_key(client.sock)).digest()[:16])

    def invite(self, name, role, partner=""):
        self.enrol(name, self.code_for("staff", role, partner))

    def session(self, i=0, kiosk="kiosk"):
        """A kiosk connection with the i-th member logged in."""
        client = self.connect(kiosk)
        client.login(self.members[i].number, self.members[i].pin)
        return client

    # -- set-up --

    def today(self, client):
        return (client.hello.time_us + client.hello.zone_minutes * 60 * 1000000) // DAY_US

    def set_up(self, members=3, rows=2, gift=types_pb2.GIFT_POLICY_UNSPECIFIED):
        """People, catalogue and stock; links; kiosk, outlet, auditor; PINs; points for everybody."""
        with self.connect("staff") as staff, self.connect("second") as second:
            self.add_people(staff, members)
            self.add_catalogue(staff)
            self.link(staff, second)
            if gift:
                self.set_rules(staff, gift=gift)
            self.credit(staff, second, rows)
            for name, role, partner in (("kiosk", types_pb2.ROLE_KIOSK, ""),
                                        ("outlet", types_pb2.ROLE_OUTLET, OUTLET),
                                        ("auditor", types_pb2.ROLE_AUDITOR, "")):
                self.invite(name, role, partner)
            with self.connect("kiosk") as kiosk:
                for someone in self.members:
                    receipt = Draft().add("pin_slip", member=someone.id).send(staff)
                    kiosk.set_pin(someone.number, receipt.codes[0].code, someone.pin)
        return self

    def add_people(self, staff, members):
        """The first two are the social workers themselves, kept in `workers`."""
        joined, draft = self.today(staff) - 400, Draft()
        numbers = [member_number(1000 + 7 * i) for i in range(members + 2)]
        for i, number in enumerate(numbers):
            draft.add("member_add", person(number, "测试志愿者%d" % i), joined_day=joined,
                      **{"class": types_pb2.MEMBER_CLASS_RESIDENT})
        added = effects(draft.send(staff), "MEMBER_ADDED")
        everybody = [self.Person(i, number, e.id) for i, (number, e) in enumerate(zip(numbers, added))]
        self.workers, self.members = everybody[:2], everybody[2:]

    def add_catalogue(self, staff):
        today = self.today(staff)
        Draft().add("partner_set", "便民超市", partner=OUTLET, from_day=today - 300,
                    partner_kind=types_pb2.PARTNER_KIND_MERCHANT).send(staff)
        Draft().add("service_item_set", "陪伴聊天", item=SERVICE, minutes=1, points=1).send(staff)
        draft = Draft()
        for item, name, points in ((ITEM, "大米", 2), (OTHER_ITEM, "食用油", 3)):
            draft.add("item_set", name, item=item, item_kind=types_pb2.ITEM_KIND_GOODS,
                      points=points, outlets=[OUTLET])
        draft.send(staff)
        draft = Draft()
        for item in (ITEM, OTHER_ITEM):
            draft.add("donation_add", "收据", receipt="R-%s" % item, partner=OUTLET, item=item,
                      count=900000, quality=types_pb2.QUALITY_GOOD, outlet=OUTLET,
                      member=self.workers[0].id, day=today - 10)
        draft.send(staff)

    def link(self, staff, second):
        mine = Draft().add("key_link", member=self.workers[0].id).send(staff)
        theirs = Draft().add("key_link", member=self.workers[1].id).send(second)
        Draft().add("approve", ref=tc.ref_to(theirs)).send(staff)
        Draft().add("approve", ref=tc.ref_to(mine)).send(second)

    def set_rules(self, staff, **changed):
        """The first rule set, with some fields changed."""
        genesis = act_pb2.Act.FromString(entry_pb2.Entry.FromString(staff.entries(1)[0]).act)
        rules = genesis.commands[0].genesis.rules
        rules.MergeFrom(act_pb2.RuleSet(**changed))
        return Draft().add("rules_set", rules=rules).send(staff)

    def credit(self, staff, second, rows, batch=None):
        """`rows` days of 480 measured minutes for each member, imported, attested, credited."""
        today, batch, parts = self.today(staff), batch or os.urandom(16), []
        every = [act_pb2.ServiceRow(member=someone.id, item=SERVICE, day=today - 30 - i, start_minute=480,
                                    end_minute=480 + POINTS_A_ROW, measured=True)
                 for someone in self.members for i in range(rows)]
        for line, row in enumerate(every):
            row.line = line + 2
        chunks = [every[i:i + 200] for i in range(0, len(every), 200)]
        for i, chunk in enumerate(chunks):
            parts.append(Draft().add("service_rows", batch=batch, part=i, parts=len(chunks),
                                     rows=chunk).send(staff))
        found = second.call("get_batch", batch=batch)
        Draft().add("attest_batch", batch=batch, entries=len(parts), records=len(every),
                    digest=hashlib.sha256(b"".join(p.leaf for p in parts)).digest(),
                    rules=found.rules).send(second)
        until = time.monotonic() + 20
        while second.call("get_batch", batch=batch).state != types_pb2.BATCH_STATE_CREDITED:
            assert time.monotonic() < until, "the batch was not credited"
            time.sleep(0.02)

    def open(self):
        for name in ("staff", "second"):
            with self.connect(name) as client:
                Draft().add("station_open").send(client)
        return self
