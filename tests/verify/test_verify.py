"""The independent verifier against exports of ledger_writer's: whole ones pass, and each damage is
reported with the first entry that is broken."""
import base64
import json
import os
import pathlib
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2

import ledger_writer as lw
import timebox_verify as tv
from ledger_writer import T, command, entry_pb2

HERE = pathlib.Path(__file__).resolve().parent
STORY = lw.Story()
VKEY = lw.vkey(STORY.ledger_key)
SIGNED = lw.sign_checkpoint(STORY.ledger_key, [lw.leaf_hash(e) for e in STORY.entries])
N = len(STORY.entries)


def verify(folder, entries, key=STORY.ledger_key, **options):
    """The report on an export of these entries whose checkpoint `key` signed."""
    lw.export(folder, entries, key)
    return tv.verify(folder, options.pop("vkey", VKEY), **options)


def found(report):
    assert report["ok"] is False
    assert report["why"]
    return report["kind"], report["entry"]


@pytest.fixture
def whole(tmp_path):
    lw.export(tmp_path, STORY.entries, STORY.ledger_key)
    return tmp_path


def bundle_path(folder, n=N):
    return folder / lw.tile_name("entries", 0, n)


# --- what is whole ---

def test_whole_ledger_passes(whole):
    report = tv.verify(whole, VKEY)
    leaves = [lw.leaf_hash(e) for e in STORY.entries]
    assert report["ok"] is True
    assert (report["size"], report["members"], report["system"]) == (N, 3, 2)
    assert report["root"] == base64.b64encode(lw.tree_root(leaves)).decode()


def test_kept_sizes_of_the_same_past_pass(whole):
    leaves = [lw.leaf_hash(e) for e in STORY.entries]
    for size in range(1, N + 1):
        assert tv.verify(whole, VKEY, (size, lw.tree_root(leaves[:size])))["ok"]


def test_schema_is_that_of_the_proto_files():
    kinds = {4: "u64", 13: "u32", 5: "i32", 18: "s64", 17: "s32", 8: "bool", 14: "enum", 9: "str",
             12: "bytes"}
    theirs = {}
    for module in (lw.act_pb2, entry_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            theirs[message.name] = {
                f.number: (f.name, kinds.get(f.type) or f.type_name.split(".")[-1], f.label == 3)
                for f in message.field}
    ours = {m: {n: (f.name, f.kind, f.repeated) for n, f in fields.items()}
            for m, fields in tv.SCHEMA.items()}
    assert ours == theirs


def test_commands_are_those_of_the_proto_file():
    kinds = {f.name for f in tv.SCHEMA["Command"].values()}
    assert set(tv.PERMISSIONS) == kinds and set(tv.NEEDED) <= kinds
    for kind, names in tv.NEEDED.items():
        message = next(f.kind for f in tv.SCHEMA["Command"].values() if f.name == kind)
        assert set(names) <= {f.name for f in tv.SCHEMA[message].values()}, kind


# --- Ed25519 ---

# RFC 8032 section 7.1: secret key, public key, message, signature.
RFC_8032 = [
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
]


@pytest.mark.parametrize("key, message, signature", RFC_8032)
def test_ed25519_vectors(key, message, signature):
    key, message, signature = map(bytes.fromhex, (key, message, signature))
    assert tv.ed25519_verify(key, message, signature)
    assert not tv.ed25519_verify(key, message + b"x", signature)
    for i in range(0, 64, 7):
        wrong = signature[:i] + bytes([signature[i] ^ 4]) + signature[i + 1:]
        assert not tv.ed25519_verify(key, message, wrong)


def test_ed25519_refuses_a_second_form_of_a_signature():
    key = lw.Key("form")
    signature = key.sign(b"text")
    s = int.from_bytes(signature[32:], "little") + tv.ORDER
    assert tv.ed25519_verify(key.public, b"text", signature)
    second = signature[:32] + s.to_bytes(32, "little")
    assert not tv.ed25519_verify(key.public, b"text", second)


# --- depths, witnesses, what was kept ---

def test_each_depth_sees_what_is_its_own(tmp_path):
    """At depth 3 the story itself is found: a writer's, not the book's. check_operator.py has more."""
    changes = {1: (5, lambda e: setattr(e, "signature", bytes(64)), "signature"),
               2: (CREDIT, drop_posting, "postings")}
    for least, (seq, change, kind) in changes.items():
        lw.export(tmp_path / str(least), rewritten(seq, change), STORY.ledger_key)
        for depth in (1, 2):
            report = tv.verify(tmp_path / str(least), VKEY, depth=depth)
            assert report["ok"] if depth < least else found(report) == (kind, seq), (least, depth)
    lw.export(tmp_path / "3", STORY.entries, STORY.ledger_key)
    assert found(tv.verify(tmp_path / "3", VKEY, depth=3)) == ("outcome", 6)


def test_a_known_witness_must_have_cosigned(whole):
    note, witness = lw.cosigned(SIGNED)
    assert found(tv.verify(whole, VKEY, witnesses=[witness])) == ("witness", None)
    (whole / "checkpoint").write_text(note, encoding="utf-8")
    report = tv.verify(whole, VKEY, witnesses=[witness])
    assert report["witnessed"] == [{"witness": "witness.example/w1", "size": N, "time": 1767225600}]
    other, _ = lw.cosigned(SIGNED, 1767225601)
    mixed = note[:-20] + other[-20:]
    (whole / "checkpoint").write_text(mixed, encoding="utf-8")
    assert found(tv.verify(whole, VKEY, witnesses=[witness])) == ("witness", None)


def test_checkpoints_kept_beside_the_export_are_looked_at(whole):
    leaves = [lw.leaf_hash(e) for e in STORY.entries]
    (whole / "anchors").mkdir()
    note, witness = lw.cosigned(lw.sign_checkpoint(STORY.ledger_key, leaves[:9]))
    (whole / "anchors" / "earlier").write_text(note, encoding="utf-8")
    report = tv.verify(whole, VKEY, witnesses=[witness])
    assert (report["kept"], report["witnessed"][0]["size"]) == (9, 9)
    (whole / "anchors" / "other").write_text(
        lw.sign_checkpoint(STORY.ledger_key, leaves[1:9]), encoding="utf-8")
    assert found(tv.verify(whole, VKEY)) == ("fork", None)
    (whole / "anchors" / "other").write_bytes(b"no note")
    assert found(tv.verify(whole, VKEY)) == ("checkpoint", None)


# --- damage to the stored bytes ---

def test_each_flipped_byte_names_its_entry(whole):
    data = lw.bundle(STORY.entries)
    owner = [i + 1 for i, e in enumerate(STORY.entries) for _ in range(len(e) + 2)]
    path = bundle_path(whole)
    for at, entry in enumerate(owner):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:])
        assert found(tv.verify(whole, VKEY))[1] == entry, at


def test_flipped_bytes_name_their_entry_without_tiles_to_compare(tmp_path):
    """Whoever changes an entry can make the tiles anew, but not the checkpoint's signature."""
    for k in range(N):
        for at in range(k % 5, len(STORY.entries[k]), 5):
            entry = STORY.entries[k]
            changed = entry[:at] + bytes([entry[at] ^ 0x10]) + entry[at + 1:]
            entries = STORY.entries[:k] + [changed] + STORY.entries[k + 1:]
            lw.export(tmp_path, entries, STORY.ledger_key, SIGNED)
            assert found(tv.verify(tmp_path, VKEY))[1] == k + 1, (k, at)


def damaged(change):
    """Each entry's number and the list of entries after `change` at its index."""
    for i in range(N):
        yield i + 1, change(list(STORY.entries), i)


def removed(entries, i):
    return entries[:i] + entries[i + 1:]


def swapped(entries, i):
    j = i + 1 if i + 1 < N else 0
    entries[i], entries[j] = entries[j], entries[i]
    return entries


def doubled(entries, i):
    return entries[:i + 1] + entries[i:]


@pytest.mark.parametrize("change, first", [
    (removed, lambda i: i), (swapped, lambda i: i if i < N else 1), (doubled, lambda i: i + 1)])
@pytest.mark.parametrize("tiles", ["as they were", "made anew"])
def test_removed_swapped_and_inserted_entries(whole, tmp_path_factory, change, first, tiles):
    for i, entries in damaged(change):
        folder = whole
        bundle_path(whole).write_bytes(lw.bundle(entries))
        if tiles == "made anew":
            folder = tmp_path_factory.mktemp("anew")
            lw.export(folder, entries, STORY.ledger_key, SIGNED)
        assert found(tv.verify(folder, VKEY))[1] == first(i), i


def test_tail_cut_from_the_bundle(whole):
    for size in range(N):
        bundle_path(whole).write_bytes(lw.bundle(STORY.entries[:size]))
        assert found(tv.verify(whole, VKEY)) == ("cut", size + 1)


def test_bundle_ends_inside_an_entry(whole):
    data = lw.bundle(STORY.entries)
    bundle_path(whole).write_bytes(data[:-1])
    assert found(tv.verify(whole, VKEY)) == ("framing", N)
    bundle_path(whole).write_bytes(data + b"\0")
    assert found(tv.verify(whole, VKEY))[1] == N + 1


def test_tail_cut_with_a_signed_checkpoint_shows_against_what_was_kept(tmp_path):
    kept = (N, lw.tree_root([lw.leaf_hash(e) for e in STORY.entries]))
    for size in (1, 5, N - 1):
        folder = tmp_path / str(size)
        lw.export(folder, STORY.entries[:size], STORY.ledger_key)
        assert tv.verify(folder, VKEY)["ok"]
        assert found(tv.verify(folder, VKEY, kept)) == ("cut", size + 1)


def test_another_past_shows_against_what_was_kept(tmp_path):
    entries = rewritten(5, lambda e: setattr(e, "time_us", e.time_us + 1))
    kept = (10, lw.tree_root([lw.leaf_hash(e) for e in STORY.entries[:10]]))
    assert verify(tmp_path, entries)["ok"]
    assert found(verify(tmp_path, entries, kept=kept)) == ("fork", None)


def test_each_tile_is_compared(whole):
    path = whole / lw.tile_name(0, 0, N)
    data = path.read_bytes()
    for at in range(0, len(data), 16):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        assert found(tv.verify(whole, VKEY)) == ("tile", at // 32 + 1)
    path.unlink()
    assert found(tv.verify(whole, VKEY)) == ("tile", None)


def test_checkpoint_damage(whole):
    note = (whole / "checkpoint").read_bytes()
    for at in range(len(note)):
        (whole / "checkpoint").write_bytes(note[:at] + bytes([note[at] ^ 1]) + note[at + 1:])
        assert found(tv.verify(whole, VKEY)) == ("checkpoint", None), at
    for size in range(0, len(note), 9):
        (whole / "checkpoint").write_bytes(note[:size])
        assert found(tv.verify(whole, VKEY)) == ("checkpoint", None), size


def test_checkpoint_of_another_key(tmp_path):
    assert found(verify(tmp_path, STORY.entries, key=lw.Key("impostor"))) == ("checkpoint", None)
    # An impostor who also writes the vkey file: entry 1 is not by that key.
    assert found(verify(tmp_path, STORY.entries, key=lw.Key("impostor"), vkey=None)) == ("key", 1)


def test_cosignatures_beside_the_ledger_key_are_passed_over(whole):
    line = "\u2014 witness.example/w1 %s\n" % base64.b64encode(bytes(76)).decode()
    (whole / "checkpoint").write_text(SIGNED + line, encoding="utf-8")
    assert tv.verify(whole, VKEY)["ok"]


def test_several_tiles(tmp_path):
    story = lw.Story()
    while story.seq < 600:
        story.append(story.a, [command("permit", member=lw.VERA)], touched=[lw.VERA])
    assert verify(tmp_path, story.entries)["size"] == 600
    path = tmp_path / lw.tile_name("entries", 1, 256)
    data = path.read_bytes()
    second = lw.bundle(story.entries[256:257])
    path.write_bytes(data[len(second):])
    assert found(tv.verify(tmp_path, VKEY)) == ("leaf", 257)
    path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    assert found(tv.verify(tmp_path, VKEY)) == ("leaf", 257)
    path.write_bytes(data)
    top = tmp_path / lw.tile_name(1, 0, 2)
    top.write_bytes(bytes(64))
    assert found(tv.verify(tmp_path, VKEY)) == ("tile", None)


# --- what only the content shows: hashes and checkpoint are whole, the operator signs anything ---

def rewritten(seq, change, key=None):
    """The story with entry `seq` changed, its act signed by `key`, and the chain made whole."""
    entries = list(STORY.entries)
    for i in range(seq - 1, N):
        entry = entry_pb2.Entry.FromString(entries[i])
        if i == seq - 1:
            act = entry.act
            change(entry)
            if entry.act != act and key is not None:
                entry.signature = key.sign_act(entry.act)
        if i:
            entry.prev = lw.leaf_hash(entries[i - 1])
        entries[i] = entry.SerializeToString()
    return entries


def in_act(change):
    """A change of the entry that changes its act."""
    def apply(entry):
        act = lw.act_pb2.Act.FromString(entry.act)
        change(act)
        entry.act = act.SerializeToString()
    return apply


def act_bytes(change):
    return lambda entry: setattr(entry, "act", change(entry.act))


def drop_posting(entry):
    del entry.postings[-1]


def overdraw(entry):
    for posting in entry.postings:
        posting.amount *= 100


def other_owner(entry):
    entry.postings[0].member = 0


HOLD = STORY.holds[0]
CREDIT = 17

CONTENT = {
    "signature flipped": (5, lambda e: setattr(e, "signature", bytes(64)), None, "signature"),
    "signature missing": (5, lambda e: setattr(e, "signature", b""), None, "signature"),
    "act changed under the signature": (
        5, in_act(lambda a: setattr(a, "branch", 7)), None, "signature"),
    "signed by somebody else": (5, in_act(lambda a: setattr(a, "branch", 7)), STORY.b, "signature"),
    "origin": (5, in_act(lambda a: setattr(a, "origin", "other/box")), STORY.a, "origin"),
    "actor never admitted": (
        5, in_act(lambda a: setattr(a, "actor_key", lw.Key("x").public)), lw.Key("x"), "key"),
    "staff command by the operator": (
        N, in_act(lambda a: setattr(a, "actor_key", STORY.ledger_key.public)), STORY.ledger_key,
        "key"),
    "no actor": (5, in_act(lambda a: a.ClearField("actor_key")), None, "request_id"),
    "operator command by staff": (
        N - 1, in_act(lambda a: setattr(a, "actor_key", STORY.a.public)), STORY.a, "key"),
    "enrolled with an unknown code": (
        3, in_act(lambda a: setattr(a.commands[0].enrol, "code_hash", bytes(32))), STORY.b, "key"),
    "code used twice": (3, in_act(lambda a: setattr(
        a.commands[0].enrol, "code_hash", lw.sha256(lw.sha256(b"code a")[:16]))), STORY.b, "key"),
    "a kiosk's act without a session": (
        HOLD, in_act(lambda a: a.ClearField("session")), None, "act"),
    "a second genesis": (
        5, in_act(lambda a: a.commands[0].genesis.SetInParent()), STORY.a, "genesis"),
    "no genesis": (1, in_act(lambda a: a.commands[0].clock_accept.SetInParent()),
                   STORY.ledger_key, "genesis"),
    "ledger key of another": (1, in_act(lambda a: setattr(
        a.commands[0].genesis, "ledger_key", bytes(32))), STORY.ledger_key, "genesis"),
    "request id used before": (5, in_act(lambda a: setattr(
        a, "request_id", STORY.request_id_of(4))), STORY.a, "request_id"),
    "request id no UUIDv7": (
        5, in_act(lambda a: setattr(a, "request_id", b"\x01" * 16)), STORY.a, "request_id"),
    "system request id of another number": (
        CREDIT, in_act(lambda a: setattr(a, "request_id", bytes(15) + b"\x01")), None,
        "request_id"),
    "signed system entry": (CREDIT, lambda e: setattr(e, "signature", bytes(64)), None, "act"),
    "no command": (5, in_act(lambda a: a.ClearField("commands")), STORY.a, "act"),
    "time stands still": (5, lambda e: setattr(e, "time_us", lw.START_US), None, "time"),
    "rules that nobody set": (5, lambda e: setattr(e, "rules", 2), None, "rules"),
    "semantics that nobody raised": (5, lambda e: setattr(e, "semantics", 2), None, "semantics"),
    "postings do not sum to zero": (CREDIT, drop_posting, None, "postings"),
    "account below zero": (HOLD, overdraw, None, "balance"),
    "posting without its owner": (HOLD, other_owner, None, "postings"),
    "posting of an unknown purpose": (
        HOLD, lambda e: setattr(e.postings[0], "purpose", 99), None, "postings"),
    "touched names another entry": (
        HOLD, lambda e: setattr(e.touched[0], "prev", 3), None, "touched"),
    "touched misses a member": (HOLD, lambda e: e.ClearField("touched"), None, "touched"),
    "touched names a member twice": (
        HOLD, lambda e: e.touched.add(member=lw.VERA, prev=HOLD), None, "touched"),
    "effect of a command that is not there": (
        HOLD, lambda e: setattr(e.effects[0], "command", 1), None, "effects"),
    "approval of nothing": (7, lambda e: setattr(e.effects[0], "id", 3), None, "effects"),
    "unknown field in the act": (5, act_bytes(lambda b: b + b"\x78\x01"), STORY.a, "encoding"),
    "fields out of order": (
        5, act_bytes(lambda b: b[2 + b[1]:] + b[:2 + b[1]]), STORY.a, "encoding"),
    "wrong wire type inside": (
        5, act_bytes(lambda b: b + b"\x4a\x04\xd2\x01\x01\x00"), STORY.a, "encoding"),
    "zero written": (5, lambda e: setattr(e, "act", zero_branch(e.act)), STORY.a, "encoding"),
    "long number": (5, lambda e: setattr(e, "act", long_branch(e.act)), STORY.a, "encoding"),
}


def with_branch(act, written):
    """The act with these bytes as its field 8."""
    at = act.index(b"\x4a", act.index(STORY.a.public) + 32)
    return act[:at] + written + act[at:]


def zero_branch(act):
    return with_branch(act, b"\x40\x00")


def long_branch(act):
    return with_branch(act, b"\x40\x81\x00")


@pytest.mark.parametrize("case", CONTENT, ids=lambda c: c.replace(" ", "-"))
def test_content(tmp_path, case):
    seq, change, key, kind = CONTENT[case]
    assert found(verify(tmp_path, rewritten(seq, change, key))) == (kind, seq)


def test_revoked_key(tmp_path):
    story = lw.Story()
    story.append(story.kiosk, [command("check_out")], member=lw.VERA)
    assert found(verify(tmp_path, story.entries)) == ("key", story.seq)


def test_auditors_write_nothing(tmp_path):
    story, auditor, secret = lw.Story(), lw.Key("auditor"), b"s" * 16
    seq = story.append(story.a, [command(
        "invite", role=T.ROLE_AUDITOR, code_hash=lw.sha256(secret))])
    story.enrol(auditor, secret, seq)
    assert verify(tmp_path / "1", story.entries)["ok"]
    story.append(auditor, [command("key_revoke", key=story.a.public)])
    assert found(verify(tmp_path / "2", story.entries)) == ("key", story.seq)


def test_proposed_revocation_counts_once_approved(tmp_path):
    story = lw.Story()
    proposal = story.append(story.a, [command("key_revoke", key=story.b.public)],
                            effects=[lw.effect("PROPOSED")])
    story.append(story.b, [command("permit", member=lw.VERA)])
    assert verify(tmp_path / "1", story.entries)["ok"]
    story.append(story.a, [command("approve", ref=story.ref(proposal))],
                 effects=[lw.effect("APPLIED", id=proposal)])
    story.append(story.b, [command("permit", member=lw.VERA)])
    assert found(verify(tmp_path / "2", story.entries)) == ("key", story.seq)


# --- the command line ---

def run(*arguments, **environment):
    env = {k: v for k, v in os.environ.items() if k != "LC_ALL"}
    # The story is a writer's, not the book's: its depth is 2.
    command = [sys.executable, str(HERE / "timebox_verify.py"), "--depth", "2"]
    return subprocess.run([*command, *map(str, arguments)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**env, **environment})


def test_exit_codes_and_json(whole):
    done = run(whole, "--json", "--vkey", VKEY)
    assert (done.returncode, json.loads(done.stdout)["ok"], done.stderr) == (0, True, b"")
    bundle_path(whole).write_bytes(b"")
    done = run(whole, "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["entry"] == 1
    assert b"not pinned" in done.stderr
    assert run(whole, "--kept", "3").returncode == 2
    assert run(whole, "--vkey", "x").returncode == 2
    assert run(whole / "absent").returncode == 2


def test_chinese_on_a_gbk_console(tmp_path):
    lw.export(tmp_path, STORY.entries, STORY.ledger_key)
    done = run(tmp_path, LANG="zh_CN.GBK", PYTHONIOENCODING="gbk")
    assert (done.returncode, done.stdout.decode("gbk")[:4]) == (0, "账本完整")
    assert "公钥" in done.stderr.decode("gbk")
    # A text that the console cannot show must not end the program.
    odd = rewritten(5, in_act(lambda a: setattr(a, "origin", "\U0001f338")), STORY.a)
    lw.export(tmp_path, odd, STORY.ledger_key)
    done = run(tmp_path, LANG="zh_CN.GBK", PYTHONIOENCODING="gbk")
    assert done.returncode == 1 and "条目 5" in done.stdout.decode("gbk")
