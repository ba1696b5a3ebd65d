"""Receipts: the proof of an act as a file, checked without the station; and its short form from a slip."""
import base64
import json
import os
import subprocess

import pytest

from redeem_station import RedeemStation
from small_station import ITEM, TIMEBOX
from test_audit import AuditStation
from timebox_schema import act_pb2, entry_pb2


def offline(tmp_path, *args, code=0):
    """`timebox` on a machine that has no home; the object it prints."""
    done = subprocess.run([TIMEBOX, "--home", str(tmp_path / "none"), *map(str, args), "--json"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, text=True,
                          env=dict(os.environ, LC_ALL="C.UTF-8", TIMEBOX_LANG="en"))
    assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def not_proved(station, name, *args):
    done = station.run(name, *args)
    assert done.returncode == 6, (args, done.stdout, done.stderr)
    assert json.loads(done.stdout)["ok"] is False


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    station = AuditStation(tmp_path_factory.mktemp("receipt"))
    try:
        station.set_up(members=1, rows=1).open()
        yield station
    finally:
        station.close()


def test_a_receipt_is_saved_and_checked_offline(station, tmp_path):
    held = station.hold(0, ITEM)
    saved = station.timebox("kiosk", "receipt", "save", held["seq"], tmp_path / "a")
    assert (saved["seq"], saved["short"]) == (held["seq"], held["receipt"])
    text = (tmp_path / "a").read_text()
    lines = text.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1" and lines[2] == "index %d" % (held["seq"] - 1)
    assert base64.b64decode(lines[1].split(" ")[1]).hex() == saved["leaf"]
    checked = offline(tmp_path, "receipt", "check", tmp_path / "a", "--vkey", station.init["vkey"],
                      "--slip", held["receipt"].lower())
    assert checked["ok"] and checked["seq"] == held["seq"] and checked["size"] >= held["seq"]
    # the home knows the key; a file that is there is not written over
    assert station.timebox("outlet", "receipt", "check", tmp_path / "a")["ok"]
    assert RedeemStation.refused(station, "kiosk", "receipt", "save", held["seq"], tmp_path / "a", code=None) == "already_exists"
    # every line that is changed is found
    for i, line in enumerate(lines):
        if not line:
            continue
        at = len(line) // 2
        other = lines[:i] + [line[:at] + ("A" if line[at] != "A" else "B") + line[at + 1:]] + lines[i + 1:]
        (tmp_path / "b").write_text("\n".join(other))
        not_proved(station, "kiosk", "receipt", "check", tmp_path / "b")
    # another act's slip
    other = station.timebox("staff", "receipt", "get", held["seq"] - 1)
    assert other["proof"].startswith("c2sp.org/tlog-proof@v1\n")
    not_proved(station, "kiosk", "receipt", "check", tmp_path / "a", "--slip", other["short"])


def test_by_request_id_too_and_only_to_whom_it_belongs(station):
    held = station.hold(0, ITEM)
    with station.connect("staff") as staff:
        entry = entry_pb2.Entry.FromString(staff.entries(held["seq"])[-1])
    request_id = act_pb2.Act.FromString(entry.act).request_id
    assert station.timebox("kiosk", "receipt", "get", request_id.hex())["seq"] == held["seq"]
    assert station.timebox("auditor", "receipt", "get", held["seq"])["seq"] == held["seq"]
    for name, what in (("outlet", held["seq"]), ("outlet", request_id.hex()), ("auditor", 999999)):
        assert RedeemStation.refused(station, name, "receipt", "get", what) == "not_found"


def test_a_slip_is_checked_against_daemon_and_export(station, tmp_path):
    held = station.hold(0, ITEM)
    assert station.timebox("kiosk", "receipt", "slip", held["receipt"])["ok"]
    station.export(tmp_path / "copy")
    where = ["--export", tmp_path / "copy"]
    assert offline(tmp_path, "receipt", "slip", held["receipt"], *where)["ok"]
    number, code = held["receipt"].split("-", 1)
    wrong = "%d-%s" % (int(number) - 1, code)
    assert offline(tmp_path, "receipt", "slip", wrong, *where, code=6)["ok"] is False
    not_proved(station, "auditor", "receipt", "slip", wrong)
    assert RedeemStation.refused(station, "kiosk", "receipt", "slip", held["receipt"][:-1] + "?", code=2) == "bad_code"
    late = station.hold(0, ITEM)
    assert offline(tmp_path, "receipt", "slip", late["receipt"], *where, code=6)["ok"] is False
