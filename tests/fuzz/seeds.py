#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets act, entry and note: seeds.py FOLDER (tests/fuzz/corpus).

They are the acts, entries and notes of the made-up station behind the golden vectors, under the
origin that the targets expect, and one act of each kind that it lacks. The same bytes on each run.
"""
import base64
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "verify"))

import ledger_writer as lw  # noqa: E402
from ledger_writer import act_pb2, entry_pb2  # noqa: E402

ORIGIN = "fuzz.example/1"
BYTES = {"batch": 16}
TEXTS = {"receipt": "R-1/2"}


def fill(message):
    """Every field of a message with a small value."""
    for field in message.DESCRIPTOR.fields:
        if field.type == field.TYPE_MESSAGE:
            fill(getattr(message, field.name).add() if field.label == field.LABEL_REPEATED
                 else getattr(message, field.name))
            continue
        value = {field.CPPTYPE_STRING: TEXTS.get(field.name, "A-1"), field.CPPTYPE_BOOL: True}.get(
            field.cpp_type, 1)
        if field.type == field.TYPE_BYTES:
            value = bytes(range(BYTES.get(field.name, 32)))
        if field.label == field.LABEL_REPEATED:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    message.SetInParent()


def acts(story):
    """name -> act with the byte before it that says whether it is the system's."""
    made, kinds = {}, set()
    for seq, data in enumerate(story.acts, 1):
        act = act_pb2.Act.FromString(data)
        names = [c.WhichOneof("kind") for c in act.commands]
        if set(names) <= kinds:
            continue
        kinds.update(names)
        made["%02d-%s" % (seq, names[0])] = bytes([not act.actor_key]) + data
    for field in act_pb2.Command.DESCRIPTOR.fields:
        if field.name in kinds:
            continue
        act = story.act(None if field.number >= 90 else story.a, [act_pb2.Command()])
        fill(getattr(act.commands[0], field.name))
        made["kind-" + field.name] = bytes([field.number >= 90]) + act.SerializeToString()
    return made


def entries(story):
    made = {"story": lw.bundle(story.entries), "enrolled": lw.bundle(story.entries[:3])}
    made.update(("entry-%02d" % n, lw.bundle([story.entries[n - 1]]))
                for n in (1, 11, 15, 17, story.holds[0]))
    strange = entry_pb2.Entry(seq=1, prev=bytes(32))
    for message in (strange.postings.add(), strange.effects.add(), strange.touched.add()):
        fill(message)
    made["no-act"] = lw.bundle([strange.SerializeToString()])
    return made


def notes(story):
    leaves = [lw.leaf_hash(e) for e in story.entries]
    checkpoint = lw.sign_checkpoint(story.ledger_key, leaves, ORIGIN)
    witness = "\u2014 witness.example/w1 %s\n" % base64.b64encode(bytes(76)).decode()
    path = "".join(base64.b64encode(h).decode() + "\n" for h in leaves[:3])
    receipt = "c2sp.org/tlog-proof@v1\nindex 5\n%s\n%s" % (path, checkpoint)
    extended = checkpoint.replace("\n\n", "\nextension line\n\n")
    texts = {"checkpoint": checkpoint, "cosigned": checkpoint + witness, "extended": extended,
             "receipt": receipt, "vkey": lw.vkey(story.ledger_key, ORIGIN)}
    return {name: text.encode() for name, text in texts.items()}


def main():
    lw.ORIGIN = ORIGIN
    story = lw.Story()
    for target, seeds in (("act", acts(story)), ("entry", entries(story)), ("note", notes(story))):
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
