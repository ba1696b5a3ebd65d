"""A client of timeboxd in Python, made from the .proto files and proto/README.md alone.

It is used by the tests, and an example for whoever writes another one. Beyond the standard library
it needs `cryptography` (Ed25519) and protobuf's Python runtime.

    key = Identity.create("kiosk")
    with Client("127.0.0.1:7443", key, code=CODE) as kiosk:     # CODE also says whom we talk to
        kiosk.enrol(CODE)
        kiosk.login("10000017", "482913")
        receipt = kiosk.hold("RICE")
        print(receipt.codes[0].code)
"""
import contextlib
import datetime
import hashlib
import hmac
import os
import pathlib
import socket
import ssl
import time

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key)

import timebox_code32
from timebox_export import write_export
from timebox_schema import act_pb2, codes_pb2, rpc_pb2

ALPN = "timebox/1"
FRAME_MAX = 1 << 20
ENTRIES_PER_CALL = 1000


class Refused(Exception):
    """The daemon said no. `name` is the code's name on the wire, e.g. "insufficient_points"."""

    def __init__(self, response):
        super().__init__("%s: %s" % (response.name, response.text_en))
        self.code, self.name, self.field = response.code, response.name, response.field
        self.command, self.retry_after_s = response.command, response.retry_after_s


class WrongServer(Exception):
    """The server's key is not the one that the enrolment code names."""


# --- keys and certificates ---

class Identity:
    """An Ed25519 key and its self-signed certificate, kept in a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.private = load_pem_private_key((self.folder / "key.pem").read_bytes(), None)
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def create(cls, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        key = Ed25519PrivateKey.generate()
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "key.pem").touch(mode=0o600)
        (folder / "key.pem").write_bytes(secret)
        (folder / "cert.pem").write_bytes(self_signed(key).public_bytes(Encoding.PEM))
        return cls(folder)

    def sign_act(self, act):
        return self.private.sign(b"timebox/v1/act\n" + len(act).to_bytes(4, "big") + act)


def self_signed(key):
    """A certificate that says nothing but the key: nobody reads the rest."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "timebox")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(datetime.datetime(2020, 1, 1))
    return builder.not_valid_after(datetime.datetime(2120, 1, 1)).sign(key, None)


# --- TLS and frames; also what tests of a hostile client need ---

def tls_connect(address, identity=None, alpn=ALPN, version=ssl.TLSVersion.TLSv1_3, timeout=10):
    """A TLS connection as asked for, whether or not the daemon likes it. With TLS 1.3 a refusal of
    the client's certificate shows only when the first frame is read."""
    host, _, port = address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the code names its key
    context.minimum_version = context.maximum_version = version
    if alpn is not None:
        context.set_alpn_protocols([alpn])
    if identity is not None:
        context.load_cert_chain(identity.folder / "cert.pem", identity.folder / "key.pem")
    raw = socket.create_connection((host.strip("[]"), int(port)), timeout)
    try:
        return context.wrap_socket(raw)
    except BaseException:
        raw.close()
        raise


def server_key(sock):
    """The 32 bytes of the server's public key."""
    certificate = x509.load_der_x509_certificate(sock.getpeercert(binary_form=True))
    return certificate.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def frame(body):
    head, length = bytearray(), len(body)
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    return bytes(head + bytes([length])) + body


def read_exactly(sock, size):
    data = bytearray()
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionError("the daemon closed the connection")
        data += part
    return bytes(data)


def read_frame(sock):
    """The body of the next frame; ConnectionError or ssl.SSLError when there will be none."""
    length = shift = 0
    while True:
        byte = read_exactly(sock, 1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
        if shift > 28:
            raise ConnectionError("the daemon sent no frame")
    if not 0 < length <= FRAME_MAX:
        raise ConnectionError("the daemon sent a frame of %d bytes" % length)
    return read_exactly(sock, length)


def read_response(sock):
    return rpc_pb2.Response.FromString(read_frame(sock))


def is_cut(sock):
    """Whether the daemon ends this connection without a frame, before the socket times out."""
    try:
        read_frame(sock)
    except TimeoutError:
        return False
    except (ConnectionError, ssl.SSLError):
        return True
    return False


# --- acts ---

def uuid7(time_us):
    data = bytearray((time_us // 1000).to_bytes(6, "big") + os.urandom(10))
    data[6] = 0x70 | data[6] & 0x0F
    data[8] = 0x80 | data[8] & 0x3F
    return bytes(data)


def open_code(code):
    """The secret of an enrolment code, and the first half of the server's key's SHA-256."""
    data = timebox_code32.decode(code, 32)
    return data[:16], data[16:]


class Client(contextlib.AbstractContextManager):
    """One connection. Methods return the answer's message and raise Refused."""

    def __init__(self, address, identity, code=None, timeout=30):
        self.identity, self.session, self.number = identity, None, 0
        self.sock = tls_connect(address, identity, timeout=timeout)
        try:
            digest = hashlib.sha256(server_key(self.sock)).digest()
            if code is not None and not hmac.compare_digest(open_code(code)[1], digest[:16]):
                raise WrongServer("this is not the server that the code is for")
            self.hello = read_response(self.sock).hello
        except BaseException:
            self.sock.close()
            raise
        self.since = time.monotonic()

    def close(self):
        self.sock.close()

    def __exit__(self, *exc):
        self.close()

    def now_us(self):
        """The server's clock, as Hello told it."""
        return self.hello.time_us + int((time.monotonic() - self.since) * 1e6)

    # -- one request, one answer --

    def send(self, request):
        """Sends a Request (or bytes, right or wrong) and returns its number without waiting."""
        body = request if isinstance(request, bytes) else request.SerializeToString()
        self.sock.sendall(frame(body))
        self.number += 1
        return self.number

    def receive(self, number):
        """The answer to the request of that number, refusal or not."""
        response = read_response(self.sock)
        if response.number != number:
            raise ConnectionError("answer %d instead of %d" % (response.number, number))
        return response

    def ask(self, request):
        response = self.receive(self.send(request))
        if response.code != codes_pb2.RESULT_CODE_OK:
            raise Refused(response)
        return response

    def call(self, kind, **fields):
        """The body of the answer to a call, e.g. call("get_member", number="10000017")."""
        call = rpc_pb2.Call()
        getattr(call, kind).SetInParent()
        for name, value in fields.items():
            if isinstance(value, (list, tuple)):
                getattr(getattr(call, kind), name).extend(value)
            else:
                setattr(getattr(call, kind), name, value)
        response = self.ask(rpc_pb2.Request(call=call))
        body = response.WhichOneof("body")
        return getattr(response, body) if body else None

    # -- acts --

    def request(self, *commands, code=b"", **fields):
        """The Request for an act. Send it as often as it takes: the answer is the same."""
        act = act_pb2.Act(origin=self.hello.origin, request_id=uuid7(self.now_us()),
                          made_at_us=self.now_us(), actor_key=self.identity.public)
        act.commands.extend(commands)
        if self.session is not None:
            act.actor_member, act.session = self.session.member.member, self.session.session
        for name, value in fields.items():
            setattr(act, name, value)
        data = act.SerializeToString()
        request = rpc_pb2.Request(act=data)
        if not act.session:  # a kiosk session's acts are unsigned, all others signed
            request.signature = self.identity.sign_act(data)
        if code:
            request.private.code = code
        return request

    def act(self, *commands, code=b""):
        return self.ask(self.request(*commands, code=code)).receipt

    def enrol(self, code):
        """Makes this identity known to the ledger."""
        secret, _ = open_code(code)
        proof = hmac.new(secret, self.identity.public, hashlib.sha256).digest()
        enrol = act_pb2.Enrol(code_hash=hashlib.sha256(secret).digest(), proof=proof)
        return self.act(act_pb2.Command(enrol=enrol), code=secret)

    # -- at a kiosk --

    def resolve(self, *numbers):
        """Members' ids by their numbers, 0 for unknown ones."""
        return list(self.call("resolve", numbers=numbers).members)

    def set_pin(self, number, slip, pin):
        self.call("set_pin", number=number, slip=slip, pin=pin)

    def login(self, number, pin):
        """Opens a session on this connection; what follows is the member's."""
        self.session = self.call("login", number=number, pin=pin)
        return self.session

    def logout(self):
        self.call("logout")
        self.session = None

    def hold_command(self, item, count=1, outlet=""):
        return act_pb2.Command(hold=act_pb2.Hold(
            member=self.session.member.member, item=item, count=count, outlet=outlet))

    def hold(self, item, count=1, outlet=""):
        """The receipt; its codes[0].code is the voucher."""
        return self.act(self.hold_command(item, count, outlet))

    def holds(self):
        return list(self.call("get_holds", member=self.session.member.member).holds)

    def cancel(self, held):
        """Cancels what `hold` or `holds` gave."""
        return self.act(act_pb2.Command(cancel=act_pb2.Cancel(ref=ref_to(held))))

    # -- at an outlet --

    def voucher(self, code):
        return self.call("get_voucher", code=code)

    def confirm_command(self, voucher):
        return act_pb2.Command(confirm=act_pb2.Confirm(ref=ref_to(voucher)))

    def confirm(self, code):
        """Says that what the voucher is for was delivered now."""
        secret = timebox_code32.decode(code, 10)
        return self.act(self.confirm_command(self.voucher(code)), code=secret)

    # -- for an audit --

    def checkpoint(self):
        return self.call("get_checkpoint").note

    def entries(self, size):
        """The bytes of the first `size` entries."""
        entries = []
        while len(entries) < size:
            part = self.call("get_entries", from_seq=len(entries) + 1,
                             limit=min(ENTRIES_PER_CALL, size - len(entries))).entries
            if not part:
                raise ConnectionError("the ledger ends after %d entries" % len(entries))
            entries.extend(part)
        return entries[:size]

    def export(self, folder):
        """Writes what a verifier needs, and returns the size."""
        note = self.checkpoint()
        size = int(note.split("\n")[1])
        write_export(folder, self.entries(size), note, self.hello.vkey)
        return size


def ref_to(thing):
    """Names the entry (and command) of a receipt's only command, or of a Voucher."""
    return act_pb2.Ref(seq=thing.seq, index=getattr(thing, "index", 0), leaf=thing.leaf)
