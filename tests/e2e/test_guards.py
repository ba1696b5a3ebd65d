"""What ends a session or a guesser's patience: keys and PINs that end while something is under way, numbers that are
tried one after the other."""
import pytest

import small_station as small
from small_station import rpc_pb2, tc, types_pb2

# As in daemon/rpc/rpc.h.
WRONG_MOST = 10
NUMBERS_MOST = 200
REFUSALS_MOST = 3
STRANGER_IDLE_S = 10


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    station = small.SmallStation(tmp_path_factory.mktemp("guards"), "pin_threads: 1\n")
    try:
        station.set_up(members=2, gift=types_pb2.GIFT_POLICY_ANYONE).open()
        yield station
        assert station.daemon.stop() == 0
    finally:
        station.close()


def strangers(first, n):
    return [small.member_number(first + i) for i in range(n)]


def test_key_revoked_while_a_pin_is_checked_opens_no_session(station):
    station.invite("bad kiosk", types_pb2.ROLE_KIOSK)
    busy = [station.connect("kiosk") for _ in range(12)]
    kiosk, staff = station.connect("bad kiosk"), station.connect("staff")
    someone = station.members[0]

    def ask(client, number, pin):
        call = rpc_pb2.Request(call=rpc_pb2.Call(login=rpc_pb2.Login(number=number, pin=pin)))
        client.sock.sendall(tc.frame(call.SerializeToString()))

    for i, client in enumerate(busy):  # the one worker is occupied for a while
        ask(client, small.member_number(700000 + i), "482913")
    ask(kiosk, someone.number, someone.pin)
    small.Draft().add("key_revoke", key=station.keys["bad kiosk"].public).send(staff)
    answer = tc.read_response(kiosk.sock)
    assert answer.name == "key_revoked" and not answer.HasField("session")
    for client in busy:
        assert tc.read_response(client.sock).name == "wrong_pin"


def test_outlet_cannot_try_numbers_one_after_the_other(station):
    outlet, known = station.connect("outlet"), station.members[0]
    for number in strangers(800000, WRONG_MOST):
        assert outlet.resolve(number) == [0]
    for number in (small.member_number(800900), known.number):
        with pytest.raises(tc.Refused) as refused:
            outlet.resolve(number)
        assert refused.value.name == "busy" and 0 < refused.value.retry_after_s <= 15 * 60


def test_session_cannot_try_many_numbers_at_once(station):
    member, known = station.session(0), station.members[1]
    with pytest.raises(tc.Refused) as refused:
        member.resolve(*[known.number] * (NUMBERS_MOST + 1))
    assert refused.value.name == "too_many"
    with pytest.raises(tc.Refused) as refused:
        member.resolve(known.number, *strangers(810000, WRONG_MOST + 1))
    assert refused.value.name == "busy"
    with pytest.raises(tc.Refused):
        station.session(1).resolve(known.number)  # the kiosk's key waits, not the connection


def test_staff_asks_for_as_many_numbers_as_an_import_has(station):
    staff, known = station.connect("staff"), station.members[0]
    for _ in range(3):
        assert staff.resolve(known.number, *strangers(820000, 1000)) == [known.id] + [0] * 1000


def test_stranger_that_sends_garbage_is_cut(station, tmp_path):
    with tc.Client(station.daemon.address, tc.Identity.create(tmp_path / "stranger")) as client:
        for _ in range(REFUSALS_MOST):
            client.sock.sendall(tc.frame(b"\x0f"))
            assert tc.read_response(client.sock).name == "bad_message"
        assert tc.is_cut(client.sock)


def test_stranger_that_says_nothing_is_cut_soon_and_who_enrolled_is_not(station, tmp_path):
    code = station.code_for("staff", types_pb2.ROLE_KIOSK)
    known = tc.Identity.create(tmp_path / "new")
    with tc.Client(station.daemon.address, known, code) as client, \
            tc.Client(station.daemon.address, tc.Identity.create(tmp_path / "silent")) as silent:
        client.enrol(code)
        silent.sock.settimeout(STRANGER_IDLE_S + 3)
        assert tc.is_cut(silent.sock)
        client.sock.settimeout(2)
        assert not tc.is_cut(client.sock)
