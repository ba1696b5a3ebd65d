"""Writes ledgers and exports of its own, for the tests of the verifier and for the golden vectors.

A second writer beside the daemon, from proto/README.md: protoc's Python messages, `cryptography`
for the signatures, a tree of its own. The same story gives the same bytes each time.
"""
import base64
import hashlib
import hmac
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e" / "pyclient"))

from timebox_export import bundle, leaf_hash, tile_name, tree_root, write_export  # noqa: E402,F401
from timebox_schema import act_pb2, entry_pb2, types_pb2  # noqa: E402

T = types_pb2
ORIGIN = "station.example/box"
START_US = 1767225600000000  # 2026-01-01T00:00:00Z
ZONE_MINUTES = 480


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


class Key:
    """An Ed25519 key made from a word, so that it is the same each time; or a given one."""

    def __init__(self, word, private=None):
        self.private = private or Ed25519PrivateKey.from_private_bytes(sha256(word.encode()))
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, data):
        return self.private.sign(data)

    def sign_act(self, act):
        return self.sign(b"timebox/v1/act\n" + len(act).to_bytes(4, "big") + act)


def vkey(key, name=ORIGIN):
    blob = b"\x01" + key.public
    key_id = sha256(name.encode(), b"\n", blob)[:4]
    return "%s+%s+%s" % (name, key_id.hex(), base64.b64encode(blob).decode())


def sign_checkpoint(key, leaves, origin=ORIGIN):
    root = base64.b64encode(tree_root(leaves)).decode()
    text = "%s\n%d\n%s\n" % (origin, len(leaves), root)
    key_id = bytes.fromhex(vkey(key, origin).split("+")[1])
    blob = base64.b64encode(key_id + key.sign(text.encode())).decode()
    return "%s\n\u2014 %s %s\n" % (text, origin, blob)


def cosigned(note, time=START_US // 1000000):
    """The note with a witness's line, and the text of the witness's key."""
    key, name = Key("witness"), "witness.example/w1"
    blob = b"\x04" + key.public
    key_id = sha256(name.encode(), b"\n", blob)[:4]
    text = "cosignature/v1\ntime %d\n%s\n" % (time, note.split("\n\n")[0])
    line = base64.b64encode(key_id + time.to_bytes(8, "big") + key.sign(text.encode())).decode()
    return (note + "\u2014 %s %s\n" % (name, line),
            "%s+%s+%s" % (name, key_id.hex(), base64.b64encode(blob).decode()))


def change_text(before, key, ref, origin=ORIGIN):
    """What a new key of the ledger signs."""
    return (b"timebox/v1/ledger-key\n" + origin.encode() + b"\0" + before + key +
            ref.seq.to_bytes(8, "big") + ref.leaf)


def export(folder, entries, key, note=None):
    """Writes the export of these entries, whatever they are; `note`: instead of a checkpoint."""
    leaves = [leaf_hash(e) for e in entries]
    write_export(folder, entries, note or sign_checkpoint(key, leaves), vkey(key))


class Writer:
    """Appends entries as a daemon would, without judging them."""

    def __init__(self):
        self.ledger_key = Key("ledger")
        self.entries = []
        self.acts = []
        self.touched = {}
        self.rules = 1
        self.holds = []

    @property
    def seq(self):
        return len(self.entries)

    def now_us(self):
        return START_US + 1000000 * self.seq

    def request_id(self, seq):
        """A UUIDv7 whose random part comes from the number."""
        random = sha256(b"request", seq.to_bytes(8, "big"))
        ms = (self.now_us() // 1000).to_bytes(6, "big")
        return ms + bytes([0x70 | random[0] & 15, random[1], 0x80 | random[2] & 63]) + random[3:10]

    def request_id_of(self, seq):
        return act_pb2.Act.FromString(self.acts[seq - 1]).request_id

    def act(self, actor, commands, member=0):
        act = act_pb2.Act(origin=ORIGIN, commands=commands, made_at_us=self.now_us() - 250000)
        if actor is None:
            act.request_id = bytes(8) + (self.seq + 1).to_bytes(8, "big")
        else:
            act.request_id = self.request_id(self.seq + 1)
            act.actor_key = actor.public
        if member:
            act.actor_member = member
            act.session = sha256(b"session", actor.public)[:8]
        return act

    def append(self, actor, commands, postings=(), effects=(), member=0, touched=()):
        """One entry; a kiosk session's is unsigned, as is the system's (actor None)."""
        act = self.act(actor, commands, member)
        data = act.SerializeToString()
        signed = actor is not None and not member
        return self.append_act(data, actor.sign_act(data) if signed else b"", postings, effects,
                               touched)

    def ref(self, seq, index=0):
        return act_pb2.Ref(seq=seq, index=index, leaf=leaf_hash(self.entries[seq - 1]))

    def rotate(self, key, **otherwise):
        """The ledger has another key from this entry on. `otherwise`: a signature or a ref that is not as it should be."""
        ref, before = self.ref(self.seq), self.ledger_key
        fields = dict(key=key.public, ref=ref, signature=key.sign(change_text(before.public, key.public, ref)))
        self.ledger_key = key
        return self.append(before, [command("ledger_key", **dict(fields, **otherwise))])

    def append_act(self, act, signature, postings=(), effects=(), touched=()):
        entry = entry_pb2.Entry(
            seq=self.seq + 1, prev=leaf_hash(self.entries[-1]) if self.entries else bytes(32),
            time_us=self.now_us(), rules=self.rules, semantics=1, act=act, signature=signature,
            postings=postings, effects=effects)
        for member in sorted({p.member for p in postings if p.member} | set(touched)):
            entry.touched.add(member=member, prev=self.touched.get(member, 0))
            self.touched[member] = entry.seq
        if any(e.kind == entry_pb2.EFFECT_KIND_RULES for e in effects):
            self.rules = entry.seq
        self.acts.append(act)
        self.entries.append(entry.SerializeToString())
        return entry.seq


# --- a small station's story ---

def command(kind, **fields):
    made = act_pb2.Command()
    body = getattr(made, kind)
    body.SetInParent()
    for name, value in fields.items():
        if hasattr(value, "DESCRIPTOR"):
            getattr(body, name).CopyFrom(value)
        elif isinstance(value, (list, tuple)):
            getattr(body, name).extend(value)
        else:
            setattr(body, name, value)
    return made


def effect(kind, **fields):
    return entry_pb2.Effect(kind=entry_pb2.EffectKind.Value("EFFECT_KIND_" + kind), **fields)


def move(asset, source, target, amount, item="", lots=(0, 0)):
    """Two postings; an account is (purpose, owner): a member id, a partner's code or None."""
    postings = []
    for (purpose, owner), lot, value in ((source, lots[0], -amount), (target, lots[1], amount)):
        p = entry_pb2.Posting(asset=T.Asset.Value("ASSET_" + asset), lot=lot, item=item,
                              amount=value, purpose=T.Purpose.Value("PURPOSE_" + purpose))
        if isinstance(owner, str):
            p.partner = owner
        else:
            p.member = owner or 0
        postings.append(p)
    return postings


def commitment(key_word, text):
    return hmac.new(sha256(key_word.encode()), text, hashlib.sha256).digest()


def first_rules():
    return act_pb2.RuleSet(session_cap_minutes=480, hold_days=7, grace_days=3, reset_guard_days=7,
                           converts=[T.PROVENANCE_KIOSK, T.PROVENANCE_WITNESSED, T.PROVENANCE_CODE,
                                     T.PROVENANCE_OPENING])


ALICE, BOB, VERA = 7001, 7002, 90210  # member ids: two social workers and a volunteer
SHOP = "SHOP"


class Story(Writer):
    """From the first entry to a revoked kiosk, in 27 entries."""

    def __init__(self):
        super().__init__()
        self.a, self.b = Key("alice"), Key("bob")
        self.kiosk, self.outlet = Key("kiosk"), Key("outlet")
        self.found()
        self.people()
        self.goods()
        self.service()
        self.redeem()

    def enrol(self, key, secret, invited_by):
        proof = hmac.new(secret, key.public, hashlib.sha256).digest()
        self.append(key, [command("enrol", code_hash=sha256(secret), proof=proof)],
                    effects=[effect("KEY_ADMITTED", id=invited_by)])

    def found(self):
        secrets = [sha256(w)[:16] for w in (b"code a", b"code b", b"code r")]
        self.append(self.ledger_key, [command(
            "genesis", ledger_key=self.ledger_key.public, zone_minutes=ZONE_MINUTES,
            staff_codes=[sha256(s) for s in secrets[:2]], recovery_code=sha256(secrets[2]),
            rules=first_rules())], effects=[effect("RULES", rules=1)])
        self.enrol(self.a, secrets[0], 1)
        self.enrol(self.b, secrets[1], 1)

    def approved(self, proposer, approver, proposal, **effects):
        seq = self.append(proposer, [proposal], effects=[effect("PROPOSED")])
        applied = [effect("APPLIED", id=seq)]
        self.append(approver, [command("approve", ref=self.ref(seq))], effects=applied, **effects)
        return seq

    def people(self):
        self.append(self.a, [command("term_add", term=T.TERM_KIND_AREA,
                                     commitment=commitment("area", b"\n\x06area 1"))],
                    effects=[effect("TERM_ADDED", id=1)])
        ids = (ALICE, BOB, VERA)
        self.append(self.a, [command("member_add", **{
            "class": T.MEMBER_CLASS_RESIDENT, "area": 1, "joined_day": 18000, "birth_year": 1960,
            "commitment": commitment("member", b"%d" % i)}) for i in ids],
            effects=[effect("MEMBER_ADDED", command=n, id=i) for n, i in enumerate(ids)],
            touched=ids)
        self.approved(self.a, self.b, command("key_link", member=ALICE), touched=[ALICE])
        self.approved(self.b, self.a, command("key_link", member=BOB), touched=[BOB])

    def goods(self):
        self.append(self.a, [
            command("partner_set", partner=SHOP, partner_kind=T.PARTNER_KIND_MERCHANT,
                    from_day=18000, commitment=commitment("shop", b"shop")),
            command("service_item_set", item="A01", minutes=60, points=1,
                    commitment=commitment("A01", b"A01")),
            command("item_set", item="RICE", item_kind=T.ITEM_KIND_GOODS, points=2, outlets=[SHOP],
                    commitment=commitment("RICE", b"RICE"))],
            effects=[effect("RULES", command=1, rules=self.seq + 1)])
        self.lot = (self.seq + 1) << 16
        self.append(self.b, [command(
            "donation_add", receipt="R-1", partner=SHOP, item="RICE", count=3, outlet=SHOP,
            quality=T.QUALITY_GOOD, member=BOB, day=20400, commitment=commitment("R-1", b"R-1"))],
            move("ITEM", ("DONATED", SHOP), ("SHELF", SHOP), 3, "RICE", (self.lot, self.lot)))
        secrets = [sha256(w)[:16] for w in (b"code kiosk", b"code outlet")]
        seq = self.append(self.a, [
            command("invite", role=T.ROLE_KIOSK, code_hash=sha256(secrets[0])),
            command("invite", role=T.ROLE_OUTLET, partner=SHOP, code_hash=sha256(secrets[1]))])
        self.enrol(self.kiosk, secrets[0], seq)
        self.enrol(self.outlet, secrets[1], seq)

    def service(self):
        batch = sha256(b"file", (1).to_bytes(4, "big"))[:16]
        row = act_pb2.ServiceRow(line=2, member=VERA, item="A01", day=20300, start_minute=540,
                                 end_minute=930, area=1, measured=True,
                                 commitment=commitment("row", b"row"))
        seq = self.append(self.a, [command(
            "service_rows", batch=batch, attempt=1, parts=1, rows=[row])],
            effects=[effect("BATCH_COMPLETE", count=1)], touched=[VERA])
        self.append(self.b, [command(
            "attest_batch", batch=batch, entries=1, records=1, rules=self.rules,
            digest=sha256(leaf_hash(self.entries[seq - 1])))],
            effects=[effect("ATTESTED", count=1, until_us=self.now_us())])
        self.append(None, [command("system_credit", refs=[act_pb2.Ref(seq=seq)])],
                    move("MINUTES", ("GIVEN", None), ("MINUTES", VERA), 390,
                         lots=(0, T.PROVENANCE_OPENING))
                    + move("POINTS", ("ISSUED", None), ("AVAILABLE", VERA), 6),
                    [effect("CREDITED", id=seq, member=VERA, minutes=390, points=6,
                            rules=self.rules),
                     effect("BATCH_CREDITED")])

    def hold(self):
        lots = (self.lot, self.lot)
        seq = self.append(
            self.kiosk, [command("hold", member=VERA, item="RICE", count=1)],
            move("POINTS", ("AVAILABLE", VERA), ("HELD", VERA), 2)
            + move("ITEM", ("SHELF", SHOP), ("OUTLET_HELD", SHOP), 1, "RICE", lots),
            [effect("HELD", member=VERA, points=2, count=1, item="RICE", outlet=SHOP,
                    until_us=START_US + 691200000000 - 28800000000,
                    release_us=START_US + 950400000000 - 28800000000)], member=VERA)
        self.holds.append(seq)
        return seq

    def back(self, actor, made, kind, member=0):
        lots = (self.lot, self.lot)
        self.append(actor, [made], move("POINTS", ("HELD", VERA), ("AVAILABLE", VERA), 2)
                    + move("ITEM", ("OUTLET_HELD", SHOP), ("SHELF", SHOP), 1, "RICE", lots),
                    [effect(kind, id=self.holds[-1], member=VERA, points=2, count=1, item="RICE",
                            outlet=SHOP)], member=member)

    def redeem(self):
        self.append(self.a, [command("station_open")], effects=[effect("PROPOSED")])
        self.append(self.b, [command("station_open")], effects=[effect("OPENED")])
        seq = self.hold()
        self.append(self.outlet, [command("confirm", ref=self.ref(seq))],
                    move("POINTS", ("HELD", VERA), ("RECEIVED", SHOP), 2)
                    + move("ITEM", ("OUTLET_HELD", SHOP), ("DELIVERED", None), 1, "RICE",
                           (self.lot, self.lot)),
                    [effect("CONFIRMED", id=seq, count=1, item="RICE", outlet=SHOP)])
        self.back(self.kiosk, command("cancel", ref=self.ref(self.hold())), "CANCELLED", VERA)
        seq = self.hold()
        self.back(None, command("system_release", refs=[act_pb2.Ref(seq=seq)]), "RELEASED")
        self.append(self.ledger_key, [command("clock_accept", time_us=self.now_us())])
        self.append(self.a, [command("key_revoke", key=self.kiosk.public)])
