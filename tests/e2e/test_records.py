"""Single records, from check-ins: listed, attested by somebody else, rejected."""
import datetime
import json

import pytest

from redeem_station import POINTS, RedeemStation
from small_station import SERVICE

ZONE = datetime.timezone(datetime.timedelta(hours=8))
MINUTES = 40


@pytest.fixture
def station(tmp_path):
    """Two members were witnessed by "staff", and one clocked at the kiosk, for MINUTES."""
    made = RedeemStation(tmp_path, members=3, clock=True)
    try:
        team = [made.members[i].number for i in (0, 1)]
        activity = made.timebox("staff", "activity", "add", SERVICE, "读书会", "--start", moment(made, -5),
                                "--end", moment(made, 120))["id"]
        made.lines("staff", "check-in", *team, "--activity", activity)
        made.timebox("kiosk", *made.as_member(2, "check-in", "--activity", activity))
        made.set_clock(made.offset_s + 60 * MINUTES)
        made.lines("staff", "check-out", *team)
        made.timebox("kiosk", *made.as_member(2, "check-out"))
        yield made
    finally:
        made.close()


def moment(station, minutes):
    with station.connect("staff") as staff:
        now = staff.now_us() / 1e6 + 60 * minutes
    return datetime.datetime.fromtimestamp(now, ZONE).strftime("%Y-%m-%d %H:%M")


def waiting(station):
    """Number -> record."""
    return {line["member"]: line for line in station.lines("second", "service", "records")}


def verdicts(done):
    """Of what `service attest` printed: id -> verdict, and the sum."""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["id"]: line["verdict"] for line in lines[:-1]}, lines[-1]


def test_records_that_wait_are_listed_with_their_way(station):
    records = waiting(station)
    assert sorted(records) == sorted(m.number for m in station.members)
    assert [records[m.number]["provenance"] for m in station.members] == ["witnessed", "witnessed", "kiosk"]
    assert all(MINUTES <= r["minutes"] <= MINUTES + 1 for r in records.values())


def test_the_witness_may_not_attest_but_what_else_waits_goes_through(station):
    records = waiting(station)
    done = station.run("staff", "service", "attest", "--pending")
    assert done.returncode == 5, done
    said, total = verdicts(done)
    assert said == {records[m.number]["id"]: verdict for m, verdict in zip(
        station.members, ("same_person", "same_person", "ok"))}
    assert (total["attested"], total["refused"]) == (1, 2)
    assert sorted(waiting(station)) == sorted(m.number for m in station.members[:2])
    done = station.run("second", "service", "attest", "--pending")
    assert done.returncode == 0 and not waiting(station)
    for i in range(3):
        assert station.points(i)[0] >= POINTS + MINUTES
    done = station.run("second", "service", "attest", "--pending")
    assert done.returncode == 3


def test_one_record_is_attested_and_another_rejected(station):
    records = waiting(station)
    first, second, third = (records[m.number]["id"] for m in station.members)
    station.lines("second", "service", "attest", first)
    assert station.points(0)[0] >= POINTS + MINUTES
    station.lines("second", "service", "reject", second)
    assert station.points(1)[0] == POINTS
    assert station.refused("second", "service", "attest", second, code=2) == "not_found"
    assert [r["id"] for r in waiting(station).values()] == [third]
    station.verify()
