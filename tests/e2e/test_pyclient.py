"""A redemption from the first key to the audit, by the Python client alone: it is made from the
.proto files and proto/README.md, and shares no code with the daemon or `timebox`."""
import json
import subprocess

import pytest

import small_station as small
import timebox_verify
from small_station import entry_pb2, tc, types_pb2


@pytest.fixture
def station(tmp_path):
    station = small.SmallStation(tmp_path)
    try:
        yield station.set_up(members=2).open()
        assert station.daemon.stop() == 0
    finally:
        station.close()


def test_redemption_by_kiosk_outlet_and_auditor(station, tmp_path):
    someone = station.members[0]
    with station.connect("kiosk") as kiosk:
        session = kiosk.login(someone.number, someone.pin)
        assert (session.member.member, session.member.available) == (someone.id, 2 * small.POINTS_A_ROW)
        held = kiosk.hold(small.ITEM, 2)
        assert [(e.points, e.count, e.outlet) for e in small.effects(held, "HELD")] == [(4, 2, small.OUTLET)]
        other = kiosk.hold(small.OTHER_ITEM)
        assert {v.code for v in kiosk.holds()} == {held.codes[0].code, other.codes[0].code}
        kiosk.cancel(other)
        with pytest.raises(tc.Refused) as refused:
            kiosk.cancel(other)
        assert refused.value.name == "already_cancelled"
        kiosk.logout()
    with station.connect("outlet") as outlet:
        shown = outlet.voucher(held.codes[0].code)
        assert (shown.state, shown.item, shown.count) == (types_pb2.HOLD_STATE_HELD, small.ITEM, 2)
        assert shown.member == 0 and shown.points == 0
        confirmed = outlet.confirm(held.codes[0].code)
        assert len(small.effects(confirmed, "CONFIRMED")) == 1
        with pytest.raises(tc.Refused) as refused:
            outlet.confirm(held.codes[0].code)
        assert refused.value.name == "already_confirmed"
    with station.session(0) as kiosk:
        told = kiosk.call("get_member", member=someone.id)
        assert (told.available, told.held) == (2 * small.POINTS_A_ROW - 4, 0)
    with station.connect("auditor") as auditor:
        assert auditor.hello.vkey == station.init["vkey"]
        size = auditor.export(tmp_path / "export")
        entries = auditor.entries(size)
    assert size == len(entries) and entry_pb2.Entry.FromString(entries[-1]).seq == size
    found = timebox_verify.verify(tmp_path / "export")
    assert found["ok"] and found["size"] == size
    done = subprocess.run([small.TIMEBOX, "audit", "verify", str(tmp_path / "export"), "--json",
                           "--vkey", station.init["vkey"]], stdout=subprocess.PIPE, timeout=60)
    said = json.loads(done.stdout)
    assert done.returncode == 0 and (said["ok"], said["size"], said["root"]) == (True, size, found["root"])


def test_lost_reply_is_asked_for_again_by_the_same_bytes(station):
    with station.session(0) as kiosk:
        request = kiosk.request(kiosk.hold_command(small.ITEM))
        kiosk.send(request)  # and never reads the answer
    with station.connect("kiosk") as again:
        first = again.ask(request).receipt
    assert station.daemon.stop() == 0
    station.daemon.start()
    with station.connect("kiosk") as again:
        assert again.ask(request).receipt == first
    with station.session(0) as kiosk:
        assert [v.code for v in kiosk.holds()] == [first.codes[0].code]
