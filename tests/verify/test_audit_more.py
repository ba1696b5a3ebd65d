"""What `timebox audit` does beside a plain verification: parts of it, carried on, anchored; samples and watches."""
import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import corrupt  # noqa: E402
import ledger_writer as lw  # noqa: E402

SIZE = 900


def audit(*arguments, code=0):
    """The lines of JSON that a command prints; its exit code must be this."""
    done = subprocess.run([corrupt.TIMEBOX, "audit", *map(str, arguments), "--json"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


class LongStory(lw.Story):
    def __init__(self, size=SIZE):
        super().__init__()
        while self.seq < size:
            self.append(self.a, [lw.command("permit", member=lw.VERA)], touched=[lw.VERA])

    def note(self, size):
        return lw.sign_checkpoint(self.ledger_key, [lw.leaf_hash(e) for e in self.entries[:size]])


@pytest.fixture(scope="module")
def story():
    return LongStory()


@pytest.fixture
def whole(story, tmp_path):
    lw.export(tmp_path / "whole", story.entries, story.ledger_key)
    return tmp_path / "whole"


def verify(*arguments, code=0):
    return audit("verify", "--depth", 2, *arguments, code=code)[-1]


def cosigned(note, witness, name, time=1767230000, damage=b""):
    text = note[:note.index("\n\n") + 1]
    message = ("cosignature/v1\ntime %d\n%s" % (time, text)).encode()
    blob = b"\x04" + witness.public
    key_id = lw.sha256(name.encode(), b"\n", blob)[:4]
    line = key_id + time.to_bytes(8, "big") + witness.sign(message + damage)
    return ("%s\u2014 %s %s\n" % (note, name, base64.b64encode(line).decode()),
            "%s+%s+%s" % (name, key_id.hex(), base64.b64encode(blob).decode()))


# --- parts, and carrying on ---

def test_signatures_from_an_entry_on_or_drawn_are_the_only_ones_verified(whole, story):
    signed = verify(whole)["signatures"]
    assert verify(whole, "--from", SIZE - 9)["signatures"] == 10
    assert verify(whole, "--sample", 50, "--seed", "x")["signatures"] in range(40, 51)
    assert verify(whole, "--no-signatures")["signatures"] == 0 < signed
    forged = lw.entry_pb2.Entry.FromString(story.entries[99])
    forged.signature = bytes(64)
    entries = story.entries[:99] + [forged.SerializeToString()]
    for data in story.entries[100:]:
        entry = lw.entry_pb2.Entry.FromString(data)
        entry.prev = lw.leaf_hash(entries[-1])
        entries.append(entry.SerializeToString())
    lw.export(whole.parent / "forged", entries, story.ledger_key)
    assert corrupt.found(verify(whole.parent / "forged", code=6)) == ("signature", 100)
    assert verify(whole.parent / "forged", "--from", 101)["ok"]
    assert corrupt.found(verify(whole.parent / "forged", "--from", 100, code=6)) == ("signature", 100)


def test_a_sample_without_a_seed_is_refused(whole):
    audit("verify", whole, "--sample", 5, code=2)
    audit("verify", whole, "--seed", "x", code=2)


def test_a_state_is_carried_on_as_the_ledger_grows(whole, story, tmp_path):
    state = tmp_path / "state"
    assert verify(whole, "--state", state)["resumed"] == 0
    again = verify(whole, "--state", state)
    assert again["resumed"] == SIZE // 256 * 256
    assert {k: v for k, v in again.items() if k != "resumed"} == \
        {k: v for k, v in verify(whole).items() if k != "resumed"}
    lw.export(tmp_path / "short", story.entries[:600], story.ledger_key)
    assert verify(tmp_path / "short", "--state", tmp_path / "other")["resumed"] == 0
    assert verify(whole, "--state", tmp_path / "other")["resumed"] == 512


def test_a_state_of_other_options_or_damaged_is_begun_anew(whole, tmp_path):
    state = tmp_path / "state"
    verify(whole, "--state", state)
    assert audit("verify", whole, "--depth", 1, "--state", state)[-1]["resumed"] == 0
    verify(whole, "--state", state)
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)
    assert verify(whole, "--state", state)["resumed"] == 0


def test_an_id_that_comes_back_after_a_resumption_is_found(whole, story, tmp_path):
    lw.export(tmp_path / "short", story.entries[:600], story.ledger_key)
    verify(tmp_path / "short", "--state", tmp_path / "state")
    grown = LongStory(700)
    del grown.entries[599:]
    grown.touched[lw.VERA] = 599
    request_id = grown.request_id
    grown.request_id = lambda seq: grown.request_id_of(40) if seq == 600 else request_id(seq)
    while grown.seq < 800:
        grown.append(grown.a, [lw.command("permit", member=lw.VERA)], touched=[lw.VERA])
    lw.export(tmp_path / "grown", grown.entries, grown.ledger_key)
    assert corrupt.found(verify(tmp_path / "grown", "--state", tmp_path / "state", code=6)) == ("request_id", 600)


def test_a_kept_root_from_before_a_resumption_still_counts(whole, story, tmp_path):
    leaves = [lw.leaf_hash(e) for e in story.entries]
    kept = ["--kept", "300:" + base64.b64encode(lw.tree_root(leaves[:300])).decode()]
    wrong = ["--kept", "300:" + base64.b64encode(bytes(32)).decode()]
    verify(whole, "--state", tmp_path / "state")
    assert verify(whole, "--state", tmp_path / "state", *kept)["resumed"] == 0
    assert verify(whole, "--state", tmp_path / "state", *kept)["resumed"] > 0
    assert corrupt.found(verify(whole, "--state", tmp_path / "state", *wrong, code=6)) == ("fork", None)


# --- witnesses ---

def test_what_a_witness_anchors_is_said_and_what_it_contradicts_is_found(whole, story, tmp_path):
    witness, name = lw.Key("witness"), "office.example/witness"
    note, vkey = cosigned(story.note(SIZE), witness, name)
    assert corrupt.found(verify(whole, "--witness", vkey, code=6)) == ("witness", None)
    (whole / "checkpoint").write_text(note)
    report = verify(whole, "--witness", vkey)
    assert report["anchored_to"] == SIZE
    assert report["witnessed"] == [{"witness": name, "from": 1, "to": SIZE, "time": 1767230000}]
    (whole / "checkpoint").write_text(cosigned(story.note(SIZE), witness, name, damage=b"x")[0])
    assert corrupt.found(verify(whole, "--witness", vkey, code=6)) == ("witness", None)
    (whole / "checkpoint").write_text(story.note(SIZE))
    kept = tmp_path / "kept"
    kept.write_text(cosigned(story.note(300), witness, name)[0])
    assert verify(whole, "--witness", vkey, "--anchor", kept)["anchored_to"] == 300
    other = LongStory(300)
    other.entries[250:] = reversed(other.entries[250:])
    kept.write_text(cosigned(other.note(300), witness, name)[0])
    assert corrupt.found(verify(whole, "--witness", vkey, "--anchor", kept, code=6)) == ("fork", None)
    kept.write_text(cosigned(LongStory(SIZE + 9).note(SIZE + 9), witness, name)[0])
    assert corrupt.found(verify(whole, "--anchor", kept, code=6)) == ("cut", SIZE + 1)


# --- samples ---

def test_a_sample_is_what_anybody_computes_from_checkpoint_and_seed(whole, story):
    report = verify(whole)
    seed = "lottery 03 11 20"
    *records, said = audit("sample", whole, "--n", 5, "--seed", seed)
    assert (said["size"], said["root"], said["drawn"], said["records"]) == (SIZE, report["root"], 1, 1)
    assert [(r["entry"], r["index"], r["member"], r["line"], r["minutes"]) for r in records] == [
        (15, 0, lw.VERA, 2, 390)]
    audit("sample", whole, "--n", 5, code=2)


def test_a_draw_is_the_documented_one(whole):
    """Signatures drawn: the numbers of proto/README.md section 11."""
    seed, drawn, i = "public", set(), 0
    while len(drawn) < 30:
        digest = hashlib.sha256(b"timebox/v1/sample\n" + seed.encode() + b"\0" + i.to_bytes(8, "big")).digest()
        drawn.add(int.from_bytes(digest[:8], "big") % SIZE + 1)
        i += 1
    bundle = {n for n in drawn if n > 27}  # all later ones are signed
    assert verify(whole, "--from", 28, "--sample", 30, "--seed", seed)["signatures"] == len(bundle)


# --- watches ---

def watch(folder, tree, *more, code=0):
    return audit("watch", folder, "--from", tree, "--vkey", lw.vkey(lw.Key("ledger")), *more, code=code)[-1]


def test_a_watch_goes_along_and_keeps_both_checkpoints_of_a_fork(story, tmp_path):
    seen = tmp_path / "seen"
    for size in (3, 256, 257, 700, 700, SIZE):
        lw.export(tmp_path / str(size), story.entries[:size], story.ledger_key)
        assert watch(seen, tmp_path / str(size))["size"] == size
    before = (seen / "checkpoint").read_text()
    assert before == story.note(SIZE)
    forked = LongStory(SIZE)
    forked.entries = forked.entries[:500] + [forked.entries[501]] + forked.entries[501:]
    lw.export(tmp_path / "forked", forked.entries, forked.ledger_key)
    assert corrupt.found(watch(seen, tmp_path / "forked", code=6)) == ("fork", None)
    forked.append(forked.a, [lw.command("permit", member=lw.VERA)], touched=[lw.VERA])
    lw.export(tmp_path / "longer", forked.entries, forked.ledger_key)
    assert corrupt.found(watch(seen, tmp_path / "longer", code=6)) == ("fork", None)
    assert corrupt.found(watch(seen, tmp_path / "700", code=6)) == ("cut", 701)
    assert (seen / "checkpoint").read_text() == before
    evidence = [(p / "trusted").read_text() + (p / "other").read_text() for p in (seen / "evidence").iterdir()]
    assert len(evidence) == 3 and all(text.startswith(before) and text.count("\n\n") == 2 for text in evidence)


def test_a_watch_refuses_another_key_and_a_false_signature(story, tmp_path):
    lw.export(tmp_path / "tree", story.entries[:40], story.ledger_key)
    other = lw.Key("another")
    assert watch(tmp_path / "seen", tmp_path / "tree")["ok"]
    said = audit("watch", tmp_path / "seen", "--from", tmp_path / "tree", "--vkey", lw.vkey(other), code=6)
    assert corrupt.found(said[-1])[0] == "vkey"
    note = (tmp_path / "tree" / "checkpoint").read_text()
    (tmp_path / "tree" / "checkpoint").write_text(note.replace("\n40\n", "\n41\n"))
    assert corrupt.found(watch(tmp_path / "seen", tmp_path / "tree", code=6)) == ("checkpoint", None)


def test_a_watch_writes_metrics(story, tmp_path):
    lw.export(tmp_path / "tree", story.entries[:300], story.ledger_key)
    metrics = tmp_path / "watch.prom"

    def values():
        lines = [line.split() for line in metrics.read_text().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    watch(tmp_path / "seen", tmp_path / "tree", "--metrics", metrics)
    assert values()["timebox_watch_ok"] == 1 and values()["timebox_watch_size"] == 300
    lw.export(tmp_path / "cut", story.entries[:200], story.ledger_key)
    watch(tmp_path / "seen", tmp_path / "cut", "--metrics", metrics, code=6)
    assert values()["timebox_watch_ok"] == 0 and values()["timebox_watch_size"] == 300
    assert os.stat(metrics).st_size > 0
