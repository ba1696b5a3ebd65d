"""The ledger's key is changed: what everybody who knew the one before goes on doing, and where that needs a hand."""
import json
import os
import shutil
import subprocess
import time

import pytest

from corrupt import verdict
from redeem_station import RedeemStation
from small_station import ITEM, TIMEBOXD, Draft
from test_backup import check, timeboxd
from test_privacy_acts import NAME, Privacy
from test_receipt import offline
from test_witness import WitnessedStation, timebox, witness_of
from timebox_schema import types_pb2


class Rotated(WitnessedStation):
    rotate_key = RedeemStation.rotate_key

    def known(self, name, vkey):
        """The home of that name, of somebody who was told that verifier key, and nothing since."""
        folder = self.folder / "known" / name
        if not folder.exists():
            shutil.copytree(self.home(name), folder)
        lines = (self.home(name) / "station").read_text().splitlines()
        (folder / "station").write_text("".join(
            "vkey=%s\n" % vkey if line.startswith("vkey=") else line + "\n" for line in lines))
        return folder

    def by(self, name, *args, code=0):
        """A command in the home of somebody who was told the first key."""
        return timebox("--home", self.known(name, self.init["vkey"]), *args, code=code)

    def term(self):
        with self.connect("staff") as staff:
            return Draft().add("term_add", "片区", term=types_pb2.TERM_KIND_AREA).send(staff).seq


@pytest.fixture
def station(tmp_path):
    station = Rotated(tmp_path)
    station.witnesses = []
    try:
        station.set_up(members=1, rows=1).open()
        yield station
    finally:
        station.close()
        for witness in station.witnesses:
            witness.stop(9)


def test_an_export_is_carried_on_and_verified_with_either_key(station, tmp_path):
    out = tmp_path / "out"
    station.by("auditor", "audit", "export", out)
    assert (out / "vkey").read_text() == station.init["vkey"] + "\n"
    said = station.rotate_key()
    station.term()
    station.by("auditor", "audit", "export", out)
    assert (out / "vkey").read_text() == said["vkey"] + "\n"
    for vkey in (said["before"], said["vkey"], None):
        report = verdict(out, vkey, depth=3)
        assert report["ledger_keys"] == [
            {"vkey": said["before"], "from": 1}, {"vkey": said["vkey"], "from": said["from"]}]


def test_receipts_of_all_times_are_checked_with_any_of_the_keys(station, tmp_path):
    old, new, keys = tmp_path / "old", tmp_path / "new", tmp_path / "ledger-keys"
    seq = station.hold(0, ITEM)["seq"]
    station.by("kiosk", "receipt", "save", seq, old)
    said = station.rotate_key()
    station.term()
    # Whoever knows one key only checks what it signed, and is told what to do about the rest.
    assert offline(tmp_path, "receipt", "check", old, "--vkey", said["before"])["ok"]
    assert "--keys" in offline(tmp_path, "receipt", "check", old, "--vkey", said["vkey"], code=6)["why"]
    station.by("kiosk", "receipt", "save", seq, new)
    assert "--keys" in offline(tmp_path, "receipt", "check", new, "--vkey", said["before"], code=6)["why"]
    # The home asked on the way, and knows.
    for receipt in (old, new):
        assert station.by("kiosk", "receipt", "check", receipt)["ok"]
    told = station.by("outlet", "station", "keys", keys)
    assert [k["vkey"] for k in told["keys"]] == [said["before"], said["vkey"]]
    station.by("auditor", "audit", "export", tmp_path / "out")
    for receipt in (old, new):
        for vkey in (said["before"], said["vkey"]):
            for path in (keys, tmp_path / "out"):
                assert offline(tmp_path, "receipt", "check", receipt, "--vkey", vkey, "--keys", path)["ok"]
    # A file that proves nothing about the key that is known, or was changed.
    data = bytearray(keys.read_bytes())
    data[len(data) // 2] ^= 1
    keys.write_bytes(data)
    assert offline(tmp_path, "receipt", "check", new, "--vkey", said["before"], "--keys", keys, code=6)["error"] == "corrupt"


def test_a_watch_goes_over_by_itself(station, tmp_path):
    first = station.by("auditor", "audit", "watch", tmp_path / "seen")["size"]
    station.rotate_key()
    second = station.by("auditor", "audit", "watch", tmp_path / "seen")
    assert (second["before"], second["size"]) == (first, first + 1)
    station.rotate_key()
    station.term()
    assert station.by("auditor", "audit", "watch", tmp_path / "seen")["size"] == first + 3


def test_a_home_that_knows_a_key_of_another_ledger_is_told_so(station, tmp_path):
    station.rotate_key()
    timeboxd("init", tmp_path / "other", "--origin", station.init["origin"])
    stranger = json.loads(subprocess.run([TIMEBOXD, "rotate-key", str(tmp_path / "other"), "--json"],
                                         stdout=subprocess.PIPE, check=True, timeout=60).stdout)["vkey"]
    home = station.known("auditor", stranger)
    assert timebox("--home", home, "station", "keys", code=6)["error"] == "unknown_key"
    assert timebox("--home", home, "audit", "export", tmp_path / "out", code=6)["error"] == "unknown_key"


def test_a_home_does_not_forget_a_key_when_an_older_ledger_is_served(station, tmp_path):
    timeboxd("backup", station.dir, "--to", tmp_path / "old")
    said = station.rotate_key()
    station.by("auditor", "audit", "export", tmp_path / "out")
    station.daemon.stop()
    timeboxd("restore", tmp_path / "old", "--into", tmp_path / "back")
    station.daemon.folder = tmp_path / "back"
    station.daemon.start()
    assert [k["vkey"] for k in station.by("auditor", "station", "keys")["keys"]] == [said["before"], said["vkey"]]
    assert station.by("auditor", "audit", "export", tmp_path / "out", code=6)["kind"] == "cut"
    # And does not follow another change of the key before.
    station.daemon.stop()
    timeboxd("rotate-key", tmp_path / "back")
    station.daemon.start()
    assert station.by("auditor", "station", "keys", code=6)["error"] == "unknown_key"


def test_a_witness_signs_again_once_it_was_given_the_new_key(station):
    witness = witness_of(station, "w1").start()
    station.settings(1, (witness.vkey, witness.address))
    before = station.wait_witnessed()["witnessed"]
    said = station.rotate_key()
    # Signed before, the last witnessed checkpoint stands; the witness trusts no other key of its own accord.
    station.wait(lambda s: s["witnesses"][0]["problem"] != "")
    assert station.status()["witnessed"] == before
    (witness.folder / "logs").write_text(said["vkey"] + "\n")
    witness.stop()
    witness.start()
    assert station.wait_witnessed(90)["witnessed"] > before
    assert station.by("auditor", "receipt", "get", 1, "--witnessed")["seq"] == 1


def test_backups_of_before_and_after_are_restored(station, tmp_path):
    one, two, late = tmp_path / "one", tmp_path / "two", tmp_path / "late"
    timeboxd("backup", station.dir, "--to", one)
    last = check_stopped(station)["seq"]
    said = station.rotate_key()
    station.term()
    station.by("auditor", "audit", "export", late)
    timeboxd("backup", station.dir, "--to", two, "--since", last)
    now = check_stopped(station)
    timeboxd("restore", one, two, "--into", tmp_path / "whole", "--known", late / "checkpoint")
    assert check(tmp_path / "whole") == now
    assert json.loads(timeboxd("rotate-key", tmp_path / "whole", "--json"))["before"] == said["vkey"]
    # The older one alone is a station, with the key of its time; a checkpoint of the new key it cannot judge.
    timeboxd("restore", one, "--into", tmp_path / "older")
    assert json.loads(timeboxd("rotate-key", tmp_path / "older", "--json"))["before"] == said["before"]
    why = timeboxd("restore", one, "--into", tmp_path / "not", "--known", late / "checkpoint", code=1)
    assert "restore a newer backup" in why and not (tmp_path / "not").exists()


def check_stopped(station):
    station.daemon.stop()
    try:
        return check(station.dir)
    finally:
        station.daemon.start()


def test_a_list_of_erasures_signed_by_the_new_key_is_good_for_an_older_backup(tmp_path):
    station = Privacy(tmp_path / "here").prepare()
    try:
        timeboxd("backup", station.dir, "--to", tmp_path / "old")
        RedeemStation.rotate_key(station)
        station.erase()
        assert station.daemon.stop() == 0
        kept = station.dir / "erasures"
        said = timeboxd("restore", tmp_path / "old", "--into", tmp_path / "back", "--erasures", kept)
        assert "Erased again: 1" in said and station.sightings([NAME], tmp_path / "back") == set()
        # Not without the entries that lead to the key that signed it.
        lines = kept.read_text().splitlines(keepends=True)
        (tmp_path / "list").write_text("".join(line for line in lines if not line.startswith("ledger-key ")))
        timeboxd("restore", tmp_path / "old", "--into", tmp_path / "no", "--erasures", tmp_path / "list", code=1)
    finally:
        station.close()


def test_killed_at_any_moment_it_starts_with_the_key_of_its_entries(tmp_path):
    timeboxd("init", tmp_path / "s", "--origin", "station.example/killed")
    had, changed = check(tmp_path / "s")["seq"], 0
    for i in range(24):
        process = subprocess.Popen([TIMEBOXD, "rotate-key", str(tmp_path / "s")], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(i * 0.0015)
        process.kill()
        process.wait(30)
        found = check(tmp_path / "s")
        changed += found["seq"] - had
        assert found["seq"] - had in (0, 1) and sorted(os.listdir(tmp_path / "s" / "keys")) == ["ledger", "tls", "voucher"]
        had = found["seq"]
    assert changed < 24


def test_the_key_is_not_changed_while_the_daemon_runs(station):
    before = os.listdir(station.dir / "keys")
    timeboxd("rotate-key", station.dir, code=3)
    assert os.listdir(station.dir / "keys") == before
    timeboxd("rotate-key", station.dir / "absent", code=1)
    timeboxd("rotate-key", code=2)
