"""An honest ledger with something of everything, made by the real daemon in a few seconds, with all the
keys that its operator has, and those that the others have. Attacks begin from here."""
import hashlib
import os
import pathlib
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_writer import Key  # first: it puts the client's folder on the path
from redeem_station import HALL, RedeemStation
from small_station import OUTLET, SERVICE, Draft, member_number, person
import timebox_client as tc
from timebox_export import leaf_hash
from timebox_schema import act_pb2, entry_pb2, types_pb2

HOUR_US = 3600 * 1000000


class Honest:
    """Once it is made, the daemon is gone. Fields:
    `entries`   the ledger's bytes
    `at`        names of moments -> seq
    `keys`      Keys by the name of who has them; "operator" is the ledger's, "operator before" the one before
    `vkey`, as it was first; `vkey_now`; `members`, `workers`: ids
    `notes`     size -> signed checkpoint, as an auditor or a client's receipt kept it"""

    def __init__(self, folder):
        self.at, self.notes = {}, {}
        station = self.station = RedeemStation(
            pathlib.Path(folder), members=4, gift=types_pb2.GIFT_POLICY_ANYONE, clock=True)
        try:
            self.members = [m.id for m in station.members]
            self.workers = [m.id for m in station.workers]
            self.people()
            self.redemptions()
            self.service()
            self.keep()
            before = self.ledger_seed()
            self.rotate()
            self.rules()
            self.corrections()
            self.keep()
            with station.connect("auditor") as auditor:
                self.entries = auditor.entries(max(self.notes))
        finally:
            station.close()
        self.vkey = station.init["vkey"]
        self.keys = {name: Key("", found.private) for name, found in station.keys.items()}
        for name, seed in (("operator", self.ledger_seed()), ("operator before", before)):
            self.keys[name] = Key("", Ed25519PrivateKey.from_private_bytes(seed))
        self.name_set_up()

    def ledger_seed(self):
        return (self.station.dir / "keys" / "ledger").read_bytes()

    def name_set_up(self):
        """Moments of the station's making, by what is in their entries."""
        for data in self.entries:
            entry = entry_pb2.Entry.FromString(data)
            act = act_pb2.Act.FromString(entry.act)
            kind = act.commands[0].WhichOneof("kind")
            self.at.setdefault("first " + kind, entry.seq)
            self.at["last " + kind] = entry.seq

    def keep(self):
        """Somebody keeps the checkpoint of now; it is signed soon after the last act."""
        size, until = 0, time.monotonic() + 60
        with self.station.connect("auditor") as auditor:
            while size < max(self.at.values()):
                assert time.monotonic() < until, "no checkpoint covers entry %d" % max(self.at.values())
                note = auditor.checkpoint()
                size = int(note.split("\n")[1])
                time.sleep(0.05)
        self.notes[size] = note

    # -- acts --

    def do(self, name, by, kind, *text, **fields):
        with self.station.connect(by) as client:
            receipt = Draft().add(kind, *text, **fields).send(client)
        self.at[name] = receipt.seq
        return receipt

    def by_two(self, name, kind, *text, **fields):
        proposed = self.do(name, "staff", kind, *text, **fields)
        self.do(name + " approved", "second", "approve", ref=tc.ref_to(proposed))

    def in_session(self, i, name, kind, **fields):
        with self.station.session(i) as kiosk:
            receipt = Draft().add(kind, **fields).send(kiosk)
        self.at[name] = receipt.seq
        return receipt

    def hold(self, i, name, outlet=OUTLET):
        return self.in_session(i, name, "hold", member=self.members[i], item="TOWEL", outlet=outlet,
                               count=1)

    def ref(self, name):
        seq = self.at[name]
        with self.station.connect("auditor") as auditor:
            entry = auditor.call("get_entries", from_seq=seq, limit=1).entries[0]
        return act_pb2.Ref(seq=seq, leaf=leaf_hash(entry))

    def today(self):
        with self.station.connect("staff") as staff:
            return self.station.today(staff), staff.now_us()

    # -- the story --

    def people(self):
        station, ids = self.station, self.members
        self.do("member", "staff", "member_add", person(member_number(5000), "后来者"), joined_day=20000,
                **{"class": types_pb2.MEMBER_CLASS_RESIDENT})
        self.by_two("kin", "kin_add", member=ids[2], other=ids[3])
        self.do("slip", "staff", "pin_slip", member=ids[3], reset=True)
        self.do("permit", "second", "permit", member=ids[3])
        self.do("term", "staff", "term_add", "北片区", term=types_pb2.TERM_KIND_AREA)
        station.invite("old kiosk", types_pb2.ROLE_KIOSK)
        self.do("revoked", "staff", "key_revoke", key=station.keys["old kiosk"].public)
        self.do("third invited", "staff", "invite", role=types_pb2.ROLE_STAFF,
                code_hash=hashlib.sha256(b"third code").digest())
        self.by_two("donation", "donation_add", "收据", receipt="D-LATER", partner=OUTLET, item="TOWEL",
                    count=7, quality=types_pb2.QUALITY_GOOD, outlet=OUTLET, member=self.workers[0],
                    day=self.today()[0])

    def redemptions(self):
        station, ids = self.station, self.members
        held = self.hold(0, "hold")
        with station.connect("outlet") as outlet:
            self.at["confirm"] = outlet.confirm(held.codes[0].code).seq
        self.keep()
        with station.session(1) as kiosk:
            held = kiosk.hold("TOWEL", outlet=HALL)
            self.at["hold cancelled"] = held.seq
            self.at["cancel"] = kiosk.cancel(held).seq
        self.in_session(0, "gift", "gift", member=ids[0], other=ids[1], points=5)
        self.hold(2, "hold released")
        for _ in range(2):
            station.move_clock(days=6)
        self.by_two("late", "late_delivery", ref=self.ref("hold released"))
        self.by_two("reversed", "reverse", ref=self.ref("hold"),
                    fate=types_pb2.GOODS_FATE_BACK_ON_SHELF)
        self.hold(1, "hold open", HALL)

    def service(self):
        station, now = self.station, self.today()[1]
        self.do("activity", "staff", "activity_add", "读书会", item=SERVICE, start_us=now,
                end_us=now + 2 * HOUR_US)
        self.in_session(0, "check in", "check_in", ref=self.ref("activity"))
        station.set_clock(station.offset_s + 2400)
        self.in_session(0, "check out", "check_out")
        self.do("attested", "staff", "attest_records", refs=[self.ref("check out")])
        with station.connect("staff") as staff, station.connect("second") as second:
            batch = os.urandom(16)
            station.credit(staff, second, rows=1, batch=batch)  # the same days again: rows refused
        self.batch = batch

    def rules(self):
        genesis = act_pb2.Act.FromString(self.first_entry().act)
        rules = genesis.commands[0].genesis.rules
        rules.session_cap_minutes, rules.gift = 300, types_pb2.GIFT_POLICY_ANYONE
        self.by_two("rules", "rules_set", rules=rules)
        self.by_two("price", "item_set", "毛巾", item="TOWEL", item_kind=types_pb2.ITEM_KIND_GOODS,
                    points=4, outlets=[OUTLET, HALL], quota=2)
        self.station.move_clock(days=1)

    def rotate(self):
        said = self.station.rotate_key()
        self.at["rotated"], self.vkey_now = said["from"], said["vkey"]

    def first_entry(self):
        with self.station.connect("auditor") as auditor:
            return entry_pb2.Entry.FromString(auditor.entries(1)[0])

    def corrections(self):
        self.do("update", "staff", "member_update", member=self.members[3],
                status=types_pb2.MEMBER_STATUS_SUSPENDED,
                **{"class": types_pb2.MEMBER_CLASS_RESIDENT})
