"""Requests that decode and mean harm: every call and every command with empty, huge and odd fields, valid acts
with one thing changed, frames with one byte changed, from every role. The daemon answers each or closes, goes on
serving, finds no check of its own failed, and its state replays as stored."""
import contextlib
import os
import random
import shutil
import ssl
import subprocess

import pytest

import small_station as small
from small_station import act_pb2, rpc_pb2, tc, types_pb2

SEED = int(os.environ.get("WIRE_SEED", "20190601"))
ROUNDS = int(os.environ.get("WIRE_ROUNDS", "1"))
WINDOW = 64
BROKEN = (ConnectionError, ssl.SSLError, EOFError)
STRINGS = ["", "\0", "a\0b", "x" * 300, "x" * 3500, "RICE", "SHOP", "10000017", "00000000", "-1", "%s%n", "名" * 90,
           "RICE\n", "' or 1=1 --", "٣" * 8]
INTS = {
    "uint32": [0, 1, 2, 200, 201, 1024, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1],
    "int32": [0, 1, -1, 20000, 100000, 100001, 2**31 - 1, -2**31],
    "uint64": [0, 1, 2, 3, 2**16, 2**32, 2**35, 2**47, 2**48, 2**56, 2**63, 2**64 - 1],
}
# Numbers of FieldDescriptor: types, and the label of repeated fields.
UINT64, INT32, BOOL, STRING, MESSAGE, BYTES, UINT32, ENUM, SINT32, SINT64 = 4, 5, 8, 9, 11, 12, 13, 14, 17, 18
REPEATED = 3
KINDS = {UINT32: "uint32", UINT64: "uint64", INT32: "int32", SINT32: "int32", ENUM: "int32", SINT64: "int32"}


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    station = small.SmallStation(tmp_path_factory.mktemp("abuse"))
    try:
        station.set_up(members=3, gift=types_pb2.GIFT_POLICY_ANYONE).open()
        station.invite("witness", types_pb2.ROLE_AUDITOR)
        for number in range(12):  # mutated acts of staff may revoke keys: more of each
            station.invite("kiosk %d" % number, types_pb2.ROLE_KIOSK)
        yield station
    finally:
        station.close()


@pytest.fixture
def rng():
    return random.Random(SEED)


# --- what is thrown ---

def odd_value(rng, field):
    if field.type == STRING:
        return rng.choice(STRINGS)
    if field.type == BYTES:
        return rng.randbytes(rng.choice([0, 1, 8, 10, 16, 16, 31, 32, 32, 32, 33, 64, 3000]))
    if field.type == BOOL:
        return rng.random() < 0.5
    return rng.choice(INTS[KINDS[field.type]])


def fill_oddly(rng, message, depth=0):
    """Sets some fields of a message, and of those inside it, to what nobody honest would send."""
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.2:
            continue
        repeated = field.label == REPEATED
        times = rng.choice([0, 1, 2, 8, 9, 201] if depth == 0 else [0, 1, 2]) if repeated else 1
        for _ in range(times):
            if field.type == MESSAGE:
                inner = getattr(message, field.name)
                fill_oddly(rng, inner.add() if repeated else inner, depth + 1)
            elif repeated:
                getattr(message, field.name).append(odd_value(rng, field))
            else:
                setattr(message, field.name, odd_value(rng, field))


def one_of(kind, parent):
    message = parent()
    getattr(message, kind).SetInParent()
    return message


def odd_calls(rng):
    """Every kind of call, once empty and some times filled."""
    for field in rpc_pb2.Call.DESCRIPTOR.fields:
        yield rpc_pb2.Request(call=one_of(field.name, rpc_pb2.Call))
        for _ in range(8 * ROUNDS):
            call = one_of(field.name, rpc_pb2.Call)
            fill_oddly(rng, getattr(call, field.name))
            yield rpc_pb2.Request(call=call)


def odd_acts(rng, client):
    """Every kind of command, once empty and some times filled; with and without texts beside it."""
    for field in act_pb2.Command.DESCRIPTOR.fields:
        for i in range(8 * ROUNDS + 1):
            command = one_of(field.name, act_pb2.Command)
            if i > 0:
                fill_oddly(rng, getattr(command, field.name))
            request = client.request(command, code=rng.randbytes(rng.choice([0, 10, 16])))
            if rng.random() < 0.5:
                fill_oddly(rng, request.private)
            yield request


def honest_requests(rng, station, client, role):
    """Acts as this role would send them, not sent yet."""
    a, b = station.members[0].id, station.members[1].id
    draft, today = small.Draft, station.today(client)
    if role == "member":
        yield draft().add("hold", member=a, item=small.ITEM, count=1)
        yield draft().add("gift", member=a, other=b, points=1)
        yield draft().add("check_in", members=[a])
        yield draft().add("check_out")
    if role in ("staff", "second"):
        number = small.member_number(rng.randrange(5000, 900000))
        yield draft().add("member_add", small.person(number, "新人"), joined_day=today, **{"class": 1})
        yield draft().add("member_update", member=b, status=1, **{"class": 1})
        yield draft().add("pin_slip", member=b, reset=True)
        yield draft().add("kin_add", member=a, other=b)
        yield draft().add("beneficiary_add", "B-%d" % rng.randrange(10**9))
        yield draft().add("term_add", "片区%d" % rng.randrange(10**9), term=1)
        yield draft().add("card_bind", rpc_pb2.CardText(token="card-%d" % rng.randrange(10**12)), member=b)
        yield draft().add("card_block", member=b)
        yield draft().add("activity_add", "活动", item=small.SERVICE, start_us=client.now_us(),
                          end_us=client.now_us() + 3600 * 10**6)
        yield draft().add("item_set", "大米", item=small.ITEM, item_kind=1, points=2, outlets=[small.OUTLET])
        yield draft().add("service_item_set", "陪伴", item=small.SERVICE, minutes=1, points=1)
        yield draft().add("partner_set", "超市", partner=small.OUTLET, from_day=today - 300, partner_kind=1)
        yield draft().add("donation_add", "收据", receipt="M-%d" % rng.randrange(10**9), partner=small.OUTLET,
                          item=small.ITEM, count=5, quality=1, outlet=small.OUTLET, member=a, day=today)
        yield draft().add("service_rows", batch=rng.randbytes(16), parts=1, rows=[act_pb2.ServiceRow(
            line=2, member=a, item=small.SERVICE, day=today - 100, start_minute=480, end_minute=500, measured=True)])
        yield draft().add("check_in", members=[a, b])
        yield draft().add("check_out", members=[a, b])
        yield draft().add("permit", member=b)
        yield draft().add("delegate", member=b, other=station.workers[0].id, to_day=today + 9)
    if role == "outlet":
        yield draft().add("check_in", members=[a])
        yield draft().add("confirm", ref=act_pb2.Ref(seq=3, leaf=rng.randbytes(32)))


def mutate(rng, message):
    """Changes one field somewhere inside."""
    fields = [f for f in message.DESCRIPTOR.fields
              if f.type != MESSAGE or f.label == REPEATED or message.HasField(f.name)]
    if not fields:
        return
    field = rng.choice(fields)
    value = getattr(message, field.name)
    if field.label == REPEATED:
        if len(value) and rng.random() < 0.3:
            del value[rng.randrange(len(value))]
        elif len(value) and field.type == MESSAGE:
            mutate(rng, rng.choice(value))
        elif field.type == MESSAGE:
            fill_oddly(rng, value.add(), 1)
        else:
            value.extend([odd_value(rng, field)] * rng.choice([1, 2, 9, 300]))
    elif field.type == MESSAGE:
        mutate(rng, value)
    else:
        setattr(message, field.name, odd_value(rng, field))


def mutated_acts(rng, station, client, role):
    for _ in range(12 * ROUNDS):
        for draft in honest_requests(rng, station, client, role):
            request = draft.request(client, code=rng.randbytes(10))
            act = act_pb2.Act.FromString(request.act)
            for _ in range(rng.randrange(3)):
                mutate(rng, rng.choice([act, *act.commands]))
            request.act = act.SerializeToString()
            if request.signature:
                request.signature = client.identity.sign_act(request.act)
            if rng.random() < 0.3:
                mutate(rng, request.private)
            yield request
            if rng.random() < 0.2:
                yield request


class Bytes(bytes):
    """A message that is serialized already."""

    def SerializeToString(self):
        return bytes(self)


# --- throwing ---

def connect(station, role, stranger):
    if role == "member":
        return station.session(0)
    if role == "stranger":
        return tc.Client(station.daemon.address, stranger)
    return tc.Client(station.daemon.address, station.keys[role])


def exchange(client, bodies):
    """Sends all at once, then reads as many answers; how many came before the daemon closed."""
    answered = 0
    with contextlib.suppress(*BROKEN):
        client.sock.sendall(b"".join(tc.frame(body) for body in bodies if body))
    with contextlib.suppress(*BROKEN):
        for body in bodies:
            if body:
                tc.read_response(client.sock)
                answered += 1
    return answered


def throw(station, role, make, stranger, window=WINDOW):
    """Sends what make(client) gives, on as many connections as it takes; how many were answered."""
    answered, client = 0, connect(station, role, stranger)
    try:
        bodies = [request.SerializeToString() for request in make(client)]
        for i in range(0, len(bodies), window):
            part = bodies[i:i + window]
            here = exchange(client, part)
            answered += here
            if here < len([b for b in part if b]):
                client.close()
                try:
                    client = connect(station, role, stranger)
                except (tc.Refused, *BROKEN):
                    break  # its key, member or PIN was ended by what was thrown
    finally:
        client.close()
    return answered


def still_well(station):
    """An honest key gets its answers, and nothing failed inside."""
    with tc.Client(station.daemon.address, station.keys["witness"]) as client:
        size = client.call("get_status").last_seq
        assert client.entries(size)
        assert client.checkpoint()
    log = station.daemon.log.read_text(errors="replace")
    for word in ("check failed", "AddressSanitizer", "runtime error", "commit_failed", "checkpoint_failed"):
        assert word not in log, log[-3000:]


ROLES = ["auditor", "kiosk", "stranger", "outlet", "member", "staff", "second"]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return tc.Identity.create(tmp_path_factory.mktemp("stranger") / "key")


@pytest.mark.parametrize("role", ROLES)
def test_odd_calls(station, rng, stranger, role):
    window = 3 if role == "stranger" else WINDOW
    assert throw(station, role, lambda client: odd_calls(rng), stranger, window) > 0
    still_well(station)


@pytest.mark.parametrize("role", ROLES)
def test_odd_acts(station, rng, stranger, role):
    window = 3 if role == "stranger" else WINDOW
    assert throw(station, role, lambda client: odd_acts(rng, client), stranger, window) > 0
    still_well(station)


@pytest.mark.parametrize("role", ["outlet", "member", "staff", "second"])
def test_valid_acts_with_something_changed(station, rng, stranger, role):
    assert throw(station, role, lambda client: mutated_acts(rng, station, client, role), stranger) > 0
    still_well(station)


def test_frames_with_bytes_changed(station, rng, stranger):
    def flipped(client):
        for request in list(odd_calls(rng)) + list(odd_acts(rng, client)):
            body = bytearray(request.SerializeToString() or b"\0")
            for _ in range(rng.randrange(1, 4)):
                body[rng.randrange(len(body))] = rng.randrange(256)
            yield Bytes(body)
    assert throw(station, "second", flipped, stranger) > 0
    still_well(station)


def test_state_replays_after_all_of_it(station):
    """Last: the daemon stops cleanly, and without its state the ledger alone gives the same one."""
    assert station.daemon.stop() == 0
    before = check(station.dir)
    shutil.rmtree(station.dir / "state")
    assert check(station.dir) == before


def check(folder):
    """What `timeboxd check` says; exit code 0 says that sums are zero too."""
    done = subprocess.run([small.TIMEBOXD, "check", str(folder), "--json"], stdout=subprocess.PIPE, timeout=60)
    assert done.returncode == 0
    return done.stdout
