"""Retries: the same act gives the same receipt for ever; anything else under its id is told so."""
import os

import pytest

import timebox_client as tc
import timebox_code32
from redeem_station import POINTS, RedeemStation
from small_station import ITEM
from timebox_schema import act_pb2, codes_pb2

OLD_US = 11 * 60 * 1000000  # an act may be made 10 minutes before it is sent first


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    made = RedeemStation(tmp_path_factory.mktemp("retry"), members=6)
    yield made
    made.close()


def code_of(client, request):
    """The name of the answer's code, "ok" included."""
    response = client.receive(client.send(request))
    return "ok" if response.code == codes_pb2.RESULT_CODE_OK else response.name


def receipt_bytes(client, request):
    return client.ask(request).receipt.SerializeToString()


def permit(client, member, **fields):
    """An act of staff that can be done again and again."""
    return client.request(act_pb2.Command(permit=act_pb2.Permit(member=member)), **fields)


def held_pieces(station, i):
    with station.session(i) as kiosk:
        return sum(v.count for v in kiosk.holds())


# --- the same bytes again ---

def test_after_a_lost_reply_the_same_act_gives_the_receipt_and_is_done_once(station):
    kiosk = station.session(0)
    request = kiosk.request(kiosk.hold_command(ITEM, 3))
    kiosk.send(request)
    kiosk.close()  # nobody reads the reply
    with station.session(0) as again:
        first = receipt_bytes(again, request)
        assert receipt_bytes(again, request) == first
    assert station.points(0) == (POINTS - 6, 6) and held_pieces(station, 0) == 3


def test_from_another_connection_of_the_same_key_the_receipt_is_the_same(station):
    kiosk = station.session(1)
    request = kiosk.request(kiosk.hold_command(ITEM))
    first = receipt_bytes(kiosk, request)
    assert station.connect("kiosk").ask(request).receipt.SerializeToString() == first, "without a session"
    assert receipt_bytes(station.session(2), request) == first, "in somebody else's session"
    assert held_pieces(station, 1) == 1


def test_after_a_restart_the_receipt_is_the_same(station):
    kiosk, outlet = station.session(3), station.connect("outlet")
    hold = kiosk.request(kiosk.hold_command(ITEM))
    held = kiosk.ask(hold).receipt
    confirm = outlet.request(outlet.confirm_command(held), code=timebox_code32.decode(held.codes[0].code, 10))
    confirmed = receipt_bytes(outlet, confirm)
    assert station.daemon.stop() == 0
    station.daemon.start()
    assert receipt_bytes(station.connect("kiosk"), hold) == held.SerializeToString()
    assert receipt_bytes(station.connect("outlet"), confirm) == confirmed


def test_after_a_kill_the_receipt_is_the_same(station):
    with station.connect("staff") as staff:
        request = permit(staff, station.members[0].id)
        first = receipt_bytes(staff, request)
    station.daemon.kill()
    station.daemon.start()
    with station.connect("staff") as staff:
        assert receipt_bytes(staff, request) == first


def test_an_accepted_act_keeps_its_receipt_however_old_it_is(tmp_path):
    station = RedeemStation(tmp_path, members=1, clock=True)
    try:
        with station.connect("staff") as staff:
            request = permit(staff, station.members[0].id)
            first = receipt_bytes(staff, request)
        station.move_clock(days=20)
        with station.connect("staff") as staff:
            assert receipt_bytes(staff, request) == first
    finally:
        station.close()


def test_the_receipt_can_be_asked_for_by_its_request_id(station):
    with station.connect("staff") as staff:
        request = permit(staff, station.members[0].id)
        first = receipt_bytes(staff, request)
        request_id = act_pb2.Act.FromString(request.act).request_id
        assert staff.call("get_receipt", request_id=request_id).SerializeToString() == first


# --- something else under the id ---

def test_other_bytes_under_an_accepted_id_are_told_so(station):
    with station.connect("staff") as staff:
        request = permit(staff, station.members[0].id)
        staff.ask(request)
        request_id = act_pb2.Act.FromString(request.act).request_id
        assert code_of(staff, permit(staff, station.members[1].id, request_id=request_id)) == "id_reused"


def test_another_actor_under_an_accepted_id_is_told_so(station):
    with station.connect("staff") as staff, station.connect("second") as second:
        request = permit(staff, station.members[0].id)
        staff.ask(request)
        request_id = act_pb2.Act.FromString(request.act).request_id
        assert code_of(second, permit(second, station.members[0].id, request_id=request_id)) == "id_taken"
        # Somebody else's bytes are not a way to the receipt either.
        assert code_of(second, request) in ("id_taken", "wrong_actor")


# --- what is never accepted any more ---

def test_an_act_made_too_long_ago_needs_a_new_id(station):
    with station.connect("staff") as staff:
        made = staff.now_us() - OLD_US
        request = permit(staff, station.members[0].id, made_at_us=made, request_id=tc.uuid7(made))
        assert code_of(staff, request) == "not_accepted_use_new_id"
        assert code_of(staff, request) == "not_accepted_use_new_id"


def test_a_refused_act_never_succeeds_later(station):
    with station.session(4) as kiosk, station.connect("outlet") as outlet:
        first = kiosk.hold(ITEM, POINTS // 2)
        request = kiosk.request(kiosk.hold_command(ITEM))
        assert code_of(kiosk, request) == "insufficient_points"
        kiosk.cancel(first)
        # Now there are points: a new act succeeds, the refused one does not.
        assert code_of(kiosk, request) == "not_accepted_use_new_id"
        assert outlet.confirm(kiosk.hold(ITEM).codes[0].code).seq
        assert code_of(kiosk, request) == "not_accepted_use_new_id"


def test_a_refused_act_does_not_succeed_after_a_restart_either(station):
    kiosk = station.session(5)
    first = kiosk.hold(ITEM, POINTS // 2)
    request = kiosk.request(kiosk.hold_command(ITEM))
    assert code_of(kiosk, request) == "insufficient_points"
    kiosk.cancel(first)
    station.daemon.stop()
    station.daemon.start()
    assert code_of(station.session(5), request) == "not_accepted_use_new_id"
    assert station.points(5) == (POINTS, 0)


def test_a_request_id_that_is_no_uuid7_is_refused(station):
    with station.connect("staff") as staff:
        for request_id in (bytes(16), b"\x11" * 16, bytes(8) + os.urandom(8)):
            assert code_of(staff, permit(staff, station.members[0].id, request_id=request_id)) == "bad_request_id"


# --- pipelined ---

def test_the_same_act_sent_many_times_before_an_answer_is_done_once(station):
    with station.session(2) as kiosk:
        before = station.points(2)
        request = kiosk.request(kiosk.hold_command(ITEM))
        numbers = [kiosk.send(request) for _ in range(20)]
        answers = {kiosk.receive(number).receipt.SerializeToString() for number in numbers}
        assert len(answers) == 1
    assert station.points(2) == (before[0] - 2, before[1] + 2)
