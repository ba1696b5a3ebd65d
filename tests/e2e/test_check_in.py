"""Service on the station's clock: at the kiosk with the PIN, witnessed for a team, a visit by telephone."""
import datetime

import pytest

from redeem_station import RedeemStation
from small_station import SERVICE, Draft
from timebox_schema import rpc_pb2

ZONE = datetime.timezone(datetime.timedelta(hours=8))


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    """Each test has members of its own; time only goes forward."""
    made = RedeemStation(tmp_path_factory.mktemp("check-in"), members=8, clock=True)
    yield made
    made.close()


def pass_minutes(station, minutes):
    station.set_clock(station.offset_s + 60 * minutes)


def station_time(station, minutes):
    with station.connect("staff") as staff:
        now = staff.now_us() / 1e6 + 60 * minutes
    return datetime.datetime.fromtimestamp(now, ZONE).strftime("%Y-%m-%d %H:%M")


def plan(station, name="河边清洁", starts=-5, ends=120):
    return station.timebox("staff", "activity", "add", SERVICE, name, "--start", station_time(station, starts),
                           "--end", station_time(station, ends))["id"]


def waiting(station, number):
    """Records of a member that wait to be attested."""
    with station.connect("second") as staff:
        records = staff.call("get_records", limit=100).records
    return [r for r in records if r.number == number]


def test_at_the_kiosk_the_clock_measures_between_check_in_and_check_out(station):
    activity, number = plan(station), station.members[0].number
    came = station.timebox("kiosk", *station.as_member(0, "check-in", "--activity", activity))
    assert came["member"] == number and came["item"] == SERVICE
    again = station.as_member(0, "check-in", "--activity", activity)
    assert station.refused("kiosk", *again) == "session_open"
    listed = [a for a in station.lines("staff", "activity", "list") if a["id"] == activity]
    assert listed[0]["present"] == 1 and listed[0]["name"] == "河边清洁"
    pass_minutes(station, 45)
    left = station.timebox("kiosk", *station.as_member(0, "check-out"))
    assert 45 <= left["minutes"] <= 46
    assert station.refused("kiosk", *station.as_member(0, "check-out")) == "no_session_open"
    (record,) = waiting(station, number)
    assert 45 <= record.minutes <= 46 and not record.auto_closed


def test_less_than_a_minute_is_not_recorded(station):
    activity = plan(station)
    station.timebox("kiosk", *station.as_member(1, "check-in", "--activity", activity))
    assert station.refused("kiosk", *station.as_member(1, "check-out")) == "too_short"
    pass_minutes(station, 2)
    station.timebox("kiosk", *station.as_member(1, "check-out"))


def test_a_witness_opens_and_closes_for_a_whole_team(station):
    activity, team = plan(station), [station.members[i].number for i in (2, 3)]
    came = station.lines("outlet", "check-in", *team, "--activity", activity)
    assert [line["member"] for line in came] == team
    pass_minutes(station, 30)
    left = station.lines("outlet", "check-out", *team)
    assert [line["member"] for line in left] == team and all(line["minutes"] >= 30 for line in left)


def test_a_visit_by_telephone_needs_a_pairing(station):
    someone = station.members[4]
    visit = ("check-in", someone.number, "--visit", "D777", "--item", SERVICE, "--minutes", "60")
    assert station.refused("staff", *visit, code=None) == "no_plan"
    with station.connect("staff") as staff:
        added = Draft().add("beneficiary_add", rpc_pb2.NameText(name="D777")).send(staff)
        Draft().add("pair_set", member=someone.id, beneficiary=added.effects[0].id,
                    from_day=station.today(staff) - 1).send(staff)
    assert station.timebox("staff", *visit)["member"] == someone.number
    pass_minutes(station, 20)
    assert 20 <= station.timebox("staff", "check-out", someone.number)["minutes"] <= 21


def test_whoever_forgets_to_check_out_is_checked_out_at_the_planned_end(station):
    number, activity = station.members[5].number, plan(station, ends=30)
    station.timebox("kiosk", *station.as_member(5, "check-in", "--activity", activity))
    station.move_clock(seconds=3600)
    (record,) = waiting(station, number)
    assert record.auto_closed and record.minutes <= 30
    assert station.refused("kiosk", *station.as_member(5, "check-out")) == "no_session_open"
    assert station.refused("kiosk", *station.as_member(5, "check-in", "--activity", activity),
                           code=None) in ("not_now", "no_plan")


def test_one_member_at_a_time_at_the_kiosk(station):
    two = station.as_member(6, "check-in", station.members[7].number, "--activity", plan(station))
    assert station.refused("kiosk", *two, code=2) == "too_many"
