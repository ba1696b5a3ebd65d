#!/usr/bin/env python3
"""The evil operator: every attack of attacks.py against both verifiers, at each depth.

An attack passes if both verifiers say the same at depths 1, 2 and 3, and it is found first at the depth and as
what the catalogue states. Prints the table (also in build/operator.txt), then "N passed, N failed". A plain
hash chain, for comparison, is numbers and `prev` alone: it misses whatever was chained anew. From the project's
root, by `make check-operator`."""
import pathlib
import sys
import tempfile

import attacks
import both
import ledger_writer as lw
import timebox_verify as tv
from google.protobuf.message import DecodeError
from forge import Forge
from honest import Honest
from timebox_schema import act_pb2, entry_pb2

TABLE = both.ROOT / "build" / "operator.txt"


def chain_is_whole(folder):
    """What a plain hash chain would find: nothing, if this is true."""
    entries, framing = tv.read_entries(str(folder), None)
    if framing is not None:
        return False
    before = bytes(32)
    for i, data in enumerate(entries):
        try:
            entry = entry_pb2.Entry.FromString(data)
        except DecodeError:
            return False
        if entry.seq != i + 1 or entry.prev != before:
            return False
        before = lw.leaf_hash(data)
    return True


def signer(honest, entries):
    """The ledger's key that is in force at the end of these entries."""
    kinds = set()
    for data in entries:
        try:
            act = act_pb2.Act.FromString(entry_pb2.Entry.FromString(data).act)
        except DecodeError:
            continue
        kinds.update(c.WhichOneof("kind") for c in act.commands)
    return honest.keys["operator" if "ledger_key" in kinds else "operator before"]


def write(folder, honest, forge, export):
    """The export as the operator would serve it."""
    entries = export.entries or forge.entries()
    key = export.key or signer(honest, entries)
    origin = honest.vkey.split("+")[0]
    note = export.note or lw.sign_checkpoint(key, [lw.leaf_hash(e) for e in entries], origin)
    lw.write_export(folder, entries, note, lw.vkey(key, origin))
    if export.damage:
        export.damage(folder)


def judge(judges, honest, attack, folder):
    """(what is wrong with the attack's outcome or None, depth, verdict, missed by a chain)."""
    try:
        return judge_or_raise(judges, honest, attack, folder)
    except (StopIteration, LookupError, ValueError, AssertionError) as error:
        return "the attack itself failed: %r" % error, 0, ("-", None), False


def judge_or_raise(judges, honest, attack, folder):
    forge = Forge(honest)
    export = attack.run(forge) or attacks.Export()
    write(folder, honest, forge, export)
    vkey = (export.vkey or honest.vkey) if export.pinned else None
    found = None
    for depth in (1, 2, 3):
        first, second = judges.of(folder, vkey, export.kept, depth, export.witness)
        if first != second:
            return "at depth %d they say %s and %s" % (depth, first, second), depth, first, False
        if found is None and first[0] != "ok":
            found = depth, (":".join(filter(None, (first[0], judges.code))), first[1])
    missed = chain_is_whole(folder)
    if found is None:
        return "nobody found it", 0, ("ok", 0), missed
    depth, verdict = found
    if depth != attack.depth or verdict[0] not in attack.kinds:
        return "wanted at depth %d as %s" % (attack.depth, "/".join(attack.kinds)), depth, verdict, missed
    return None, depth, verdict, missed


def check_honest(judges, honest):
    """Where nobody was evil, nothing is found: with what is kept, and with a witness."""
    note, witness = lw.cosigned(honest.notes[max(honest.notes)])
    forge, folder = Forge(honest), both.folder()
    lw.write_export(folder, honest.entries, note, honest.vkey)
    for size in honest.notes:
        vkey = honest.vkey_now if size % 2 else honest.vkey
        said = judges.of(folder, vkey, attacks.kept(forge, size), 3, witness)
        assert [kind for kind, _ in said] == ["ok", "ok"], said


def main():
    both.remember()
    judges = both.Both()
    with tempfile.TemporaryDirectory() as work:
        honest = Honest(work)
    assert Forge(honest).entries() == honest.entries, "a forge without an attack changes nothing"
    check_honest(judges, honest)
    rows, failed = [], 0
    for attack in attacks.CATALOGUE:
        wrong, depth, (kind, entry), missed = judge(judges, honest, attack, both.folder())
        failed += wrong is not None
        rows.append("%-76s %-44s %d  %-24s %-4s %s" % (
            attack.name, attack.needs, depth, kind, entry or "-", "missed" if missed else "found"))
        if wrong:
            print("FAILED %s: %s; found: %d %s %s" % (attack.name, wrong, depth, kind, entry))
    judges.close()
    head = "%-76s %-44s at %-24s %-4s %s" % ("attack", "with", "as", "in", "plain chain")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join([head] + rows) + "\n", encoding="utf-8")
    print(TABLE.read_text(encoding="utf-8"), end="")
    names = {a.name for a in attacks.CATALOGUE}
    assert len(names) == len(attacks.CATALOGUE) >= 48
    print("%d attacks; a plain hash chain misses %d" % (
        len(rows), sum(row.endswith("missed") for row in rows)))
    print("%d passed, %d failed" % (len(rows) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
