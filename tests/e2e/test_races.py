"""Races: whatever many ask for at once, it happens once, and the losers are told what became of it."""
import threading
import time

import pytest

import timebox_client as tc
import timebox_code32
from redeem_station import RedeemStation
from small_station import ITEM, Draft
from timebox_schema import act_pb2, codes_pb2, entry_pb2, rpc_pb2, types_pb2

CONNECTIONS, MEMBERS, ROUNDS = 64, 16, 25
RESOLVED = {"already_confirmed": types_pb2.HOLD_STATE_CONFIRMED,
            "already_cancelled": types_pb2.HOLD_STATE_CANCELLED,
            "already_released": types_pb2.HOLD_STATE_RELEASED}


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    made = RedeemStation(tmp_path_factory.mktemp("races"), members=MEMBERS)
    yield made
    made.close()


def at_once(senders):
    """Sends (client, request) pairs, each from a thread of its own, as near to one another as threads
    can. A pair's third element is when to, on the monotonic clock. The responses, in order."""
    barrier, responses = threading.Barrier(len(senders)), [None] * len(senders)

    def send(i, client, request, at=0):
        barrier.wait()
        time.sleep(max(0, at - time.monotonic()))
        responses[i] = client.receive(client.send(request))

    threads = [threading.Thread(target=send, args=(i, *sender)) for i, sender in enumerate(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert None not in responses
    return responses


def won(responses):
    return [r for r in responses if r.code == codes_pb2.RESULT_CODE_OK]


def lost(responses):
    return sorted(r.name for r in responses if r.code != codes_pb2.RESULT_CODE_OK)


def confirm_request(outlet, receipt):
    secret = timebox_code32.decode(receipt.codes[0].code, 10)
    command = act_pb2.Command(confirm=act_pb2.Confirm(ref=tc.ref_to(receipt)))
    return outlet.request(command, code=secret)


def cancel_request(kiosk, receipt):
    return kiosk.request(act_pb2.Command(cancel=act_pb2.Cancel(ref=tc.ref_to(receipt))))


def state_of(kiosk, receipt):
    return next(v.state for v in kiosk.holds() if v.seq == receipt.seq)


def endings(station):
    """How often each hold (its seq) was resolved, in the whole ledger."""
    kinds = [entry_pb2.EffectKind.Value("EFFECT_KIND_" + name) for name in ("CONFIRMED", "CANCELLED", "RELEASED")]
    count = {}
    with station.connect("auditor") as auditor:
        size = int(auditor.checkpoint().split("\n")[1])
        for data in auditor.entries(size):
            for effect in entry_pb2.Entry.FromString(data).effects:
                if effect.kind in kinds:
                    count[effect.id] = count.get(effect.id, 0) + 1
    return count


def test_of_64_connections_for_the_last_unit_exactly_one_gets_it(station):
    kiosks = [station.session(i % MEMBERS) for i in range(CONNECTIONS)]
    responses = at_once([(kiosk, kiosk.request(kiosk.hold_command("ONCE"))) for kiosk in kiosks])
    assert len(won(responses)) == 1
    assert lost(responses) == ["out_of_stock"] * (CONNECTIONS - 1)
    assert sum(len([v for v in kiosks[i].holds() if v.item == "ONCE"]) for i in range(MEMBERS)) == 1
    assert sum(station.points(i)[1] for i in range(MEMBERS)) == 1
    station.verify()


def test_of_many_connections_of_one_member_no_more_points_are_held_than_there_are(station):
    kiosks = [station.session(0) for _ in range(8)]
    available, held = station.points(0)
    each = available // 2 // 2 + 1  # at 2 points a piece only one of these fits
    responses = at_once([(kiosk, kiosk.request(kiosk.hold_command(ITEM, each))) for kiosk in kiosks])
    assert len(won(responses)) == 1 and set(lost(responses)) == {"insufficient_points"}
    assert station.points(0) == (available - 2 * each, held + 2 * each)


def test_of_two_confirms_exactly_one_is_accepted(station):
    kiosk, outlets = station.session(1), [station.connect("outlet") for _ in range(2)]
    held = station.points(1)[1]
    for _ in range(ROUNDS):
        receipt = kiosk.hold(ITEM)
        responses = at_once([(outlet, confirm_request(outlet, receipt)) for outlet in outlets])
        assert len(won(responses)) == 1 and lost(responses) == ["already_confirmed"]
    assert station.points(1)[1] == held


def test_of_confirm_and_cancel_exactly_one_is_accepted_and_the_other_told_which(station):
    kiosk, outlet = station.session(2), station.connect("outlet")
    seen, held = set(), station.points(2)[1]
    for i in range(2 * ROUNDS):
        receipt = kiosk.hold(ITEM)
        start = time.monotonic() + 0.01
        ahead = (i % 5 - 2) * 0.0002  # now the one, now the other gets a start
        responses = at_once([(outlet, confirm_request(outlet, receipt), start + ahead),
                             (kiosk, cancel_request(kiosk, receipt), start)])
        assert len(won(responses)) == 1
        assert RESOLVED[lost(responses)[0]] == state_of(kiosk, receipt)
        seen |= set(lost(responses))
    assert seen == {"already_confirmed", "already_cancelled"}, "a race in which one side always wins is none"
    assert station.points(2)[1] == held
    assert set(endings(station).values()) == {1}


def test_of_confirm_cancel_and_release_exactly_one_happens(tmp_path):
    """Without grace days all three compete for the same moment: the end of the last day."""
    vouchers = 48
    station = RedeemStation(tmp_path, members=2, rules={"grace_days": 0}, clock=True)
    try:
        with station.session(0) as kiosk:
            receipts = [kiosk.hold(ITEM) for _ in range(vouchers)]
            released_at = kiosk.holds()[0].release_us
            assert released_at == kiosk.holds()[0].use_by_us
            left_us = released_at - kiosk.now_us()
        # Eight seconds before the moment; then everybody connects and waits for it.
        station.move_clock(seconds=left_us // 1000000 - 8)
        race(station, receipts, released_at)
        with station.session(0) as kiosk:
            states = [state_of(kiosk, receipt) for receipt in receipts]
            assert kiosk.call("get_member", member=kiosk.session.member.member).held == 0
        ended = endings(station)
        assert all(ended[receipt.seq] == 1 for receipt in receipts)
        assert types_pb2.HOLD_STATE_RELEASED in states and len(set(states)) > 1, states
        station.verify()
    finally:
        station.close()


def race(station, receipts, released_at):
    """A confirm and a cancel for each hold, spread over the second around its release."""
    kiosks = [station.session(0) for _ in range(4)]
    outlets = [station.connect("outlet") for _ in range(4)]
    moment = time.monotonic() + (released_at - outlets[0].now_us()) / 1e6
    for first in range(0, len(receipts), 4):
        part, senders = receipts[first:first + 4], []
        # The last rounds are sent after the moment: they find it released.
        start = moment - 0.5 + first / len(receipts)
        for kiosk, outlet, receipt in zip(kiosks, outlets, part):
            senders += [(outlet, confirm_request(outlet, receipt), start),
                        (kiosk, cancel_request(kiosk, receipt), start)]
        responses = at_once(senders)
        for confirm, cancel, receipt, kiosk in zip(responses[::2], responses[1::2], part, kiosks):
            both = [confirm, cancel]
            assert len(won(both)) <= 1
            state = state_of(kiosk, receipt)
            if won(both):
                assert RESOLVED[lost(both)[0]] == state
            else:
                assert set(lost(both)) <= {"already_released", "too_late"}, lost(both)


def test_of_two_approvals_of_one_proposal_exactly_one_takes_effect(station):
    kiosk, outlet = station.session(3), station.connect("outlet")
    receipt = kiosk.hold(ITEM)
    outlet.confirm(receipt.codes[0].code)
    with station.connect("staff") as staff:
        proposed = Draft().add("reverse", ref=tc.ref_to(receipt), fate=types_pb2.GOODS_FATE_BACK_ON_SHELF).send(staff)
    seconds = [station.connect("second") for _ in range(2)]
    approve = act_pb2.Command(approve=act_pb2.Approve(ref=tc.ref_to(proposed)))
    responses = at_once([(second, second.request(approve)) for second in seconds])
    assert len(won(responses)) == 1 and lost(responses) == ["not_found"]
    assert state_of(kiosk, receipt) == types_pb2.HOLD_STATE_REVERSED


def flood(client, requests, responses):
    """Sends all at once, and reads the answers; they come in the order of the requests."""
    client.sock.sendall(b"".join(tc.frame(r.SerializeToString()) for r in requests))
    for _ in requests:
        client.number += 1
        responses.append(client.receive(client.number))


def test_more_acts_and_reads_than_a_turn_takes_are_all_answered_in_order(station):
    """Where both come, a turn takes so many of each: the rest is put off, turn after turn."""
    writers, readers = [station.session(i) for i in range(8)], [station.session(8 + i) for i in range(4)]
    work = [(w, [w.request(w.hold_command("ONCE")) for _ in range(300)]) for w in writers]
    ask = rpc_pb2.Request(call=rpc_pb2.Call(get_member=rpc_pb2.GetMember()))
    work += [(r, [ask] * 600) for r in readers]
    answers = [[] for _ in work]
    threads = [threading.Thread(target=flood, args=(*w, a)) for w, a in zip(work, answers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [len(a) for a in answers] == [300] * 8 + [600] * 4
    assert {r.name for a in answers[:8] for r in a} <= {"", "out_of_stock"}
    for of_one in answers[8:]:
        assert all(r.code == codes_pb2.RESULT_CODE_OK and r.member.number for r in of_one)
        assert sorted(r.as_of for r in of_one) == [r.as_of for r in of_one]
    station.verify()
