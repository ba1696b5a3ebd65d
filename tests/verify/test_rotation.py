"""A ledger whose key was changed, before both verifiers, and what an auditor does with it beside."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import corrupt  # noqa: E402
import ledger_writer as lw  # noqa: E402
import timebox_verify as tv  # noqa: E402
from corrupt import found, verdict  # noqa: E402
from ledger_writer import command  # noqa: E402
from test_audit_more import audit  # noqa: E402

FIRST, NEXT, LAST, OTHER = (lw.Key(word) for word in ("ledger", "next ledger", "last ledger", "other"))
KEYS = [FIRST, NEXT, LAST]


class Rotated(lw.Story):
    """The story, and its ledger's key changed twice; `changes` are the entries."""

    def __init__(self):
        super().__init__()
        self.changes = [self.more().rotate(NEXT), self.more().rotate(LAST)]
        self.more()

    def more(self):
        self.append(self.a, [command("permit", member=lw.VERA)], touched=[lw.VERA])
        return self

    def key_at(self, size):
        return KEYS[sum(seq <= size for seq in self.changes)]

    def note(self, size, key=None):
        return lw.sign_checkpoint(key or self.key_at(size), [lw.leaf_hash(e) for e in self.entries[:size]])

    def export(self, folder, size=None, **options):
        size = size or self.seq
        lw.export(folder, self.entries[:size], self.key_at(size), **options)
        return folder


@pytest.fixture
def story():
    return Rotated()


def test_whoever_knows_one_of_the_keys_verifies_all_of_it(story, tmp_path):
    story.export(tmp_path)
    keys = [{"vkey": lw.vkey(key), "from": seq} for key, seq in zip(KEYS, [1] + story.changes)]
    for vkey in [lw.vkey(key) for key in KEYS] + [None]:
        assert verdict(tmp_path, vkey)["ledger_keys"] == keys
        assert tv.verify(str(tmp_path), vkey)["ledger_keys"] == keys
        assert found(verdict(tmp_path, lw.vkey(OTHER)))[0] == "key"


def test_each_size_has_one_key_that_signs_it(story, tmp_path):
    first = story.changes[0]
    for size in (first - 1, first, story.changes[1] - 1, story.changes[1], story.seq):
        for n, key in enumerate(KEYS):
            folder = story.export(tmp_path / ("%d-%d" % (size, n)), size, note=story.note(size, key))
            report = verdict(folder, lw.vkey(FIRST))
            assert report["ok"] if key is story.key_at(size) else found(report) == ("checkpoint", None)


def test_checkpoints_that_were_kept_are_by_the_key_of_their_size(story, tmp_path):
    story.export(tmp_path)
    anchors = tmp_path / "anchors"
    anchors.mkdir()
    for size in (10, story.changes[0], story.seq - 1):
        (anchors / str(size)).write_text(story.note(size), encoding="utf-8")
    assert verdict(tmp_path, lw.vkey(NEXT))["ok"]
    (anchors / "10").write_text(story.note(10, NEXT), encoding="utf-8")
    assert found(verdict(tmp_path, lw.vkey(NEXT))) == ("checkpoint", None)


def test_a_change_needs_both_signatures_and_its_own_place(tmp_path):
    wrongs = {
        "signature": {"signature": OTHER.sign(b"")}, "place": {"ref": lw.Story().ref(5)},
        "no signature": {"signature": b""}, "no place": {"ref": lw.act_pb2.Ref()}}
    for name, wrong in wrongs.items():
        story = lw.Story()
        story.rotate(NEXT, **wrong)
        lw.export(tmp_path / name, story.entries, NEXT)
        kind = "signature" if name == "signature" else "key"
        assert found(verdict(tmp_path / name, lw.vkey(FIRST))) == (kind, story.seq)


def test_what_the_key_before_asks_after_the_change_is_refused(story, tmp_path):
    story.append(FIRST, [command("clock_accept", time_us=story.now_us())])
    assert found(verdict(story.export(tmp_path), lw.vkey(LAST))) == ("key", story.seq)


def test_a_staff_key_does_not_change_the_ledgers(tmp_path):
    story = lw.Story()
    ref = story.ref(story.seq)
    signature = NEXT.sign(lw.change_text(story.a.public, NEXT.public, ref))
    story.append(story.a, [command("ledger_key", key=NEXT.public, ref=ref, signature=signature)])
    lw.export(tmp_path, story.entries, FIRST)
    assert found(verdict(tmp_path, lw.vkey(FIRST))) == ("key", story.seq)


def test_each_flipped_byte_of_a_change_is_found(story, tmp_path):
    at = story.changes[0] - 1
    entry = story.entries[at]
    for i in range(0, len(entry), 1 if corrupt.FULL else 23):
        entries = list(story.entries)
        entries[at] = entry[:i] + bytes([entry[i] ^ 1]) + entry[i + 1:]
        lw.export(tmp_path, entries, LAST, note=story.note(story.seq))
        assert found(verdict(tmp_path, lw.vkey(FIRST if i % 2 else LAST)))[1] in (at + 1, at + 2), i


def test_a_state_of_before_the_change_is_carried_on(tmp_path):
    story = lw.Story()
    while story.seq < 300:
        story.append(story.a, [command("permit", member=lw.VERA)], touched=[lw.VERA])
    state, options = tmp_path / "state", ("--depth", 2, "--vkey", lw.vkey(FIRST), "--state", tmp_path / "state")
    lw.export(tmp_path / "one", story.entries, FIRST)
    audit("verify", tmp_path / "one", *options)
    assert state.exists()
    story.rotate(NEXT)
    while story.seq < 520:
        story.append(story.a, [command("permit", member=lw.VERA)], touched=[lw.VERA])
    lw.export(tmp_path / "two", story.entries, NEXT)
    report = audit("verify", tmp_path / "two", *options)[-1]
    assert report["ok"] and report["resumed"] == 256
    again = audit("verify", tmp_path / "two", *options)[-1]
    assert again["resumed"] == 512 and again["ledger_keys"] == report["ledger_keys"]
    assert [k["from"] for k in again["ledger_keys"]] == [1, 301]


def test_samples_and_journals_are_read_by_whoever_knows_an_old_key(story, tmp_path):
    story.export(tmp_path)
    drawn = [audit("sample", tmp_path, "--n", 1, "--seed", "x", "--vkey", lw.vkey(key)) for key in KEYS]
    assert drawn[0] == drawn[1] == drawn[2] and drawn[0][-1]["drawn"] == 1
    audit("sample", tmp_path, "--n", 1, "--seed", "x", "--vkey", lw.vkey(OTHER), code=6)


def test_a_watch_goes_over_with_the_old_key_and_goes_on_with_the_new_one(story, tmp_path):
    watch = tmp_path / "watch"

    def look(size, key, code=0):
        folder = story.export(tmp_path / ("%d" % size), size)
        return audit("watch", watch, "--from", folder, "--vkey", lw.vkey(key), code=code)[-1]
    before = story.changes[0] - 1
    assert look(before, FIRST)["size"] == before
    assert look(before, NEXT, code=6)["kind"] == "vkey"
    assert look(story.changes[0], FIRST) == {"ok": True, "before": before, "size": before + 1}
    assert look(story.seq, NEXT)["size"] == story.seq
    assert (watch / "vkey").read_text() == lw.vkey(LAST)
    # What an older mirror shows is no other ledger, but one that was cut.
    assert look(before, FIRST, code=6)["kind"] == "cut"


def test_a_watch_that_went_over_does_not_follow_who_found_the_old_key(story, tmp_path):
    audit("watch", tmp_path / "watch", "--from", story.export(tmp_path / "one"), "--vkey", lw.vkey(FIRST))
    forged = lw.Story()
    forged.rotate(OTHER)
    while forged.seq < story.seq + 5:
        forged.append(forged.a, [command("permit", member=lw.VERA)], touched=[lw.VERA])
    lw.export(tmp_path / "two", forged.entries, OTHER)
    said = audit("watch", tmp_path / "watch", "--from", tmp_path / "two", "--vkey", lw.vkey(FIRST), code=6)[-1]
    assert said["kind"] == "vkey"
