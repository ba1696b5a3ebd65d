"""Clients that mean no good, or are broken: each is refused or timed out as documented, while an
honest client beside them gets its answers."""
import contextlib
import resource
import socket
import ssl
import threading
import time

import pytest

import small_station as small
from small_station import rpc_pb2, tc, types_pb2

# Short limits, so that the tests need not wait long: DIR/timeboxd.yaml.
SETTINGS = "handshake_seconds: 1\nframe_seconds: 1\nidle_seconds: 10\n"
PATIENCE_S = 2.0
IDLERS = 1000
# A client that takes nothing is cut this long after the last byte it took (daemon/net/net.h).
WRITE_S = 30


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    station = small.SmallStation(tmp_path_factory.mktemp("hostile"), SETTINGS)
    try:
        station.set_up(members=1).open()
        station.invite("other kiosk", types_pb2.ROLE_KIOSK)
        yield station
        assert station.daemon.stop() == 0
    finally:
        station.close()


@pytest.fixture(scope="module")
def never_reads(station):
    """A client that asks and asks and takes no answer: (socket, when it got stuck). It starts
    here, and what becomes of it is looked at last."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(10)
    host, _, port = station.daemon.address.rpartition(":")
    raw.connect((host, int(port)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([tc.ALPN])
    folder = station.keys["auditor"].folder
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    sock = context.wrap_socket(raw)
    call = tc.frame(rpc_pb2.Request(call=rpc_pb2.Call(
        get_entries=rpc_pb2.GetEntries(from_seq=1, limit=1000))).SerializeToString())
    sent = 0
    sock.settimeout(1)
    with contextlib.suppress(TimeoutError, ssl.SSLError):
        while sent < 64 << 20:
            sock.sendall(call * 1000)
            sent += 1000 * len(call)
    yield sock, time.monotonic(), sent
    sock.close()


class Honest(threading.Thread):
    """Asks again and again; `slowest` is the longest wait for an answer, connecting included."""

    def __init__(self, station):
        super().__init__(daemon=True)
        self.station, self.over, self.slowest, self.answers, self.fault = station, threading.Event(), 0, 0, None

    def run(self):
        try:
            while not self.over.is_set():
                began = time.monotonic()
                with tc.Client(self.station.daemon.address, self.station.keys["staff"]) as client:
                    for _ in range(20):
                        assert client.call("get_status").last_seq > 0
                        self.slowest = max(self.slowest, time.monotonic() - began)
                        self.answers += 1
                        time.sleep(0.01)
                        began = time.monotonic()
        except Exception as fault:  # noqa: B902  shown by the fixture
            self.fault = fault


@pytest.fixture(autouse=True)
def honest(station, never_reads):
    client = Honest(station)
    client.start()
    yield client
    time.sleep(0.1)
    client.over.set()
    client.join(10)
    assert client.fault is None
    assert client.answers > 0 and client.slowest < PATIENCE_S, client.slowest


def raw_connection(station):
    host, _, port = station.daemon.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def trusted(station, name="auditor"):
    """A TLS connection of a known key, its Hello read."""
    sock = tc.tls_connect(station.daemon.address, station.keys[name])
    assert tc.read_response(sock).HasField("hello")
    return sock


def closed_after(sock, most):
    """Seconds until the other side closes, whatever it sends before; fails if it does not."""
    began = time.monotonic()
    sock.settimeout(most)
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while sock.recv(65536):
            pass
    return time.monotonic() - began


# --- who they are ---

def test_client_without_a_certificate_is_cut(station):
    with tc.tls_connect(station.daemon.address) as sock:
        assert tc.is_cut(sock)


def test_unknown_key_may_only_enrol(station, tmp_path):
    stranger = tc.Identity.create(tmp_path / "stranger")
    for ask in (lambda c: c.call("get_status"), lambda c: c.call("get_checkpoint"),
                lambda c: c.call("get_entries", from_seq=1, limit=1),
                lambda c: c.call("login", number=small.member_number(1), pin="482913"),
                lambda c: small.Draft().add("station_open").send(c),
                lambda c: small.Draft().add("member_add", small.person(small.member_number(1), "某人"), joined_day=1,
                                            **{"class": 1}).send(c)):
        with tc.Client(station.daemon.address, stranger) as client:
            assert client.hello.role == types_pb2.ROLE_UNSPECIFIED
            with pytest.raises(tc.Refused) as refused:
                ask(client)
            assert refused.value.name == "unknown_key"
    code = station.code_for("staff", types_pb2.ROLE_AUDITOR)
    with tc.Client(station.daemon.address, stranger, code) as client:
        client.enrol(code)
        assert client.call("get_status").last_seq > 0


def test_unknown_key_that_keeps_trying_is_cut(station, tmp_path):
    with tc.Client(station.daemon.address, tc.Identity.create(tmp_path / "stranger")) as client:
        with pytest.raises((ConnectionError, ssl.SSLError)):
            for _ in range(100):
                with contextlib.suppress(tc.Refused):
                    small.Draft().add("station_open").send(client)


def test_revoked_key_is_out_at_once_on_an_open_connection_too(station):
    with station.connect("other kiosk") as before, station.connect("staff") as staff:
        before.login(station.members[0].number, station.members[0].pin)
        assert before.call("get_catalogue").items
        act = before.request(before.hold_command(small.ITEM))
        small.Draft().add("key_revoke", key=station.keys["other kiosk"].public).send(staff)
        for ask in (lambda: before.ask(act), lambda: before.call("get_catalogue")):
            with pytest.raises((tc.Refused, ConnectionError, ssl.SSLError)) as refused:
                ask()
            assert getattr(refused.value, "name", "key_revoked") == "key_revoked"
        assert staff.call("get_holds", member=station.members[0].id).holds[:] == []
    with pytest.raises((tc.Refused, ConnectionError, ssl.SSLError)) as refused:
        with tc.Client(station.daemon.address, station.keys["other kiosk"]) as again:
            again.call("get_catalogue")
    assert getattr(refused.value, "name", "key_revoked") == "key_revoked"


# --- what they speak ---

def test_tls_1_2_is_refused(station):
    with pytest.raises(OSError):
        tc.tls_connect(station.daemon.address, station.keys["auditor"], version=ssl.TLSVersion.TLSv1_2)


@pytest.mark.parametrize("alpn", [None, "h2", "timebox/2"])
def test_another_protocol_is_refused(station, alpn):
    with pytest.raises(OSError):
        with tc.tls_connect(station.daemon.address, station.keys["auditor"], alpn=alpn) as sock:
            if tc.is_cut(sock):
                raise ConnectionError("cut")


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 16, b"\x16\x03\x01\xff\xff" + bytes(70000)],
                         ids=["http", "noise", "huge hello"])
def test_garbage_instead_of_tls_is_cut(station, garbage):
    with raw_connection(station) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(garbage)
        assert closed_after(sock, 5) < 4


def test_silence_instead_of_tls_is_cut_in_time(station):
    with raw_connection(station) as sock:
        assert 0.5 < closed_after(sock, 5) < 4


# --- what they send ---

@pytest.mark.parametrize("head, name", [
    (b"\x00", "bad_frame"), (b"\x81\x00", "bad_frame"), (b"\xff" * 6, "bad_frame"),
    (b"\x80\x80\x80\x80\x80\x01", "bad_frame"), (b"\x81\x80\x40", "frame_too_large"),
    (b"\xff\xff\xff\xff\x0f", "frame_too_large")],
    ids=["empty", "not minimal", "too long", "sixth byte", "1 MiB + 1", "4 GiB"])
def test_bad_length_is_told_from_the_length_and_ends_it(station, head, name):
    with trusted(station, "staff") as sock:
        sock.sendall(head)
        response = tc.read_response(sock)
        assert (response.number, response.name) == (0, name)
        assert closed_after(sock, 5) < 4


def test_frames_may_be_as_large_as_the_key_is_trusted(station, tmp_path):
    stranger = tc.Identity.create(tmp_path / "stranger")
    for who, most in ((stranger, 4 << 10), (station.keys["auditor"], 64 << 10), (station.keys["staff"], 1 << 20)):
        for size in (most, most + 1):
            with tc.tls_connect(station.daemon.address, who) as sock:
                assert tc.read_response(sock).HasField("hello")
                sock.sendall(tc.frame(b"\xff" * size)[:5 if size > most else None])
                response = tc.read_response(sock)
                assert (response.name == "frame_too_large") == (size > most), (most, response.name)
                if size > most:
                    assert closed_after(sock, 5) < 4


@pytest.mark.parametrize("body", [b"\xff" * 64, b"\x0a\xff\xff\xff\x7f", b"\x0a\x03abc", b"\x22\x00", b"\x0a\x00"],
                         ids=["noise", "length beyond", "act that is none", "call that asks nothing", "empty act"])
def test_frame_that_says_nothing_is_refused_and_the_connection_lives(station, body):
    with trusted(station, "staff") as sock:
        sock.sendall(tc.frame(body))
        first = tc.read_response(sock)
        assert first.number == 1 and first.code != 0
        sock.sendall(tc.frame(rpc_pb2.Request(call=rpc_pb2.Call(get_status=rpc_pb2.GetStatus())).SerializeToString()))
        second = tc.read_response(sock)
        assert second.number == 2 and second.status.last_seq > 0


def test_truncated_frame_leaves_nothing(station):
    with station.connect("staff") as staff:
        before = staff.call("get_status").last_seq
        draft = small.Draft().add("term_add", "半句话", term=types_pb2.TERM_KIND_AREA)
        data = tc.frame(draft.request(staff).SerializeToString())
        for cut in (1, 2, len(data) // 2, len(data) - 1):
            with trusted(station, "staff") as sock:
                sock.sendall(data[:cut])
        time.sleep(0.1)
        assert staff.call("get_status").last_seq == before


def test_truncated_frame_that_stays_open_is_cut_in_time(station):
    with trusted(station) as sock:
        sock.sendall(b"\x20" + b"half")
        assert 0.5 < closed_after(sock, 5) < 4


def test_one_byte_a_second_is_cut_in_time(station):
    with trusted(station) as sock:
        began = time.monotonic()
        sock.settimeout(1)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            for _ in range(8):
                sock.sendall(b"\xc0" if _ == 0 else b"\x08" if _ == 1 else b"x")
                with contextlib.suppress(TimeoutError):
                    if sock.recv(65536) == b"":
                        raise ConnectionError("cut")
        assert time.monotonic() - began < 5


# --- how many they are ---

def test_a_thousand_idle_connections_are_served_beside_and_cut_in_time(station, honest):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLERS + 256
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip("the hard limit of open files is %d" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    idlers = []
    try:
        for _ in range(IDLERS):
            idlers.append(tc.tls_connect(station.daemon.address, station.keys["auditor"]))
        for sock in idlers:
            assert tc.read_response(sock).HasField("hello")
        with station.connect("staff") as staff:
            assert staff.call("get_status").connections >= IDLERS // 2
        answers = honest.answers
        time.sleep(1)
        assert honest.answers > answers + 10
        until = time.monotonic() + 20
        for sock in idlers:
            closed_after(sock, max(1, until - time.monotonic()))
    finally:
        for sock in idlers:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_client_that_never_reads_is_paused_and_then_cut(station, never_reads):
    sock, since, sent = never_reads
    assert sent < 64 << 20, "the daemon went on reading from a client that takes nothing"
    rest = since + WRITE_S + 5 - time.monotonic()
    if rest > 0:
        time.sleep(rest)
    # Nothing was read meanwhile; now the rest of what was under way comes, and then the end.
    closed_after(sock, 10)
    with tc.Client(station.daemon.address, station.keys["auditor"]) as client:
        assert client.call("get_status").last_seq > 0
