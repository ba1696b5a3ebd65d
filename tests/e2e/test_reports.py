"""Reports: what audits found stands in them, and every member does, however many there are."""
import os
import subprocess
import time

import pytest

import small_station as small
from redeem_station import RedeemStation
from small_station import TIMEBOX, Draft, effects, tc, types_pb2
from test_privacy_acts import Privacy


class ReportStation(Privacy):
    """Its keys have homes for the `timebox` command."""
    home, run, lines, timebox, refused = (RedeemStation.home, RedeemStation.run, RedeemStation.lines,
                                          RedeemStation.timebox, RedeemStation.refused)

    def words(self, *args, lang="en"):
        done = subprocess.run([TIMEBOX, "--home", str(self.home("staff")), *args, "--lang", lang], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, timeout=60, text=True, env=dict(os.environ, LC_ALL="C.UTF-8"))
        assert done.returncode == 0
        return done.stdout


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    made = ReportStation(tmp_path_factory.mktemp("reports"))
    try:
        yield made.prepare()
    finally:
        made.close()


def counts(found=0, missing=0, differs=0, still=0):
    return {"found": found, "missing": missing, "differs": differs, "open": still}


def test_findings_are_counted_and_the_open_ones_listed(station):
    mine, other = ("%d.%d" % (station.rows_entry.seq, i) for i in (0, 1))
    mine = mine[:-2]  # as ids are shown
    assert station.lines("staff", "report", "findings") == [counts()]
    assert "Audits" not in station.words("report", "members")
    station.timebox("auditor", "audit", "finding", mine, "missing")
    station.timebox("auditor", "audit", "finding", other, "found")
    for name in ("staff", "auditor"):
        shown, total = station.lines(name, "report", "findings")
        assert total == counts(found=1, missing=1, still=1)
        assert (shown["record"], shown["member"], shown["outcome"], shown["open"]) == \
            (mine, station.person.number, "missing", True)
        assert shown["key"] == station.keys["auditor"].public.hex() and shown["scan"] is None
    assert [line.get("outcome") for line in station.lines("staff", "report", "findings", "--all")] == \
        ["missing", "found", None]
    assert "2 records: 1 found, 1 missing, 0 differ; 1 open." in station.words("report", "members")
    assert "审计抽查了 2 条记录的原始单据:相符 1,缺失 1,不符 0;待处理 1。" in station.words("report", "members", lang="zh")
    table = station.words("report", "findings", lang="zh")
    assert "单据缺失" in table and station.person.number in table and "单据相符" not in table
    # A later finding about the same record takes the place of the earlier one.
    station.timebox("auditor", "audit", "finding", mine, "differs")
    shown, total = station.lines("staff", "report", "findings")
    assert (shown["outcome"], shown["findings"]) == ("differs", 2) and total == counts(found=1, differs=1, still=1)
    # What was taken back is dealt with; it is counted still.
    proposal = station.timebox("staff", "service", "reverse", "--batch", station.batch.hex())
    station.timebox("second", "proposal", "approve", proposal["id"])
    with station.connect("staff") as staff:
        until = time.monotonic() + 20
        while staff.call("get_batch", batch=station.batch).state != types_pb2.BATCH_STATE_REVERSED:
            assert time.monotonic() < until
            time.sleep(0.02)
    assert station.lines("staff", "report", "findings") == [counts(found=1, differs=1)]
    (first, _, _) = station.lines("staff", "report", "findings", "--all")
    assert (first["state"], first["open"]) == ("reversed", False)


def test_findings_are_for_staff_and_auditors(station):
    for name in ("kiosk", "outlet"):
        assert station.refused(name, "report", "findings") == "not_allowed"


def test_every_member_is_reported_once_where_a_page_ends_with_erased_ones(station):
    def add(staff, first, count):
        draft = Draft()
        for i in range(first, first + count):
            draft.add("member_add", small.person(small.member_number(20000 + i), "某某"), joined_day=15000,
                      **{"class": types_pb2.MEMBER_CLASS_RESIDENT})
        return [e.id for e in effects(draft.send(staff), "MEMBER_ADDED")]

    with station.connect("staff") as staff, station.connect("second") as second:
        here = len(station.lines("staff", "report", "members"))
        added = [m for first in range(0, 1010 - here, 101) for m in add(staff, first, min(101, 1010 - here - first))]
        for member in added[:15]:
            proposal = Draft().add("erase", member=member, scope=1, ground=1).send(staff)
            Draft().add("approve", ref=tc.ref_to(proposal)).send(second)
    lines = station.lines("staff", "report", "members")
    assert len(lines) == 1010
    assert [line["member"] for line in lines].count("") == 15
