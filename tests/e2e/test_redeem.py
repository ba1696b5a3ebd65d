"""Redemptions through the `timebox` command: held, confirmed, cancelled, released, taken back; and the PIN."""
import datetime

import pytest

from redeem_station import HALL, ITEMS, POINTS, RedeemStation
from small_station import ITEM, OUTLET
from timebox_schema import types_pb2

DAY = 86400
HOLD_DAYS, GRACE_DAYS = 7, 3


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    """Each test has a member of its own."""
    made = RedeemStation(tmp_path_factory.mktemp("redeem"), members=18)
    yield made
    made.close()


@pytest.fixture
def moved(tmp_path):
    """A station whose clock moves."""
    made = RedeemStation(tmp_path, members=4, clock=True)
    yield made
    made.close()


def station_day(station, add=0):
    with station.connect("staff") as staff:
        today = (staff.now_us() + staff.hello.zone_minutes * 60 * 1000000) // 86400000000
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=today + add)).isoformat()


def state_of(station, i, voucher):
    held = station.lines("staff", "redeem", "list", "--member", station.members[i].number)
    return next(line["state"] for line in held if line["voucher"] == voucher)


# --- the way it usually goes ---

def test_a_hold_sets_points_aside_and_the_outlet_confirms_it_once(station):
    held = station.hold(0, ITEM, "--count", 2)
    assert held["item"] == ITEM and held["count"] == 2 and held["points"] == 4
    assert held["outlet"] == OUTLET and held["use_by"] == station_day(station, HOLD_DAYS)
    assert station.points(0) == (POINTS - 4, 4)
    seen = station.timebox("outlet", "redeem", "check", held["voucher"])
    assert seen["valid"] is True and seen["item"] == ITEM
    confirmed = station.timebox("outlet", "redeem", "confirm", held["voucher"])
    assert confirmed["state"] == "confirmed" and confirmed["item"] == ITEM and confirmed["count"] == 2
    assert station.points(0) == (POINTS - 4, 0)
    assert station.refused("outlet", "redeem", "confirm", held["voucher"]) == "already_confirmed"
    assert station.refused("outlet", "redeem", "check", held["voucher"]) == "already_confirmed"
    assert state_of(station, 0, held["voucher"]) == "confirmed"
    station.verify()


def test_a_code_is_read_in_any_case_and_with_blanks(station):
    held = station.hold(1, ITEM)
    typed = held["voucher"].lower().replace("-", " ")
    assert station.timebox("outlet", "redeem", "confirm", typed)["voucher"] == held["voucher"]


def test_a_code_with_a_wrong_character_is_not_sent(station):
    held = station.hold(1, ITEM)["voucher"]
    wrong = ("1" if held[0] == "0" else "0") + held[1:]
    assert station.refused("outlet", "redeem", "confirm", wrong, code=2) == "wrong_voucher"


def test_a_code_that_nobody_was_given_is_refused(station):
    import timebox_code32
    unknown = timebox_code32.encode(b"0123456789")
    assert station.refused("outlet", "redeem", "confirm", unknown) == "wrong_voucher"


def test_the_slip_for_people_shows_the_code_and_a_qr(station):
    import subprocess
    from small_station import TIMEBOX
    done = subprocess.run([TIMEBOX, "--home", str(station.home("kiosk")), "--lang", "zh",
                           *station.hold_args(1, ITEM)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    code = next(line for line in done.stdout.splitlines() if line.strip()).strip()
    assert code == "兑换凭条"
    assert "█▀▀▀▀▀█" in done.stdout and "有效期至" in done.stdout


# --- what stops a hold ---

def test_more_than_the_months_quota_is_refused_and_cancelling_gives_it_back(station):
    assert station.refused("kiosk", *station.hold_args(2, "TOWEL", "--count", 3)) == "quota_exceeded"
    held = station.hold(2, "TOWEL", "--count", 2)
    assert station.refused("kiosk", *station.hold_args(2, "TOWEL")) == "quota_exceeded"
    station.timebox("kiosk", *station.as_member(2, "redeem", "cancel", held["voucher"]))
    assert station.hold(2, "TOWEL")["count"] == 1


def test_without_enough_points_nothing_is_held(station):
    assert station.refused("kiosk", *station.hold_args(3, "LAMP")) == "insufficient_points"
    assert station.points(3) == (POINTS, 0)


def test_an_item_without_stock_or_without_a_name_is_refused(station):
    assert station.refused("kiosk", *station.hold_args(3, "NONE")) == "out_of_stock"
    assert station.refused("kiosk", *station.hold_args(3, "NOSUCH")) == "unknown_item"


def test_the_first_outlet_with_enough_stock_is_taken(station):
    assert station.hold(4, "LAST", "--count", 2)["outlet"] == HALL
    assert station.hold(4, "LAST")["outlet"] == OUTLET
    assert station.refused("kiosk", *station.hold_args(4, "LAST", "--outlet", OUTLET)) == "out_of_stock"
    assert station.hold(4, "LAST", "--outlet", HALL)["outlet"] == HALL
    assert station.refused("kiosk", *station.hold_args(4, ITEM, "--outlet", HALL)) == "not_offered"


def test_gifts_are_off_by_default(station):
    give = station.as_member(4, "gift", station.members[5].number, 5)
    assert station.refused("kiosk", *give) == "gift_off"


# --- how it ends ---

def test_another_outlet_cannot_confirm(station):
    held = station.hold(5, "TOWEL", "--outlet", HALL)
    assert station.refused("outlet", "redeem", "confirm", held["voucher"]) == "wrong_outlet"
    assert station.timebox("hall", "redeem", "confirm", held["voucher"])["outlet"] == HALL


def test_the_member_cancels_and_gets_everything_back(station):
    held = station.hold(6, ITEM)
    done = station.timebox("kiosk", *station.as_member(6, "redeem", "cancel", held["voucher"]))
    assert done["state"] == "cancelled"
    assert station.points(6) == (POINTS, 0)
    assert station.refused("outlet", "redeem", "confirm", held["voucher"]) == "already_cancelled"
    assert station.refused("kiosk", *station.as_member(6, "redeem", "cancel", held["voucher"])) == \
        "already_cancelled"


def test_a_member_cannot_cancel_somebody_elses_voucher(station):
    held = station.hold(7, ITEM)
    assert station.refused("kiosk", *station.as_member(6, "redeem", "cancel", held["voucher"])) == \
        "wrong_voucher"
    assert state_of(station, 7, held["voucher"]) == "held"


def test_staff_cancel_for_a_caller_without_a_pin(station):
    held = station.hold(7, ITEM)
    station.timebox("staff", "redeem", "cancel", held["voucher"])
    assert state_of(station, 7, held["voucher"]) == "cancelled"


def test_a_confirmed_redemption_is_taken_back_by_two(station):
    voucher = station.hold(8, ITEM, "--count", 3)["voucher"]
    station.timebox("outlet", "redeem", "confirm", voucher)
    proposed = station.timebox("staff", "redeem", "reverse", voucher, "--goods", "shelf")
    assert station.refused("staff", "proposal", "approve", proposed["id"]) == "same_person"
    assert station.points(8) == (POINTS - 6, 0)
    station.timebox("second", "proposal", "approve", proposed["id"])
    assert station.points(8) == (POINTS, 0)
    assert state_of(station, 8, voucher) == "reversed"
    assert station.refused("outlet", "redeem", "confirm", voucher) == "already_reversed"


def test_a_voucher_that_is_only_held_cannot_be_reversed(station):
    voucher = station.hold(8, ITEM)["voucher"]
    proposed = station.timebox("staff", "redeem", "reverse", voucher, "--goods", "written-off")
    assert station.refused("second", "proposal", "approve", proposed["id"]) == "not_confirmed"


# --- staff for a member ---

def test_staff_hold_for_a_member_with_a_second_person(station):
    number = station.members[9].number
    station.by_two("redeem", "hold", "--member", number, "--item", ITEM, "--on-behalf")
    held = station.lines("staff", "redeem", "list", "--member", number)
    assert [line["state"] for line in held] == ["held"]
    assert station.timebox("outlet", "redeem", "confirm", held[0]["voucher"])["item"] == ITEM


def test_staff_hold_alone_under_a_delegation_only(station):
    number, worker = station.members[10].number, station.workers[0].number
    hold = ("redeem", "hold", "--member", number, "--item", ITEM, "--delegated")
    assert station.timebox("staff", *hold)["proposed"] is True
    station.by_two("member", "delegate", number, "--to", worker, "--until", station_day(station, 30))
    assert station.timebox("staff", *hold)["voucher"]


# --- PINs ---

def pin_file(station, name, pin):
    path = station.folder / name
    path.write_text(pin + "\n")
    return str(path)


def login_with(station, i, pin):
    return ("redeem", "list", "--member", station.members[i].number, "--pin-file",
            pin_file(station, "typed", pin))


def test_after_a_reset_the_old_pin_is_dead_and_a_hold_needs_a_permit(station):
    someone = station.members[11]
    slip = station.timebox("staff", "member", "pin", someone.number)
    assert slip["reset"] is True
    assert station.refused("kiosk", *login_with(station, 11, someone.pin)) in ("pin_not_set", "wrong_pin")
    someone.pin = "739182"
    set_pin = ("member", "set-pin", someone.number, "--slip", slip["slip"], "--pin-file",
               pin_file(station, "fresh", someone.pin))
    station.timebox("kiosk", *set_pin)
    assert station.refused("kiosk", *set_pin) == "wrong_slip"
    assert station.refused("kiosk", *station.hold_args(11, ITEM)) == "second_person_needed"
    assert station.refused("staff", "redeem", "permit", someone.number) == "same_person"
    station.timebox("second", "redeem", "permit", someone.number)
    assert station.hold(11, ITEM)["voucher"]


def test_a_weak_pin_is_refused_and_the_slip_stays_good(station):
    someone = station.members[12]
    slip = station.timebox("staff", "member", "pin", someone.number)["slip"]
    for weak in ("111111", "123456", "987654"):
        assert station.refused("kiosk", "member", "set-pin", someone.number, "--slip", slip, "--pin-file",
                               pin_file(station, "weak", weak), code=None) == "bad_pin"
    someone.pin = "274918"
    station.timebox("kiosk", "member", "set-pin", someone.number, "--slip", slip, "--pin-file",
                    pin_file(station, "good", someone.pin))


def test_wrong_pins_bring_a_growing_delay_and_nobody_else_is_delayed(station):
    answers = []
    while len(answers) < 12 and "pin_wait" not in answers:
        answers.append(station.refused("kiosk", *login_with(station, 13, "604817")))
    assert answers[0] == "wrong_pin" and answers[-1] == "pin_wait", answers
    # While one waits, the right PIN waits, too; everybody else goes on.
    assert station.refused("kiosk", *login_with(station, 13, station.members[13].pin)) == "pin_wait"
    assert station.hold(14, ITEM)["voucher"]


def test_many_wrong_pins_lock_until_a_slip(moved):
    someone, answers = moved.members[0], []
    while len(answers) < 40 and "pin_locked" not in answers:
        answers.append(moved.refused("kiosk", *login_with(moved, 0, "604817")))
        moved.set_clock(moved.offset_s + 600)
    assert answers[-1] == "pin_locked", answers
    assert moved.refused("kiosk", *login_with(moved, 0, someone.pin)) == "pin_locked"
    slip = moved.timebox("staff", "member", "pin", someone.number)["slip"]
    someone.pin = "739182"
    moved.timebox("kiosk", "member", "set-pin", someone.number, "--slip", slip, "--pin-file",
                  pin_file(moved, "fresh", someone.pin))
    assert moved.lines("kiosk", *login_with(moved, 0, someone.pin)) == []


def test_too_many_wrong_codes_make_an_outlet_wait(station):
    import timebox_code32
    answers = []
    for i in range(14):
        unknown = timebox_code32.encode(b"wrong%05d" % i)
        answers.append(station.refused("hall", "redeem", "check", unknown))
    assert answers[0] == "wrong_voucher" and answers[-1] == "voucher_limit"
    held = station.hold(15, ITEM)
    assert station.timebox("outlet", "redeem", "confirm", held["voucher"])


# --- the clock ---

def test_after_use_by_only_what_was_delivered_by_then_counts(moved):
    first, second = (moved.hold(0, ITEM)["voucher"] for _ in range(2))
    last_day = station_day(moved, HOLD_DAYS)
    moved.move_clock(days=HOLD_DAYS + 1)
    assert moved.refused("outlet", "redeem", "confirm", first) == "too_late"
    assert moved.refused("outlet", "redeem", "check", first) == "too_late"
    assert moved.refused("kiosk", *moved.as_member(0, "redeem", "cancel", first)) == "too_late"
    assert moved.refused("outlet", "redeem", "confirm", first, "--day", station_day(moved)) == "too_late"
    assert moved.timebox("outlet", "redeem", "confirm", first, "--day", last_day)["state"] == "confirmed"
    assert state_of(moved, 0, second) == "held"
    moved.verify()


def test_a_hold_that_nobody_collects_is_released_and_may_still_be_late(moved):
    voucher = moved.hold(1, ITEM, "--count", 2)["voucher"]
    moved.move_clock(days=HOLD_DAYS + GRACE_DAYS + 1)
    assert moved.points(1) == (POINTS, 0)
    assert state_of(moved, 1, voucher) == "released"
    assert moved.refused("outlet", "redeem", "confirm", voucher) == "already_released"
    assert moved.refused("kiosk", *moved.as_member(1, "redeem", "cancel", voucher)) == "already_released"
    moved.by_two("redeem", "late", voucher)
    assert moved.points(1) == (POINTS - 4, 0)
    assert state_of(moved, 1, voucher) == "confirmed"
    moved.verify()


def test_a_late_delivery_without_points_left_is_owed(moved):
    dear = moved.hold(2, "TOWEL", "--count", 2)["voucher"]
    moved.move_clock(days=HOLD_DAYS + GRACE_DAYS + 1)
    spend = moved.hold(2, ITEM, "--count", POINTS // 2)["voucher"]
    moved.timebox("outlet", "redeem", "confirm", spend)
    assert moved.points(2) == (0, 0)
    moved.by_two("redeem", "late", dear)
    shown = moved.timebox("staff", "member", "show", moved.members[2].number)
    assert shown["points"]["available"] == 0 and shown["debt"] == 2 * ITEMS["TOWEL"][0]
    moved.verify()


def test_a_late_delivery_is_not_possible_while_it_is_held(moved):
    voucher = moved.hold(3, ITEM)["voucher"]
    proposed = moved.timebox("staff", "redeem", "late", voucher)
    assert moved.refused("second", "proposal", "approve", proposed["id"]) == "not_due"


# --- gifts, where the rules allow them ---

def test_gifts_between_members_move_points_where_the_rules_allow_them(tmp_path):
    made = RedeemStation(tmp_path, members=2, gift=types_pb2.GIFT_POLICY_ANYONE)
    try:
        made.timebox("kiosk", *made.as_member(0, "gift", made.members[1].number, 60))
        assert made.points(0) == (POINTS - 60, 0) and made.points(1) == (POINTS + 60, 0)
        too_much = made.as_member(0, "gift", made.members[1].number, POINTS)
        assert made.refused("kiosk", *too_much) == "insufficient_points"
        to_oneself = made.as_member(0, "gift", made.members[0].number, 1)
        assert made.refused("kiosk", *to_oneself) == "same_person"
        made.verify()
    finally:
        made.close()
