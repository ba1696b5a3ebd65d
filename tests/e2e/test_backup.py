"""Backups made beside a running daemon, stations restored from them, ledgers that lost their end, and the scrub."""
import datetime
import io
import json
import os
import subprocess
import tarfile
import threading
import time

import pytest

from redeem_station import TIMEBOXD_TEST
from small_station import TIMEBOXD, Daemon, Draft, SmallStation, member_number, person, tc
from timebox_schema import act_pb2, entry_pb2, types_pb2


def timeboxd(*args, code=0):
    """What the command said; the exit code must be this one."""
    done = subprocess.run([TIMEBOXD, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == code, (args, done.returncode, done.stdout[-500:], done.stderr)
    return (done.stdout if code == 0 else done.stderr).decode()


def check(folder):
    return json.loads(timeboxd("check", folder, "--json"))


def covered(backup):
    """from and to of a backup."""
    lines = dict(line.split(" ", 1) for line in (backup / "manifest").read_text().splitlines())
    return int(lines["from"]), int(lines["to"])


@pytest.fixture
def station(tmp_path):
    made = SmallStation(tmp_path / "here")
    try:
        made.set_up(members=2)
        made.open()
        yield made
    finally:
        made.close()


def add_member(station, client, n):
    """An act whose text goes beside the ledger."""
    Draft().add("member_add", person(member_number(500000 + n), "加入者"), joined_day=station.today(client),
                **{"class": types_pb2.MEMBER_CLASS_UNIVERSITY}).send(client)


class KnownDaemon(Daemon):
    known = ""

    def spawn(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "run", str(self.folder), "--listen", "127.0.0.1:0", "--known", str(self.known)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)


class Adding(threading.Thread):
    """Adds members until told to stop."""

    def __init__(self, station):
        super().__init__()
        self.station, self.done, self.n = station, threading.Event(), 0

    def run(self):
        with tc.Client(self.station.daemon.address, self.station.keys["staff"]) as client:
            while not self.done.is_set():
                self.n += 1
                add_member(self.station, client, self.n)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.done.set()
        self.join(30)


def entry_and_text_fit(folder, log, station):
    """In a restored station every entry that commits to a text has it, and the number of the first member that
    did not get into it is free."""
    daemon, added = Daemon(folder, log).start(), 0
    try:
        with tc.Client(daemon.address, station.keys["staff"]) as client:
            for seq, data in enumerate(client.entries(client.call("get_status").last_seq), 1):
                act = act_pb2.Act.FromString(entry_pb2.Entry.FromString(data).act)
                wanted = sum(c.WhichOneof("kind") == "member_add" for c in act.commands)
                if wanted:
                    assert len(client.call("get_texts", seq=seq).texts) == wanted, seq
                    added += wanted == 1
            add_member(station, client, added + 1)
    finally:
        daemon.kill()
    return added


def test_backups_under_load_restore_to_what_they_cover(station, tmp_path):
    backups = []
    with Adding(station) as load:
        for i in range(8):
            backups.append(tmp_path / ("backup-%d" % i))
            timeboxd("backup", station.dir, "--to", backups[-1])
    assert load.n > 20
    sizes = [covered(b)[1] for b in backups]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]
    for i, backup in enumerate(backups):
        made = tmp_path / ("made-%d" % i)
        assert "restored: %d entries" % sizes[i] in timeboxd("restore", backup, "--into", made)
        assert check(made)["seq"] == sizes[i]
        entry_and_text_fit(made, tmp_path / "log", station)


def test_a_full_backup_and_its_parts_give_the_same_fingerprint(station, tmp_path):
    with station.connect("staff") as staff:
        timeboxd("backup", station.dir, "--to", tmp_path / "full")
        add_member(station, staff, 1)
        timeboxd("backup", station.dir, "--to", tmp_path / "part", "--since", covered(tmp_path / "full")[1])
        add_member(station, staff, 2)
        done = subprocess.run([TIMEBOXD, "backup", station.dir, "--stdout", "--since",
                               str(covered(tmp_path / "part")[1])], stdout=subprocess.PIPE, check=True, timeout=60)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        tar.extractall(tmp_path / "stream")
    assert ((tmp_path / "stream" / "keys").stat().st_mode & 0o777) == 0o600
    station.daemon.stop()
    timeboxd("restore", tmp_path / "stream", tmp_path / "full", tmp_path / "part", "--into", tmp_path / "made")
    assert check(tmp_path / "made") == check(station.dir)
    refused = timeboxd("restore", tmp_path / "full", tmp_path / "stream", "--into", tmp_path / "other", code=1)
    assert "are in none of the backups" in refused
    assert not (tmp_path / "other").exists()


def test_a_backup_says_how_long_it_may_be_kept(station, tmp_path):
    (station.dir / "timeboxd.yaml").write_text("backup_keep_days: 2\n")
    with station.connect("staff") as staff:
        last = datetime.date(1970, 1, 1) + datetime.timedelta(days=station.today(staff) + 2)
    said = timeboxd("backup", station.dir, "--to", tmp_path / "full")
    assert "keep it until %s, then destroy it" % last in said
    assert "keep-until %s\n" % last in (tmp_path / "full" / "manifest").read_text()
    assert "keep it" not in timeboxd("backup", station.dir, "--to", tmp_path / "bare", "--no-people")
    assert "keep-until" not in (tmp_path / "bare" / "manifest").read_text()

    def later(*args):
        """What the same program says three days later."""
        return subprocess.run([TIMEBOXD_TEST, "restore", tmp_path / "full", "--into", tmp_path / "made", *args],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, text=True,
                              env=dict(os.environ, TIMEBOX_TEST_CLOCK_OFFSET_S=str(3 * 86400)))

    refused = later()
    assert refused.returncode == 1 and str(last) in refused.stdout and "--past-keep-until" in refused.stdout
    assert not (tmp_path / "made").exists()
    done = later("--past-keep-until")
    assert done.returncode == 0 and "Past their last day, of these backups: 1." in done.stdout
    station.daemon.stop()
    assert check(tmp_path / "made") == check(station.dir)


def test_a_tampered_backup_is_refused_with_what_and_where(station, tmp_path):
    backup = tmp_path / "backup"
    timeboxd("backup", station.dir, "--to", backup)
    for file in sorted(backup.iterdir()):
        data = file.read_bytes()
        for at in (len(data) // 2, len(data) - 1):
            flipped = bytearray(data)
            flipped[at] ^= 1
            file.write_bytes(flipped)
            code = 1 if file.name == "manifest" else 4
            done = subprocess.run([TIMEBOXD, "restore", backup, "--into", tmp_path / "made"],
                                  stderr=subprocess.PIPE, timeout=60)
            assert done.returncode in (code, 4) and file.name.encode() in done.stderr, (file, at, done.stderr)
            assert not (tmp_path / "made").exists()
        file.write_bytes(data)
    (backup / "people-00001").unlink()
    assert "people-00001: is missing" in timeboxd("restore", backup, "--into", tmp_path / "made", code=4)


def test_nothing_is_restored_over_what_is_there(station, tmp_path):
    timeboxd("backup", station.dir, "--to", tmp_path / "backup")
    assert "not an empty folder" in timeboxd("restore", tmp_path / "backup", "--into", station.dir, code=1)
    assert "already" in timeboxd("backup", station.dir, "--to", tmp_path / "backup", code=1)
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name or "restoring" in p.name] == []


def test_an_older_ledger_than_known_takes_no_acts_until_the_loss_is_accepted(station, tmp_path):
    made = tmp_path / "made"
    timeboxd("backup", station.dir, "--to", tmp_path / "backup")
    with station.connect("staff") as staff:
        add_member(station, staff, 1)
        size = staff.call("get_status").last_seq
        (tmp_path / "kept").write_text(staff.checkpoint())
    station.daemon.kill()
    timeboxd("restore", tmp_path / "backup", "--into", made)

    daemon = KnownDaemon(made, tmp_path / "log")
    daemon.known = tmp_path / "kept"
    daemon.start()
    with tc.Client(daemon.address, station.keys["staff"]) as staff:
        assert staff.call("get_status").behind == size
        with pytest.raises(tc.Refused) as refused:
            add_member(station, staff, 1)
        assert refused.value.name == "ledger_behind"
        assert staff.call("get_status").last_seq == size - 1
    daemon.stop()

    said = timeboxd("accept-loss", made)
    assert "entries %d to %d" % (size, size) in said
    timeboxd("accept-loss", made, code=1)
    daemon.start()
    with tc.Client(daemon.address, station.keys["staff"]) as staff:
        assert staff.call("get_status").behind == 0
        add_member(station, staff, 1)
    daemon.stop()


def test_the_scrub_finds_a_flipped_byte(station, tmp_path):
    with station.connect("staff") as staff:
        entries = staff.entries(staff.call("get_status").last_seq)
        until = time.monotonic() + 20
        while staff.call("get_status").scrub_passes == 0:
            assert time.monotonic() < until
            time.sleep(0.1)
    station.daemon.stop()
    path, entry = station.dir / "ledger" / "data.mdb", entries[4]
    data = path.read_bytes()
    assert entry in data
    path.write_bytes(data.replace(entry, entry[:-2] + bytes([entry[-2] ^ 1]) + entry[-1:]))
    station.daemon.start()
    with station.connect("staff") as staff:
        until = time.monotonic() + 20
        while staff.call("get_status").scrub_bad_seq != 5:
            assert time.monotonic() < until
            time.sleep(0.1)
        with pytest.raises(tc.Refused) as refused:
            add_member(station, staff, 1)
        assert refused.value.name == "corrupt"
        assert staff.call("get_status").last_seq == len(entries)
    assert "event=scrub_failed seq=5" in station.daemon.log_tail()
    assert "altered" in timeboxd("backup", station.dir, "--to", tmp_path / "backup", code=4)
