"""The Python client against a server of a few lines: what it sends, what it refuses to believe."""
import hashlib
import hmac
import pathlib
import socket
import ssl
import sys
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "verify"))

import ledger_writer as lw  # noqa: E402
import timebox_client as tc  # noqa: E402
import timebox_code32  # noqa: E402
import timebox_verify  # noqa: E402
from timebox_schema import act_pb2, codes_pb2, rpc_pb2  # noqa: E402

STORY = lw.Story()
SECRET = bytes(range(16))
MEMBER = 90210


class Server:
    """Answers each Request with what `answer(request)` says; keeps them in `seen`."""

    def __init__(self, identity, client, answer):
        self.answer, self.seen = answer, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.set_alpn_protocols([tc.ALPN])
        self.context.load_cert_chain(identity.folder / "cert.pem", identity.folder / "key.pem")
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(client.folder / "cert.pem")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                raw, _ = self.listener.accept()
                with self.context.wrap_socket(raw, server_side=True) as sock:
                    self.talk(sock)
            except ssl.SSLError:
                continue
            except OSError:
                return

    def talk(self, sock):
        hello = rpc_pb2.Response(hello=rpc_pb2.Hello(
            origin=lw.ORIGIN, time_us=lw.START_US, vkey=lw.vkey(STORY.ledger_key)))
        sock.sendall(tc.frame(hello.SerializeToString()))
        number = 0
        while True:
            try:
                request = rpc_pb2.Request.FromString(tc.read_frame(sock))
            except OSError:
                return
            self.seen.append(request)
            response = self.answer(request)
            number += 1
            response.number = number
            sock.sendall(tc.frame(response.SerializeToString()))

    def act(self):
        return act_pb2.Act.FromString(self.seen[-1].act)


@pytest.fixture
def identity(tmp_path):
    return tc.Identity.create(tmp_path / "client")


@pytest.fixture
def start(tmp_path, identity):
    servers = []

    def make(answer=lambda request: rpc_pb2.Response()):
        key = tc.Identity.create(tmp_path / "server")
        servers.append(Server(key, identity, answer))
        servers[-1].code = timebox_code32.encode(SECRET + hashlib.sha256(key.public).digest()[:16])
        return servers[-1]
    yield make
    for server in servers:
        server.listener.close()


def receipt(request):
    return rpc_pb2.Response(receipt=rpc_pb2.Receipt(seq=5, leaf=bytes(32)))


def session(request):
    if request.call.WhichOneof("kind") == "login":
        member = rpc_pb2.Member(member=MEMBER)
        return rpc_pb2.Response(session=rpc_pb2.Session(session=b"12345678", member=member))
    return receipt(request)


def test_enrolment_proves_the_code_and_signs(start, identity):
    server = start(receipt)
    with tc.Client(server.address, identity, server.code) as client:
        assert client.enrol(server.code).seq == 5
    act, request = server.act(), server.seen[-1]
    enrol = act.commands[0].enrol
    assert (act.origin, act.actor_key, request.private.code) == (lw.ORIGIN, identity.public, SECRET)
    assert enrol.code_hash == hashlib.sha256(SECRET).digest()
    assert enrol.proof == hmac.new(SECRET, identity.public, hashlib.sha256).digest()
    signed = b"timebox/v1/act\n" + len(request.act).to_bytes(4, "big") + request.act
    Ed25519PublicKey.from_public_bytes(identity.public).verify(request.signature, signed)
    assert lw.START_US <= act.made_at_us < lw.START_US + 60000000


def test_code_of_another_server_is_noticed_before_anything_is_sent(start, identity):
    server = start()
    other = timebox_code32.encode(SECRET + bytes(16))
    with pytest.raises(tc.WrongServer):
        tc.Client(server.address, identity, other)
    assert server.seen == []


def test_session_acts_name_the_member_and_are_unsigned(start, identity):
    server = start(session)
    with tc.Client(server.address, identity) as client:
        client.login("10000017", "482913")
        client.hold("RICE", 2)
        act = server.act()
        assert (act.actor_member, act.session) == (MEMBER, b"12345678")
        assert (act.commands[0].hold.member, act.commands[0].hold.count) == (MEMBER, 2)
        assert server.seen[-1].signature == b""
        client.logout()
        client.act(act_pb2.Command(station_open=act_pb2.StationOpen()))
        assert server.act().actor_member == 0 and len(server.seen[-1].signature) == 64


def test_confirm_names_the_hold_and_carries_the_code(start, identity):
    def answer(request):
        voucher = rpc_pb2.Voucher(seq=20, leaf=b"\1" * 32)
        return rpc_pb2.Response(voucher=voucher) if request.HasField("call") else receipt(request)

    server, secret = start(answer), bytes(range(10))
    with tc.Client(server.address, identity) as client:
        client.confirm(timebox_code32.encode(secret))
    ref = server.act().commands[0].confirm.ref
    assert (ref.seq, ref.leaf, server.seen[-1].private.code) == (20, b"\1" * 32, secret)


def test_request_can_be_sent_again_as_it_is(start, identity):
    server = start(receipt)
    with tc.Client(server.address, identity) as client:
        request = client.request(act_pb2.Command(station_open=act_pb2.StationOpen()))
        client.ask(request)
    with tc.Client(server.address, identity) as client:
        client.ask(request)
    assert server.seen[0] == server.seen[1]
    assert client.request().act != client.request().act


def test_refusals_are_raised_with_their_name(start, identity):
    server = start(lambda request: rpc_pb2.Response(
        code=codes_pb2.RESULT_CODE_PIN_WAIT, name="pin_wait", retry_after_s=30))
    with tc.Client(server.address, identity) as client:
        with pytest.raises(tc.Refused) as refused:
            client.login("10000017", "000000")
    assert (refused.value.name, refused.value.retry_after_s) == ("pin_wait", 30)
    assert client.session is None


def test_export_is_one_that_the_verifier_accepts(start, identity, tmp_path):
    note = lw.sign_checkpoint(STORY.ledger_key, [lw.leaf_hash(e) for e in STORY.entries])

    def answer(request):
        if request.call.WhichOneof("kind") == "get_checkpoint":
            return rpc_pb2.Response(checkpoint=rpc_pb2.Checkpoint(note=note))
        first = request.call.get_entries.from_seq - 1
        return rpc_pb2.Response(entries=rpc_pb2.Entries(entries=STORY.entries[first:first + 10]))

    with tc.Client(start(answer).address, identity) as client:
        assert client.export(tmp_path / "out") == STORY.seq
    assert timebox_verify.verify(tmp_path / "out")["ok"]


def test_hostile_connections_show_as_cut(start, identity, tmp_path):
    server = start()
    with tc.tls_connect(server.address) as sock:
        assert tc.is_cut(sock)
    with tc.tls_connect(server.address, tc.Identity.create(tmp_path / "stranger")) as sock:
        assert tc.is_cut(sock)
    with pytest.raises(OSError):
        tc.tls_connect(server.address, identity, version=ssl.TLSVersion.TLSv1_2)
    with tc.tls_connect(server.address, identity) as sock:
        assert tc.read_response(sock).HasField("hello")
        sock.settimeout(0.2)
        assert not tc.is_cut(sock)
