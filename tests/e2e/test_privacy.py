"""No person in the ledger: after the whole sample was imported, PINs set, a card bound and items
redeemed, nothing that says who or where is found, byte by byte, in what is kept for ever, what is
handed out, or what is logged."""
import csv
import io

import pytest

import small_station as small
from small_station import entry_pb2, tc
from station import DATA, PIN, SampleStation, members, services

CARD = "card-7f3a-90c2-5511"
TYPED = "88776655"


def column(file, encoding, name):
    rows = csv.DictReader(io.StringIO((DATA / file).read_bytes().decode(encoding), newline=""))
    return {row[name].strip() for row in rows}


def texts():
    """Every private text of the sample, by what it is."""
    people, head, rows = members(), services()[0], [r for r in services()[1:] if len(r) == 12]
    found = {kind: {row[kind] for row in people} for kind in ("姓名", "单位", "社区", "片区", "手机", "志愿者编号")}
    for kind in ("活动名称", "地点", "服务对象编号", "负责人", "记录单位"):
        found[kind] = {row[head.index(kind)].strip() for row in rows}
    found["donations"] = column("donations.csv", "gb18030", "接收单位") | column("donations.csv", "gb18030", "用途")
    found["names of things"] = column("partners.csv", "utf-8-sig", "名称") | column("items.csv", "utf-8-sig", "名称") | \
        column("catalogue.csv", "utf-8-sig", "服务项目")
    return {kind: {text for text in words if text} for kind, words in found.items()}


class Story:
    """What was done, and the secrets that came up."""

    def __init__(self, folder):
        self.station = station = SampleStation(folder)
        try:
            # The daemon says as much as it can, on the same port, so that the homes still find it.
            station.daemon.listen = station.daemon.address
            station.daemon.stop()
            (station.daemon.folder / "timeboxd.yaml").write_text("log_level: debug\n")
            station.daemon.start()
            station.import_people().link()
            station.attest(station.import_services())
            station.enrol_devices().open()
            self.rich = max(station.report().values(), key=lambda line: line["points"]["available"])["member"]
            self.secrets = {"codes": set(station.init["enrol"]) | {station.init["recovery"]},
                            "slips": set(), "vouchers": set(), "card": {CARD}, "pin": {PIN}, "typed": {TYPED}}
            self.redeem()
            self.mistakes()
            self.export = station.folder / "export"
            station.lines("auditor", "audit", "export", self.export)
            assert station.daemon.stop() == 0
        except BaseException:
            station.close()
            raise

    def redeem(self):
        station, card, pin = self.station, self.station.folder / "card", self.station.folder / "pin"
        card.write_text(CARD + "\n")
        station.last("an", "member", "card", "bind", self.rich, "--card-file", card)
        pin.write_text(PIN + "\n")
        self.secrets["slips"].add(station.last("an", "member", "pin", self.rich)["slip"])
        station.last("kiosk", "member", "set-pin", self.rich, "--slip", *self.secrets["slips"], "--pin-file", pin)
        for item in ("I02", "I03"):
            held = station.last("kiosk", "redeem", "hold", "--member", self.rich, "--pin-file", pin, "--item", item,
                                "--outlet", "P03")
            self.secrets["vouchers"].add(held["voucher"])
        station.last("outlet", "redeem", "confirm", sorted(self.secrets["vouchers"])[0])
        station.last("kiosk", "redeem", "cancel", sorted(self.secrets["vouchers"])[1], "--member", self.rich,
                     "--pin-file", pin)
        station.lines("an", "history", self.rich)
        station.last("an", "member", "pin", self.rich)

    def mistakes(self):
        """What is refused is logged too."""
        station, wrong = self.station, self.station.folder / "wrong-pin"
        wrong.write_text("739164\n")
        self.secrets["pin"].add("739164")
        for number in (self.rich, small.member_number(9999999)):
            station.lines("kiosk", "redeem", "hold", "--member", number, "--pin-file", wrong, "--item", "I02", code=1)
        unknown = small.timebox_code32.encode(b"0123456789")
        self.secrets["vouchers"].add(unknown)
        station.lines("outlet", "redeem", "confirm", unknown, code=1)
        station.lines("auditor", "member", "show", self.rich, code=1)
        # A client that sends texts where they do not belong.
        stranger = tc.Identity.create(station.folder / "stranger")
        for call in (dict(kind="get_member", number=TYPED), dict(kind="login", number=TYPED, pin=PIN)):
            with tc.Client(station.daemon.address, stranger) as client, pytest.raises(tc.Refused):
                client.call(**call)

    def random_bytes(self):
        """Keys, hashes and signatures of the ledger: a short text may be among them by chance."""
        noise = set()

        def gather(message):
            for field, value in message.ListFields():
                many = value if field.label == field.LABEL_REPEATED else [value]
                for one in many:
                    if field.type == field.TYPE_MESSAGE:
                        gather(one)
                    elif field.type == field.TYPE_BYTES and field.name != "act":
                        noise.add(one)

        tiles = sorted(p for p in (self.export / "tile" / "entries").rglob("*") if p.is_file())
        for data in (tile.read_bytes() for tile in tiles):
            while data:
                size = int.from_bytes(data[:2], "big")
                entry = entry_pb2.Entry.FromString(data[2:2 + size])
                gather(entry)
                gather(small.act_pb2.Act.FromString(entry.act))
                data = data[2 + size:]
        return {value for value in noise if len(value) >= 16} | self.checks()

    def checks(self):
        """Nonces and checks that the journal and the state's log keep beside the entries (daemon/store/journal.h, state_log.h)."""
        found, folder = set(), self.station.daemon.folder
        for journal in (folder / "ledger").glob("journal*"):
            data = journal.read_bytes()
            found |= {data[8:40], data[40:72]}
            found |= {data[at + 32:at + 64] for at in range(512, len(data), 512) if data.startswith(b"tbbatch1", at)}
        for log in (folder / "state").glob("log-*"):
            data = log.read_bytes()
            found |= {data[at + 32:at + 64] for at in range(0, len(data), 8) if data.startswith(b"tbstate1", at)}
        return found

    def places(self):
        """Name -> bytes, of all files that must hold no person."""
        folder = self.station.daemon.folder
        found = {"log": self.station.daemon.log.read_bytes()}
        for top in (folder / "ledger", folder / "state", self.export):
            for file in (p for p in top.rglob("*") if p.is_file()):
                # Hashes of level 0 are nothing but noise.
                if "tile/" not in str(file) or "tile/entries" in str(file):
                    found[str(file)] = file.read_bytes()
        return found


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    made = Story(tmp_path_factory.mktemp("privacy"))
    yield made
    made.station.close()


@pytest.fixture(scope="module")
def places(story):
    found = story.places()
    assert sum(len(data) for name, data in found.items() if "/ledger/" in name) > 100000
    assert len(found["log"]) > 1000 and len(found) >= 5
    return found


@pytest.fixture(scope="module")
def noise(story):
    return story.random_bytes()


def is_noise(noise, data, at, word):
    """Whether what was found at `at` is a part of a hash, a key or a signature."""
    return any(data.startswith(value, at - value.index(word)) for value in noise if word in value)


def sightings(places, words, noise=()):
    """(place, word) of each that is there; digits count only where no digit stands beside them."""
    found = set()
    for word in words:
        for data in {word.encode(encoding) for encoding in ("utf-8", "gb18030", "utf-16-le")}:
            for place, content in places.items():
                at = content.find(data)
                while at >= 0:
                    beside = content[max(0, at - 1):at] + content[at + len(data):at + len(data) + 1]
                    number = word.isdigit() and any(48 <= byte <= 57 for byte in beside)
                    if not number and not is_noise(noise, content, at, data):
                        found.add((place, word))
                        break
                    at = content.find(data, at + 1)
    return sorted(found)


@pytest.mark.parametrize("kind", sorted(texts()))
def test_no_text_of_the_sample_is_there(places, noise, kind):
    words = texts()[kind]
    assert words
    assert sightings(places, words, noise) == []


def test_no_secret_is_there(story, places):
    for kind, words in story.secrets.items():
        assert words, kind
        plain = {word.replace("-", "") for word in words if kind != "card"}
        assert sightings(places, words | plain | {word.lower() for word in words}) == [], kind


def test_no_decoded_voucher_or_slip_is_there(story, places):
    """But for the state, which is the daemon's own and looks vouchers up by them."""
    for code in story.secrets["vouchers"] | story.secrets["slips"]:
        secret = small.timebox_code32.decode(code, 10)
        assert [name for name, data in places.items() if secret in data and "/state/" not in name] == []


def test_the_search_would_find_it(story):
    """The same words are found where they belong: in the people env."""
    people = {str(p): p.read_bytes() for p in (story.station.daemon.folder / "people").rglob("*") if p.is_file()}
    names = {row["姓名"] for row in members()}
    numbers = {row["志愿者编号"] for row in members()}
    assert {word for _, word in sightings(people, names)} == names
    assert any(number.encode() in data for data in people.values() for number in numbers)
