"""Witnesses on loopback: asked by the daemon, restarted, hanging, lied to; and cosignatures carried by hand."""
import base64
import hashlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

from redeem_station import RedeemStation
from small_station import ITEM, ORIGIN, TIMEBOX, Daemon, SmallStation, init
from test_audit import AuditStation
from timebox_export import tree_root

ENVIRONMENT = dict(os.environ, LC_ALL="C.UTF-8", TIMEBOX_LANG="en")


def timebox(*args, code=0):
    done = subprocess.run([TIMEBOX, *map(str, args), "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, text=True, env=ENVIRONMENT)
    assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()][-1]


class Witness:
    """`timebox witness run` on a folder; on one port for its life, across restarts."""

    def __init__(self, folder, name, log):
        self.folder, self.name, self.process = folder, name, None
        self.vkey = timebox("witness", "key", folder, "--name", name)["vkey"]
        (folder / "logs").write_text("# the station\n%s\n" % log)
        self.address = "127.0.0.1:0"

    def start(self):
        self.process = subprocess.Popen([TIMEBOX, "witness", "run", str(self.folder), "--listen", self.address, "--json"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=ENVIRONMENT)
        readable, _, _ = select.select([self.process.stdout], [], [], 20)
        assert readable, "it did not start"
        self.address = json.loads(self.process.stdout.readline())["ready"]
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return self

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def post(self, body, path="/add-checkpoint", method="POST"):
        """(status, content type, body)."""
        host, port = self.address.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        try:
            connection.request(method, path, body if isinstance(body, bytes) else body.encode())
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type"), answer.read().decode()
        finally:
            connection.close()


class WitnessedStation(AuditStation):
    """Its settings are written once the witnesses' keys and ports are known."""

    def settings(self, quorum, *witnesses):
        lines = ["quorum: %d" % quorum, "witnesses:"]
        for vkey, address in witnesses:
            lines.append("  - vkey: %s" % vkey)
            if address:
                lines.append("    address: %s" % address)
        self.daemon.stop()
        (self.dir / "timeboxd.yaml").write_text("\n".join(lines) + "\n")
        self.daemon.start()

    def status(self):
        return self.timebox("staff", "station", "status")

    def wait(self, what, timeout=30):
        until = time.monotonic() + timeout
        while True:
            status = self.status()
            if what(status):
                return status
            assert time.monotonic() < until, status
            time.sleep(0.1)

    def wait_witnessed(self, timeout=30):
        size = self.status()["entries"]
        return self.wait(lambda s: s["witnessed"] >= size, timeout)

    def checkpoint(self):
        with self.connect("auditor") as auditor:
            return auditor.call("get_checkpoint")


@pytest.fixture
def station(tmp_path):
    station = WitnessedStation(tmp_path)
    station.witnesses = []
    try:
        station.set_up(members=2, rows=1).open()
        yield station
    finally:
        station.close()
        for witness in station.witnesses:
            witness.stop(signal.SIGKILL)


def witness_of(station, name):
    folder = station.folder / name
    witness = Witness(folder, "office.example/" + name, station.init["vkey"])
    station.witnesses.append(witness)
    return witness


def by_name(status, witness):
    return next(w for w in status["witnesses"] if w["name"] == witness.name)


def test_two_witnesses_sign_and_the_export_has_both(station, tmp_path):
    a, b = witness_of(station, "a").start(), witness_of(station, "b").start()
    station.settings(2, (a.vkey, a.address), (b.vkey, b.address))
    station.hold(0, ITEM)
    status = station.wait_witnessed()
    assert status["quorum"] == 2 and all(w["behind_since_us"] == 0 and not w["problem"] for w in status["witnesses"])
    size = station.export(tmp_path / "copy")["size"]
    note = (tmp_path / "copy" / "checkpoint").read_text()
    assert note.count("\u2014 ") == 3 and note.split("\n")[1] == str(size)
    # a receipt that both signed, checked by the client's own verifier, offline
    held = station.hold(0, ITEM)
    station.wait_witnessed()
    station.timebox("kiosk", "receipt", "save", held["seq"], tmp_path / "r", "--witnessed")
    checked = timebox("--home", tmp_path / "none", "receipt", "check", tmp_path / "r", "--vkey", station.init["vkey"],
                      "--witness", a.vkey, "--witness", b.vkey)
    assert [w["name"] for w in checked["witnesses"]] == [a.name, b.name]
    # what was published is there after a start, before anybody is asked
    b.stop()
    a.stop()
    before = station.checkpoint().witnessed
    station.daemon.stop()
    station.daemon.start()
    assert station.checkpoint().witnessed == before and "office.example/b" in before


def test_acts_go_on_while_a_witness_hangs_or_is_down(station):
    a = witness_of(station, "a").start()
    down = witness_of(station, "b")
    silent = witness_of(station, "c")
    with socket.create_server(("127.0.0.1", 0)) as hole, socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
        gone.close()
        station.settings(1, (a.vkey, a.address), (down.vkey, "127.0.0.1:%d" % port),
                         (silent.vkey, "127.0.0.1:%d" % hole.getsockname()[1]))
        slowest = 0
        for _ in range(30):
            began = time.monotonic()
            station.hold(0, ITEM) if _ == 0 else station.status()
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.05)
        assert slowest < 3
        status = station.wait_witnessed()
        status = station.wait(lambda s: by_name(s, silent)["problem"])
        assert by_name(status, a)["behind_since_us"] == 0
        for witness in (down, silent):
            w = by_name(status, witness)
            assert w["problem"] == "no_answer" and w["behind_since_us"] > 0 and w["size"] == 0
    # the one that was down comes, and is no longer behind
    down.address = "127.0.0.1:%d" % port
    down.start()
    station.wait(lambda s: by_name(s, down)["size"] == s["signed"] and not by_name(s, down)["problem"], 60)


def test_a_witness_that_was_killed_goes_on_where_it_was(station):
    a = witness_of(station, "a").start()
    station.settings(1, (a.vkey, a.address))
    station.wait_witnessed()
    a.stop(signal.SIGKILL)
    station.hold(0, ITEM)
    station.wait(lambda s: by_name(s, a)["problem"])
    a.start()
    size = station.wait_witnessed()["witnessed"]
    # asked from nothing it says what it has
    note = station.checkpoint().note
    status, kind, body = a.post("old 0\n\n" + note)
    assert (status, kind, body) == (409, "text/x.tlog.size", "%d\n" % size)


def test_every_status_code_of_the_protocol(station, tmp_path):
    a = witness_of(station, "a").start()
    small = station.checkpoint().note
    station.hold(0, ITEM)
    note = station.checkpoint().note
    size = int(small.split("\n")[1])
    assert a.post("old 0\n\n" + note.replace(ORIGIN, "another.example/x"))[0] == 404
    text, sigs = note.split("\n\n")
    line = sigs.split(" ")
    forged = base64.b64decode(line[2])
    forged = forged[:4] + bytes([forged[4] ^ 1]) + forged[5:]
    assert a.post("old 0\n\n%s\n\n\u2014 %s %s\n" % (text, line[1], base64.b64encode(forged).decode()))[0] == 403
    assert a.post("old 999999\n\n" + note)[0] == 400
    assert a.post("nonsense")[0] == 400
    assert a.post("")[0] == 400
    assert a.post("old 0\n" + base64.b64encode(bytes(32)).decode() + "\n\n" + small)[0] == 422
    status, _, body = a.post("old 0\n\n" + small)
    assert status == 200 and body.startswith("\u2014 %s " % a.name) and body.count("\n") == 1
    assert a.post("old %d\n\n" % size + note)[0] == 422
    status, kind, body = a.post("old 0\n\n" + note)
    assert (status, kind, body) == (409, "text/x.tlog.size", "%d\n" % size)
    assert a.post("old %d\n\n" % size + small)[0] == 200
    assert a.post("", method="GET")[0] == 405
    assert a.post("x", path="/other")[0] == 404
    assert a.post(b"old 0\n\n" + b"x" * 200000)[0] in (400, 413)


def test_a_fork_and_a_rollback_find_no_witness(station, tmp_path):
    """The operator keeps an old copy of the station, lets it take another history, and asks the same witness."""
    a = witness_of(station, "a").start()
    station.settings(1, (a.vkey, a.address))
    station.wait_witnessed()
    station.daemon.stop()
    subprocess.run(["cp", "-a", str(station.dir), str(tmp_path / "old")], check=True)
    station.daemon.start()
    station.hold(0, ITEM)
    station.hold(0, ITEM)
    size = station.wait_witnessed()["witnessed"]
    station.daemon.stop()
    # the other history, as long and then longer than the one that the witness knows
    for path in (tmp_path / "old").glob("known*"):
        path.unlink()
    was, station.daemon.folder = station.daemon.folder, tmp_path / "old"
    station.daemon.start()
    for problem in ("has_more", "other_root", "no_proof"):
        station.hold(1, ITEM)
        status = station.wait(lambda s: by_name(s, a)["problem"] == problem, 60)
    assert status["entries"] == size + 1
    assert status["witnessed"] < size and by_name(status, a)["behind_since_us"] > 0
    assert "witness_disagrees" in station.daemon.log_tail()
    station.daemon.stop()
    # and the first one is still believed
    station.daemon.folder = was
    station.daemon.start()
    station.hold(0, ITEM)
    station.wait_witnessed()


def test_cosignatures_are_carried_by_hand(station, tmp_path):
    a, b = witness_of(station, "a"), witness_of(station, "b")
    station.settings(2, (a.vkey, None), (b.vkey, None))
    for round in range(2):
        station.hold(0, ITEM)
        sizes = set()
        for witness in (a, b):
            out = tmp_path / ("%s-%d" % (witness.folder.name, round))
            sizes.add(station.timebox("auditor", "witness", "request", witness.name, out)["size"])
            assert timebox("witness", "sign", witness.folder, out, str(out) + ".back")["status"] == 200
            # the same file is signed again, an older one is not
            assert timebox("witness", "sign", witness.folder, tmp_path / ("%s-0" % witness.folder.name),
                           tmp_path / "x", code=6)["status"] == 409
            station.hold(1, ITEM)
            added = station.timebox("auditor", "witness", "add", str(out) + ".back")
            assert (added["witness"], added["size"]) == (witness.name, max(sizes))
        assert len(sizes) == 1, "both sign the same checkpoint"
        status = station.status()
        assert status["witnessed"] == max(sizes) and all(w["by_hand"] for w in status["witnesses"])
    # of a witness that nobody knows, and not of this ledger
    stranger = Witness(tmp_path / "stranger", "nobody.example/w", station.init["vkey"])
    out = tmp_path / "for-stranger"
    station.timebox("auditor", "witness", "request", a.name, out, "--from", 0)
    timebox("witness", "sign", stranger.folder, out, tmp_path / "back")
    assert RedeemStation.refused(station, "auditor", "witness", "add", tmp_path / "back") == "not_found"
    assert RedeemStation.refused(station, "auditor", "witness", "request", "x.example/w", out) == "bad_field"
    (tmp_path / "junk").write_text("junk")
    assert RedeemStation.refused(station, "auditor", "witness", "add", tmp_path / "junk") == "bad_field"


def test_the_notice_board_says_the_checkpoint(station):
    said = station.timebox("auditor", "witness", "board")
    assert said["qr"].replace("\n- ", "\n\u2014 ") == said["note"].rstrip("\n")
    with station.connect("auditor") as auditor:
        leaves = [hashlib.sha256(b"\0" + e).digest() for e in auditor.entries(int(said["note"].split("\n")[1]))]
    assert base64.b64encode(tree_root(leaves)).decode() == said["note"].split("\n")[2]
    done = subprocess.run([TIMEBOX, "--home", str(station.home("auditor")), "witness", "board"], stdout=subprocess.PIPE,
                          env=ENVIRONMENT, timeout=60, text=True)
    assert done.returncode == 0 and "\u2588" in done.stdout and said["note"] in done.stdout


def test_settings_that_cannot_be(station):
    a = witness_of(station, "a")
    station.daemon.stop()
    for text, what in (
            ("witnesses:\n  - vkey: %s\n" % station.init["vkey"], "witness key printed"),
            ("witnesses:\n  - vkey: %s\n    address: witness.example:80\n" % a.vkey, "names are not looked up"),
            ("witnesses:\n  - vkey: %s\n  - vkey: %s\n" % (a.vkey, a.vkey), "twice"),
            ("quorum: 2\nwitnesses:\n  - vkey: %s\n" % a.vkey, "quorum"),
            ("quorum: 1\n", "quorum"),
            ("witnesses:\n  - address: 127.0.0.1:1\n", "vkey")):
        (station.dir / "timeboxd.yaml").write_text(text)
        done = subprocess.run([station.daemon.program, "run", str(station.dir)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=30, text=True)
        assert done.returncode == 2 and what in done.stderr, (text, done.stderr)
    (station.dir / "timeboxd.yaml").unlink()
    station.daemon.start()
