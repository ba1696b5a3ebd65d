#!/usr/bin/env python3
"""Writes the golden vectors: vectors.py FOLDER (proto/vectors). The same bytes on each run.

Each file is the hexadecimal of one frame or one entry, 32 bytes a line.
"""
import hmac
import pathlib
import sys

import ledger_writer as lw
import timebox_code32
from ledger_writer import T, effect, entry_pb2
from timebox_schema import rpc_pb2

VOUCHER_KEY = lw.sha256(b"voucher key")


def frame(message):
    """The message behind its length as a varint."""
    body = message.SerializeToString()
    head, length = bytearray(), len(body)
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    return bytes(head + bytes([length])) + body


def voucher_code(label, seq, index):
    text = label + lw.ORIGIN.encode() + b"\0" + seq.to_bytes(8, "big") + index.to_bytes(4, "big")
    return timebox_code32.encode(hmac.new(VOUCHER_KEY, text, "sha256").digest()[:10])


def hello(story):
    return rpc_pb2.Response(hello=rpc_pb2.Hello(
        origin=lw.ORIGIN, time_us=lw.START_US, vkey=lw.vkey(story.ledger_key), role=T.ROLE_KIOSK,
        key_status=T.KEY_STATUS_ACTIVE, open=True, rules=story.rules, zone_minutes=lw.ZONE_MINUTES))


def receipt(story, seq):
    """The first answer on its connection: to the hold in entry `seq`."""
    entry = story.entries[seq - 1]
    effects = entry_pb2.Entry.FromString(entry).effects
    codes = [rpc_pb2.IssuedCode(code=voucher_code(b"voucher\n", seq, 0))]
    return rpc_pb2.Response(number=1, as_of=seq, receipt=rpc_pb2.Receipt(
        seq=seq, leaf=lw.leaf_hash(entry), effects=effects, codes=codes))


def make():
    """The vectors by name."""
    story = lw.Story()
    seq = story.holds[0]
    return {
        "frame-hello": frame(hello(story)),
        "frame-hold-request": frame(rpc_pb2.Request(act=story.acts[seq - 1])),
        "frame-hold-response": frame(receipt(story, seq)),
        "entry-genesis": story.entries[0],
        "entry-hold": story.entries[seq - 1],
        "entry-ledger-key": story.entries[story.rotate(lw.Key("next ledger")) - 1],
    }


def as_hex(data):
    return "".join(data[i:i + 32].hex() + "\n" for i in range(0, len(data), 32))


def main():
    folder = pathlib.Path(sys.argv[1])
    for name, data in make().items():
        (folder / (name + ".hex")).write_text(as_hex(data))


if __name__ == "__main__":
    main()
