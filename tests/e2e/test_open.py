"""Openings as files: made by staff for somebody outside, who checks them without the station; and that the person sees each."""
import os
import shutil
import subprocess

import pytest

import small_station as small
from redeem_station import RedeemStation
from small_station import TIMEBOX, Draft, act_pb2, rpc_pb2
from test_kiosk import Terminal, log_in
from test_privacy_acts import INSPECTION, NAME, PHONE, PLACE, Privacy, leaf_of
from test_receipt import offline

LETTER = "检查函三号"


class OpenStation(Privacy):
    """Its keys have homes for the `timebox` command."""
    home, run, lines, timebox, refused = (RedeemStation.home, RedeemStation.run, RedeemStation.lines,
                                          RedeemStation.timebox, RedeemStation.refused)

    def opening(self, what, file, *more, member=True, ground="inspection"):
        who = ["--member", self.person.number] if member else []
        return ["open", what, file, *who, "--ground", ground, "--reference", LETTER, *more]

    def size(self):
        with self.connect("auditor") as auditor:
            return auditor.call("get_entries", from_seq=1, limit=1).last_seq


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    made = OpenStation(tmp_path_factory.mktemp("open"))
    try:
        yield made.prepare()
    finally:
        made.close()


@pytest.fixture(scope="module")
def opened(station):
    """The person's record, opened; the file."""
    file = station.folder / "opening"
    station.timebox("staff", *station.opening("%d.0" % station.rows_entry.seq, file))
    return file


def check(station, tmp_path, file, *more, code=0):
    return offline(tmp_path, "open", "check", file, "--vkey", station.init["vkey"], *more, code=code)


def test_what_was_opened_is_proved_without_the_station(station, opened, tmp_path):
    assert opened.stat().st_mode & 0o777 == 0o600
    said = check(station, tmp_path, opened)
    assert said["ok"] and said["id"] == str(station.rows_entry.seq) and said["command"] == "service_rows"
    assert (said["member"], said["ground"], said["reference"]) == (station.person.id, "inspection", LETTER)
    assert said["text"] == {"activity": "陪伴", "place": PLACE, "unit": "社工站"}
    with station.connect("staff") as staff:
        history = staff.call("get_history", member=station.person.id).lines
    assert str(history[0].seq) == said["opened"]
    again = tmp_path / "again"
    station.timebox("second", "open", "save", said["opened"], again)
    assert check(station, tmp_path, again)["text"] == said["text"]


def test_a_person_s_data_and_a_second_row_are_opened_by_their_places(station, tmp_path):
    station.timebox("staff", *station.opening(station.person_entry, tmp_path / "person", ground="consent"))
    said = check(station, tmp_path, tmp_path / "person")
    assert said["ground"] == "consent" and (said["text"]["name"], said["text"]["phone"]) == (NAME, PHONE)
    other = station.members[0]
    station.timebox("staff", "open", "%d.1" % station.rows_entry.seq, tmp_path / "row", "--member", other.number,
                    "--ground", "inspection", "--reference", LETTER)
    said = check(station, tmp_path, tmp_path / "row")
    assert (said["id"], said["member"]) == ("%d.1" % station.rows_entry.seq, other.id)


def test_every_byte_of_the_file_counts(station, opened, tmp_path):
    whole = opened.read_bytes()
    for at in [*range(0, len(whole), 13), len(whole) - 1]:
        (tmp_path / "other").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        assert not check(station, tmp_path, tmp_path / "other", code=6)["ok"], at
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        (tmp_path / "other").write_bytes(whole[:size])
        check(station, tmp_path, tmp_path / "other", code=6)


def test_another_text_another_place_and_another_ledger_are_told(station, opened, tmp_path):
    m = rpc_pb2.Opening.FromString(opened.read_bytes())

    def changed(**fields):
        other = rpc_pb2.Opening.FromString(m.SerializeToString())
        for name, value in fields.items():
            setattr(other, name, value)
        (tmp_path / "other").write_bytes(other.SerializeToString())
        return check(station, tmp_path, tmp_path / "other", code=6)["why"]

    text = rpc_pb2.RecordText.FromString(m.text)
    text.place = "别处"
    assert "not what the entry committed to" in changed(text=text.SerializeToString())
    assert "not what the entry committed to" in changed(reference=rpc_pb2.NameText(name="检查函四号").SerializeToString())
    for key in (b"", m.key[:-1], m.key + b"\0", bytes(100)):
        assert "not what the entry committed to" in changed(key=key)
    assert "opens something else" in changed(row=1)
    assert "opens something else" in changed(entry=m.opening)
    assert "opens something else" in changed(opening=m.entry)
    assert "other entries" in changed(entry_proof=m.opening_proof)
    assert "other entries" in changed(opening_proof=m.entry_proof)
    assert "no receipt" in changed(opening_proof="")
    stranger = small.init(tmp_path / "stranger", "station.example/other")["vkey"]
    assert "another ledger" in offline(tmp_path, "open", "check", opened, "--vkey", stranger, code=6)["why"]
    same_name = small.init(tmp_path / "same")["vkey"]
    assert "not signed" in offline(tmp_path, "open", "check", opened, "--vkey", same_name, code=6)["why"]


def test_an_export_has_to_have_the_same_entry(station, opened, tmp_path):
    station.lines("auditor", "audit", "export", tmp_path / "copy")
    assert check(station, tmp_path, opened, "--export", tmp_path / "copy")["ok"]
    (tile,) = (tmp_path / "copy" / "tile" / "0").glob("*")
    data = bytearray(next(tile.glob("*")).read_bytes() if tile.is_dir() else tile.read_bytes())
    data[32 * (station.rows_entry.seq - 1)] ^= 1
    (next(tile.glob("*")) if tile.is_dir() else tile).write_bytes(data)
    assert "another entry" in check(station, tmp_path, opened, "--export", tmp_path / "copy", code=6)["why"]
    assert check(station, tmp_path, opened, "--export", tmp_path / "nothing", code=2)["error"] == "not_found"


def test_nothing_is_opened_without_ground_person_and_a_place_to_put_it(station, tmp_path):
    record, file, before = "%d.0" % station.rows_entry.seq, tmp_path / "file", station.size()
    ask = station.opening(record, file)
    without = [w for i, w in enumerate(ask) if "--reference" not in ask[i - 1:i + 1]]
    assert station.refused("staff", *without, code=2) == "missing_field"
    assert station.refused("staff", *station.opening(record, file, ground="request"), code=2) == "bad_field"
    assert station.refused("staff", *station.opening(record, file, member=False)) == "bad_field"
    wrong = [station.members[1].number if w == station.person.number else w for w in ask]
    assert station.refused("staff", *wrong) == "bad_field"
    assert station.refused("staff", *station.opening("%d.7" % station.rows_entry.seq, file)) == "not_found"
    assert station.refused("staff", *station.opening("99999", file), code=2) == "not_found"
    assert station.refused("auditor", *station.opening(record, file), code=None) == "not_allowed"
    assert not file.exists()
    file.write_text("mine")
    assert station.refused("staff", *ask, code=2) == "already_exists"
    assert file.read_text() == "mine"
    assert station.size() == before
    asked = subprocess.run([TIMEBOX, "--home", str(station.home("staff")), *station.opening(record, str(tmp_path / "b"))],
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert asked.returncode == 2 and not (tmp_path / "b").exists() and station.size() == before


def test_the_person_sees_it_in_words(station, opened):
    done = subprocess.run([TIMEBOX, "--home", str(station.home("staff")), "history", station.person.number, "--lang", "zh"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=30, text=True,
                          env=dict(os.environ, LC_ALL="C.UTF-8"))
    assert done.returncode == 0 and "私密内容被调阅" in done.stdout


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_the_person_sees_it_at_the_kiosk(station, opened, tmp_path):
    terminal = Terminal(tmp_path / "t", [TIMEBOX, "--home", str(station.home("kiosk")), "kiosk"])
    try:
        log_in(terminal, station.person)
        terminal.keys("5")
        terminal.wait("私密内容被调阅")
    finally:
        terminal.close()


def test_no_other_command_of_the_act_hides_it(station):
    seq, member = station.rows_entry.seq, station.person.id
    with station.connect("staff") as staff:
        now = staff.now_us()
        activity = Draft().add("activity_add", "合唱", item=small.SERVICE, start_us=now - 60 * 1000000,
                               end_us=now + 3600 * 1000000).send(staff)
        ref = act_pb2.Ref(seq=seq, leaf=leaf_of(station, seq))
        both = Draft().add("text_open", LETTER, ref=ref, member=member, ground=INSPECTION)
        both.add("check_in", ref=act_pb2.Ref(seq=activity.seq, leaf=activity.leaf), members=[member])
        receipt = both.send(staff)
        line = staff.call("get_history", member=member).lines[0]
        assert (line.seq, line.command) == (receipt.seq, 81)
