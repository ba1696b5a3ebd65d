#!/usr/bin/env python3
"""Checks a ledger that `timebox audit export` wrote, without any code of the system itself.

One file, written from proto/README.md alone; Python 3.8 or later, nothing to install: copy it to an
auditor's own computer. It reads, and never writes. 核对导出的账本, 单个文件, 无需安装。

    timebox_verify.py OUTDIR [--depth 1|2|3] [--vkey TEXT] [--kept SIZE:ROOTBASE64]...
                      [--witness TEXT]... [--json]

    --depth    1: bytes, hashes, chain, tree, tiles, signatures, keys   2: and every posting,
               balance and member's chain   3: and every decision by the rules in force then (default: 3)
    --vkey     a verifier key that the ledger has or had, from paper or a receipt. Without it OUTDIR/vkey
               is believed, with a warning: whoever rewrote the ledger may have rewritten that too.
    --kept     a size and root noted down earlier: finds a cut tail and a rewritten past even where
               the operator signed the new story.
    --witness  the verifier key of a witness whose cosignature the checkpoint has to have.

Exit 0: {"ok":true,...}. Exit 1: {"ok":false,"kind":...,"entry":SEQ or null,"why":...}. 2: usage.

The order of the checks makes the first broken entry cheap to find: hashes first, then the chain,
and only then the content, signature by signature.
"""
import argparse
import base64
import hashlib
import json
import locale
import os
import re
import sys

ROLE_STAFF, ROLE_KIOSK, ROLE_OUTLET, ROLE_AUDITOR = 1, 2, 3, 4
ASSETS = {1: "MINUTES", 2: "POINTS", 3: "ITEM"}
EFFECT_PROPOSED, EFFECT_APPLIED, EFFECT_RULES = 5, 6, 7

# purpose: (name, asset, owner, may be below zero)
PURPOSES = {
    1: ("GIVEN", 1, None, True), 2: ("ISSUED", 2, None, True), 3: ("DONATED", 3, "partner", True),
    4: ("ADJUSTED", 3, None, True), 5: ("DEBT", 2, "member", True), 6: ("EXPIRED", 2, None, False),
    7: ("FORFEITED", 2, None, False), 8: ("POOL", 2, None, False), 9: ("DELIVERED", 3, None, False),
    10: ("WRITTEN_OFF", 3, None, False), 11: ("TRANSIT", 3, None, False),
    20: ("MINUTES", 1, "member", False), 21: ("HONOUR", 1, "member", False),
    22: ("AVAILABLE", 2, "member", False), 23: ("HELD", 2, "member", False),
    30: ("SHELF", 3, "partner", False), 31: ("OUTLET_HELD", 3, "partner", False),
    32: ("RECEIVED", 2, "partner", False),
}
PURPOSE_DEBT = 5

TILE_WIDTH = 256
CODE_LIFE_US = 72 * 3600 * 1000000
MADE_OLD_US, MADE_AHEAD_US = 600 * 1000000, 5 * 1000000


class Broken(Exception):
    """What is wrong, and with which entry (None where no single one can be named)."""

    def __init__(self, kind, entry, why):
        super().__init__(why)
        self.kind, self.entry, self.why = kind, entry, why


# --- the messages: protobuf, read strictly; only the one canonical encoding passes ---

# `*` is repeated.
SCHEMA_TEXT = """
Entry: 1 seq u64, 2 prev bytes, 3 time_us u64, 4 rules u64, 5 semantics u32, 6 act bytes,
    7 signature bytes, 8 postings *Posting, 9 effects *Effect, 10 touched *Touched
Posting: 1 asset enum, 2 purpose enum, 3 member u64, 4 partner str, 5 item str, 6 lot u64,
    7 amount s64
Touched: 1 member u64, 2 prev u64
Effect: 1 kind enum, 2 command u32, 3 id u64, 4 index u32, 5 member u64, 6 verdict enum,
    7 rules u64, 8 minutes u32, 9 points u32, 10 count u32, 11 item str, 12 outlet str,
    13 until_us u64, 14 release_us u64, 15 day i32, 16 provenance enum
Act: 1 origin str, 2 request_id bytes, 3 made_at_us u64, 4 actor_key bytes, 5 actor_member u64,
    6 session bytes, 7 on_behalf u64, 8 branch u32, 9 commands *Command
Command: 1 genesis Genesis, 2 clock_accept ClockAccept, 3 semantics_raise SemanticsRaise,
    4 ledger_key LedgerKey, 10 enrol Enrol, 11 invite Invite, 12 key_link KeyLink, 13 approve Approve,
    14 withdraw Withdraw, 15 key_revoke KeyRevoke, 16 station_open StationOpen,
    17 rules_set RulesSet, 20 term_add TermAdd, 21 member_add MemberAdd,
    22 member_update MemberUpdate, 23 kin_add KinAdd, 24 pin_slip PinSlip,
    25 card_bind CardBind, 26 card_block CardBlock, 27 beneficiary_add BeneficiaryAdd,
    28 pair_set PairSet, 29 delegate Delegate, 30 partner_set PartnerSet,
    31 service_item_set ServiceItemSet, 32 item_set ItemSet, 33 donation_add DonationAdd,
    40 activity_add ActivityAdd, 41 check_in CheckIn, 42 check_out CheckOut,
    43 service_rows ServiceRows, 44 attest_batch AttestBatch, 45 attest_records AttestRecords,
    46 reject_records RejectRecords, 47 batch_withdraw BatchWithdraw,
    48 batch_reverse BatchReverse, 60 hold Hold, 61 confirm Confirm, 62 cancel Cancel,
    63 reverse Reverse, 64 late_delivery LateDelivery, 65 permit Permit, 66 gift Gift,
    80 erase Erase, 81 text_open TextOpen, 82 audit_finding AuditFinding,
    90 system_release SystemRelease, 91 system_close SystemClose, 92 system_credit SystemCredit,
    93 system_reverse SystemReverse
Ref: 1 seq u64, 2 index u32, 3 leaf bytes
RuleSet: 1 session_cap_minutes u32, 2 notice_days u32, 3 hold_days u32, 4 grace_days u32,
    5 gift enum, 6 reset_guard_days u32, 7 converts *enum
Genesis: 1 ledger_key bytes, 2 zone_minutes s32, 3 staff_codes *bytes, 4 recovery_code bytes,
    5 rules RuleSet
ClockAccept: 1 time_us u64
SemanticsRaise: 1 semantics u32
LedgerKey: 1 key bytes, 2 ref Ref, 3 signature bytes
Enrol: 1 code_hash bytes, 2 proof bytes
Invite: 1 role enum, 2 partner str, 3 code_hash bytes
KeyLink: 1 member u64
Approve: 1 ref Ref
Withdraw: 1 ref Ref
KeyRevoke: 1 key bytes
StationOpen:
RulesSet: 1 rules RuleSet
TermAdd: 1 term enum, 2 parent u32, 3 commitment bytes
MemberAdd: 1 class enum, 2 area u32, 3 joined_day i32, 4 trained_from_day i32,
    5 trained_to_day i32, 6 birth_year u32, 7 commitment bytes
MemberUpdate: 1 member u64, 2 class enum, 3 area u32, 4 trained_from_day i32,
    5 trained_to_day i32, 6 status enum, 7 commitment bytes
KinAdd: 1 member u64, 2 other u64
PinSlip: 1 member u64, 2 reset bool
CardBind: 1 member u64, 2 commitment bytes
CardBlock: 1 member u64
BeneficiaryAdd: 1 commitment bytes
PairSet: 1 member u64, 2 beneficiary u64, 3 from_day i32, 4 to_day i32
Delegate: 1 member u64, 2 other u64, 3 to_day i32
PartnerSet: 1 partner str, 2 partner_kind enum, 3 from_day i32, 4 to_day i32, 5 commitment bytes
ServiceItemSet: 1 item str, 2 minutes u32, 3 points u32, 4 training bool, 5 commitment bytes
ItemSet: 1 item str, 2 item_kind enum, 3 points u32, 4 outlets *str, 5 quota u32,
    6 commitment bytes
DonationAdd: 1 receipt str, 2 partner str, 3 item str, 4 count u32, 5 quality enum,
    6 purpose u32, 7 best_before_day i32, 8 outlet str, 9 member u64, 10 day i32,
    11 commitment bytes
ActivityAdd: 1 item str, 2 area u32, 3 start_us u64, 4 end_us u64, 5 commitment bytes
CheckIn: 1 members *u64, 2 ref Ref, 3 beneficiary u64, 4 item str, 5 minutes u32
CheckOut: 1 members *u64
ServiceRows: 1 batch bytes, 2 attempt u32, 3 part u32, 4 parts u32, 5 rows *ServiceRow,
    6 refused *RefusedRow
ServiceRow: 1 line u32, 2 member u64, 3 item str, 4 day i32, 5 start_minute u32,
    6 end_minute u32, 7 area u32, 8 beneficiary u64, 9 measured bool, 10 commitment bytes
RefusedRow: 1 line u32, 2 reason enum
AttestBatch: 1 batch bytes, 2 entries u32, 3 records u32, 4 digest bytes, 5 rules u64,
    6 refs *Ref
AttestRecords: 1 refs *Ref
RejectRecords: 1 refs *Ref
BatchWithdraw: 1 batch bytes
BatchReverse: 1 batch bytes
Hold: 1 member u64, 2 item str, 3 outlet str, 4 count u32
Confirm: 1 ref Ref, 2 day i32
Cancel: 1 ref Ref
Reverse: 1 ref Ref, 2 fate enum
LateDelivery: 1 ref Ref
Permit: 1 member u64
Gift: 1 member u64, 2 other u64, 3 points u32
Erase: 1 member u64, 2 beneficiary u64, 3 scope enum, 4 ground enum
TextOpen: 1 ref Ref, 2 row u32, 3 member u64, 4 ground enum, 5 commitment bytes
AuditFinding: 1 ref Ref, 2 outcome enum, 3 digest bytes
SystemRelease: 1 refs *Ref
SystemClose: 1 members *u64
SystemCredit: 1 refs *Ref
SystemReverse: 1 refs *Ref
"""

SCALARS = {"u64", "u32", "i32", "s64", "s32", "bool", "enum"}
DEFAULTS = {"str": "", "bytes": b"", "bool": False}


class Field:
    """One line of the schema: what a field is called and how it is written."""

    def __init__(self, name, kind):
        self.name = name
        self.repeated = kind.startswith("*")
        self.kind = kind.lstrip("*")
        self.scalar = self.kind in SCALARS
        self.packed = self.repeated and self.scalar
        self.wire = 0 if self.scalar and not self.packed else 2
        self.default = None if self.kind[0].isupper() else DEFAULTS.get(self.kind, 0)


def parse_schema(text):
    schema = {}
    for line in text.strip().replace("\n    ", " ").split("\n"):
        message, _, fields = line.partition(":")
        schema[message] = {}
        for field in filter(None, (f.strip() for f in fields.split(","))):
            number, name, kind = field.split()
            schema[message][int(number)] = Field(name, kind)
    return schema


SCHEMA = parse_schema(SCHEMA_TEXT)


class BadBytes(Exception):
    """Bytes that are not the canonical encoding of the message they should be."""


def read_varint(buf, pos):
    value = shift = 0
    while True:
        if pos >= len(buf):
            raise BadBytes("ends inside a number")
        byte = buf[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift:
                raise BadBytes("a number is longer than it need be")
            if value >> 64:
                raise BadBytes("a number is beyond 64 bits")
            return value, pos
        shift += 7
        if shift > 63:
            raise BadBytes("a number is longer than 10 bytes")


def scalar_value(kind, raw):
    if kind == "u64":
        return raw
    if kind == "u32":
        if raw >> 32:
            raise BadBytes("a number is beyond 32 bits")
        return raw
    if kind == "bool":
        if raw > 1:
            raise BadBytes("a truth value is neither 0 nor 1")
        return bool(raw)
    if kind in ("s64", "s32"):
        if kind == "s32" and raw >> 32:
            raise BadBytes("a number is beyond 32 bits")
        return (raw >> 1) ^ -(raw & 1)
    value = raw - (1 << 64) if raw >> 63 else raw
    if not -(1 << 31) <= value < 1 << 31:
        raise BadBytes("a number is beyond 32 bits")
    return value


def bytes_value(field, data):
    if field.kind == "bytes":
        return data
    if field.kind != "str":
        return decode(field.kind, data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadBytes("%s is not UTF-8" % field.name)
    if "\0" in text:
        raise BadBytes("%s holds a NUL" % field.name)
    return text


def packed_values(field, data):
    values, pos = [], 0
    if not data:
        raise BadBytes("%s is written although it is empty" % field.name)
    while pos < len(data):
        raw, pos = read_varint(data, pos)
        values.append(scalar_value(field.kind, raw))
    return values


def read_field(field, buf, pos):
    raw, pos = read_varint(buf, pos)
    if field.wire == 0:
        return scalar_value(field.kind, raw), pos
    if raw > len(buf) - pos:
        raise BadBytes("%s ends beyond its message" % field.name)
    data = buf[pos:pos + raw]
    value = packed_values(field, data) if field.packed else bytes_value(field, data)
    return value, pos + raw


def decode(message, buf):
    """The message as a dict with every field in it; BadBytes unless `buf` is its canonical form.
    A Command comes as {"number", "kind", "body"}."""
    fields = SCHEMA[message]
    out = {f.name: [] if f.repeated else f.default for f in fields.values()}
    pos = last = 0
    while pos < len(buf):
        tag, pos = read_varint(buf, pos)
        number = tag >> 3
        field = fields.get(number)
        if field is None or tag & 7 != field.wire:
            raise BadBytes("%s has no field %d of wire type %d" % (message, number, tag & 7))
        many = field.repeated and not field.packed
        if number < last or (number == last and not many) or (message == "Command" and last):
            raise BadBytes("%s: field %d is out of order or doubled" % (message, number))
        last = number
        value, pos = read_field(field, buf, pos)
        if many:
            out[field.name].append(value)
        else:
            if not field.repeated and value == field.default:
                raise BadBytes("%s.%s is written although it is zero" % (message, field.name))
            out[field.name] = value
    if message == "Command":
        if not last:
            raise BadBytes("a command says nothing")
        out = {"number": last, "kind": fields[last].name, "body": out[fields[last].name]}
    return out


# --- Ed25519, RFC 8032 section 5.1; for checking, not constant-time ---

P = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def point_add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_decode(data):
    """The point of 32 bytes, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def point_encode(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


class Multiples:
    """A point with all i * 16^j of it, so that a product is 64 additions."""

    def __init__(self, point):
        self.rows = []
        for _ in range(64):
            row = [NEUTRAL]
            for _ in range(15):
                row.append(point_add(row[-1], point))
            self.rows.append(row)
            point = point_add(row[-1], point)

    def times(self, n):
        total = NEUTRAL
        for row in self.rows:
            total = point_add(total, row[n & 15])
            n >>= 4
        return total


MULTIPLES = {}


def multiples_of(key):
    """The table of the base point (key None) or of minus the public key; None if it is no key."""
    if key not in MULTIPLES:
        if key is None:
            point = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
        else:
            point = point_decode(key)
            point = point and (P - point[0], point[1], 1, P - point[3])
        MULTIPLES[key] = point and Multiples(point)
    return MULTIPLES[key]


def ed25519_verify(key, message, signature):
    if len(key) != 32 or len(signature) != 64 or multiples_of(key) is None:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    r = point_add(multiples_of(None).times(s), multiples_of(key).times(h))
    return point_encode(r) == signature[:32]


# --- the tree, RFC 6962 ---

def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(hashes):
    """The root over hashes of complete subtrees of one size (leaves, or hashes of one level)."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    row = list(hashes)
    while len(row) > 1:
        odd = row[-1:] if len(row) % 2 else []
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)] + odd
    return row[0]


# --- notes and files ---

def strict_base64(text, what):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Broken("checkpoint", None, "%s is not base64" % what)
    if base64.b64encode(data).decode() != text:
        raise Broken("checkpoint", None, "%s is not base64 in its one form" % what)
    return data


ED25519, COSIGNATURE = 1, 4  # types of verifier keys


def parse_vkey(text, kind=ED25519):
    """name, id and public key of a verifier key's text; ValueError if it is none."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise ValueError("a verifier key is name+hash+key")
    try:
        blob = base64.b64decode(parts[2], validate=True)
    except ValueError:
        raise ValueError("the verifier key's last part is not base64")
    if len(blob) != 33 or blob[0] != kind:
        raise ValueError("the verifier key is not of the kind that is needed here")
    key_id = hashlib.sha256(parts[0].encode() + b"\n" + blob).digest()[:4]
    if key_id.hex() != parts[1].lower():
        raise ValueError("the verifier key's hash is not its own")
    return parts[0], key_id, blob[1:]


NOTE_MAX, NAME_MAX, LINES_MAX = 16384, 128, 64
LEDGER_KEYS_MAX = 256


class Checkpoint:
    """A signed checkpoint. `problem` tells what is wrong with it. What it states counts only once it is verified:
    size and root are None before."""

    def __init__(self, note):
        self.origin = self.size = self.root = self.problem = self.stated = None
        try:
            self.stated = self.parse(note)
        except Broken as broken:
            self.problem = broken.why

    @property
    def stated_size(self):
        return self.stated[1] if self.stated else None

    def verify(self, keys):
        """By the key that the ledger has at its size."""
        try:
            if self.stated:
                self.check_signature(keys.at(self.stated_size))
                self.origin, self.size, self.root = self.stated
        except Broken as broken:
            self.problem = broken.why
        return self

    def parse(self, note):
        try:
            text, gap, tail = note.decode("utf-8").rpartition("\n\n")
        except UnicodeDecodeError:
            raise Broken("checkpoint", None, "the checkpoint is not UTF-8")
        self.text = text + "\n"
        lines = text.split("\n")
        if not gap or not tail.endswith("\n") or len(lines) < 3 or "" in lines or \
                len(note) > NOTE_MAX or any(c < 32 and c != 10 for c in note):
            raise Broken("checkpoint", None, "the checkpoint is not a signed note")
        root = strict_base64(lines[2], "the checkpoint's root")
        if not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]) or int(lines[1]) > 1 << 63 or \
                len(root) != 32 or len(lines[0].encode("utf-8")) >= NAME_MAX:
            raise Broken("checkpoint", None, "the checkpoint's size or root is malformed")
        self.signatures = [self.parse_line(line) for line in tail[:-1].split("\n")]
        if len(self.signatures) > LINES_MAX:
            raise Broken("checkpoint", None, "the checkpoint has too many signatures")
        return lines[0], int(lines[1]), root

    def parse_line(self, line):
        """Who signed, and the key id and signature: also of those whom nobody here knows."""
        dash, _, rest = line.partition(" ")
        signer, _, blob = rest.partition(" ")
        data = strict_base64(blob, "a signature of the checkpoint")
        named = 0 < len(signer.encode("utf-8")) < NAME_MAX and not any(
            c == "+" or c.isspace() or not c.isprintable() for c in signer)
        if dash != "\u2014" or not named or len(data) < 5:
            raise Broken("checkpoint", None, "a signature line of the checkpoint is malformed")
        return signer, data

    def check_signature(self, vkey):
        name, key_id, public = vkey
        for signer, data in self.signatures:
            if signer != name or data[:4] != key_id:
                continue
            if not ed25519_verify(public, self.text.encode("utf-8"), data[4:]):
                raise Broken("checkpoint", None, "the checkpoint's signature is wrong")
            return
        raise Broken("checkpoint", None,
                     "no signature of the checkpoint is by the key that the ledger has at its size")

    def cosigned(self, witness):
        """The witness's name and when it cosigned, in seconds since 1970; None where it did not."""
        name, key_id, public = witness
        for signer, data in self.signatures:
            if signer != name or data[:4] != key_id:
                continue
            time = int.from_bytes(data[4:12], "big")
            text = "cosignature/v1\ntime %d\n%s" % (time, self.text)
            if len(data) != 76 or not ed25519_verify(public, text.encode("utf-8"), data[12:]):
                raise Broken("witness", None, "the cosignature of %s is wrong" % name)
            return {"witness": name, "size": self.size, "time": time}
        return None


def key_id_of(name, public):
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


class LedgerKeys:
    """The keys that a ledger had, each with the entry that named it; `known` is one of them, or all there is."""

    def __init__(self, known):
        self.origin, self.keys = known[0], [(0, known[2])]

    @classmethod
    def of(cls, entries, known):
        """As the entries prove. They may be anybody's: what is no proof is passed over."""
        chain = cls(known)
        chain.keys = []
        for data in entries:
            try:
                entry = decode("Entry", data)
                act = decode("Act", entry["act"])
            except BadBytes:
                continue
            kinds = [c["kind"] for c in act["commands"]]
            if kinds == ["genesis"] and not chain.keys:
                chain.begin(entry, act)
            elif kinds == ["ledger_key"] and chain.keys and chain.problem(entry, act) is None:
                chain.add(entry, act)
        known_now = chain.keys and chain.origin == known[0] and known[2] in chain.publics()
        return chain if known_now else cls(known)

    def publics(self):
        return [public for _, public in self.keys]

    def begin(self, entry, act):
        key = act["commands"][0]["body"]["ledger_key"]
        if entry["seq"] == 1 and len(key) == 32 and key == act["actor_key"] and act_signed(key, entry):
            self.origin, self.keys = act["origin"], [(1, key)]

    def add(self, entry, act):
        self.keys.append((entry["seq"], act["commands"][0]["body"]["key"]))

    def problem(self, entry, act):
        """What is wrong with a change of the key after those before, as (kind, words), or None."""
        body, before = act["commands"][0]["body"], self.keys[-1][1]
        ref = body["ref"] or {"seq": 0, "leaf": b""}
        if len(act["origin"].encode()) >= NAME_MAX or act["origin"] != self.origin or \
                act["actor_key"] != before or len(body["key"]) != 32 or len(body["signature"]) != 64 or \
                body["key"] in self.publics() or len(self.keys) == LEDGER_KEYS_MAX or \
                entry["seq"] < 2 or entry["seq"] <= self.keys[-1][0] or \
                (ref["seq"], ref["leaf"]) != (entry["seq"] - 1, entry["prev"]) or len(ref["leaf"]) != 32:
            return "key", "the ledger's key is changed to one that cannot be, or for another place in the ledger"
        text = b"timebox/v1/ledger-key\n" + self.origin.encode() + b"\0" + before + body["key"] + \
            ref["seq"].to_bytes(8, "big") + ref["leaf"]
        if not act_signed(before, entry) or not ed25519_verify(body["key"], text, body["signature"]):
            return "signature", "the change of the ledger's key is not signed by both keys"
        return None

    def at(self, size):
        """The verifier key in force at a size."""
        public = [public for seq, public in self.keys if seq <= max(size, self.keys[0][0])][-1]
        return self.origin, key_id_of(self.origin, public), public


def act_signed(key, entry):
    message = b"timebox/v1/act\n" + len(entry["act"]).to_bytes(4, "big") + entry["act"]
    return ed25519_verify(key, message, entry["signature"])


def tile_path(level, n, width):
    groups = ["%03d" % (n % 1000)]
    while n >= 1000:
        n //= 1000
        groups.insert(0, "x%03d" % (n % 1000))
    path = "/".join(["tile", str(level)] + groups)
    return path if width == TILE_WIDTH else "%s.p/%d" % (path, width)


def read_file(outdir, path):
    """The bytes of a file, None where there is none."""
    try:
        with open(os.path.join(outdir, *path.split("/")), "rb") as f:
            return f.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def list_folder(outdir, path):
    """The names in a folder, none where there is no such folder."""
    try:
        return os.listdir(os.path.join(outdir, *path.split("/")))
    except OSError:
        return []


def read_tile(outdir, level, n, width):
    """The n-th tile: of the width that the checkpoint tells, else full, else the widest."""
    widths = [width, TILE_WIDTH]
    found = list_folder(outdir, tile_path(level, n, TILE_WIDTH) + ".p")
    widths += sorted((int(w) for w in found if re.fullmatch("[0-9]{1,3}", w)), reverse=True)
    for w in widths:
        data = read_file(outdir, tile_path(level, n, w)) if w else None
        if data is not None:
            return data
    return None


def read_tiles(outdir, level, size):
    """The tiles of a level in order, as far as they are there; `size` None: all there are."""
    n = 0
    while size is None or n * TILE_WIDTH < size:
        width = TILE_WIDTH if size is None else min(TILE_WIDTH, size - n * TILE_WIDTH)
        data = read_tile(outdir, level, n, width)
        if data is None:
            return
        yield data
        n += 1


def split_bundle(data):
    """The entries of a bundle, and whether it ended where an entry ends."""
    entries, pos = [], 0
    while pos + 2 <= len(data):
        length = int.from_bytes(data[pos:pos + 2], "big")
        if length == 0 or pos + 2 + length > len(data):
            return entries, False
        entries.append(data[pos + 2:pos + 2 + length])
        pos += 2 + length
    return entries, pos == len(data)


def read_entries(outdir, size):
    """All entries in order, and the position (from 1) where a bundle's framing breaks, or None."""
    entries = []
    for data in read_tiles(outdir, "entries", size):
        found, whole = split_bundle(data)
        entries += found
        if not whole:
            return entries, len(entries) + 1
    return entries, None


# --- which entry: hashes and chain ---

def expected_tiles(leaves):
    """(level, n, bytes) of every tile of a tree."""
    level, hashes = 0, leaves
    while hashes:
        for n in range(0, len(hashes), TILE_WIDTH):
            yield level, n // TILE_WIDTH, b"".join(hashes[n:n + TILE_WIDTH])
        full = len(hashes) // TILE_WIDTH * TILE_WIDTH
        hashes = [tree_root(hashes[i:i + TILE_WIDTH]) for i in range(0, full, TILE_WIDTH)]
        level += 1


def read_leaf_tiles(outdir, size):
    """The hashes of level 0 as far as the tiles are there."""
    data = b"".join(read_tiles(outdir, 0, size))
    return [data[i:i + 32] for i in range(0, len(data) - 31, 32)]


def first_difference(leaves, tiles, framing):
    """The first entry whose hash is not the tile's, or that one of both lacks; None if none."""
    for i, (leaf, tile) in enumerate(zip(leaves, tiles)):
        if leaf != tile:
            return i + 1
    if framing is not None:
        return framing
    return min(len(leaves), len(tiles)) + 1 if len(leaves) != len(tiles) else None


def chain_problem(entries, leaves, root):
    """The first break of numbering or chain, as Broken; None if there is none."""
    for i, data in enumerate(entries):
        try:
            entry = decode("Entry", data)
        except BadBytes as bad:
            return Broken("encoding", i + 1, str(bad))
        if entry["seq"] != i + 1:
            return Broken("sequence", i + 1, "entry %d stands in its place" % entry["seq"])
        if entry["prev"] == (leaves[i - 1] if i else bytes(32)):
            continue
        if i == 0:
            return Broken("chain", 1, "the first entry's prev is not zero")
        if vouched_for(entries, leaves, i, entry["prev"], root):
            return Broken("chain", i, "entry %d names another entry %d" % (i + 1, i))
        return Broken("chain", i + 1, "its prev is not the hash of entry %d" % i)
    return None


def vouched_for(entries, leaves, i, prev, root):
    """Whether the entry at index i is as it was, although the one before is not what it names: the
    next entry names it, or, for the last, the checkpoint's root comes out with what it names."""
    if i + 1 < len(entries):
        try:
            return decode("Entry", entries[i + 1])["prev"] == leaves[i]
        except BadBytes:
            return False
    return tree_root(leaves[:i - 1] + [prev, leaves[i]]) == root


def check_hashes(outdir, entries, leaves, framing, checkpoint):
    """The stored bytes against tiles, chain and checkpoint; raises with the first broken entry.
    Returns None, or what is wrong although no entry can be named: the content may tell more."""
    size = checkpoint.size
    if len(leaves) == size and framing is None and tree_root(leaves) == checkpoint.root:
        problem = chain_problem(entries, leaves, checkpoint.root)
        if problem:
            raise problem
        check_tiles(outdir, leaves)
        return None
    tiles = read_leaf_tiles(outdir, size)
    differs = first_difference(leaves, tiles, framing) if tiles else framing
    authentic = size is not None and tree_root(tiles) == checkpoint.root
    chain = None if authentic and differs else chain_problem(entries, leaves, checkpoint.root)
    if differs and (chain is None or differs <= chain.entry):
        raise describe_difference(differs, leaves, size, framing)
    if chain:
        raise chain
    if size is None:
        return Broken("checkpoint", None, checkpoint.problem)
    if len(leaves) != size:
        raise describe_difference(min(len(leaves), size) + 1, leaves, size, None)
    return Broken("root", size, "the chain is whole, but its root is not the checkpoint's: "
                  "the last entry was replaced, or all from some entry on")


def describe_difference(seq, leaves, size, framing):
    if seq == framing:
        return Broken("framing", seq, "its length does not fit the bundle")
    if seq > len(leaves):
        return Broken("cut", seq, "the export ends before it, after %d entries" % len(leaves))
    if size is not None and seq > size:
        return Broken("extra", seq, "the checkpoint covers %d entries only" % size)
    return Broken("leaf", seq, "its bytes do not have the hash that the tile tells")


def check_tiles(outdir, leaves):
    for level, n, want in expected_tiles(leaves):
        path = tile_path(level, n, len(want) // 32)
        data = read_file(outdir, path)
        if data is None:
            raise Broken("tile", None, "%s is missing" % path)
        if data == want:
            continue
        at = next((i for i in range(0, len(want), 32) if data[i:i + 32] != want[i:i + 32]), None)
        entry = n * TILE_WIDTH + at // 32 + 1 if level == 0 and at is not None else None
        raise Broken("tile", entry, "%s is not what the entries hash to" % path)


def check_kept(kept, leaves):
    """Raises for a tail that is gone; returns a Broken for another beginning, or None."""
    size, root = kept
    if len(leaves) < size:
        raise Broken("cut", len(leaves) + 1,
                     "%d entries were there once, now %d are" % (size, len(leaves)))
    if tree_root(leaves[:size]) == root:
        return None
    return Broken("fork", None, "the first %d entries are not those whose root was kept" % size)


# --- what the entries say ---

class Key:
    """An enrolled key: its role, and the entry that revoked it."""

    def __init__(self, role):
        self.role, self.revoked = role, None


class Code:
    """What an enrolment code admits to: a role, so many keys, until when (None: without end)."""

    def __init__(self, role, uses, until_us):
        self.role, self.uses, self.until_us = role, uses, until_us


class Ledger:
    """Follows the entries in order and checks each against all before it, as deep as asked."""

    def __init__(self, origin, first_key, depth, leaves):
        self.origin, self.ledger_key, self.depth = origin, first_key, depth
        self.chain = None  # the ledger's own keys so far
        self.book = Book(leaves) if depth >= 3 else None
        self.time_us = self.semantics = 0
        self.request_ids = {}
        self.codes = {}  # by code hash
        self.keys = {}
        self.proposed = {}  # by (seq, command): the command that waits for a second person
        self.rule_sets = {1}
        self.balances = {}
        self.last_touch = {}
        self.signatures = self.system = 0

    def check(self, seq, data):
        self.seq = seq
        try:
            entry = decode("Entry", data)
            act = decode("Act", entry["act"])
        except BadBytes as bad:
            self.fail("encoding", str(bad))
        self.check_head(entry)
        self.check_act(entry, act)
        self.check_actor(entry, act)
        self.check_ledger_key(entry, act)
        self.apply_effects(entry, act)
        self.check_rules(entry)
        if self.depth >= 2:
            self.check_postings(entry["postings"])
            self.check_touched(entry)
        problem = self.book.check(seq, entry, act) if self.book else None
        if problem:
            self.fail(*problem)

    def fail(self, kind, why):
        raise Broken(kind, self.seq, why)

    def check_head(self, entry):
        if entry["time_us"] <= self.time_us:
            self.fail("time", "its time is not after the entry before")
        self.time_us = entry["time_us"]
        if self.seq == 1:
            self.semantics = entry["semantics"]
        if entry["semantics"] != self.semantics or not self.semantics:
            self.fail("semantics", "nobody raised the semantics to %d" % entry["semantics"])

    def check_act(self, entry, act):
        if act["origin"] != self.origin:
            self.fail("origin", "the act is for ledger %r" % act["origin"])
        if not 1 <= len(act["commands"]) <= 1024:
            self.fail("act", "an act has 1 to 1,024 commands")
        request_id = act["request_id"]
        system = bytes(8) + self.seq.to_bytes(8, "big")
        if act["actor_key"]:
            uuid7 = len(request_id) == 16 and request_id[6] >> 4 == 7 and request_id[8] >> 6 == 2
            if not uuid7 or request_id[:8] == bytes(8):
                self.fail("request_id", "the request id is not a UUIDv7")
        elif request_id != system:
            self.fail("request_id", "a system entry has another request id than its number gives")
        if request_id in self.request_ids:
            self.fail("request_id", "entry %d has it too" % self.request_ids[request_id])
        self.request_ids[request_id] = self.seq

    def check_actor(self, entry, act):
        key, numbers = act["actor_key"], [c["number"] for c in act["commands"]]
        if (self.seq == 1) != (1 in numbers) or (self.seq == 1 and numbers != [1]):
            self.fail("genesis", "entry 1 is the genesis alone, and no other entry is")
        if not key:
            return self.check_system(entry, act, numbers)
        if max(numbers) >= 90:
            self.fail("act", "a system command in somebody's act")
        self.check_made_at(act, numbers)
        if len(key) != 32:
            self.fail("key", "the actor's key was never admitted")
        operator = [n < 10 for n in numbers]
        if any(operator) != all(operator) or any(operator) != (key == self.ledger_key):
            self.fail("key", "operator commands are the ledger key's, and it gives no others")
        if key == self.ledger_key:
            role = None
            if self.seq == 1:
                self.begin(act["commands"][0]["body"])
        elif numbers == [10]:
            role = self.enrol(key, act["commands"][0]["body"])
        else:
            role = self.admitted(key)
        session = role == ROLE_KIOSK and numbers != [10]
        if session != bool(act["actor_member"]) or len(act["session"]) != (8 if session else 0):
            self.fail("act", "a member and a session are named in a kiosk's acts, and only there")
        if entry["signature"] or not session:
            self.check_signature(key, entry)
        return None

    def check_ledger_key(self, entry, act):
        if "ledger_key" not in [c["kind"] for c in act["commands"]]:
            return
        if len(act["commands"]) != 1:
            self.fail("act", "a change of the ledger's key is an act's only command")
        problem = self.chain.problem(entry, act)
        if problem:
            self.fail(*problem)
        self.chain.add(entry, act)
        self.ledger_key = self.chain.keys[-1][1]
        if self.ledger_key in self.keys:
            self.fail("key", "the ledger's new key is somebody's")

    def check_made_at(self, act, numbers):
        """An act is entered within 10 minutes; the ledger key's own may have waited."""
        late = self.time_us - act["made_at_us"]
        if max(numbers) >= 10 and not -MADE_AHEAD_US <= late <= MADE_OLD_US:
            self.fail("made_at", "the act was made %d s before its entry" % (late // 1000000))

    def check_system(self, entry, act, numbers):
        if min(numbers) < 90:
            self.fail("key", "the act names nobody who asks")
        if entry["signature"] or act["actor_member"] or act["session"] or act["on_behalf"]:
            self.fail("act", "a system entry is nobody's")
        self.system += 1

    def check_signature(self, key, entry):
        if not act_signed(key, entry):
            self.fail("signature", "the signature is missing" if not entry["signature"] else
                      "the signature is not the actor's over this act")
        self.signatures += 1

    def begin(self, genesis):
        if genesis["ledger_key"] != self.ledger_key:
            self.fail("genesis", "entry 1 names another ledger key than the verifier key, and no entry leads from "
                      "one to the other")
        codes = genesis["staff_codes"] + [genesis["recovery_code"]]
        if len(codes) != 3 or genesis["rules"] is None or any(len(c) != 32 for c in codes):
            self.fail("genesis", "entry 1 names two staff codes and the rules")
        self.chain = LedgerKeys((self.origin, None, self.ledger_key))
        self.chain.keys = [(1, self.ledger_key)]
        for code in genesis["staff_codes"]:
            self.add_code(code, Code(ROLE_STAFF, 1, self.time_us + CODE_LIFE_US))
        self.add_code(genesis["recovery_code"], Code(ROLE_STAFF, 2, None))

    def add_code(self, code_hash, code):
        if code_hash in self.codes or len(code_hash) != 32:
            self.fail("key", "the code of this invitation was given out before, or is none")
        self.codes[code_hash] = code

    def enrol(self, key, enrol):
        code = self.codes.get(enrol["code_hash"])
        if code is None or not code.uses:
            self.fail("key", "no invitation with this code is left")
        if code.until_us is not None and self.time_us > code.until_us:
            self.fail("key", "the code had expired")
        if key in self.keys:
            self.fail("key", "this key was enrolled before")
        if key in self.chain.publics():
            self.fail("key", "this key was the ledger's")
        code.uses -= 1
        self.keys[key] = Key(code.role)
        return code.role

    def admitted(self, key):
        found = self.keys.get(key)
        if found is None:
            self.fail("key", "the actor's key was never admitted")
        if found.revoked:
            self.fail("key", "the actor's key was revoked by entry %d" % found.revoked)
        if found.role == ROLE_AUDITOR:
            self.fail("key", "an auditor's key writes nothing")
        return found.role

    def apply_effects(self, entry, act):
        waiting = set()
        for effect in entry["effects"]:
            if effect["command"] >= len(act["commands"]):
                self.fail("effects", "an effect is of command %d: none" % effect["command"])
            if effect["kind"] == EFFECT_PROPOSED:
                self.check_hash(act["commands"][effect["command"]])
                waiting.add(effect["command"])
                self.proposed[self.seq, effect["command"]] = act["commands"][effect["command"]]
            elif effect["kind"] == EFFECT_RULES:
                self.rule_sets.add(self.seq)
        for i, command in enumerate(act["commands"]):
            if i not in waiting:
                self.take_effect(command)
        for effect in entry["effects"]:
            if effect["kind"] == EFFECT_APPLIED:
                command = self.proposed.pop((effect["id"], effect["index"]), None)
                if command is None:
                    self.fail("effects", "what it approves was not waiting")
                self.take_effect(command)

    def check_hash(self, command):
        name = {"invite": "code_hash", "key_revoke": "key"}.get(command["kind"])
        if name and len(command["body"][name]) != 32:
            self.fail("key", "a code's hash or a key does not have 32 bytes")

    def take_effect(self, command):
        """What later checks need to know of a command that took effect."""
        self.check_hash(command)
        body = command["body"]
        if command["kind"] == "invite":
            self.add_code(body["code_hash"], Code(body["role"], 1, self.time_us + CODE_LIFE_US))
        elif command["kind"] == "key_revoke":
            if body["key"] not in self.keys:
                self.fail("key", "it revokes a key that was never admitted")
            self.keys[body["key"]].revoked = self.seq
        elif command["kind"] == "withdraw" and body["ref"]:
            self.proposed.pop((body["ref"]["seq"], body["ref"]["index"]), None)
        elif command["kind"] == "semantics_raise":
            self.semantics = body["semantics"]

    def check_rules(self, entry):
        if entry["rules"] not in self.rule_sets or (self.seq == 1 and entry["rules"] != 1):
            self.fail("rules", "entry %d set no rules" % entry["rules"])

    def check_postings(self, postings):
        sums, changed = {}, []
        for p in postings:
            asset, account = self.account(p)
            sums[asset] = sums.get(asset, 0) + p["amount"]
            self.balances[account] = self.balances.get(account, 0) + p["amount"]
            changed.append(account)
        for asset, total in sums.items():
            if total:
                self.fail("postings", "those of %s sum to %d, not 0" % (" ".join(asset), total))
        for account in changed:
            name, _, _, negative = PURPOSES[account[0]]
            balance = self.balances[account]
            if (balance < 0 and not negative) or (balance > 0 and account[0] == PURPOSE_DEBT):
                owner = account[1] or account[2] or "the programme"
                self.fail("balance", "account %s of %s would be %d" % (name, owner, balance))

    def account(self, p):
        known = PURPOSES.get(p["purpose"])
        if known is None or p["asset"] != known[1] or bool(p["item"]) != (p["asset"] == 3):
            self.fail("postings", "a posting's purpose, asset and item do not go together")
        owner = {"member": bool(p["member"]), "partner": bool(p["partner"])}
        if owner != {"member": known[2] == "member", "partner": known[2] == "partner"}:
            self.fail("postings", "a posting to %s has the wrong owner" % known[0])
        asset = (ASSETS[p["asset"]], p["item"]) if p["item"] else (ASSETS[p["asset"]],)
        return asset, (p["purpose"], p["member"], p["partner"], p["item"], p["lot"])

    def check_touched(self, entry):
        touched = {}
        for t in entry["touched"]:
            if t["member"] in touched or not t["member"]:
                self.fail("touched", "member %d is named twice, or is none" % t["member"])
            if t["prev"] != self.last_touch.get(t["member"], 0):
                self.fail("touched", "the entry before of member %d is %d, not %d" % (
                    t["member"], self.last_touch.get(t["member"], 0), t["prev"]))
            touched[t["member"]] = self.seq
        missing = {p["member"] for p in entry["postings"] if p["member"]} - set(touched)
        if missing:
            self.fail("touched", "member %d is touched and not named" % min(missing))
        self.last_touch.update(touched)


# --- depth 3: every decision once more, by the rules in force then ---

ROLE_MEMBER, ROLE_OPERATOR, ROLE_SYSTEM, ROLE_NOBODY = 5, 6, 7, 0
DAY_US, MINUTE_US, DAY_MINUTES = 86400000000, 60000000, 1440
KIOSK_HOUR_US, PERMIT_US = 60 * MINUTE_US, 30 * MINUTE_US
MINUTES, POINTS, ITEM = 1, 2, 3
(GIVEN, ISSUED, DONATED, ADJUSTED, DEBT, DELIVERED, WRITTEN_OFF) = 1, 2, 3, 4, 5, 9, 10
(MEMBER_MINUTES, AVAILABLE, HELD, SHELF, OUTLET_HELD, RECEIVED) = 20, 22, 23, 30, 31, 32
BY_KIOSK, WITNESSED, BACKFILLED, OPENING = 1, 2, 4, 5
PAID_STAFF, ACTIVE, GOOD, PURPOSE_TERM, AREA_TERM = 4, 1, 1, 2, 1
GIFT_OFF, GIFT_KIN, BACK_ON_SHELF = 0, 1, 1
SEMANTICS = 1  # the only version of the book so far
MAX_KIN, MAX_HOLD_PARTS = 8, 160
ERASED, WHOLE, DETAILS_SCOPE, RECORDS_SCOPE = 4, 1, 2, 3
DETAILS, RECORDS = 1, 2
CONSENT, INSPECTION = 2, 3
# Verdicts on rows, by their ResultCode.
(BAD_DATE, UNKNOWN_MEMBER, UNKNOWN_ITEM, IS_PAID_STAFF, END_BEFORE_START, BEFORE_JOINING,
 OVER_SESSION_CAP, TRAINING_MISSING, DUPLICATE, OVERLAP, TOO_SHORT, WAS_ERASED) = (
    72, 75, 76, 77, 78, 79, 80, 81, 82, 83, 104, 130)
EFFECTS = {name: number for number, name in (
    (1, "MEMBER_ADDED"), (2, "BENEFICIARY_ADDED"), (3, "TERM_ADDED"), (4, "KEY_ADMITTED"),
    (5, "PROPOSED"), (6, "APPLIED"), (7, "RULES"), (8, "OPENED"), (9, "LINK_CONFLICT"),
    (10, "HELD"), (11, "CONFIRMED"), (12, "CANCELLED"), (13, "RELEASED"), (14, "REVERSED"),
    (15, "DELIVERED_LATE"), (20, "CHECKED_IN"), (21, "RECORDED"), (22, "ROW_REFUSED"),
    (23, "CREDITED"), (24, "ATTESTED"), (25, "REJECTED"), (26, "BATCH_COMPLETE"),
    (27, "BATCH_CREDITED"), (28, "BATCH_WITHDRAWN"), (29, "BATCH_REVERSED"), (30, "GIFTED"),
    (31, "ERASED"), (32, "TEXT_OPENED"), (33, "FINDING"))}

# kind: who (S staff, M member's session, O outlet, A auditor, K ledger key, D daemon, N an unknown key), in
# set-up and when open ("two": a proposal, which a second person approves), and when a staff key
# that is not linked to a member yet may ask.
PERMISSION_TEXT = """
genesis K yes no
clock_accept K yes yes
semantics_raise K yes yes
ledger_key K yes yes
enrol N yes yes
invite S yes yes set-up
key_link S two two set-up open
approve S yes yes set-up open
withdraw S yes yes set-up open
key_revoke S yes yes
station_open S yes no
rules_set S yes two
term_add S yes yes set-up
member_add S yes yes set-up
member_update S yes yes
kin_add S yes two set-up
pin_slip S yes yes
card_bind S yes yes
card_block SM yes yes
beneficiary_add S yes yes set-up
pair_set S yes yes set-up
delegate S two two
partner_set S yes two set-up
service_item_set S yes two set-up
item_set S yes two set-up
donation_add S yes two set-up
activity_add S yes yes
check_in SOM yes yes
check_out SOM yes yes
service_rows S yes yes set-up
attest_batch S yes yes set-up
attest_records S yes yes
reject_records S yes yes
batch_withdraw S yes yes set-up
batch_reverse S two two
hold SM no yes
confirm O no yes
cancel SM no yes
reverse S no two
late_delivery S no two
permit S no yes
gift M no yes
erase S two two
text_open S yes yes
audit_finding SA yes yes
system_release D no yes
system_close D yes yes
system_credit D yes yes
system_reverse D yes yes
"""
DRAWN = (EFFECTS["MEMBER_ADDED"], EFFECTS["BENEFICIARY_ADDED"])
ROLE_LETTERS = {ROLE_STAFF: "S", ROLE_MEMBER: "M", ROLE_OUTLET: "O", ROLE_AUDITOR: "A", ROLE_OPERATOR: "K",
                ROLE_SYSTEM: "D", ROLE_NOBODY: "N"}


def parse_permissions(text):
    rows = {}
    for words in (line.split() for line in text.strip().split("\n")):
        rows[words[0]] = {"who": words[1], False: words[2], True: words[3],
                          "unlinked": {False: "set-up" in words[4:], True: "open" in words[4:]}}
    return rows


PERMISSIONS = parse_permissions(PERMISSION_TEXT)


# What a command may hold, whoever asks: the greatest value of a number by its field's name, and the
# fields that a kind needs (not zero, not empty).
ACT_MAX = 61440
ID_MAX, TIME_MAX, SEQ_MAX, DAY_MAX, COUNT_MAX = (1 << 35) - 1, 1 << 56, (1 << 47) - 1, 100000, 1000000
FIELD_MAX = dict(
    member=ID_MAX, other=ID_MAX, beneficiary=ID_MAX, start_us=TIME_MAX, end_us=TIME_MAX,
    time_us=TIME_MAX, role=7, count=COUNT_MAX, points=COUNT_MAX, minutes=COUNT_MAX, quota=COUNT_MAX,
    term=2, status=3, partner_kind=5, item_kind=3, quality=2, fate=2, birth_year=9999,
    attempt=COUNT_MAX, part=COUNT_MAX, parts=COUNT_MAX, entries=COUNT_MAX, rules=SEQ_MAX,
    zone_minutes=840, scope=3, ground=6, row=199, outcome=3)
FIELD_MAX["class"] = 4
FIELD_LENGTHS = dict(batch=16, key=32, ledger_key=32, code_hash=32, recovery_code=32, proof=32,
                     digest=32, commitment=32, staff_codes=32, signature=64)
FIELD_CODES = ("item", "partner", "outlet", "outlets")
NEEDED_TEXT = """
genesis ledger_key recovery_code staff_codes rules
clock_accept time_us
semantics_raise semantics
ledger_key key ref signature
enrol code_hash proof
invite role code_hash
key_link member
approve ref
withdraw ref
key_revoke key
rules_set rules
term_add term commitment
member_add class joined_day commitment
member_update member class status
kin_add member other
pin_slip member
card_bind member commitment
card_block member
beneficiary_add commitment
pair_set member beneficiary from_day
delegate member other to_day
partner_set partner partner_kind from_day commitment
service_item_set item minutes points commitment
item_set item item_kind points outlets commitment
donation_add receipt partner item count quality outlet member day commitment
activity_add item start_us end_us commitment
service_rows batch parts
attest_batch batch entries digest rules
attest_records refs
reject_records refs
batch_withdraw batch
batch_reverse batch
hold member item count
confirm ref
cancel ref
reverse ref fate
late_delivery ref
permit member
gift member other points
erase scope ground
text_open ref ground commitment
audit_finding ref outcome
system_release refs
system_close members
system_credit refs
system_reverse refs
"""
NEEDED = {words[0]: words[1:] for words in map(str.split, NEEDED_TEXT.strip().split("\n"))}


def code_fits(text):
    return re.fullmatch("[A-Z0-9_-]{1,8}", text) is not None


def ref_fits(ref):
    return 0 < ref["seq"] <= SEQ_MAX and ref["index"] < 1 << 16 and len(ref["leaf"]) in (0, 32)


def rule_set_fits(rules):
    days = [rules[name] for name in ("notice_days", "hold_days", "grace_days", "reset_guard_days")]
    converts = rules["converts"]
    return (0 < rules["session_cap_minutes"] <= DAY_MINUTES and max(days) <= 365 and
            0 <= rules["gift"] <= 2 and all(0 < p < 6 for p in converts) and
            len(set(converts)) == len(converts))


def row_fits(row):
    return (row["line"] > 0 and 0 < row["member"] <= ID_MAX and row["beneficiary"] <= ID_MAX and
            1 <= row["day"] <= DAY_MAX and row["start_minute"] < DAY_MINUTES and
            row["end_minute"] <= DAY_MINUTES and code_fits(row["item"]) and
            len(row["commitment"]) in (0, 32))


def list_fits(name, values):
    if name in ("refs", "members", "rows", "refused") and len(values) > 200:
        return False
    if name == "refs":
        return all(map(ref_fits, values))
    if name == "members":
        return all(0 < value <= ID_MAX for value in values)
    if name == "rows":
        return all(map(row_fits, values))
    if name == "refused":
        return all(r["line"] > 0 and r["reason"] > 0 for r in values)
    if name == "outlets":
        return len(values) <= 8 and len(set(values)) == len(values) and all(map(code_fits, values))
    return len(values) <= 8 and all(len(value) == FIELD_LENGTHS[name] for value in values)


def field_fits(name, value):
    """Whether the value of a field may stand there; an absent one always may."""
    if isinstance(value, list):
        return list_fits(name, value)
    if not value:
        return True
    if name == "ref":
        return ref_fits(value)
    if isinstance(value, dict):
        return rule_set_fits(value)
    if name == "receipt":
        return re.fullmatch("[A-Za-z0-9_/-]{1,16}", value) is not None
    if name in FIELD_CODES:
        return code_fits(value)
    if name in FIELD_LENGTHS:
        return len(value) == FIELD_LENGTHS[name]
    if name.endswith("day"):
        return 0 <= value <= DAY_MAX
    least = -FIELD_MAX[name] if name == "zone_minutes" else 0
    return least <= value <= FIELD_MAX.get(name, (1 << 64) - 1)


def field_is_there(name, value):
    if name == "commitment":
        return value.strip(b"\0") != b""
    return value is not None if name in ("ref",) or isinstance(value, dict) else bool(value)


def unfit_field(command):
    """The name of the first field that is out of its range or missing, or None."""
    for name, value in command["body"].items():
        if not field_fits(name, value):
            return name
        if name in NEEDED.get(command["kind"], ()) and not field_is_there(name, value):
            return name
    return None


class Refused(Exception):
    """The rules do not allow what the entry says was accepted."""


class Row:
    """What is kept of one thing: a member, a key, a hold."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


def greatest_divisor(a, b):
    while b:
        a, b = b, a % b
    return a


def month_of(day):
    """Months since year 0 of a day since 1970-01-01, in the Gregorian calendar."""
    shifted = day + 719468  # days since 0000-03-01
    era, of_era = divmod(shifted, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    march = (5 * of_year + 2) // 153
    return (year + era * 400 + (march >= 10)) * 12 + (march + 2) % 12


def in_force(versions, at_us):
    """The newest of a list of versions that is in force then, None without one."""
    return next((v for v in reversed(versions) if v.from_us <= at_us), None)


class Book:
    """Decides each act again, from all acts before it. `leaves`: the leaf hashes of the ledger."""

    def __init__(self, leaves):
        self.leaves = leaves
        self.opened, self.open_signer, self.zone_us = False, None, 0
        self.ledger_key, self.ledger_keys = None, set()
        self.keys, self.invites = {}, {}
        self.rules = []
        self.partners, self.rates, self.items = {}, {}, {}
        self.terms, self.receipts = {}, set()
        self.members, self.beneficiaries, self.pairs, self.delegations = {}, set(), {}, {}
        self.best_before = {}  # (outlet, item): {lot: day}
        self.balances, self.lots, self.carries, self.quotas = {}, {}, {}, {}
        self.proposals, self.holds, self.records = {}, {}, {}
        self.batches, self.parts, self.sessions, self.activities, self.days = {}, {}, {}, {}, {}
        self.unlinked = {}
        self.erased = {}  # beneficiary: what of them was
        self.proposer = None

    # -- what an entry says --

    def check(self, seq, entry, act):
        """(kind, words) of what is wrong, or None."""
        for i, command in enumerate(act["commands"]):
            unfit = unfit_field(command)
            if unfit or len(entry["act"]) > ACT_MAX:
                return "refused", "its command %d cannot be: %s" % (i, unfit or "too long")
        if act["actor_member"] > ID_MAX or act["on_behalf"] > ID_MAX or act["made_at_us"] > TIME_MAX:
            return "refused", "its actor or time cannot be"
        try:
            return self.check_ids(entry) or self.decide_act(seq, entry, act)
        except Refused as refused:
            return "refused", "the rules in force refuse its command %d: %s" % (
                self.command, refused)

    def check_ids(self, entry):
        """Ids are drawn by the daemon: they need to have been free."""
        self.drawn = [e["id"] for e in entry["effects"] if e["kind"] in DRAWN]
        self.command = 0
        for i, made in enumerate(self.drawn):
            if not 0 < made < 1 << 35 or made in self.drawn[:i] or made in self.members or \
                    made in self.beneficiaries:
                return "outcome", "it states %d as a new id, which is taken or is none" % made
        return None

    def decide_act(self, seq, entry, act):
        self.seq, self.now, self.act = seq, entry["time_us"], act
        self.postings, self.effects, self.touched = {}, [], []
        self.command, self.proposer = 0, None
        if seq == 1:
            self.ledger_key = act["commands"][0]["body"]["ledger_key"]
            self.ledger_keys.add(self.ledger_key)
            self.zone_us = act["commands"][0]["body"]["zone_minutes"] * MINUTE_US
        self.today = self.day_of(self.now)
        version = in_force(self.rules, self.now) or (self.rules[0] if self.rules else None)
        self.rule, self.version = (version.rules, version.seq) if version else (None, 1)
        self.resolve_actor()
        for self.command, command in enumerate(act["commands"]):
            self.decide(command)
        return self.differs(entry)

    def differs(self, entry):
        if entry["rules"] != self.version:
            return "outcome", "the rules in force are those of entry %d" % self.version
        if entry["semantics"] != SEMANTICS:
            return "outcome", "the book's version is %d" % SEMANTICS
        postings = [dict(p) for p in self.postings.values()]
        if entry["postings"] != postings:
            return "outcome", "its act moves something else"
        if entry["effects"] != self.effects:
            return "outcome", "its act has other effects"
        if [t["member"] for t in entry["touched"]] != self.touched:
            return "outcome", "its act touches other members"
        return None

    def refuse_unless(self, fine, why):
        if not fine:
            raise Refused(why)

    def day_of(self, at_us):
        return (at_us + self.zone_us) // DAY_US

    def day_start(self, day):
        return max(0, day * DAY_US - self.zone_us)

    def effect(self, kind, **fields):
        made = {f.name: f.default for f in SCHEMA["Effect"].values()}
        made.update(fields, kind=EFFECTS[kind], command=self.command)
        self.effects.append(made)

    def touch(self, member):
        if member in self.members and member not in self.touched:
            self.touched.append(member)

    # -- accounts --

    def balance(self, purpose, owner, item="", lot=0):
        return self.balances.get((purpose, owner, item, lot), 0)

    def post(self, asset, item, account, amount):
        purpose, owner, lot = account
        name, _, kind, negative = PURPOSES[purpose]
        key = (purpose, owner, item, lot)
        self.balances[key] = self.balances.get(key, 0) + amount
        self.refuse_unless(self.balances[key] >= 0 or negative, "%s would be below zero" % name)
        if kind == "member":
            self.touch(owner)
        posting = self.postings.setdefault(key, {
            "asset": asset, "purpose": purpose, "member": owner if kind == "member" else 0,
            "partner": owner if kind == "partner" else "", "item": item, "lot": lot, "amount": 0})
        posting["amount"] += amount

    def move(self, asset, item, source, target, amount):
        if amount:
            self.post(asset, item, source, -amount)
            self.post(asset, item, target, amount)

    def give(self, source, member, lot, points):
        """Debt first, the rest to the lot."""
        paid = min(-self.balance(DEBT, member), points)
        self.move(POINTS, "", source, (DEBT, member, 0), paid)
        if points > paid:
            self.lots.setdefault(member, set()).add(lot)
            self.move(POINTS, "", source, (AVAILABLE, member, lot), points - paid)

    def lots_of(self, member):
        """Earliest expiry first, lots without expiry last."""
        return sorted(self.lots.get(member, ()), key=lambda lot: (lot == 0, lot))

    def available(self, member):
        return sum(self.balance(AVAILABLE, member, "", lot) for lot in self.lots_of(member))

    def take(self, member, points, part):
        for lot in self.lots_of(member):
            some = min(points, self.balance(AVAILABLE, member, "", lot))
            if some > 0:
                part(lot, some)
                points -= some
        self.refuse_unless(points == 0, "the points do not suffice")

    def shelf_lots(self, outlet, item):
        """Earliest best-before first, none last, ties by lot."""
        lots = self.best_before.get((outlet, item), {})
        return sorted(lots.items(), key=lambda one: (one[1] == 0, one[1], one[0]))

    def shelf_free(self, outlet, item):
        return [(lot, self.balance(SHELF, outlet, item, lot))
                for lot, day in self.shelf_lots(outlet, item) if day == 0 or day >= self.today]

    # -- who asks --

    def person(self, key):
        return self.keys[key].member if key in self.keys else 0

    def staff(self, linked=False):
        return sum(k.role == ROLE_STAFF and k.active and (k.member != 0 or not linked)
                   for k in self.keys.values())

    def kin(self, a, b):
        return a != 0 and b != 0 and (a == b or (a in self.members and b in self.members[a].kin))

    def keep_apart(self, person, member):
        self.refuse_unless(not self.kin(person, member), "the same person, or kin")

    def resolve_actor(self):
        key = self.act["actor_key"]
        self.key, self.who, self.partner = key, 0, ""
        if not key:
            self.role = ROLE_SYSTEM
        elif key == self.ledger_key:
            self.role = ROLE_OPERATOR
        elif key not in self.keys:
            self.role = ROLE_NOBODY
        else:
            found = self.keys[key]
            self.refuse_unless(found.active, "the key was revoked")
            self.role, self.who, self.partner = found.role, found.member, found.partner
            if self.act["actor_member"]:
                self.role, self.who = ROLE_MEMBER, self.act["actor_member"]
                self.refuse_unless(self.who in self.members, "nobody has this member id")
                self.touch(self.who)

    def decide(self, command):
        row = PERMISSIONS[command["kind"]]
        when = row[self.opened]
        self.refuse_unless(ROLE_LETTERS.get(self.role, "-") in row["who"], "this key may not ask")
        self.refuse_unless(when != "no", "not while the station is %s" % (
            "open" if self.opened else "in set-up"))
        self.refuse_unless(self.role != ROLE_STAFF or self.who or row["unlinked"][self.opened],
                           "the key belongs to nobody yet")
        if when == "two" or self.needs_two(command):
            self.propose(command)
        else:
            self.apply(command)

    def apply(self, command):
        getattr(self, "do_" + command["kind"])(command["body"])

    def needs_two(self, command):
        kind, body = command["kind"], command["body"]
        if kind == "invite":
            return body["role"] == ROLE_STAFF and self.staff() >= 2
        if kind == "key_revoke":
            found = self.keys.get(body["key"])
            return found is not None and found.role == ROLE_STAFF and self.staff() >= 2
        if kind == "hold" and self.role == ROLE_STAFF:
            until = self.delegations.get((body["member"], self.who))
            return (self.act["on_behalf"] != body["member"] or not self.who or until is None or
                    until < self.today)
        return False

    # -- two people --

    def named(self, ref):
        return (ref["seq"], ref["index"]) if ref else (0, 0)

    def refers(self, ref):
        """What a ref names; its leaf must be that entry's."""
        at = self.named(ref)
        self.refuse_unless(0 < at[0] < self.seq and ref["leaf"] == self.leaves[at[0] - 1],
                           "it names entry %d by another leaf" % at[0])
        return at

    def propose(self, command):
        kind, body = command["kind"], command["body"]
        if kind == "key_link":
            self.refuse_unless(not self.who and self.standing(body["member"]), "linked already")
        elif kind in ("reverse", "late_delivery"):
            self.refuse_unless(self.named(body["ref"]) in self.holds, "there is no such hold")
        elif kind == "erase":
            self.check_erase(body)
        elif kind == "batch_reverse":
            self.refuse_unless(body["batch"] in self.batches, "there is no such batch")
        else:
            self.refuse_unless(not body.get("member") or body["member"] in self.members,
                               "nobody has this member id")
        self.proposals[self.seq, self.command] = Row(command=command, key=self.key)
        self.touch(body.get("member", 0))
        self.effect("PROPOSED")

    def concerned(self, kind, body):
        """Whoever approves is none of them, nor kin."""
        if kind in ("reverse", "late_delivery"):
            hold = self.holds.get(self.named(body["ref"]))
            return [hold.member] if hold else []
        if kind == "key_link":
            return []
        return [body.get("member", 0)] + ([body["other"]] if kind == "kin_add" else [])

    def do_approve(self, body):
        at = self.refers(body["ref"])
        proposal = self.proposals.get(at)
        self.refuse_unless(proposal is not None, "what it approves does not wait")
        kind = proposal.command["kind"]
        proposer = self.person(proposal.key)
        self.refuse_unless(proposal.key != self.key and not (proposer and proposer == self.who),
                           "nobody approves what they proposed")
        self.refuse_unless(
            self.who or kind == "key_link" or (kind == "invite" and not self.opened),
            "the key belongs to nobody yet")
        for member in self.concerned(kind, proposal.command["body"]):
            self.keep_apart(self.who, member)
        del self.proposals[at]
        self.effect("APPLIED", id=at[0], index=at[1])
        self.proposer = proposal.key
        self.apply(proposal.command)
        self.proposer = None

    def do_withdraw(self, body):
        at = self.refers(body["ref"])
        proposal = self.proposals.pop(at, None)
        self.refuse_unless(proposal is not None, "what it withdraws does not wait")
        self.refuse_unless(self.who or proposal.key == self.key, "the key belongs to nobody yet")

    # -- keys and station --

    def invite(self, code_hash, role, uses, until, partner=""):
        self.refuse_unless(code_hash not in self.invites, "this code was given out before")
        self.invites[code_hash] = Row(role=role, uses=uses, until=until, partner=partner,
                                      seq=self.seq)

    def do_genesis(self, body):
        self.set_rules(body["rules"])
        for code in body["staff_codes"]:
            self.invite(code, ROLE_STAFF, 1, self.now + CODE_LIFE_US)
        self.invite(body["recovery_code"], ROLE_STAFF, 2, None)

    def do_clock_accept(self, body):
        self.refuse_unless(abs(body["time_us"] - self.now) <= MINUTE_US, "it states another time")

    def do_semantics_raise(self, body):
        raise Refused("there is no version %d of the book" % body["semantics"])

    def do_ledger_key(self, body):
        ref = body["ref"]
        self.refuse_unless(len(self.act["commands"]) == 1, "it is not the act's only command")
        self.refuse_unless((ref["seq"], ref["index"]) == (self.seq - 1, 0) and
                           ref["leaf"] == self.leaves[self.seq - 2], "it names another entry before it")
        self.refuse_unless(body["key"] not in self.ledger_keys and body["key"] not in self.keys,
                           "the key was the ledger's, or is somebody's")
        self.refuse_unless(len(self.ledger_keys) < LEDGER_KEYS_MAX, "too many keys")
        self.ledger_key = body["key"]
        self.ledger_keys.add(self.ledger_key)

    def do_enrol(self, body):
        code = self.invites.get(body["code_hash"])
        self.refuse_unless(code is not None and code.uses > 0 and
                           (code.until is None or self.now <= code.until), "no such code is left")
        self.refuse_unless(self.key not in self.ledger_keys, "the key was the ledger's")
        code.uses -= 1
        self.keys[self.key] = Row(role=code.role, partner=code.partner, member=0, active=True)
        self.effect("KEY_ADMITTED", id=code.seq)

    def do_invite(self, body):
        role, partner = body["role"], body["partner"]
        self.refuse_unless(role in (ROLE_STAFF, ROLE_KIOSK, ROLE_OUTLET, ROLE_AUDITOR) and
                           (role == ROLE_OUTLET) == bool(partner), "no such role")
        self.refuse_unless(not partner or self.partner_at(partner), "there is no such partner")
        self.invite(body["code_hash"], role, 1, self.now + CODE_LIFE_US, partner)

    def do_key_link(self, body):
        key, member = self.keys[self.proposer], body["member"]
        self.refuse_unless(self.standing(member) and key.active and not key.member, "linked")
        key.member = member
        self.touch(member)
        for someone in [member] + self.members[member].kin:
            said = self.unlinked.get((self.proposer, someone))
            if said:
                self.effect("LINK_CONFLICT", id=said.first[0], index=said.first[1], member=someone,
                            count=said.count)

    def do_key_revoke(self, body):
        key = self.keys.get(body["key"])
        self.refuse_unless(key is not None and key.active, "this key is not in force")
        key.active = False
        if not self.opened and self.open_signer == body["key"]:
            self.open_signer = None

    def do_station_open(self, body):
        self.refuse_unless(self.staff(linked=True) >= 2, "two linked keys open a station")
        if self.open_signer is None:
            self.open_signer = self.key
            return self.effect("PROPOSED")
        self.refuse_unless(self.open_signer != self.key and
                           self.person(self.open_signer) != self.who, "one person signs once")
        self.opened = True
        return self.effect("OPENED")

    # -- versions --

    def takes_effect(self):
        return self.day_start(self.today + 1) if self.opened else self.now

    def set_rules(self, rules=None):
        if not self.rules or self.rules[-1].seq != self.seq:
            before = self.rules[-1].rules if self.rules else None
            self.rules.append(Row(seq=self.seq, from_us=self.takes_effect(), rules=before))
            self.effect("RULES", rules=self.seq, day=self.today + 1 if self.opened else 0)
        if rules is not None:
            self.rules[-1].rules = rules

    def add_version(self, table, code, **fields):
        versions = table.setdefault(code, [])
        at = (self.seq, self.command)
        self.refuse_unless(not versions or versions[-1].at != at, "it is there already")
        versions.append(Row(at=at, from_us=self.takes_effect(), **fields))

    def do_rules_set(self, body):
        self.set_rules(body["rules"])

    def do_partner_set(self, body):
        self.refuse_unless(not body["to_day"] or body["to_day"] >= body["from_day"], "no such days")
        self.add_version(self.partners, body["partner"], first=body["from_day"],
                         last=body["to_day"])

    def do_service_item_set(self, body):
        self.add_version(self.rates, body["item"], minutes=body["minutes"], points=body["points"],
                         training=body["training"])
        self.set_rules()

    def do_item_set(self, body):
        self.refuse_unless(all(self.partner_at(o) for o in body["outlets"]), "no such outlet")
        self.add_version(self.items, body["item"], points=body["points"], outlets=body["outlets"],
                         quota=body["quota"])
        self.set_rules()

    def partner_at(self, partner):
        return in_force(self.partners.get(partner, []), self.now)

    def partner_in_force(self, partner, day):
        found = self.partner_at(partner)
        return found is not None and day >= found.first and (not found.last or day <= found.last)

    def rate_of_day(self, item, day):
        """The rate in force then; for days before all of them the first."""
        versions = self.rates.get(item, [])
        return in_force(versions, self.day_start(day)) or (versions[0] if versions else None)

    # -- people --

    def member(self, member):
        self.refuse_unless(member in self.members, "nobody has this member id")
        return self.members[member]

    def standing(self, member):
        """One whose data was not erased."""
        found = self.member(member)
        self.refuse_unless(found.status != ERASED, "this member was erased")
        return found

    def check_area(self, area):
        self.refuse_unless(not area or self.terms.get(area) == AREA_TERM, "there is no such area")

    def draw(self):
        self.refuse_unless(bool(self.drawn), "no id was drawn")
        return self.drawn.pop(0)

    def do_term_add(self, body):
        self.refuse_unless(not body["parent"] or body["parent"] in self.terms, "no such parent")
        self.terms[len(self.terms) + 1] = body["term"]
        self.effect("TERM_ADDED", id=len(self.terms))

    def do_member_add(self, body):
        made = self.draw()
        self.check_area(body["area"])
        self.refuse_unless(body["joined_day"] <= self.today, "nobody joined yet")
        self.members[made] = Row(
            kind=body["class"], status=ACTIVE, joined=body["joined_day"],
            trained=(body["trained_from_day"], body["trained_to_day"]), kin=[], reset_us=0,
            slip_by=None, permit_us=0, card=False, erased=0)
        self.effect("MEMBER_ADDED", id=made)
        self.touch(made)

    def do_member_update(self, body):
        member = self.standing(body["member"])
        self.check_area(body["area"])
        self.keep_apart(self.who, body["member"])
        member.kind, member.status = body["class"], body["status"]
        member.trained = (body["trained_from_day"], body["trained_to_day"])
        self.touch(body["member"])

    def do_kin_add(self, body):
        pair = body["member"], body["other"]
        self.standing(pair[0]), self.standing(pair[1])
        self.refuse_unless(pair[0] != pair[1], "nobody is their own kin")
        for one, other in (pair, pair[::-1]):
            kin, _ = self.member(one).kin, self.member(other)
            if other not in kin:
                self.refuse_unless(len(kin) < MAX_KIN, "too many kin")
                kin.append(other)
                self.touch(one)

    def do_pin_slip(self, body):
        member = self.standing(body["member"])
        member.slip_by = self.key
        if body["reset"]:
            member.reset_us = self.now
        self.touch(body["member"])

    def do_card_bind(self, body):
        self.standing(body["member"]).card = True
        self.touch(body["member"])

    def do_card_block(self, body):
        member = self.member(body["member"])
        self.refuse_unless(self.role != ROLE_MEMBER or self.who == body["member"], "another's card")
        self.refuse_unless(member.card, "there is no card")
        member.card = False
        self.touch(body["member"])

    def do_beneficiary_add(self, body):
        made = self.draw()
        self.beneficiaries.add(made)
        self.effect("BENEFICIARY_ADDED", id=made)

    def do_pair_set(self, body):
        self.standing(body["member"])
        self.refuse_unless(not self.erased.get(body["beneficiary"], 0) & DETAILS, "it was erased")
        self.refuse_unless(body["beneficiary"] in self.beneficiaries and
                           (not body["to_day"] or body["to_day"] >= body["from_day"]), "no pair")
        self.pairs[body["member"], body["beneficiary"]] = body["from_day"], body["to_day"]
        self.touch(body["member"])

    def do_delegate(self, body):
        self.standing(body["member"]), self.standing(body["other"])
        self.keep_apart(body["other"], body["member"])
        self.delegations[body["member"], body["other"]] = body["to_day"]
        self.touch(body["member"])

    def do_permit(self, body):
        member = self.standing(body["member"])
        self.keep_apart(self.who, body["member"])
        self.refuse_unless(
            not member.reset_us or
            (member.slip_by != self.key and self.person(member.slip_by) != self.who),
            "whoever issued the slip is no second person")
        member.permit_us = self.now + PERMIT_US
        self.touch(body["member"])

    def guarded(self, member):
        """For some days after a reset of the PIN somebody of the staff has to vouch."""
        return (member.reset_us and
                self.now < member.reset_us + self.rule["reset_guard_days"] * DAY_US and
                self.now > member.permit_us)

    # -- privacy and audit --

    def check_erase(self, body):
        member, beneficiary = body["member"], body["beneficiary"]
        bits = {DETAILS_SCOPE: DETAILS, RECORDS_SCOPE: RECORDS}.get(body["scope"], DETAILS | RECORDS)
        self.refuse_unless(bool(member) != bool(beneficiary), "a member or a beneficiary")
        self.refuse_unless(body["ground"] not in (CONSENT, INSPECTION), "no ground to erase")
        if beneficiary:
            done = self.erased.get(beneficiary, 0)
            self.refuse_unless(beneficiary in self.beneficiaries and body["scope"] != DETAILS_SCOPE,
                               "no such beneficiary, or scope")
            self.refuse_unless(not (done & DETAILS and done & bits == bits), "it was erased")
            return bits
        found = self.member(member)
        self.refuse_unless(found.status != ERASED or found.erased & bits != bits, "it was erased")
        self.keep_apart(self.who, member)
        held = sum(self.balance(HELD, member, "", lot) for lot in self.lots_of(member))
        self.refuse_unless(not bits & DETAILS or (member not in self.sessions and not held),
                           "something of this member is still open")
        return bits

    def do_erase(self, body):
        bits = self.check_erase(body)
        member, beneficiary = body["member"], body["beneficiary"]
        if beneficiary:
            done = self.erased.get(beneficiary, 0)
            if (bits | done) & DETAILS:
                self.erased[beneficiary] = done | bits
        elif bits & DETAILS or self.members[member].status == ERASED:
            found = self.members[member]
            found.status, found.erased = ERASED, found.erased | bits
            found.card, found.slip_by, found.permit_us = False, None, 0
        self.effect("ERASED", member=member, id=beneficiary, count=body["scope"])
        self.touch(member)

    def do_text_open(self, body):
        seq, index = self.refers(body["ref"])
        record = self.records.get((seq, body["row"]))
        self.refuse_unless(body["ground"] in (CONSENT, INSPECTION), "no ground to open")
        if body["member"]:
            self.member(body["member"])
        self.refuse_unless(record is None or record.batch is None or
                           record.member == body["member"], "the text is another's")
        self.keep_apart(self.who, body["member"])
        self.effect("TEXT_OPENED", id=seq, index=index, count=body["row"], member=body["member"])
        self.touch(body["member"])

    def do_audit_finding(self, body):
        at = self.refers(body["ref"])
        record = self.records.get(at)
        self.refuse_unless(record is not None, "there is no such record")
        attester = record.attester or (record.batch and record.batch.attester)
        for key in filter(None, (record.recorder, record.closer, attester)):
            person = self.person(key)
            self.refuse_unless(key != self.key and not (person and person == self.who),
                               "nobody judges a record that they had a hand in")
        self.keep_apart(self.who, record.member)
        self.effect("FINDING", id=at[0], index=at[1], count=body["outcome"], member=record.member)
        self.touch(record.member)

    def do_donation_add(self, body):
        item, outlet = body["item"], body["outlet"]
        self.refuse_unless(in_force(self.items.get(item, []), self.now), "there is no such item")
        self.refuse_unless(self.partner_at(outlet), "there is no such outlet")
        self.refuse_unless(self.partner_in_force(body["partner"], body["day"]), "no agreement")
        self.member(body["member"])
        self.refuse_unless(not body["purpose"] or self.terms.get(body["purpose"]) == PURPOSE_TERM,
                           "there is no such purpose")
        self.refuse_unless(body["day"] <= self.today and body["receipt"] not in self.receipts,
                           "not yet, or twice")
        self.receipts.add(body["receipt"])
        if body["quality"] != GOOD:
            return
        lot = self.seq << 16 | self.command
        self.best_before.setdefault((outlet, item), {})[lot] = body["best_before_day"]
        self.move(ITEM, item, (DONATED, body["partner"], lot), (SHELF, outlet, lot), body["count"])

    # -- service --

    def judge_day(self, member, day, start, end, whole, item):
        verdict = 0
        for slot in self.days.get((member, day), []):
            if slot[0] >= end or slot[1] <= start:
                continue
            if slot[2] == whole and slot[3] == item:
                return DUPLICATE
            verdict = OVERLAP
        return verdict

    def judge_time(self, member, day, start, end, item):
        """Whether the minutes of these days are free."""
        first = self.judge_day(member, day, start, min(end, DAY_MINUTES), (start, end), item)
        if first or end <= DAY_MINUTES:
            return first
        return self.judge_day(member, day + 1, 0, end - DAY_MINUTES, (start, end), item)

    def take_time(self, at, r):
        for day, start, end in ((r.day, r.start, min(r.end, DAY_MINUTES)),
                                (r.day + 1, 0, r.end - DAY_MINUTES)):
            if end > 0:
                self.days.setdefault((r.member, day), []).append(
                    (start, end, (r.start, r.end), r.item, at))

    def free_time(self, at, r):
        for day in (r.day, r.day + 1):
            slots = self.days.get((r.member, day), [])
            slots[:] = [slot for slot in slots if slot[4] != at]

    def do_activity_add(self, body):
        self.refuse_unless(in_force(self.rates.get(body["item"], []), self.now) and
                           (not body["area"] or body["area"] in self.terms), "no such item or area")
        self.refuse_unless(body["start_us"] < body["end_us"] <= body["start_us"] + DAY_US and
                           body["end_us"] > self.now, "no such time")
        self.activities[self.seq, self.command] = Row(
            item=body["item"], start_us=body["start_us"], end_us=body["end_us"])

    def own_or_listed(self, members):
        """Whose sessions: the member's own, or those listed."""
        if self.role == ROLE_MEMBER:
            self.refuse_unless(members in ([], [self.who]), "not this session's member")
            return [self.who]
        self.refuse_unless(bool(members), "nobody is listed")
        return members

    def do_check_in(self, body):
        for member in self.own_or_listed(body["members"]):
            if self.role != ROLE_MEMBER:
                self.keep_apart(self.who, member)
            self.check_in(member, body)

    def check_in(self, member, body):
        found = self.member(member)
        self.refuse_unless(found.status == ACTIVE and found.kind != PAID_STAFF and
                           member not in self.sessions, "this member cannot check in")
        if self.named(body["ref"]) != (0, 0) and body["ref"]["seq"]:
            activity = self.activities.get(self.refers(body["ref"]))
            self.refuse_unless(activity is not None, "there is no such activity")
            self.refuse_unless(activity.start_us - KIOSK_HOUR_US <= self.now < activity.end_us,
                               "the activity is not now")
            item, end_us = activity.item, activity.end_us
        else:
            first, last = self.pairs.get((member, body["beneficiary"]), (None, None))
            self.refuse_unless(first is not None and first <= self.today and
                               (not last or self.today <= last), "they are no pair")
            self.refuse_unless(0 < body["minutes"] <= self.rule["session_cap_minutes"], "too long")
            item, end_us = body["item"], self.now + body["minutes"] * MINUTE_US
        rate = in_force(self.rates.get(item, []), self.now)
        self.refuse_unless(rate is not None and
                           (not rate.training or self.is_trained(found, self.today)), "no such item")
        self.sessions[member] = Row(
            item=item, start_us=self.now, end_us=end_us, key=self.key,
            provenance=BY_KIOSK if self.role == ROLE_MEMBER else WITNESSED)
        self.effect("CHECKED_IN", member=member, item=item, until_us=end_us)
        self.touch(member)

    def is_trained(self, member, day):
        first, last = member.trained
        return first and day >= first and (not last or day <= last)

    def do_check_out(self, body):
        for i, member in enumerate(self.own_or_listed(body["members"])):
            if self.role == ROLE_MEMBER:
                self.touch(member)
            else:
                self.keep_apart(self.who, member)
            self.close(member, self.now, self.command * 256 + i, False)
            self.touch(member)

    def do_system_close(self, body):
        for i, member in enumerate(body["members"]):
            session = self.sessions.get(member)
            self.refuse_unless(session is not None and self.now >= session.end_us, "not due")
            self.close(member, session.end_us, i, True)

    def close(self, member, end_us, index, by_clock):
        session = self.sessions.get(member)
        self.refuse_unless(session is not None, "no session is open")
        day = self.day_of(session.start_us)
        start = (session.start_us - self.day_start(day)) // MINUTE_US
        minutes = min((min(end_us, session.end_us) - session.start_us) // MINUTE_US,
                      self.rule["session_cap_minutes"])
        verdict = self.judge_time(member, day, start, start + minutes, session.item) \
            if minutes else TOO_SHORT
        self.refuse_unless(by_clock or not verdict, "its time is taken or too short")
        del self.sessions[member]
        if by_clock:
            self.touch(member)
        if verdict:
            self.effect("ROW_REFUSED", index=index, member=member,
                        verdict=OVERLAP if minutes else TOO_SHORT)
            return
        provenance = WITNESSED if self.role in (ROLE_OUTLET, ROLE_STAFF) else session.provenance
        record = Row(member=member, item=session.item, day=day, start=start, end=start + minutes,
                     provenance=provenance, measured=True, state="recorded", batch=None,
                     recorder=session.key, closer=self.key, attester=None, ratio=None, due_us=0)
        self.records[self.seq, index] = record
        self.take_time((self.seq, index), record)
        self.effect("RECORDED", index=index, member=member, minutes=minutes, item=session.item,
                    day=day, provenance=provenance)

    def judge_row(self, row):
        """The verdict on a row; the first reason counts, in this order."""
        member = self.members.get(row["member"])
        if row["day"] > self.today:
            return BAD_DATE
        if member is None:
            return UNKNOWN_MEMBER
        if member.status == ERASED:
            return WAS_ERASED
        rate = self.rate_of_day(row["item"], row["day"]) if self.opened else \
            in_force(self.rates.get(row["item"], []), self.now)
        if rate is None:
            return UNKNOWN_ITEM
        reasons = ((member.kind == PAID_STAFF, IS_PAID_STAFF),
                   (row["end_minute"] <= row["start_minute"], END_BEFORE_START),
                   (row["day"] < member.joined, BEFORE_JOINING),
                   (row["end_minute"] - row["start_minute"] > self.rule["session_cap_minutes"],
                    OVER_SESSION_CAP),
                   (rate.training and not self.is_trained(member, row["day"]), TRAINING_MISSING))
        for wrong, verdict in reasons:
            if wrong:
                return verdict
        return self.judge_time(row["member"], row["day"], row["start_minute"], row["end_minute"],
                               row["item"])

    def do_service_rows(self, body):
        self.refuse_unless(len(self.act["commands"]) == 1 and body["part"] < body["parts"],
                           "a part comes alone")
        batch = self.batches.setdefault(body["batch"], Row(
            state="incomplete", attempt=body["attempt"], count=body["parts"], key=self.key, parts=[],
            records=0, waiting=set(), rules=0, due_us=0, attester=None))
        self.refuse_unless(
            batch.state == "incomplete" and batch.key == self.key and
            (batch.count, batch.attempt, len(batch.parts)) ==
            (body["parts"], body["attempt"], body["part"]), "not the next part of this batch")
        batch.parts.append(self.seq)
        self.parts[self.seq] = body["batch"]
        for i, row in enumerate(body["rows"]):
            verdict = self.judge_row(row)
            if verdict:
                self.effect("ROW_REFUSED", index=i, verdict=verdict)
                continue
            record = Row(member=row["member"], item=row["item"], day=row["day"],
                         start=row["start_minute"], end=row["end_minute"],
                         provenance=BACKFILLED if self.opened else OPENING,
                         measured=row["measured"], state="recorded", batch=batch,
                         recorder=self.key, closer=None, attester=None, ratio=None, due_us=0)
            self.records[self.seq, i] = record
            self.take_time((self.seq, i), record)
            self.touch(row["member"])
            batch.records += 1
            batch.waiting.add((self.seq, i))
        if len(batch.parts) == batch.count:
            batch.state = "recorded"
            self.effect("BATCH_COMPLETE", count=batch.records)

    # -- judgement and credit --

    def do_attest_batch(self, body):
        batch = self.batches.get(body["batch"])
        self.refuse_unless(batch is not None and batch.state == "recorded", "it does not wait")
        importer = self.person(batch.key)
        self.refuse_unless(batch.key != self.key and not self.kin(importer, self.who),
                           "nobody attests what they or their kin imported")
        self.refuse_unless(body["rules"] == self.version, "the rates have changed")
        digest = hashlib.sha256(b"".join(self.leaves[seq - 1] for seq in batch.parts)).digest()
        self.refuse_unless((body["entries"], body["records"], body["digest"]) ==
                           (len(batch.parts), batch.records, digest), "it attests another batch")
        for ref in body["refs"]:
            at = self.named(ref)
            self.refuse_unless(at in batch.waiting, "it leaves out what is not there")
            batch.waiting.discard(at)
            self.records[at].state = "rejected"
            self.free_time(at, self.records[at])
        for at in sorted(batch.waiting):
            self.attest_one(at, self.records[at])
        batch.state = "attested" if batch.waiting else "credited"
        batch.attester = self.key
        batch.rules, batch.due_us = body["rules"], self.now + self.rule["notice_days"] * DAY_US
        batch.credited = set(batch.waiting)
        self.effect("ATTESTED", count=len(batch.waiting), until_us=batch.due_us)

    def attest_one(self, at, record):
        self.keep_apart(self.who, record.member)
        if not self.who:
            said = self.unlinked.setdefault((self.key, record.member), Row(first=at, count=0))
            said.count += 1

    def judged_alone(self, refs):
        """Records that stand alone and wait for a judgement."""
        self.refuse_unless(bool(refs), "it names no record")
        for ref in refs:
            record = self.records.get(self.refers(ref))
            self.refuse_unless(record is not None and record.state == "recorded" and
                               record.batch is None, "this record does not wait")
            yield self.named(ref), record

    def do_attest_records(self, body):
        due_us = self.now + self.rule["notice_days"] * DAY_US
        for _, record in self.judged_alone(body["refs"]):
            for key in (record.recorder, record.closer):
                person = self.person(key)
                self.refuse_unless(key != self.key and not (person and person == self.who),
                                   "nobody attests what they recorded or witnessed")
            self.keep_apart(self.who, record.member)
            self.touch(record.member)
            record.state, record.due_us, record.attester = "attested", due_us, self.key
        self.effect("ATTESTED", count=len(body["refs"]), until_us=due_us)

    def do_reject_records(self, body):
        for at, record in self.judged_alone(body["refs"]):
            self.touch(record.member)
            record.state = "rejected"
            self.free_time(at, record)
        self.effect("REJECTED", count=len(body["refs"]))

    def do_batch_withdraw(self, body):
        batch = self.batches.get(body["batch"])
        self.refuse_unless(batch is not None and batch.state in ("incomplete", "recorded"),
                           "this batch cannot be withdrawn")
        for at in batch.waiting:
            self.records[at].state = "withdrawn"
            self.free_time(at, self.records[at])
        batch.state = "withdrawn"
        self.effect("BATCH_WITHDRAWN", count=batch.records)

    def do_batch_reverse(self, body):
        batch = self.batches.get(body["batch"])
        self.refuse_unless(batch is not None and batch.state == "credited", "it was not credited")
        batch.waiting = set(getattr(batch, "credited", ()))
        batch.state = "reversing" if batch.waiting else "reversed"

    def carry(self, member, ratio, minutes):
        """The points that these minutes make with what was carried."""
        per, gives = ratio
        units, self.carries[member, ratio] = divmod(
            self.carries.get((member, ratio), 0) + minutes, per)
        return units * gives

    def do_system_credit(self, body):
        for ref in body["refs"]:
            at = self.named(ref)
            record = self.records.get(at)
            self.refuse_unless(record is not None, "there is no such record")
            batch = record.batch
            if batch is None:
                self.refuse_unless(record.state == "attested" and record.due_us <= self.now,
                                   "nobody attested this record, or its notice is not over")
            else:
                self.refuse_unless(
                    batch.state == "attested" and at in batch.waiting and
                    batch.due_us <= self.now, "nobody attested this batch, or its notice is not over")
            self.credit(at, record)
            if batch is not None:
                batch.waiting.discard(at)
                if not batch.waiting:
                    batch.state = "credited"
                    self.effect("BATCH_CREDITED")

    def judged_by(self, record):
        """The rate and the rule set: those of the day, or those that were attested in set-up."""
        if record.provenance == OPENING and record.batch is not None:
            seq = record.batch.rules
            rules = next((v for v in self.rules if v.seq == seq), None)
            rate = next((v for v in reversed(self.rates.get(record.item, []))
                         if v.at[0] <= seq), None)
        else:
            at = self.day_start(record.day)
            rules = in_force(self.rules, at) or self.rules[0]
            rate = self.rate_of_day(record.item, record.day)
        self.refuse_unless(rules is not None and rate is not None, "no rate was in force")
        return rate, rules

    def credit(self, at, record):
        minutes, points = record.end - record.start, 0
        rate, version = self.judged_by(record)
        self.move(MINUTES, "", (GIVEN, 0, 0), (MEMBER_MINUTES, record.member, record.provenance),
                  minutes)
        if record.provenance in version.rules["converts"] and (
                record.provenance != OPENING or record.measured):
            divisor = greatest_divisor(rate.minutes, rate.points)
            record.ratio = rate.minutes // divisor, rate.points // divisor
            points = self.carry(record.member, record.ratio, minutes)
            self.give((ISSUED, 0, 0), record.member, 0, points)
        record.state = "credited"
        self.effect("CREDITED", id=at[0], index=at[1], member=record.member, minutes=minutes,
                    points=points, rules=version.seq)

    def do_system_reverse(self, body):
        for ref in body["refs"]:
            at = self.named(ref)
            record = self.records.get(at)
            batch = record.batch if record else None
            self.refuse_unless(batch is not None and record.state == "credited" and
                               batch.state == "reversing" and at in batch.waiting,
                               "nobody took this record back")
            minutes = record.end - record.start
            self.move(MINUTES, "", (MEMBER_MINUTES, record.member, record.provenance),
                      (GIVEN, 0, 0), minutes)
            if record.ratio:
                self.correct(record.member, -self.carry(record.member, record.ratio, -minutes))
            record.state = "reversed"
            self.free_time(at, record)
            batch.waiting.discard(at)
            if not batch.waiting:
                batch.state = "reversed"
                self.effect("BATCH_REVERSED")

    def correct(self, member, points):
        """Points back: from the lot they were issued into, then the others, then as a debt."""
        def part(lot, some):
            self.move(POINTS, "", (AVAILABLE, member, lot), (ISSUED, 0, 0), some)
        first = min(points, self.balance(AVAILABLE, member, "", 0))
        if first > 0:
            part(0, first)
            points -= first
        rest = min(points, self.available(member))
        self.take(member, rest, part)
        self.move(POINTS, "", (DEBT, member, 0), (ISSUED, 0, 0), points - rest)

    # -- redemption --

    def hold_outlet(self, body, item):
        """The outlet asked for, else the first of the item's list with enough free stock."""
        for outlet in item.outlets:
            if body["outlet"] in ("", outlet) and self.partner_in_force(outlet, self.today) and \
                    sum(n for _, n in self.shelf_free(outlet, body["item"])) >= body["count"]:
                return outlet
        raise Refused("no outlet has it")

    def do_hold(self, body):
        member, holder = self.member(body["member"]), None
        self.refuse_unless(member.status == ACTIVE, "this member is not active")
        if self.role == ROLE_MEMBER:
            self.refuse_unless(self.who == body["member"], "not this session's member")
            self.refuse_unless(not self.guarded(member), "the PIN was reset: a second person is due")
        else:
            holder = self.proposer or self.key
            self.keep_apart(self.person(holder), body["member"])
            self.keep_apart(self.who, body["member"])
        item = in_force(self.items.get(body["item"], []), self.now)
        self.refuse_unless(item is not None, "there is no such item")
        quota = body["member"], body["item"], month_of(self.today)
        self.refuse_unless(not item.quota or
                           self.quotas.get(quota, 0) + body["count"] <= item.quota, "the quota")
        points = item.points * body["count"]
        self.refuse_unless(self.available(body["member"]) >= points, "the points do not suffice")
        hold = Row(member=body["member"], item=body["item"], count=body["count"], points=points,
                   outlet=self.hold_outlet(body, item), holder=holder, day=self.today, parts=[],
                   state="held", quota=quota)
        last = self.today + self.rule["hold_days"] + 1
        hold.use_by, hold.release_us = (self.day_start(last),
                                        self.day_start(last + self.rule["grace_days"]))
        self.hold_parts(hold)
        self.holds[self.seq, self.command] = hold
        self.quotas[quota] = self.quotas.get(quota, 0) + hold.count
        self.effect("HELD", member=hold.member, points=points, count=hold.count, item=hold.item,
                    outlet=hold.outlet, until_us=hold.use_by, release_us=hold.release_us)
        self.touch(hold.member)

    def hold_parts(self, hold):
        def part(lot, some):
            self.move(POINTS, "", (AVAILABLE, hold.member, lot), (HELD, hold.member, lot), some)
            hold.parts.append((POINTS, lot, some))
        self.take(hold.member, hold.points, part)
        need = hold.count
        for lot, have in self.shelf_free(hold.outlet, hold.item):
            some = min(have, need)
            if some > 0:
                self.move(ITEM, hold.item, (SHELF, hold.outlet, lot),
                          (OUTLET_HELD, hold.outlet, lot), some)
                hold.parts.append((ITEM, lot, some))
                need -= some
        self.refuse_unless(need == 0 and len(hold.parts) <= MAX_HOLD_PARTS, "the stock")

    def held(self, at):
        hold = self.holds.get(at)
        self.refuse_unless(hold is not None and hold.state == "held", "this hold has ended")
        return hold

    def resolve(self, hold, state):
        back = state in ("cancelled", "released")
        for asset, lot, amount in hold.parts:
            if asset == ITEM:
                self.move(ITEM, hold.item, (OUTLET_HELD, hold.outlet, lot),
                          (SHELF, hold.outlet, lot) if back else (DELIVERED, 0, lot), amount)
                continue
            self.move(POINTS, "", (HELD, hold.member, lot),
                      (AVAILABLE, hold.member, lot) if back else (RECEIVED, hold.outlet, 0), amount)
            if back:
                self.move(POINTS, "", (AVAILABLE, hold.member, lot), (DEBT, hold.member, 0),
                          min(-self.balance(DEBT, hold.member), amount))
        if back:
            self.quotas[hold.quota] -= hold.count
        hold.state = state
        self.touch(hold.member)

    def ended(self, kind, at, hold):
        self.effect(kind, id=at[0], index=at[1], member=hold.member, points=hold.points,
                    count=hold.count, item=hold.item, outlet=hold.outlet)

    def do_confirm(self, body):
        at = self.refers(body["ref"])
        hold = self.held(at)
        self.refuse_unless(hold.outlet == self.partner, "the hold is another outlet's")
        self.refuse_unless(self.now < hold.release_us, "it was released")
        day = body["day"]
        self.refuse_unless(day <= self.today and (not day or day >= hold.day), "not that day")
        self.refuse_unless(day <= self.day_of(hold.use_by - 1) if day else self.now < hold.use_by,
                           "too late")
        self.keep_apart(self.who, hold.member)
        self.refuse_unless(hold.holder != self.key, "its own voucher")
        self.resolve(hold, "confirmed")
        self.effect("CONFIRMED", id=at[0], index=at[1], item=hold.item, outlet=hold.outlet,
                    count=hold.count, day=day)

    def do_cancel(self, body):
        at = self.refers(body["ref"])
        hold = self.held(at)
        self.refuse_unless(self.role != ROLE_MEMBER or self.who == hold.member, "another's hold")
        self.refuse_unless(self.now < hold.use_by and self.now < hold.release_us, "too late")
        self.resolve(hold, "cancelled")
        self.ended("CANCELLED", at, hold)

    def do_system_release(self, body):
        for ref in body["refs"]:
            at = self.named(ref)
            hold = self.held(at)
            self.refuse_unless(self.now >= hold.release_us, "not due")
            self.resolve(hold, "released")
            self.ended("RELEASED", at, hold)

    def do_reverse(self, body):
        at = self.refers(body["ref"])
        hold = self.holds.get(at)
        self.refuse_unless(hold is not None and hold.state == "confirmed", "it was not confirmed")
        for asset, lot, amount in hold.parts:
            if asset == POINTS:
                self.give((RECEIVED, hold.outlet, 0), hold.member, lot, amount)
            else:
                back = (SHELF, hold.outlet, lot) if body["fate"] == BACK_ON_SHELF else \
                    (WRITTEN_OFF, 0, lot)
                self.move(ITEM, hold.item, (DELIVERED, 0, lot), back, amount)
        hold.state = "reversed"
        self.touch(hold.member)
        self.ended("REVERSED", at, hold)

    def do_late_delivery(self, body):
        at = self.refers(body["ref"])
        hold = self.holds.get(at)
        self.refuse_unless(hold is not None and hold.state == "released", "it was not released")
        have = min(self.available(hold.member), hold.points)
        self.take(hold.member, have, lambda lot, some: self.move(
            POINTS, "", (AVAILABLE, hold.member, lot), (RECEIVED, hold.outlet, 0), some))
        self.move(POINTS, "", (DEBT, hold.member, 0), (RECEIVED, hold.outlet, 0),
                  hold.points - have)
        for asset, lot, amount in hold.parts:
            if asset == ITEM:
                some = min(self.balance(SHELF, hold.outlet, hold.item, lot), amount)
                self.move(ITEM, hold.item, (SHELF, hold.outlet, lot), (DELIVERED, 0, lot), some)
                self.move(ITEM, hold.item, (ADJUSTED, 0, lot), (DELIVERED, 0, lot), amount - some)
        self.quotas[hold.quota] += hold.count
        hold.state = "confirmed"
        self.touch(hold.member)
        self.ended("DELIVERED_LATE", at, hold)

    def do_gift(self, body):
        member, other, points = body["member"], body["other"], body["points"]
        self.refuse_unless(self.who == member != other, "not this session's member")
        giver, taker = self.member(member), self.member(other)
        self.refuse_unless(giver.status == taker.status == ACTIVE and not self.guarded(giver),
                           "this member may not give now")
        self.refuse_unless(self.rule["gift"] != GIFT_OFF and
                           (self.rule["gift"] != GIFT_KIN or self.kin(member, other)), "gifts are off")
        self.take(member, points, lambda lot, some: self.give(
            (AVAILABLE, member, lot), other, lot, some))
        self.touch(member)
        self.effect("GIFTED", member=other, points=points)


# --- the whole ---

def verify(outdir, vkey=None, kept=(), depth=2, witnesses=()):
    """The report on an export as a dict. `vkey`: a verifier key's text; `kept`: (size, root), or a
    list of them; `witnesses`: the texts of their keys."""
    kept = [kept] if kept and isinstance(kept, tuple) else list(kept or ())
    try:
        return verify_or_raise(outdir, vkey, kept, depth, witnesses)
    except Broken as broken:
        return {"ok": False, "kind": broken.kind, "entry": broken.entry, "why": broken.why}


def verify_or_raise(outdir, vkey_text, kept, depth, witnesses):
    note = read_file(outdir, "checkpoint")
    if note is None:
        raise Broken("checkpoint", None, "there is no checkpoint")
    vkey = load_vkey(outdir, vkey_text)
    keys = keys_for(outdir, note, vkey)
    checkpoint = Checkpoint(note).verify(keys)
    more, anchors = read_anchors(outdir, keys, checkpoint, witnesses)
    kept = kept + more
    entries, framing = read_entries(outdir, checkpoint.size)
    leaves = [leaf_hash(e) for e in entries]
    vague = check_hashes(outdir, entries, leaves, framing, checkpoint)
    for one in kept:
        vague = check_kept(one, leaves) or vague
    ledger = Ledger(checkpoint.origin or vkey[0], keys.keys[0][1], depth, leaves)
    for i, data in enumerate(entries):
        ledger.check(i + 1, data)
    if vague:
        raise vague
    if not entries:
        raise Broken("genesis", 1, "the ledger is empty")
    if ledger.chain.at(len(entries)) != keys.at(len(entries)):
        raise Broken("checkpoint", None, "the checkpoint is not by the key that the ledger has at its size")
    return {
        "ok": True, "depth": depth, "size": len(entries),
        "root": base64.b64encode(checkpoint.root).decode(),
        "origin": checkpoint.origin, "pinned": vkey_text is not None,
        "kept": max((size for size, _ in kept), default=None), "witnessed": anchors,
        "signatures": ledger.signatures, "system": ledger.system, "keys": len(ledger.keys),
        "ledger_keys": [{"vkey": vkey_text_of(keys.origin, public), "from": seq} for seq, public in ledger.chain.keys],
        "members": len(ledger.last_touch), "accounts": len(ledger.balances),
    }


def vkey_text_of(name, public):
    return "%s+%s+%s" % (name, key_id_of(name, public).hex(), base64.b64encode(b"\x01" + public).decode())


def keys_for(outdir, note, vkey):
    """The keys by which notes are verified. Where entry 1 names the known key and that key signed all there is, the
    entries are not looked through for others before: whether there are any shows at the end."""
    checkpoint, keys = Checkpoint(note), LedgerKeys(vkey)
    entries = read_entries(outdir, checkpoint.stated_size)[0]
    first = LedgerKeys.of(entries[:1], vkey).keys[0] == (1, vkey[2])
    if first and checkpoint.verify(keys).problem is None and not os.path.exists(os.path.join(outdir, "anchors")):
        return keys
    return LedgerKeys.of(entries, vkey)


def read_anchors(outdir, ledger_keys, checkpoint, witnesses):
    """What was kept in OUTDIR/anchors as (size, root), and which checkpoints witnesses cosigned. Each
    witness must have cosigned one."""
    keys = [parse_vkey(text, COSIGNATURE) for text in witnesses]
    notes, kept = [checkpoint] if checkpoint.problem is None else [], []
    for name in sorted(list_folder(outdir, "anchors")):
        if name.startswith("."):
            continue
        note = Checkpoint(read_file(outdir, "anchors/" + name) or b"").verify(ledger_keys)
        if note.problem or note.origin != ledger_keys.origin:
            raise Broken("checkpoint", None, "%s is no checkpoint of this ledger" % name)
        notes.append(note)
        kept.append((note.size, note.root))
    found = [note.cosigned(key) for note in notes for key in keys]
    found = [one for one in found if one]
    for name, _, _ in keys if checkpoint.problem is None else []:
        if name not in [one["witness"] for one in found]:
            raise Broken("witness", None, "%s did not cosign the checkpoint" % name)
    return kept, found


def load_vkey(outdir, text):
    if text is None:
        data = read_file(outdir, "vkey")
        if data is None:
            raise Broken("vkey", None, "there is no vkey, and --vkey was not given")
        text = data.decode("utf-8", "replace")
        text = text[:-1] if text.endswith("\n") else text
        if text != text.strip():
            raise Broken("vkey", None, "the file vkey is not one line")
    try:
        return parse_vkey(text)
    except ValueError as error:
        raise Broken("vkey", None, str(error))


def parse_kept(text):
    size, _, root = text.partition(":")
    try:
        data = base64.b64decode(root, validate=True)
    except ValueError:
        data = b""
    if not re.fullmatch("[0-9]{1,18}", size) or len(data) != 32:
        raise argparse.ArgumentTypeError("SIZE:ROOT, the root in base64")
    return int(size), data


def speaks_chinese():
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG")
    if not named and sys.platform == "win32":
        named = locale.getlocale()[0]
    return (named or "").startswith(("zh", "Chinese"))


KINDS_ZH = {
    "checkpoint": "检查点无效", "vkey": "公钥无效", "witness": "见证签名无效", "framing": "长度不符",
    "leaf": "条目字节被改", "cut": "结尾缺失", "extra": "多出条目", "encoding": "编码不规范",
    "sequence": "编号不连续", "chain": "链断裂", "root": "根不符", "tile": "哈希块不符",
    "fork": "历史分叉", "time": "时间倒退", "made_at": "请求时间与入账时间不符",
    "semantics": "语义版本无据", "rules": "规则版本无据", "origin": "属于另一账本",
    "act": "请求格式不符", "request_id": "请求编号重复或不符", "genesis": "首条不符",
    "key": "密钥无权", "signature": "签名无效", "effects": "效果无据", "postings": "分录不平",
    "balance": "余额为负", "touched": "成员链断裂", "refused": "当时的规则不允许",
    "outcome": "与按规则重算的结果不符"}


def print_report(report, as_json, chinese):
    if as_json:
        print(json.dumps(report))  # ASCII only, whatever the console
    elif report["ok"]:
        text = "账本完整: %d 条, 深度 %d, 根 %s" if chinese else "whole: %d entries, depth %d, root %s"
        print(text % (report["size"], report["depth"], report["root"]))
    else:
        where = report["entry"] if report["entry"] is not None else "-"
        kind = report["kind"]
        if chinese:
            print("账本有误: 条目 %s, %s (%s): %s" % (
                where, KINDS_ZH.get(kind, kind), kind, report["why"]))
        else:
            print("broken: entry %s, %s: %s" % (where, kind, report["why"]))


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a GBK console lacks some characters
    parser = argparse.ArgumentParser(description="Checks an exported ledger. 核对导出的账本")
    parser.add_argument("outdir", metavar="OUTDIR")
    parser.add_argument("--vkey", metavar="TEXT", help="a verifier key of the ledger, as you know it")
    parser.add_argument("--depth", type=int, choices=(1, 2, 3), default=3, help="1 to 3 (3)")
    parser.add_argument("--kept", metavar="SIZE:ROOTBASE64", type=parse_kept, action="append",
                        default=[], help="a size and root noted earlier; may be repeated")
    parser.add_argument("--witness", metavar="TEXT", action="append", default=[],
                        help="a witness's verifier key; may be repeated")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    args = parser.parse_args(arguments)
    if not os.path.isdir(args.outdir):
        parser.error("%s is not a folder" % args.outdir)
    try:
        for text, kind in [(args.vkey, ED25519)] + [(w, COSIGNATURE) for w in args.witness]:
            if text is not None:
                parse_vkey(text, kind)
    except ValueError as error:
        parser.error(str(error))
    if args.vkey is None:
        print("注意: 公钥取自导出文件夹, 未经另行核对 (--vkey)" if speaks_chinese() else
              "warning: the verifier key is the export's own, it is not pinned (--vkey)",
              file=sys.stderr)
    report = verify(args.outdir, args.vkey, args.kept, args.depth, args.witness)
    print_report(report, args.json, speaks_chinese())
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
