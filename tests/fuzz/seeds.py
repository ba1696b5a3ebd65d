#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets that read what a station writes: seeds.py FOLDER (tests/fuzz/corpus).

They are the acts, entries and notes of the made-up station behind the golden vectors, under the
origin that the targets expect, one act of each kind that it lacks, and what is made of them: openings,
manifests of backups, lists of erasures, messages. The same bytes on each run.
"""
import base64
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "verify"))

import ledger_writer as lw  # noqa: E402
from ledger_writer import act_pb2, entry_pb2  # noqa: E402
from timebox_schema import rpc_pb2, types_pb2  # noqa: E402

ORIGIN = "fuzz.example/1"
BYTES = {"batch": 16, "signature": 64}
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
    rotated = lw.Story()
    rotated.rotate(lw.Key("next ledger"))
    made["ledger-key"] = lw.bundle([rotated.entries[0], rotated.entries[-1]])
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


def openings(story):
    """Texts of a member's data and of a row, opened; `story` grows by them."""
    person = rpc_pb2.PersonText(number="20000016", name="A", phone="1").SerializeToString()
    record = rpc_pb2.RecordText(activity="A", place="B").SerializeToString()
    reference = rpc_pb2.NameText(name="2026-17").SerializeToString()
    update = lw.command("member_update", member=7, status=1, commitment=lw.commitment("text", person),
                        **{"class": types_pb2.MEMBER_CLASS_RESIDENT})
    row = act_pb2.ServiceRow(line=2, member=7, item="S01", day=19000, start_minute=1, end_minute=60,
                             commitment=lw.commitment("text", record))
    rows = lw.command("service_rows", batch=bytes(range(16)), parts=1, rows=[row])
    made = {}
    for name, command, text in (("person", update, person), ("row", rows, record)):
        seq = story.append(story.a, [command])
        ref = act_pb2.Ref(seq=seq, leaf=lw.leaf_hash(story.entries[-1]))
        opened = lw.command("text_open", ref=ref, member=7, ground=types_pb2.LEGAL_GROUND_CONSENT,
                            commitment=lw.commitment("reference", reference))
        story.append(story.a, [opened])
        made[name] = rpc_pb2.Opening(
            opening=story.entries[-1], entry=story.entries[-2], text=text, key=lw.sha256(b"text"), reference=reference,
            reference_key=lw.sha256(b"reference"), opening_proof="1", entry_proof="2").SerializeToString()
    return made


def signed(text, prefix, key):
    return (text + "signature %s\n" % key.sign((prefix + text).encode()).hex()).encode()


def manifests(story):
    head = "timebox-backup 1\ntool t 1\norigin %s\nfrom 1\nto 9\nprev %s\nleaf %s\npeople %%d\nkeys 1\n" % (
        ORIGIN, "00" * 32, "ab" * 32)
    files = "file entries-00001 300 %s\nfile keys 96 %s\n" % ("01" * 32, "02" * 32)
    texts = {"people": head % 1 + "keep-until 2026-01-31\n" + files, "older": head % 1 + files, "bare": head % 0}
    return {name: signed(text, "timebox/backup/v1\n", story.ledger_key) for name, text in texts.items()}


def erasures(story):
    head = "timebox-erasures 1\norigin %s\n" % ORIGIN
    some = "erasure 12.0 member 7 whole\nerasure 20.3 beneficiary 9 records\nerasure 21.0 member 8 details\n"
    return {name: signed(text, "timebox/erasures/v1\n", story.ledger_key)
            for name, text in (("some", head + some), ("none", head))}


def messages(story):
    """A request of each kind of call, one with an act, and an answer of each kind."""
    made = {"act": rpc_pb2.Request(act=story.acts[0], signature=bytes(64)).SerializeToString()}
    for what, holder in ((rpc_pb2.Call, lambda m: rpc_pb2.Request(call=m)), (rpc_pb2.Response, lambda m: m)):
        for field in what.DESCRIPTOR.fields:
            if field.containing_oneof is None:
                continue
            message = what()
            fill(getattr(message, field.name))
            made["%s-%s" % (what.DESCRIPTOR.name.lower(), field.name)] = holder(message).SerializeToString()
    return made


def homes(story):
    text = "server=127.0.0.1:7443\nserver_key=%s\norigin=%s\nvkey=%s\npartner=%%s\nrole=%%s\n" % (
        "ab" * 32, ORIGIN, lw.vkey(story.ledger_key, ORIGIN))
    return {"staff": (text % ("", "staff")).encode(), "outlet": (text % ("SHOP", "outlet")).encode()}


def journals(_):
    """Batches (how many; entries less one, then lengths less one and bytes), then u16 place and what is turned there."""
    three = bytes([3, 0, 9]) + bytes(10) + bytes([1, 3]) + b"abcd" + bytes([1]) + b"ef" + bytes([0, 200]) + bytes(range(201))
    return {"whole": three, "none": b"\0", "first-damaged": three + bytes([2, 70, 1]), "last-damaged": three + bytes([6, 70, 1]),
            "head-damaged": three + bytes([0, 9, 1]), "padding-damaged": three + bytes([3, 255, 1])}


def state_logs(_):
    """Generations (how many; for each how it follows, how far it goes, records), the environment's number, then u16 place and flip."""
    three = bytes([3, 9, 4, 3, 9, 5, 2, 9, 2, 6])
    return {"whole": three + b"\0", "merged": three + b"\4", "between": three + b"\6", "none": b"\0", "does-not-follow": bytes([2, 9, 4, 1, 201, 3, 1, 0]),
            "first-damaged": three + bytes([0, 0, 70, 1]), "last-damaged": three + bytes([0, 7, 0, 1]), "twice": three + bytes([0, 0, 70, 1, 0, 70, 1])}


def dumps(_):
    """What it is (0 table, 1 ids, 2 rows; with 64 made here, with 128 under its hash), then bytes; or how many, u16 place and flip."""
    made = {"%s-%s" % (name, how): bytes([part | flags, 20]) + flips for part, name in enumerate(("table", "ids", "rows"))
            for how, flags, flips in (("whole", 192, b""), ("without-hash", 64, b""), ("count-damaged", 192, bytes([0, 0, 64, 0, 5, 1])),
                                      ("damaged", 192, bytes([0, 40, 1, 0, 90, 128])))}
    return {**made, "table-of-bytes": bytes([128]) + bytes(24), "none": bytes([129]) + bytes(16)}


def knowns(_):
    """0 and u64 size, then lines of DIR/loss; or 1, blocks of the tree and of the file (halves), leaves and bytes more, u16 place and flip."""
    made = {"loss-" + name: bytes([0, 15]) + bytes(7) + text for name, text in (
        ("given-up", b"10 20\n"), ("other", b"20 30\n1 2\n"), ("torn", b"10 20"), ("zeros", b"010 020\n"), ("minus", b"10 -2\n"))}
    made.update(("nodes-" + name, bytes([1, *at])) for name, at in (
        ("whole", (150, 150, 3, 0)), ("short", (150, 20, 0, 9)), ("longer", (20, 90, 0, 0)), ("damaged", (150, 150, 3, 0, 4, 0, 1))))
    return made


def main():
    lw.ORIGIN = ORIGIN
    story = lw.Story()
    for target, seeds in (("act", acts(story)), ("entry", entries(story)), ("note", notes(story)),
                          ("opening", openings(story)), ("manifest", manifests(story)), ("erasures", erasures(story)),
                          ("message", messages(story)), ("home", homes(story)), ("journal", journals(story)),
                          ("state_log", state_logs(story)), ("dump", dumps(story)), ("known", knowns(story))):
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
