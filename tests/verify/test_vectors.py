"""The golden vectors in proto/vectors, and the texts in proto/README.md that show them."""
import hashlib
import pathlib
import re

import pytest

import vectors  # first: it puts the client's folder on the path
import timebox_verify as tv
import timebox_code32
from timebox_schema import rpc_pb2

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


@pytest.fixture(scope="module")
def made():
    return vectors.make()


def stored(name):
    return bytes.fromhex((PROTO / "vectors" / (name + ".hex")).read_text())


def body(frame):
    length, at = tv.read_varint(frame, 0)
    assert len(frame) == at + length
    return frame[at:]


def test_vectors_are_what_the_script_makes(made):
    assert {p.stem for p in (PROTO / "vectors").glob("*.hex")} == set(made)
    for name, data in made.items():
        assert stored(name) == data, name


def test_each_vector_is_described(made):
    text = (PROTO / "vectors" / "README.md").read_text(encoding="utf-8")
    for name in made:
        assert "`%s.hex`" % name in text


def test_entries_are_canonical_and_name_their_acts(made):
    for name in ("entry-genesis", "entry-hold"):
        entry = tv.decode("Entry", made[name])
        act = tv.decode("Act", entry["act"])
        assert len(act["request_id"]) == 16
    assert entry["act"] == rpc_pb2.Request.FromString(body(made["frame-hold-request"])).act


def test_the_answer_is_to_the_entry(made):
    response = rpc_pb2.Response.FromString(body(made["frame-hold-response"]))
    entry = made["entry-hold"]
    assert response.receipt.leaf == hashlib.sha256(b"\0" + entry).digest()
    assert response.receipt.seq == tv.decode("Entry", entry)["seq"] == response.as_of
    assert len(timebox_code32.decode(response.receipt.codes[0].code, 10)) == 10


def test_the_readme_shows_the_vectors_as_they_are():
    """Hex dumps in the README: lines of `offset  bytes  what`."""
    text = (PROTO / "README.md").read_text(encoding="utf-8")
    for name in ("frame-hold-request", "entry-hold"):
        block = re.search(r"<!-- %s -->\n```\n(.*?)```" % name, text, re.S).group(1)
        shown = re.findall(r"^[0-9a-f]{3}  ((?:[0-9a-f]{2} ?)+)", block, re.M)
        assert bytes.fromhex("".join(shown)) == stored(name), name


def test_the_readme_names_every_message_field_of_the_ledger():
    text = (PROTO / "README.md").read_text(encoding="utf-8")
    for message in ("Entry", "Posting", "Touched", "Effect", "Act"):
        for number, field in tv.SCHEMA[message].items():
            assert re.search(r"^\| %d \| `%s` \|" % (number, field.name), text, re.M), field.name


# --- code32 ---

def test_code32_round_trip_and_single_errors():
    data = hashlib.sha256(b"code").digest()
    for size in (1, 10, 16, 32):
        text = timebox_code32.encode(data[:size])
        assert timebox_code32.decode(text, size) == data[:size]
        assert timebox_code32.decode(text.lower().replace("-", " "), size) == data[:size]
        letters = text.replace("-", "")
        for i, letter in enumerate(letters):
            other = timebox_code32.LETTERS[timebox_code32.LETTERS.index(letter) ^ 1]
            with pytest.raises(timebox_code32.BadCode):
                timebox_code32.decode(letters[:i] + other + letters[i + 1:], size)
        for i in range(len(letters) - 1):
            if letters[i] != letters[i + 1]:
                changed = letters[:i] + letters[i + 1] + letters[i] + letters[i + 2:]
                with pytest.raises(timebox_code32.BadCode):
                    timebox_code32.decode(changed, size)
