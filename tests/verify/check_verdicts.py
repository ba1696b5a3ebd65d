#!/usr/bin/env python3
"""Random corruptions of an honest export, before both verifiers: check_verdicts.py [N [SEED]] (10000, by the clock).

Half of them are of the files as they are served: bytes changed, cut, doubled, moved, files exchanged or gone. The
other half are the operator's: an entry's fields changed at random, everything chained, hashed and signed anew with
the ledger's key, so that only content can tell. Each export is judged at a depth drawn at random, sometimes against a
kept size and root, sometimes without a known key. Both verifiers have to say the same, kind and entry; that nothing
is found is a verdict like the others. With the attacks of check_operator.py that is the whole catalogue.

Prints how often each verdict came, then "N passed, N failed". A failure says the seed and keeps the export."""
import base64
import collections
import random
import shutil
import sys
import tempfile
import time

import both
import ledger_writer as lw
from forge import Forge
from honest import Honest

KEPT = both.ROOT / "build" / "report" / "verdicts"


# ---- damage to files ----------------------------------------------------------------------------------

def damage_bytes(chance, data):
    """One random change."""
    at, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    what = chance.randrange(6)
    if what == 0:
        del data[at:end]
    elif what == 1:
        data[at:at] = data[at:end]
    elif what == 2 and at < len(data):
        data[at] ^= 1 << chance.randrange(8)
    elif what == 3:
        data[at:end] = bytes(chance.randrange(256) for _ in range(end - at))
    elif what == 4:
        part = data[at:end]
        del data[at:end]
        to = chance.randrange(len(data) + 1)
        data[to:to] = part
    elif at < len(data):
        data[at] = chance.randrange(256)


def damage_files(chance, folder):
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    for _ in range(chance.randrange(1, 4)):
        path = chance.choice(paths)
        what = chance.randrange(12)
        if what == 0 and path.exists():
            path.unlink()
        elif what == 1:
            other = chance.choice(paths)
            if other.exists() and path.exists():
                data = other.read_bytes()
                other.write_bytes(path.read_bytes())
                path.write_bytes(data)
        elif path.exists():
            data = bytearray(path.read_bytes())
            damage_bytes(chance, data)
            path.write_bytes(data)


# ---- damage to what entries say -----------------------------------------------------------------------

NUMBERS = (0, 1, 2, 3, 7, 60, 4711, 65535, 65536, (1 << 31) - 1, 1 << 32, (1 << 35) - 1, 1 << 35, (1 << 63) - 1)


def fields_of(message):
    """(message, field) of everything inside that is set, lists as a whole, and the message's own."""
    for field, value in message.ListFields():
        yield message, field
        if field.type == field.TYPE_MESSAGE:
            for one in value if field.label == field.LABEL_REPEATED else [value]:
                yield from fields_of(one)


def other_value(chance, field, value):
    if field.type in (field.TYPE_BYTES,):
        data = bytearray(value)
        damage_bytes(chance, data)
        return bytes(data)
    if field.type == field.TYPE_STRING:
        return chance.choice(["", "SHOP", "HALL", "TOWEL", "RICE", value + "X", "\u5b9d\u76d2"])
    if field.type == field.TYPE_BOOL:
        return not value
    return chance.choice([value + 1, value - 1, value + chance.randrange(1, 1000), -value]
                         + [chance.choice(NUMBERS)] * 2)


def damage_field(chance, message):
    """Changes one field somewhere inside; a value that the field cannot have changes nothing."""
    owner, field = chance.choice(list(fields_of(message)))
    value = getattr(owner, field.name)
    try:
        if field.label == field.LABEL_REPEATED:
            damage_list(chance, owner, field, value)
        elif field.type == field.TYPE_MESSAGE:
            owner.ClearField(field.name)
        else:
            setattr(owner, field.name, other_value(chance, field, value))
    except (ValueError, TypeError, UnicodeError):
        pass


def damage_list(chance, owner, field, value):
    what, at = chance.randrange(4), chance.randrange(len(value))
    if what == 0:
        del value[at]
    elif what == 1:
        order = list(value)
        chance.shuffle(order)
        owner.ClearField(field.name)
        getattr(owner, field.name).extend(order)
    elif what == 2 or field.type == field.TYPE_MESSAGE:
        value.append(value[at]) if field.type != field.TYPE_MESSAGE else value.add().CopyFrom(value[at])
    else:
        value[at] = other_value(chance, field, value[at])


def damage_content(chance, forge):
    """What an operator changes; how many acts stay signed as they were is chance, too."""
    forge.touched = chance.random() < 0.7
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        item = chance.choice(forge.items)
        what = chance.randrange(20)
        if what == 0:
            forge.items.remove(item)
        elif what == 1:
            made = item.copy()
            made.was = None
            made.entry.time_us += chance.randrange(3)
            forge.items.insert(chance.randrange(len(forge.items)), made)
        elif what == 2:
            forge.items.remove(item)
            forge.items.insert(chance.randrange(len(forge.items)), item)
        elif what < 13:
            damage_field(chance, item.entry)
            item.act.ParseFromString(act_or_old(item))
        else:
            damage_field(chance, item.act)
            resign(chance, forge, item)
        if not forge.items:
            break


def act_or_old(item):
    """The entry's act where it still is one, else it is kept as these bytes."""
    try:
        type(item.act).FromString(item.entry.act)
        return item.entry.act
    except Exception:  # protobuf's own, of several kinds
        item.raw = item.entry.act
        return item.act.SerializeToString()


def resign(chance, forge, item):
    """Most damaged acts get a right signature, else all would end as `signature`."""
    for key in forge.honest.keys.values():
        if key.public == item.act.actor_key and item.entry.signature and chance.random() < 0.8:
            item.sign(key)


# ---- one corruption -----------------------------------------------------------------------------------

class Verdicts:
    def __init__(self, seed):
        both.remember()
        self.judges, self.seed = both.Both(), seed
        with tempfile.TemporaryDirectory() as work:
            self.honest = Honest(work)
        self.whole, self.work = both.folder(), both.folder()
        self.origin = self.honest.vkey.split("+")[0]
        lw.write_export(self.whole, self.honest.entries, self.honest.notes[max(self.honest.notes)],
                        self.honest.vkey)
        self.said = collections.Counter()
        self.passed = self.failed = 0

    def kept(self, chance):
        size = chance.choice(sorted(self.honest.notes))
        root = base64.b64decode(self.honest.notes[size].split("\n")[2])
        return (size, root) if chance.random() < 0.8 else (chance.randrange(80), root)

    def forged(self, chance, folder):
        forge = Forge(self.honest)
        damage_content(chance, forge)
        entries = [e for e in forge.entries() if 0 < len(e) < 65536]
        leaves = [lw.leaf_hash(e) for e in entries]
        note = lw.sign_checkpoint(self.honest.keys["operator"], leaves, self.origin)
        lw.write_export(folder, entries, note, self.honest.vkey)

    def one(self, n):
        chance = random.Random("%s/%d" % (self.seed, n))
        folder = self.work / "export"
        if chance.random() < 0.5:
            shutil.copytree(self.whole, folder)
            damage_files(chance, folder)
        else:
            folder.mkdir()
            self.forged(chance, folder)
        depth = chance.choice([1, 2, 3, 3, 3])
        vkey = self.honest.vkey if chance.random() < 0.9 else None
        kept = self.kept(chance) if chance.random() < 0.15 else None
        first, second = self.judges.of(folder, vkey, kept, depth)
        self.said[first[0]] += 1
        if first == second:
            self.passed += 1
            shutil.rmtree(folder)
            return
        self.failed += 1
        KEPT.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(KEPT / str(n), ignore_errors=True)
        shutil.move(str(folder), str(KEPT / str(n)))
        print("FAILED %d (SEED=%s): %s and %s, depth %d, vkey %s, kept %s; %s" % (
            n, self.seed, first, second, depth, vkey, kept, (KEPT / str(n)).relative_to(both.ROOT)))


def main():
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    seed = sys.argv[2] if len(sys.argv) > 2 else str(int(time.time()))
    began = time.monotonic()
    verdicts = Verdicts(seed)
    for n in range(total):
        verdicts.one(n)
    verdicts.judges.close()
    print(", ".join("%s %d" % pair for pair in verdicts.said.most_common()))
    print("%d corruptions, SEED=%s, %.0f s" % (total, seed, time.monotonic() - began))
    print("%d passed, %d failed" % (verdicts.passed, verdicts.failed))
    return 1 if verdicts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
