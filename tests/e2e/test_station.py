"""Four years of a station's spreadsheets, from the files to every member's points."""
import csv
import datetime
import io
import time

import pytest

import station as st
from station import DATA, SERVICES, SampleStation

IMPORT_LIMIT_S, ATTEST_LIMIT_S = 3, 2


@pytest.fixture(scope="module")
def imported(shared):
    """What the dry run, the import, and the same import again printed, and how long it took."""
    before = shared.last_seq()
    shared.dry = shared.lines("an", "service", "import", SERVICES, "--dry-run", code=5)
    shared.changed_by_dry_run = shared.last_seq() - before
    start = time.monotonic()
    shared.first = shared.lines("an", "service", "import", SERVICES, "--rejects", shared.folder / "rejects.csv",
                                code=5)
    shared.import_s = time.monotonic() - start
    shared.batch = shared.first[-1]["batch"]
    return shared


@pytest.fixture(scope="module")
def credited(imported):
    start = time.monotonic()
    imported.attested = imported.attest(imported.batch)
    imported.attest_s = time.monotonic() - start
    return imported


# --- the sheets of people and things ---

def test_every_sheet_goes_in_and_only_once(tmp_path):
    station = SampleStation(tmp_path)
    try:
        station.import_people()
        for kind, file in (("catalogue", "catalogue"), ("member", "members"), ("partner", "partners"),
                           ("item", "items"), ("donation", "donations")):
            before = station.last_seq()
            again = station.last("an", kind, "import", DATA / (file + ".csv"), code=3)
            assert again["accepted"] == 0 and again["refused"] == 0
            assert again["already"] == again["rows"]
            assert station.last_seq() == before
        shown = station.last("an", "member", "show", "77763179")
        assert shown["kin"], "the kin column was not taken in"
    finally:
        station.close()


def test_a_dry_run_of_people_changes_nothing(tmp_path):
    station = SampleStation(tmp_path)
    try:
        before = station.last_seq()
        said = station.last("an", "member", "import", DATA / "members.csv", "--dry-run")
        assert said["accepted"] == said["rows"] == len(st.members()) and said["dry_run"] is True
        assert station.last_seq() == before
    finally:
        station.close()


def test_rows_that_are_wrong_do_not_keep_the_others_out(tmp_path):
    station = SampleStation(tmp_path)
    try:
        rows = (DATA / "members.csv").read_text(encoding="utf-8-sig").splitlines()
        head, first, other = rows[0], rows[6].split(","), rows[7].split(",")
        first[-1] = other[-1] = ""
        unknown_kin = list(other)
        unknown_kin[-1] = st.members()[100]["志愿者编号"]
        bad_day = list(other)
        bad_day[8] = "2020-02-30"
        sheet = tmp_path / "people.csv"
        sheet.write_text("\n".join([head] + [",".join(r) for r in (first, unknown_kin, bad_day, first)]) + "\n",
                         encoding="utf-8")
        lines = station.lines("an", "member", "import", sheet, code=5)
        assert [(line["line"], line["verdict"], line["field"]) for line in lines[:-1]] == [
            (3, "unknown_member", "亲属编号"), (4, "bad_date", "加入日期"), (5, "duplicate", "志愿者编号")]
        assert (lines[-1]["accepted"], lines[-1]["refused"]) == (1, 3)
    finally:
        station.close()


def test_a_wrong_head_is_told_before_anything_is_sent(sample):
    before = sample.last_seq()
    assert sample.last("an", "service", "import", DATA / "members.csv", code=2)["error"] == "bad_field"
    assert sample.last("an", "member", "import", SERVICES, code=2)["error"] == "bad_field"
    assert sample.last_seq() == before


def test_in_an_open_station_partners_and_rates_wait_for_a_second_person(sample):
    sample.enrol_devices().open()
    sheet = sample.folder / "partners.csv"
    sheet.write_text("编号,类型,名称,协议生效,协议到期\nP90,爱心商企,新店,2024-01-01,\n", encoding="utf-8")
    said = sample.last("an", "partner", "import", sheet)
    assert (said["accepted"], said["proposed"], len(said["ids"])) == (1, 1, 1)
    assert sample.last("an", "proposal", "approve", said["ids"][0], code=1)["error"] == "same_person"
    sample.last("bai", "proposal", "approve", said["ids"][0])


# --- the service records ---

def test_every_row_has_the_expected_verdict(imported):
    assert st.verdicts(imported.first) == st.expected_verdicts()
    assert [line["line"] for line in imported.first[:-1]] == sorted(st.expected_verdicts())


def test_the_sum_counts_every_reason(imported):
    expected, said = st.expected_totals(), imported.first[-1]
    assert said["accepted"] == expected["accepted"] and said["by_reason"] == expected["refused"]
    assert said["rows"] == said["accepted"] + said["refused"] == len(st.expected_verdicts())


def test_the_import_is_quick(imported):
    assert imported.import_s <= IMPORT_LIMIT_S


def test_a_dry_run_says_the_same_and_changes_nothing(imported):
    assert imported.changed_by_dry_run == 0
    assert imported.dry[:-1] == imported.first[:-1]
    assert imported.dry[-1]["dry_run"] is True and imported.dry[-1]["by_reason"] == imported.first[-1]["by_reason"]


def test_the_same_file_again_is_recognised(imported):
    before = imported.last_seq()
    for more in ([], ["--dry-run"]):
        again = imported.lines("an", "service", "import", SERVICES, *more, code=3)
        assert st.verdicts(again) == st.verdicts(imported.first)
        assert again[-1]["already"] is True and again[-1]["batch"] == imported.batch
    assert imported.lines("bai", "service", "import", SERVICES, code=3)[-1]["batch"] == imported.batch
    assert imported.last_seq() == before


def test_the_refused_rows_are_a_file_to_repair(imported):
    data = (imported.folder / "rejects.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data[3:].decode("utf-8"), newline="")))
    records, expected = st.services(), st.expected_verdicts()
    refused = [line for line in sorted(expected) if expected[line] != "ok"]
    assert rows[0][:12] == records[0] and len(rows[0]) == 14
    assert len(rows) == len(refused) + 1
    for row, line in zip(rows[1:], refused):
        assert row[:-2] == records[line - 1] and row[-2] == expected[line] and row[-1]


def test_whoever_imported_may_not_attest(imported):
    refused = imported.last("an", "service", "attest", "--batch", imported.batch, code=1)
    assert refused["error"] == "same_person"


def test_what_is_attested_is_shown_before(imported):
    """Without --yes, and no terminal to ask on: shown, and not done."""
    asked = imported.start("bai", "service", "attest", "--batch", imported.batch, yes=False)
    shown = imported.finish(asked, code=2)[0]
    totals = st.expected_totals()
    assert shown["records"] == totals["accepted"]
    assert shown["minutes"] == totals["minutes_measured"] + totals["minutes_backfilled"]
    assert {m["member"]: (m["records"], m["minutes"]) for m in shown["members"]} == {
        number: (m["records"], m["minutes"]) for number, m in totals["members"].items() if m["records"]}
    assert shown["top"][0]["minutes"] == max(m["minutes"] for m in totals["members"].values())
    assert len(shown["sample"]) == 5 and shown["rates"]


def test_every_members_hours_points_and_carry_are_as_expected(credited):
    totals, report = st.expected_totals(), credited.report()
    assert credited.attested["state"] == "credited" and credited.attested["records"] == totals["accepted"]
    assert credited.attested["minutes"] == totals["minutes_measured"] + totals["minutes_backfilled"]
    assert sorted(report) == sorted(row["志愿者编号"] for row in st.members())
    for number, line in report.items():
        expected = totals["members"].get(number, dict.fromkeys(("records", "minutes", "points", "carry_minutes"), 0))
        assert (line["records"], line["minutes"], line["points"], line["carry_minutes"], line["debt"]) == (
            expected["records"], expected["minutes"], {"available": expected["points"], "held": 0},
            expected["carry_minutes"], 0), number
    assert sum(line["points"]["available"] for line in report.values()) == totals["points"]
    assert sum(line["carry_minutes"] for line in report.values()) == totals["carry_minutes"]


def test_the_report_is_in_order_of_the_numbers(credited):
    numbers = [line["member"] for line in credited.lines("bai", "report", "members")]
    assert numbers == sorted(numbers)


def test_attesting_is_quick(credited):
    assert credited.attest_s <= ATTEST_LIMIT_S


def test_a_batch_is_attested_once(credited):
    assert credited.last("bai", "service", "attest", "--batch", credited.batch, code=3)["error"] == "already_done"
    assert credited.last("an", "service", "withdraw", "--batch", credited.batch, code=1)["error"] == "batch_state"


# --- rows left out, batches taken back ---

def test_rows_can_be_left_out(sample):
    batch = sample.import_services()
    accepted = [line for line, verdict in st.expected_verdicts().items() if verdict == "ok"]
    refused = next(line for line, verdict in st.expected_verdicts().items() if verdict != "ok")
    left_out = [accepted[0], accepted[700], accepted[-1]]
    more = [word for line in left_out for word in ("--leave-out", line)]
    assert sample.last("bai", "service", "attest", "--batch", batch, "--leave-out", refused, code=2)["error"] == "not_found"
    done = sample.attest(batch, *more)
    assert done["records"] == len(accepted) - len(left_out)
    report, totals, records = sample.report(), st.expected_totals(), st.services()
    for number, expected in totals["members"].items():
        gone = sum(records[line - 1][7].strip() == number for line in left_out)
        assert report[number]["records"] == expected["records"] - gone


def test_a_withdrawn_batch_frees_its_rows(sample):
    first = sample.lines("an", "service", "import", SERVICES, code=5)
    sample.last("an", "service", "withdraw", "--batch", first[-1]["batch"])
    again = sample.lines("an", "service", "import", SERVICES, code=5)
    assert st.verdicts(again) == st.verdicts(first)
    assert again[-1]["batch"] != first[-1]["batch"] and "already" not in again[-1]
    assert sample.last("an", "service", "withdraw", "--batch", first[-1]["batch"], code=1)["error"] == "batch_state"
    sample.attest(again[-1]["batch"])
    assert sum(line["points"]["available"] for line in sample.report().values()) == st.expected_totals()["points"]


def test_a_reversed_batch_leaves_debts_where_points_were_spent(sample):
    batch = sample.import_services()
    sample.attest(batch)
    sample.enrol_devices().open()
    spender = max(sample.report().values(), key=lambda line: line["points"]["available"])["member"]
    spent = sample.redeem(spender, "I03", 2)
    assert spent > 0
    proposed = sample.last("an", "service", "reverse", "--batch", batch)
    assert proposed["proposed"] is True
    assert sample.last("an", "proposal", "approve", proposed["id"], code=1)["error"] == "same_person"
    sample.last("bai", "proposal", "approve", proposed["id"])
    sample.wait_for(lambda: all(line["minutes"] == 0 for line in sample.report().values()))
    for number, line in sample.report().items():
        assert line["points"] == {"available": 0, "held": 0} and line["carry_minutes"] == 0
        assert line["records"] == 0 and line["debt"] == (spent if number == spender else 0), number
    # The same rows again, in an open station: they are typed in afterwards now, and do not convert.
    again = sample.lines("an", "service", "import", SERVICES, code=5)
    assert again[-1]["batch"] != batch and st.verdicts(again) == st.expected_verdicts()
    sample.attest(again[-1]["batch"])
    totals = st.expected_totals()
    report = sample.report()
    assert sum(line["minutes"] for line in report.values()) == totals["minutes_measured"] + totals["minutes_backfilled"]
    assert all(line["points"]["available"] == 0 for line in report.values())


# --- interruptions ---

def many_rows(path, days):
    """A sheet of one row a day for one member, all right."""
    row = next(r for r in st.members() if r["类别"] != "专职")
    day = datetime.date.fromisoformat(row["加入日期"])
    lines = ["活动名称,项目编码,服务日期,开始时间,结束时间,地点,社区,志愿者编号,服务对象编号,负责人,记录单位,方式"]
    for i in range(days):
        for hour in range(24):
            lines.append("读书,203,%s,%d:00,%d:59,家中,望麓社区,%s,,社工甲,社工站,打卡" % (
                day + datetime.timedelta(days=i), hour, hour, row["志愿者编号"]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines) - 1


@pytest.mark.parametrize("after_s", [0.05, 0.15, 0.3, 0.6])
def test_an_import_goes_on_after_the_daemon_was_killed(sample, tmp_path, after_s):
    rows = many_rows(tmp_path / "many.csv", 200)
    process = sample.start("an", "service", "import", tmp_path / "many.csv")
    time.sleep(after_s)
    sample.daemon.kill()
    sample.daemon.listen = sample.daemon.address
    sample.daemon.start()
    out, err = process.communicate(timeout=120)
    # It may not even have been connected yet: then it says so, and nothing is lost.
    assert process.returncode in (0, 3, 4), (out[-500:], err)
    last = sample.last("an", "service", "import", tmp_path / "many.csv", code=0 if process.returncode == 4 else 3)
    assert last["accepted"] == last["rows"] == rows
    assert sample.attest(last["batch"])["records"] == rows


# --- single records ---

def test_a_typed_record_is_a_batch_of_one(sample):
    someone = next(r for r in st.members() if r["类别"] != "专职")
    row = ["service", "add", "--member", someone["志愿者编号"], "--item", "203", "--day", "2023-05-06",
           "--area", "望麓社区", "--beneficiary", "D900", "--activity", "读书"]
    before = sample.last_seq()
    assert sample.last("an", *row, "--start", "10:00", "--end", "9:00", code=1)["error"] == "end_before_start"
    added = sample.last("an", *row, "--start", "9:00", "--end", "10:30")
    assert sample.last_seq() > before
    assert sample.last("an", *row, "--start", "9:00", "--end", "10:30", code=1)["error"] == "duplicate"
    assert sample.last("an", *row, "--start", "10:00", "--end", "10:45", code=1)["error"] == "overlap"
    assert sample.last("an", "service", "attest", "--batch", added["batch"], code=1)["error"] == "same_person"
    assert sample.attest(added["batch"])["minutes"] == 90
    assert sample.report()[someone["志愿者编号"]]["minutes"] == 90
