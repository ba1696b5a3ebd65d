"""The ledger's messages in protobuf, read strictly: only the one canonical encoding passes.

Written from proto/README.md; the schema below is a second copy of the .proto files, which the tests
compare with the first.
"""

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
    10 enrol Enrol, 11 invite Invite, 12 key_link KeyLink, 13 approve Approve,
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
    90 system_release SystemRelease, 91 system_close SystemClose, 92 system_credit SystemCredit,
    93 system_reverse SystemReverse
Ref: 1 seq u64, 2 index u32, 3 leaf bytes
RuleSet: 1 session_cap_minutes u32, 2 notice_days u32, 3 hold_days u32, 4 grace_days u32,
    5 gift enum, 6 reset_guard_days u32, 7 converts *enum
Genesis: 1 ledger_key bytes, 2 zone_minutes s32, 3 staff_codes *bytes, 4 recovery_code bytes,
    5 rules RuleSet
ClockAccept: 1 time_us u64
SemanticsRaise: 1 semantics u32
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
