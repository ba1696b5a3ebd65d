"""Exports of a running station: verified by `timebox audit verify` and by the independent verifier,
with the same verdict; and every damage to them reported with the entry.

FULL=1 tries every byte of the small ledger, not a sample.
"""
import filecmp
import json
import shutil
import subprocess

import pytest

import corrupt
from corrupt import found, tv, verdict
from redeem_station import RedeemStation
from small_station import ITEM, TIMEBOX, Daemon, SmallStation, init


class AuditStation(SmallStation):
    """A station of one volunteer who redeemed once; its keys have homes for the `timebox` command."""
    home, run, lines, timebox = (RedeemStation.home, RedeemStation.run, RedeemStation.lines,
                                 RedeemStation.timebox)
    as_member, hold_args, hold = (RedeemStation.as_member, RedeemStation.hold_args,
                                  RedeemStation.hold)

    def redeem(self):
        voucher = self.hold(0, ITEM)["voucher"]
        self.timebox("outlet", "redeem", "confirm", voucher)

    def export(self, folder):
        """What `timebox audit export` prints."""
        return self.timebox("auditor", "audit", "export", folder)


def kept(exported):
    return exported["size"], tv.base64.b64decode(exported["root"])


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    station = AuditStation(tmp_path_factory.mktemp("audit"))
    try:
        station.set_up(members=1, rows=1).open()
        station.redeem()
        yield station
    finally:
        station.close()


@pytest.fixture(scope="module")
def small(station):
    """An export of the small ledger, and its verifier key as `init` printed it."""
    folder = station.folder / "small"
    said = station.export(folder)
    report = verdict(folder, station.init["vkey"], depth=3)
    assert (report["size"], report["root"]) == (said["size"], said["root"])
    return folder, station.init["vkey"]


@pytest.fixture
def copy(small, tmp_path):
    shutil.copytree(small[0], tmp_path / "copy")
    return tmp_path / "copy"


def same_files(a, b):
    seen = filecmp.dircmp(a, b)
    pending = [seen]
    while pending:
        one = pending.pop()
        assert not one.left_only and not one.right_only and not one.funny_files
        assert filecmp.cmpfiles(one.left, one.right, one.common_files, shallow=False)[1:] == ([], [])
        pending += one.subdirs.values()
    return True


# --- whole ---

def test_the_roster_of_the_small_station(small):
    report = verdict(*small)
    roles = [k["role"] for k in report["roster"]]
    assert roles == ["staff", "staff", "kiosk", "outlet", "auditor"]
    assert all(k["revoked_seq"] == 0 and 1 <= k["invited_seq"] < k["admitted_seq"]
               for k in report["roster"])
    assert report["pinned"] and report["members"] == 3 and report["system"] >= 1


def test_an_export_is_carried_on_with(station, small, tmp_path):
    grown, fresh = tmp_path / "grown", tmp_path / "fresh"
    shutil.copytree(small[0], grown)
    station.redeem()
    first, second = station.export(grown), station.export(fresh)
    assert first == second and same_files(grown, fresh)
    assert verdict(grown, small[1], kept(first))["ok"]
    assert station.export(grown) == first and same_files(grown, fresh)


def test_only_auditors_and_staff_export(station, tmp_path):
    for name in ("kiosk", "outlet"):
        done = station.run(name, "audit", "export", tmp_path / name)
        assert done.returncode == 1, done.stdout
        assert json.loads(done.stdout)["error"] == "not_allowed"
    assert station.timebox("staff", "audit", "export", tmp_path / "staff")["size"] > 0


# --- damage ---

def test_each_flipped_byte_is_reported_with_its_entry(small, tmp_path):
    places = corrupt.sample(corrupt.Bundle(small[0]))
    assert corrupt.flips_missed(*small, places, tmp_path) == []


def test_removed_doubled_swapped_and_inserted_entries_are_reported(small, copy):
    bundle = corrupt.Bundle(copy)
    for what, first, entries in bundle.rearranged():
        bundle.write(entries)
        assert found(verdict(copy, small[1]))[1] == first, what
    bundle.restore()
    assert verdict(copy, small[1])["ok"]


def test_a_tail_cut_from_the_files_is_reported(small, copy):
    bundle = corrupt.Bundle(copy)
    for size in range(len(bundle.entries)):
        bundle.write(bundle.entries[:size])
        assert found(verdict(copy, small[1])) == ("cut", size + 1)


def test_a_tail_cut_with_its_checkpoint_shows_against_a_kept_size_and_root(station, small, tmp_path):
    earlier, later = tmp_path / "earlier", tmp_path / "later"
    first = station.export(earlier)
    station.redeem()
    second = station.export(later)
    assert second["size"] >= first["size"] + 2
    assert verdict(earlier, small[1])["ok"]
    assert found(verdict(earlier, small[1], kept(second))) == ("cut", first["size"] + 1)
    assert verdict(later, small[1], kept(first))["ok"]
    assert found(verdict(later, small[1], (first["size"], kept(second)[1]))) == ("fork", None)


def test_another_stations_export_does_not_verify_under_this_key(small, tmp_path):
    for name in ("other.example/box", "station.example/small"):
        other = init(tmp_path / name.replace("/", "-"), origin=name)
        assert found(verdict(small[0], other["vkey"]))[0] in ("checkpoint", "origin", "key")


def test_a_ledger_put_back_to_an_older_state_is_told(tmp_path):
    """The operator starts an old copy of the station: the auditor's folder knows better."""
    station = AuditStation(tmp_path / "station")
    try:
        station.set_up(members=1, rows=1).open()
        assert station.daemon.stop() == 0
        shutil.copytree(station.dir, tmp_path / "old")
        station.daemon.start()
        station.redeem()
        out = tmp_path / "out"
        said = station.export(out)
        before = (out / "checkpoint").read_bytes()
        station.daemon.stop()
        station.daemon = Daemon(tmp_path / "old", station.daemon.log).start()
        done = station.run("auditor", "audit", "export", out)
        assert done.returncode == 6, done.stdout
        assert found(json.loads(done.stdout))[0] == "cut"
        # It goes on differently: more entries than before, and another past.
        for _ in range(2):
            station.redeem()
        done = station.run("auditor", "audit", "export", out)
        assert done.returncode == 6, done.stdout
        assert found(json.loads(done.stdout))[0] == "root"
        assert (out / "checkpoint").read_bytes() == before
        assert verdict(out, station.init["vkey"], kept(said))["ok"]
    finally:
        station.close()


# --- the four years of the sample station ---

DATA = corrupt.ROOT / "tests" / "data" / "station"


class SampleStation:
    """The sample's sheets imported and attested, through the commands alone."""

    def __init__(self, folder):
        self.folder = folder
        self.init = init(folder / "station")
        self.daemon = Daemon(folder / "station", folder / "daemon.log").start()

    def run(self, name, *args, codes=(0,)):
        done = subprocess.run(
            [TIMEBOX, "--home", str(self.folder / name), *map(str, args), "--json", "--yes"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        assert done.returncode in codes, (args, done.stdout[-500:], done.stderr[-500:])
        return [json.loads(line) for line in done.stdout.splitlines()]

    def fill(self):
        for name, code in zip(("an", "bai"), self.init["enrol"]):
            self.run(name, "enrol", code, "--server", self.daemon.address)
        for sheet, group in (("catalogue", "catalogue"), ("members", "member"), ("partners", "partner"),
                             ("items", "item"), ("donations", "donation"), ("pairs", "pair")):
            self.run("an", group, "import", DATA / (sheet + ".csv"), codes=(0, 5))
        lines = self.run("an", "service", "import", DATA / "services.csv", codes=(0, 5))
        batch = next(line["batch"] for line in lines if "batch" in line)
        self.run("bai", "service", "attest", "--batch", batch)
        code = self.run("an", "enrol", "invite", "--role", "auditor")[-1]["code"]
        self.run("auditor", "enrol", code, "--server", self.daemon.address)
        return self


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    station = SampleStation(tmp_path_factory.mktemp("sample"))
    try:
        yield station.fill()
    finally:
        station.daemon.kill()


def test_the_sample_stations_export_verifies(sample, tmp_path):
    said = sample.run("auditor", "audit", "export", tmp_path / "out")[-1]
    report = verdict(tmp_path / "out", sample.init["vkey"], kept(said), depth=3)
    assert report["ok"] and report["size"] == said["size"] and report["root"] == said["root"]
    # Balances of the whole station, recomputed from the entries alone, name every member.
    with open(DATA / "expected-totals.json", encoding="utf-8") as file:
        assert report["members"] >= len(json.load(file)["members"])


def test_damage_to_the_sample_is_reported_with_its_entry(sample, tmp_path):
    sample.run("auditor", "audit", "export", tmp_path / "out")
    bundle = corrupt.Bundle(tmp_path / "out")
    for at in range(11, len(bundle.data), len(bundle.data) // (400 if corrupt.FULL else 40)):
        bundle.flip(at)
        assert found(verdict(tmp_path / "out", sample.init["vkey"]))[1] == bundle.owner[at], at


def test_words_for_people(station, small):
    done = subprocess.run([TIMEBOX, "audit", "verify", str(small[0]), "--vkey", small[1], "--lang", "en"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    text = done.stdout.decode()
    assert done.returncode == 0 and text.startswith("whole: ") and "social worker" in text
    assert done.stderr == b""
