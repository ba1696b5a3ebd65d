"""The sample station of tests/data/station, set up with the `timebox` command alone.

    station = SampleStation(tmp_path)         # init, start, two social workers enrolled: "an", "bai"
    station.import_people()                   # catalogue, members, partners, items, donations, pairings
    station.link()                            # both keys belong to members of class 专职
    batch = station.import_services()         # by an
    station.attest(batch)                     # by bai
    station.enrol_devices()                   # "kiosk", "outlet" of P03, "auditor"
    station.open()

    station.lines("an", "report", "members")  # the JSON objects; the exit code must be 0
    station.last("an", "todo", code=3)        # the last of them; the exit code must be 3
"""
import csv
import io
import json
import os
import pathlib
import subprocess
import time

from redeem_station import OwnDaemon
from small_station import TIMEBOX, init

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "station"
SERVICES = DATA / "services.csv"
OUTLET = "P03"
ORIGIN = "station.example/sample"
PIN = "629471"


def expected_verdicts():
    """Line number -> verdict."""
    with open(DATA / "expected-rows.csv", encoding="utf-8", newline="") as file:
        return {int(row["line"]): row["verdict"] for row in csv.DictReader(file)}


def expected_totals():
    return json.loads((DATA / "expected-totals.json").read_text())


def members():
    """The rows of members.csv."""
    return list(csv.DictReader(io.StringIO((DATA / "members.csv").read_text(encoding="utf-8-sig"))))


def services():
    """services.csv as records: the head, then each row as a list of fields."""
    return list(csv.reader(io.StringIO(SERVICES.read_bytes().decode("gb18030"), newline="")))


def on_duty():
    return [row["志愿者编号"] for row in members() if row["类别"] == "专职"]


def verdicts(lines):
    """Line number -> verdict, of what `service import` printed."""
    return {line["line"]: line["verdict"] for line in lines if "line" in line}


class SampleStation:
    """Fields: folder, daemon, init (codes and vkey), workers (the numbers of an and bai)."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.init = init(self.folder / "station", ORIGIN)
        self.daemon = OwnDaemon(self.folder / "station", self.folder / "daemon.log").start()
        self.workers = on_duty()[:2]
        for name, code in zip(("an", "bai"), self.init["enrol"]):
            self.last(name, "enrol", code, "--server", self.daemon.address)

    def close(self):
        if self.daemon.process is not None:
            self.daemon.kill()

    # -- the command --

    def start(self, who, *args, yes=True):
        """The command under way, with --json and --yes."""
        command = [TIMEBOX, "--home", str(self.folder / who), *map(str, args), "--json"]
        command += ["--yes"] if yes else []
        environment = dict(os.environ, LC_ALL="C.UTF-8", TIMEBOX_LANG="en")
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=environment, text=True)

    def finish(self, process, code=0, timeout=120):
        out, err = process.communicate(timeout=timeout)
        assert process.returncode == code, (process.args, process.returncode, out[-2000:], err)
        return [json.loads(line) for line in out.splitlines()]

    def lines(self, who, *args, code=0):
        return self.finish(self.start(who, *args), code)

    def last(self, who, *args, code=0):
        return self.lines(who, *args, code=code)[-1]

    # -- set-up --

    def import_people(self):
        for kind, file in (("catalogue", "catalogue"), ("member", "members"), ("partner", "partners"),
                           ("item", "items"), ("donation", "donations"), ("pair", "pairs")):
            self.last("an", kind, "import", DATA / (file + ".csv"))
        return self

    def link(self):
        """Each links their own key, and the other approves."""
        an, bai = self.workers
        self.last("an", "key", "link", an)
        self.last("bai", "key", "link", bai)
        self.last("an", "key", "approve", bai)
        self.last("bai", "key", "approve", an)
        return self

    def import_services(self, path=SERVICES):
        """The batch's id."""
        return self.last("an", "service", "import", path, code=5)["batch"]

    def attest(self, batch, *more):
        return self.last("bai", "service", "attest", "--batch", batch, *more)

    def enrol_devices(self):
        for role, more in (("kiosk", []), ("outlet", ["--partner", OUTLET]), ("auditor", [])):
            code = self.last("an", "enrol", "invite", "--role", role, *more)["code"]
            self.last(role, "enrol", code, "--server", self.daemon.address)
        return self

    def open(self):
        for who in ("an", "bai"):
            self.last(who, "station", "open")
        return self

    # -- what is there --

    def report(self):
        """Number -> line of `report members`."""
        return {line["member"]: line for line in self.lines("bai", "report", "members")}

    def last_seq(self):
        return self.last("an", "station", "status")["entries"]

    def set_pin(self, number):
        """A file with the member's PIN, which was just set at the kiosk."""
        path = self.folder / "pin"
        path.write_text(PIN + "\n")
        slip = self.last("an", "member", "pin", number)["slip"]
        self.last("kiosk", "member", "set-pin", number, "--slip", slip, "--pin-file", path)
        return path

    def redeem(self, number, item, count=1):
        """Held at the kiosk and confirmed by the outlet; the points it took."""
        pin = self.set_pin(number)
        held = self.last("kiosk", "redeem", "hold", "--member", number, "--pin-file", pin, "--item", item,
                         "--outlet", OUTLET, "--count", count)
        self.last("outlet", "redeem", "confirm", held["voucher"])
        return held["points"]

    def wait_for(self, what, timeout=20):
        until = time.monotonic() + timeout
        while not what():
            assert time.monotonic() < until, "it took too long"
            time.sleep(0.05)
