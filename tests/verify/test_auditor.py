"""`timebox audit verify` against the independent verifier: the same verdict, the same entry, on
whole ledgers, on each damage that the other's own tests know, and on random ones."""
import pathlib
import random
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import corrupt  # noqa: E402
import ledger_writer as lw  # noqa: E402
import test_verify as cases  # noqa: E402
from corrupt import found, verdict  # noqa: E402
from ledger_writer import command  # noqa: E402
from test_verify import N, SIGNED, STORY, VKEY  # noqa: E402


@pytest.fixture
def whole(tmp_path):
    lw.export(tmp_path / "whole", STORY.entries, STORY.ledger_key)
    return tmp_path / "whole"


def judge(folder, entries, vkey=VKEY, kept=None, **options):
    lw.export(folder, entries, options.pop("key", STORY.ledger_key), **options)
    return verdict(folder, vkey, kept)


def test_whole_ledger_and_its_roster(whole):
    report = verdict(whole, VKEY)
    assert report["ok"] and report["entries"] == N and report["pinned"]
    assert [(k["role"], k["admitted_seq"], k["revoked_seq"]) for k in report["roster"]] == [
        ("staff", 2, 0), ("staff", 3, 0), ("kiosk", 13, N), ("outlet", 14, 0)]
    assert not verdict(whole)["pinned"]


def test_kept_sizes(whole, tmp_path):
    leaves = [lw.leaf_hash(e) for e in STORY.entries]
    for size in range(N + 1):
        assert verdict(whole, VKEY, (size, lw.tree_root(leaves[:size])))["ok"]
        assert found(verdict(whole, VKEY, (size, bytes(32)))) == ("fork", None)
    for size in (1, 5, N - 1):
        kept = (N, lw.tree_root(leaves))
        assert found(judge(tmp_path / str(size), STORY.entries[:size], kept=kept)) == (
            "cut", size + 1)


def test_flipped_bytes(whole, tmp_path):
    places = corrupt.sample(corrupt.Bundle(whole), step=23, whole=1)
    assert corrupt.flips_missed(whole, VKEY, places, tmp_path) == []


def test_flipped_bytes_when_the_tiles_were_made_anew(tmp_path):
    for k in range(0, N, 1 if corrupt.FULL else 4):
        entry = STORY.entries[k]
        for at in range(k % 5, len(entry), 5 if corrupt.FULL else 53):
            changed = entry[:at] + bytes([entry[at] ^ 0x10]) + entry[at + 1:]
            entries = STORY.entries[:k] + [changed] + STORY.entries[k + 1:]
            assert found(judge(tmp_path, entries, note=SIGNED))[1] == k + 1, (k, at)


@pytest.mark.parametrize("tiles", ["as they were", "made anew"])
def test_rearranged_entries(whole, tmp_path, tiles):
    bundle = corrupt.Bundle(whole)
    for n, (what, first, entries) in enumerate(bundle.rearranged()):
        if tiles == "as they were":
            bundle.write(entries)
            assert found(verdict(whole, VKEY))[1] == first, what
        elif corrupt.FULL or n % 3 == 0:
            # A stranger whose chain was made to fit shows by the entry that follows it.
            said = found(judge(tmp_path / str(n), entries, note=SIGNED))
            assert said[1] in (first, first + what.startswith("a stranger")), what


def test_cut_and_torn_bundles(whole):
    bundle = corrupt.Bundle(whole)
    for size in range(N):
        bundle.write(STORY.entries[:size])
        assert found(verdict(whole, VKEY)) == ("cut", size + 1)
    for torn, entry in ((bundle.data[:-1], N), (bundle.data + b"\0", N + 1), (b"\0\0", 1)):
        bundle.path.write_bytes(torn)
        assert found(verdict(whole, VKEY)) == ("framing", entry)
    bundle.path.unlink()
    assert found(verdict(whole, VKEY)) == ("cut", 1)


def test_each_tile_is_compared(whole):
    path = whole / lw.tile_name(0, 0, N)
    data = path.read_bytes()
    for at in range(0, len(data), 16):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        assert found(verdict(whole, VKEY)) == ("tile", at // 32 + 1)
    for wrong in (data[:-1], data[:-32], data + b"\0", data + bytes(32), b""):
        path.write_bytes(wrong)
        assert found(verdict(whole, VKEY))[0] == "tile"
    path.unlink()
    assert found(verdict(whole, VKEY)) == ("tile", None)


def test_checkpoint_damage(whole, tmp_path):
    path = whole / "checkpoint"
    note = path.read_bytes()
    for at in range(0, len(note), 1 if corrupt.FULL else 5):
        path.write_bytes(note[:at] + bytes([note[at] ^ 1]) + note[at + 1:])
        assert found(verdict(whole, VKEY)) == ("checkpoint", None), at
    path.unlink()
    assert found(verdict(whole, VKEY)) == ("checkpoint", None)
    impostor = lw.Key("impostor")
    assert found(judge(tmp_path / "1", STORY.entries, key=impostor)) == ("checkpoint", None)
    assert found(judge(tmp_path / "2", STORY.entries, key=impostor, vkey=None)) == ("key", 1)


def test_vkey_damage(whole):
    for text in (None, b"", b"station.example/box+00000000+AA==\n", b"\xff\xfe", b"x" * 400):
        (whole / "vkey").unlink()
        if text is not None:
            (whole / "vkey").write_bytes(text)
        assert found(verdict(whole)) == ("vkey", None)
        (whole / "vkey").write_bytes(b"")


@pytest.mark.parametrize("case", cases.CONTENT, ids=lambda c: c.replace(" ", "-"))
def test_content(tmp_path, case):
    seq, change, key, kind = cases.CONTENT[case]
    assert found(judge(tmp_path, cases.rewritten(seq, change, key))) == (kind, seq)


def test_keys_that_may_not(tmp_path):
    story = lw.Story()
    story.append(story.kiosk, [command("check_out")], member=lw.VERA)
    assert found(judge(tmp_path / "revoked", story.entries)) == ("key", story.seq)
    story, auditor, secret = lw.Story(), lw.Key("auditor"), b"s" * 16
    seq = story.append(story.a, [command(
        "invite", role=lw.T.ROLE_AUDITOR, code_hash=lw.sha256(secret))])
    story.enrol(auditor, secret, seq)
    assert judge(tmp_path / "1", story.entries)["ok"]
    story.append(auditor, [command("key_revoke", key=story.a.public)])
    assert found(judge(tmp_path / "2", story.entries)) == ("key", story.seq)


def test_proposed_revocation_counts_once_approved(tmp_path):
    story = lw.Story()
    proposal = story.append(story.a, [command("key_revoke", key=story.b.public)],
                            effects=[lw.effect("PROPOSED")])
    story.append(story.b, [command("permit", member=lw.VERA)])
    assert judge(tmp_path / "1", story.entries)["ok"]
    story.append(story.a, [command("approve", ref=story.ref(proposal))],
                 effects=[lw.effect("APPLIED", id=proposal)])
    story.append(story.b, [command("permit", member=lw.VERA)])
    assert found(judge(tmp_path / "2", story.entries)) == ("key", story.seq)


def test_several_tiles(tmp_path):
    story = lw.Story()
    while story.seq < 600:
        story.append(story.a, [command("permit", member=lw.VERA)], touched=[lw.VERA])
    lw.export(tmp_path, story.entries, story.ledger_key)
    assert corrupt.cli_report(tmp_path, VKEY)["size"] == 600
    path = tmp_path / lw.tile_name("entries", 1, 256)
    data = path.read_bytes()
    path.write_bytes(data[len(lw.bundle(story.entries[256:257])):])
    assert found(verdict(tmp_path, VKEY)) == ("leaf", 257)
    path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    assert found(verdict(tmp_path, VKEY)) == ("leaf", 257)
    path.unlink()
    assert found(verdict(tmp_path, VKEY)) == ("cut", 257)
    path.write_bytes(data)
    (tmp_path / lw.tile_name(1, 0, 2)).write_bytes(bytes(64))
    assert found(verdict(tmp_path, VKEY)) == ("tile", None)


def damage(chance, folder):
    """One random change to one random file."""
    path = chance.choice(sorted(p for p in folder.rglob("*") if p.is_file()))
    data = bytearray(path.read_bytes())
    at, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    what = chance.randrange(4)
    if what == 0:
        del data[at:end]
    elif what == 1:
        data[at:at] = data[at:end]
    elif what == 2 and at < len(data):
        data[at] ^= 1 << chance.randrange(8)
    else:
        data[at:end] = bytes(chance.randrange(256) for _ in range(end - at))
    path.write_bytes(data)
    return path.relative_to(folder), what, at, end


def test_both_say_the_same_of_random_damage(whole, tmp_path):
    chance = random.Random(2021)
    for n in range(2000 if corrupt.FULL else 150):
        copy = tmp_path / "copy"
        shutil.copytree(whole, copy)
        done = [damage(chance, copy) for _ in range(chance.randrange(1, 4))]
        try:
            verdict(copy, VKEY)
        except AssertionError as error:
            raise AssertionError("%d: %s" % (n, done)) from error
        shutil.rmtree(copy)


def test_words_and_exit_codes(whole):
    def run(*arguments):
        done = subprocess.run([corrupt.TIMEBOX, "audit", "verify", "--depth", "2", *map(str, arguments)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout.decode()

    code, text = run(whole, "--lang", "en")
    assert code == 0 and text.startswith("whole: %d entries" % N)
    assert run(whole / "absent")[0] == 2
    assert run(whole, "--vkey", "x")[0] == run(whole, "--kept", "3")[0] == run()[0] == 2
    corrupt.Bundle(whole).write(STORY.entries[:3])
    assert run(whole, "--lang", "en") == (6, "broken: entry 4, cut: the export ends before it, "
                                             "after 3 entries\n")
