"""What the programs say to wrong command lines, files and folders: one plain line with what, where
and what to do on stderr, nothing on stdout, and the documented exit code."""
import json
import os
import subprocess
import time

import pytest

import small_station as small
from small_station import types_pb2

# timeboxd --help and timebox --help.
FAILED, USAGE, IN_USE, CORRUPT = 1, 2, 3, 4
REFUSED, NO_CONNECTION, NOT_VERIFIED = 1, 4, 6
ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent"}
ENVIRONMENT.update({k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS")})


def run(*arguments, limit=20, **environment):
    return subprocess.run([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=limit, env={**ENVIRONMENT, **environment})


def complaint(done, codes, *words):
    """The stderr of a failure, which must be words for people and mention `words`."""
    said = done.stderr.decode()
    assert done.returncode in codes, (done.returncode, said)
    assert done.stdout == b"", done.stdout
    assert said.strip(), "nothing was said"
    assert len(said.strip().splitlines()) <= 3, said
    for word in words:
        assert str(word) in said, said
    for noise in ("Assertion", "Sanitizer", "core dumped", "(null)"):
        assert noise not in said, said
    return said


@pytest.fixture
def folder(tmp_path):
    small.init(tmp_path / "station")
    return tmp_path / "station"


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    station = small.SmallStation(tmp_path_factory.mktemp("bad-input"))
    try:
        station.set_up(members=1)
        yield station
    finally:
        station.close()


@pytest.fixture(scope="module")
def home(station):
    """A home of `timebox`, enrolled as an auditor."""
    code = station.code_for("staff", types_pb2.ROLE_AUDITOR)
    home = station.folder / "home"
    done = run(small.TIMEBOX, "--home", home, "enrol", code, "--server", station.daemon.address)
    assert done.returncode == 0, done.stderr
    return home


# --- timeboxd ---

@pytest.mark.parametrize("arguments", [
    [], ["dance"], ["run"], ["init"], ["init", "DIR"], ["run", "DIR", "more"], ["run", "DIR", "--colour"],
    ["init", "DIR", "--origin"], ["check"], ["check", "DIR", "--fast"]], ids=" ".join)
def test_daemon_wrong_command_line(tmp_path, arguments):
    complaint(run(small.TIMEBOXD, *[tmp_path / a if a == "DIR" else a for a in arguments]), [USAGE])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["run", "check"])
def test_daemon_without_a_station(tmp_path, command):
    complaint(run(small.TIMEBOXD, command, tmp_path / "nowhere"), [FAILED], "nowhere")
    (tmp_path / "empty").mkdir()
    complaint(run(small.TIMEBOXD, command, tmp_path / "empty"), [FAILED], "empty")


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "x" * 300, "line\nbreak"])
def test_daemon_init_with_a_bad_origin(tmp_path, origin):
    complaint(run(small.TIMEBOXD, "init", tmp_path / "station", "--origin", origin), [USAGE], "origin")
    assert not (tmp_path / "station").exists() or not any((tmp_path / "station").iterdir())


def test_daemon_init_keeps_an_existing_station(folder):
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    complaint(run(small.TIMEBOXD, "init", folder, "--origin", "other.example"), [FAILED], folder)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_daemon_init_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    complaint(run(small.TIMEBOXD, "init", tmp_path / "file", "--origin", "a.example"), [FAILED], "file")
    complaint(run(small.TIMEBOXD, "init", tmp_path / "file" / "below", "--origin", "a.example"), [FAILED], "below")
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize("text, words", [
    ("colour: red\n", ["colour", "1"]), ("listen: nowhere\n", ["listen"]), ("idle_seconds: 3\n", ["idle_seconds"]),
    ("idle_seconds: many\n", ["1"]), ("listen: [\n", ["timeboxd.yaml"]), ("log_level: loud\n", ["log_level"]),
    ("listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n", ["listen"])],
    ids=["unknown key", "bad address", "out of range", "no number", "no yaml", "bad word", "twice"])
def test_daemon_wrong_settings(folder, text, words):
    (folder / "timeboxd.yaml").write_text(text)
    complaint(run(small.TIMEBOXD, "run", folder), [USAGE], "timeboxd.yaml", *words)


def test_daemon_settings_that_cannot_be_read(folder):
    (folder / "timeboxd.yaml").mkdir()
    complaint(run(small.TIMEBOXD, "run", folder), [FAILED, USAGE], "timeboxd.yaml")


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:http", ":0", "999.0.0.1:0"])
def test_daemon_wrong_address(folder, address):
    complaint(run(small.TIMEBOXD, "run", folder, "--listen", address), [FAILED, USAGE], address)


def test_daemon_address_in_use(folder, station):
    complaint(run(small.TIMEBOXD, "run", folder, "--listen", station.daemon.address), [FAILED], station.daemon.address)


def test_second_daemon_on_the_same_folder(station):
    complaint(run(small.TIMEBOXD, "run", station.dir, "--listen", "127.0.0.1:0"), [IN_USE], station.dir)
    with station.connect("staff") as staff:
        assert staff.call("get_status").last_seq > 0


def test_daemon_keys_that_are_not_whole(folder):
    keys = sorted(p for p in (folder / "keys").iterdir() if p.is_file())
    for key in keys:
        whole = key.read_bytes()
        for broken in (whole[:-1], b""):
            key.chmod(0o600)
            key.write_bytes(broken)
            complaint(run(small.TIMEBOXD, "run", folder, "--listen", "127.0.0.1:0"), [CORRUPT], "keys")
        key.write_bytes(whole)
    daemon = small.Daemon(folder, folder.parent / "log").start()
    assert daemon.stop() == 0


def test_daemon_help_and_version_are_no_failure():
    done = run(small.TIMEBOXD, "--help")
    assert done.returncode == 0 and b"run" in done.stdout and done.stderr == b""


# --- timebox ---

@pytest.mark.parametrize("arguments", [
    [], ["dance"], ["member"], ["member", "dance"], ["member", "show"], ["member", "show", "1", "2"],
    ["member", "show", "--colour", "77763179"], ["redeem", "hold"], ["redeem", "hold", "--count"], ["audit", "export"]],
    ids=" ".join)
def test_client_wrong_command_line(home, arguments):
    done = run(small.TIMEBOX, "--home", home, *arguments)
    assert done.returncode == USAGE and done.stdout == b"" and done.stderr.strip(), done


@pytest.mark.parametrize("arguments, words", [
    (["member", "show", "12345678"], ["12345678"]), (["member", "show", "abc"], ["abc"]),
    (["redeem", "hold", "--member", "77763179", "--item", "no such code"], ["--item"]),
    (["audit", "verify", "/nonexistent"], ["/nonexistent"])], ids=["check digit", "letters", "code", "folder"])
def test_client_wrong_argument(home, arguments, words):
    complaint(run(small.TIMEBOX, "--home", home, *arguments), [USAGE], *words)


def test_client_json_errors_are_json(home):
    done = run(small.TIMEBOX, "--home", home, "--json", "member", "show", "12345678")
    assert done.returncode == USAGE
    (line,) = done.stdout.decode().splitlines()
    assert json.loads(line)["error"] and json.loads(line)["text"]


def test_client_home_that_is_none(tmp_path):
    complaint(run(small.TIMEBOX, "--home", tmp_path / "nowhere", "todo"), [USAGE], "nowhere", "enrol")
    (tmp_path / "empty").mkdir()
    complaint(run(small.TIMEBOX, "--home", tmp_path / "empty", "todo"), [USAGE], "empty", "enrol")


@pytest.mark.parametrize("name, broken", [("key", b""), ("key", b"short"), ("station", b"server=\n"), ("station", b"\xff\xfe")])
def test_client_home_that_is_not_whole(home, tmp_path, name, broken):
    for file in home.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
        (tmp_path / file.name).chmod(0o600)
    (tmp_path / name).write_bytes(broken)
    complaint(run(small.TIMEBOX, "--home", tmp_path, "station", "status"), [NOT_VERIFIED], tmp_path / name)


def test_client_key_that_others_may_read(home, tmp_path):
    for file in home.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "key").chmod(0o644)
    complaint(run(small.TIMEBOX, "--home", tmp_path, "station", "status"), [USAGE], tmp_path / "key", "chmod")


def test_client_home_of_another_station(home, tmp_path):
    """The server is not the one this home knows: nothing is sent to it."""
    other = small.SmallStation(tmp_path / "other", origin="other.example/box")
    try:
        copy = tmp_path / "home"
        copy.mkdir()
        for file in home.iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
            (copy / file.name).chmod(0o600)
        lines = (copy / "station").read_text().splitlines()
        lines = ["server=" + other.daemon.address if line.startswith("server=") else line for line in lines]
        (copy / "station").write_text("\n".join(lines) + "\n")
        complaint(run(small.TIMEBOX, "--home", copy, "station", "status"), [NOT_VERIFIED], other.daemon.address)
    finally:
        other.close()


def test_client_without_a_daemon(tmp_path):
    station = small.SmallStation(tmp_path)
    try:
        code, address = station.code_for("staff", types_pb2.ROLE_AUDITOR), station.daemon.address
        assert run(small.TIMEBOX, "--home", tmp_path / "home", "enrol", code, "--server", address).returncode == 0
        assert station.daemon.stop() == 0
        began = time.monotonic()
        complaint(run(small.TIMEBOX, "--home", tmp_path / "home", "station", "status", limit=60), [NO_CONNECTION], address)
        assert time.monotonic() - began < 15
    finally:
        station.close()


@pytest.mark.parametrize("code", ["", "ABCD", "0" * 52 + "1", "0" * 54])
def test_client_enrol_with_a_code_that_is_none(tmp_path, station, code):
    complaint(run(small.TIMEBOX, "--home", tmp_path / "home", "enrol", code, "--server", station.daemon.address), [USAGE])


def test_client_enrol_with_a_code_for_another_station(tmp_path, station):
    other = small.init(tmp_path / "other")["enrol"][0]
    complaint(run(small.TIMEBOX, "--home", tmp_path / "home", "enrol", other, "--server", station.daemon.address),
              [NOT_VERIFIED], station.daemon.address)


def test_client_enrol_with_a_used_code(tmp_path, station):
    code = station.init["enrol"][0]
    done = run(small.TIMEBOX, "--home", tmp_path / "home", "enrol", code, "--server", station.daemon.address)
    complaint(done, [REFUSED], "used")


def test_client_role_that_may_not(home):
    complaint(run(small.TIMEBOX, "--home", home, "enrol", "invite", "--role", "kiosk"), [REFUSED], "may not")


@pytest.mark.parametrize("kind", ["catalogue", "member", "partner", "item", "donation", "pair", "service"])
def test_client_import_of_a_file_that_is_not_there(home, kind):
    complaint(run(small.TIMEBOX, "--home", home, kind, "import", "/nonexistent.csv"), [USAGE], "/nonexistent.csv")


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"a,b,c\n1,2,3\n", b"\xff\xfe\x00\x00" * 9], ids=["empty", "binary", "columns", "utf-32"])
def test_client_import_of_a_file_that_is_no_sheet(home, tmp_path, content):
    sheet = tmp_path / "sheet.csv"
    sheet.write_bytes(content)
    complaint(run(small.TIMEBOX, "--home", home, "service", "import", sheet), [USAGE], "sheet.csv")


def test_client_help_of_everything_is_no_failure():
    top = run(small.TIMEBOX, "--help")
    assert top.returncode == 0 and top.stderr == b""
    commands = [line.split("  ")[1] for line in top.stdout.decode().splitlines()
                if line.startswith("  ") and line[2:3].isalpha() and "  " in line[2:] and not line.startswith("  timebox")]
    assert "redeem hold" in commands and "enrol" in commands
    for command in commands:
        done = run(small.TIMEBOX, *command.split(), "--help")
        assert done.returncode == 0 and b"timebox " + command.encode() in done.stdout, command
