"""What an evil operator may try: each attack forges an export, with the ledger's key and the disk, sometimes
with one more key that its owner lent or lost. Each states the depth at which it has to be found, and as what.

An attack is a function of a Forge over the honest ledger, which it changes; it may return an Export that says
what else is not as usual: another checkpoint, what an auditor or client kept, damage to the files."""
import base64

import ledger_writer as lw
from forge import Item, K, posting
from timebox_schema import act_pb2, entry_pb2, types_pb2

CATALOGUE = []


class Export:
    def __init__(self, note=None, kept=None, damage=None, pinned=True, key=None, entries=None, witness=None, vkey=None):
        self.note, self.kept, self.damage, self.pinned, self.vkey = note, kept, damage, pinned, vkey
        self.key, self.entries, self.witness = key, entries, witness


class Attack:
    def __init__(self, run, name, depth, kinds, needs):
        self.run, self.name, self.depth, self.kinds, self.needs = run, name, depth, kinds, needs


def attack(name, depth, kinds, needs="ledger key"):
    def note(run):
        CATALOGUE.append(Attack(run, name, depth, kinds.split(), needs))
        return run
    return note


def honest_note(f):
    return f.honest.notes[max(f.honest.notes)]


def kept(f, size=None):
    """Size and root of a checkpoint that somebody kept."""
    size = size or max(f.honest.notes)
    return size, base64.b64decode(f.honest.notes[size].split("\n")[2])


def session(f, like, kind, member=None, **fields):
    """A kiosk's act that nobody asked for, in some member's session."""
    made = f.blank(like, keep_act=False)
    body = getattr(made.act.commands.add(), kind)
    body.SetInParent()
    for name, value in fields.items():
        if name == "ref":
            body.ref.CopyFrom(value)
        elif name == "refs":
            body.refs.extend(value)
        else:
            setattr(body, name, value)
    if member is not None:
        made.act.actor_member = member
    return made


def ref(f, name):
    """As an act that came after it would name it."""
    item = f[name]
    return act_pb2.Ref(seq=item.entry.seq, leaf=lw.leaf_hash(item.entry.SerializeToString()))


def held_of(f, name):
    return [e for e in f[name].entry.effects if e.kind == K("EFFECT_KIND_HELD")][0]


# ---- with the files alone -----------------------------------------------------------------------------

@attack("edit an entry in the copy that is served", 1, "leaf", "files")
def _(f):
    def damage(folder):
        path = folder / lw.tile_name("entries", 0, len(f.items))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 4
        path.write_bytes(data)
    return Export(note=honest_note(f), damage=damage)


@attack("edit an entry and make the tiles anew", 1, "leaf chain root encoding sequence", "files")
def _(f):
    entries = list(f.honest.entries)
    entries[49] = entries[49].replace(b"\x38\x09", b"\x38\x0b", 1)
    assert entries != f.honest.entries
    return Export(note=honest_note(f), entries=entries)


@attack("drop an entry from the files", 1, "leaf sequence cut", "files")
def _(f):
    return Export(note=honest_note(f), entries=f.honest.entries[:46] + f.honest.entries[47:])


@attack("reorder two entries in the files", 1, "leaf sequence", "files")
def _(f):
    entries = list(f.honest.entries)
    entries[36], entries[38] = entries[38], entries[36]
    return Export(note=honest_note(f), entries=entries)


@attack("insert an entry into the files", 1, "leaf sequence extra", "files")
def _(f):
    return Export(note=honest_note(f), entries=f.honest.entries[:50] + f.honest.entries[49:])


@attack("cut the end off the files", 1, "cut", "files")
def _(f):
    return Export(note=honest_note(f), entries=f.honest.entries[:-2])


@attack("cut the change of the ledger's key off the files, too", 1, "checkpoint", "files")
def _(f):
    return Export(note=honest_note(f), entries=f.honest.entries[:f["rotated"].was - 1])


@attack("leave a bundle of entries out of the export", 1, "cut", "files")
def _(f):
    return Export(note=honest_note(f), damage=lambda folder: (
        folder / lw.tile_name("entries", 0, len(f.items))).unlink())


@attack("lie in a tile, to clients who ask for proofs", 1, "tile", "files")
def _(f):
    def damage(folder):
        path = folder / lw.tile_name(0, 0, len(f.items))
        path.write_bytes(path.read_bytes()[:-32] + bytes(32))
    return Export(note=honest_note(f), damage=damage)


@attack("leave a tile out", 1, "tile", "files")
def _(f):
    return Export(note=honest_note(f), damage=lambda folder: (
        folder / lw.tile_name(0, 0, len(f.items))).unlink())


@attack("a checkpoint by a key of one's own", 1, "checkpoint", "files")
def _(f):
    return Export(key=lw.Key("impostor"))


@attack("a checkpoint and a vkey of one's own, where nobody knows the real one", 1, "key genesis", "files")
def _(f):
    return Export(key=lw.Key("impostor"), pinned=False)


# ---- the story told anew: only what others kept tells --------------------------------------------------

@attack("roll the ledger back to an earlier day", 1, "cut", "ledger key; kept: a checkpoint")
def _(f):
    return Export(kept=kept(f), entries=f.honest.entries[:50])


@attack("hide the last entries from one export", 1, "cut", "ledger key; kept: a client's receipt")
def _(f):
    return Export(kept=kept(f), entries=f.honest.entries[:len(f.items) - 1])


@attack("fork: another end for another auditor", 1, "fork", "ledger key; kept: the other's checkpoint")
def _(f):
    item = f.fresh(f["update"])
    item.entry.time_us += 5
    item.sign(f.honest.keys["staff"])
    return Export(kept=kept(f))


@attack("equivocate: the witness cosigned another root of this size", 1, "fork",
        "ledger key; kept: a witness's checkpoint")
def _(f):
    f["update"].entry.time_us += 1
    return Export(kept=kept(f))


@attack("roll back and go on differently", 1, "fork", "ledger key; kept: a client's receipt")
def _(f):
    size = sorted(f.honest.notes)[1]
    del f.items[size - 1:]
    while len(f.items) < size + 2:
        item = f.append(f.blank("permit"))
        f.fresh(item).sign(f.honest.keys["second"])
        item.act.request_id = item.act.request_id[:-1] + bytes([len(f.items)])
        item.sign(f.honest.keys["second"])
    return Export(kept=kept(f, size))


@attack("a checkpoint that the witness never saw", 1, "witness", "ledger key; known: a witness")
def _(f):
    return Export(note=honest_note(f), witness=lw.cosigned(honest_note(f))[1])


@attack("another checkpoint with the witness's line of an honest one", 1, "witness", "ledger key; known: a witness")
def _(f):
    note, witness = lw.cosigned(honest_note(f))
    f["update"].entry.time_us += 1
    forged = lw.sign_checkpoint(
        f.honest.keys["operator"], [lw.leaf_hash(e) for e in f.entries()], lw_origin(f))
    return Export(note=forged + note.split("\n")[-2] + "\n", witness=witness)


@attack("a past that is not that of a cosigned checkpoint in the auditor's folder", 1, "fork",
        "ledger key; kept: a witness's checkpoint")
def _(f):
    note, witness = lw.cosigned(f.honest.notes[sorted(f.honest.notes)[0]])
    f["slip"].entry.time_us += 1

    def damage(folder):
        (folder / "anchors").mkdir()
        (folder / "anchors" / "w1").write_text(note, encoding="utf-8")
    return Export(damage=damage, witness=witness)


@attack("a checkpoint of more entries than there are", 1, "cut")
def _(f):
    leaves = [lw.leaf_hash(e) for e in f.honest.entries] + [bytes(32)]
    return Export(note=lw.sign_checkpoint(f.honest.keys["operator"], leaves, lw_origin(f)))


@attack("a checkpoint of another tree", 1, "root")
def _(f):
    leaves = [lw.leaf_hash(e) for e in f.honest.entries[:-1]] + [bytes(32)]
    return Export(note=lw.sign_checkpoint(f.honest.keys["operator"], leaves, lw_origin(f)))


def lw_origin(f):
    return f.honest.vkey.split("+")[0]


@attack("number the entries with a gap", 1, "sequence")
def _(f):
    return Export(entries=renumbered(f))


def renumbered(f):
    entries = []
    for data in f.honest.entries:
        entry = entry_pb2.Entry.FromString(data)
        entry.seq += entry.seq > 50
        entry.prev = lw.leaf_hash(entries[-1]) if entries else bytes(32)
        entries.append(entry.SerializeToString())
    return entries


@attack("let an entry name another before it", 1, "chain")
def _(f):
    entries = list(f.honest.entries)
    entry = entry_pb2.Entry.FromString(entries[-1])
    entry.prev = lw.leaf_hash(entries[-3])
    return Export(entries=entries[:-1] + [entry.SerializeToString()])


# ---- other people's words ------------------------------------------------------------------------------

@attack("change an act under its signature", 1, "signature")
def _(f):
    f["price"].command.points = 1


@attack("strip a signature", 1, "signature")
def _(f):
    f["attested"].unsign()


@attack("forge an attestation", 1, "signature")
def _(f):
    item = f["attested"]
    item.act.actor_key = f.honest.keys["second"].public
    item.sign(f.honest.keys["operator"])


@attack("ask in one's own name what is for social workers", 1, "key")
def _(f):
    item = f["term"]
    item.act.actor_key = f.honest.keys["operator"].public
    item.sign(f.honest.keys["operator"])


@attack("enter a signed act a second time", 1, "request_id")
def _(f):
    item = f["permit"].copy()
    item.was = None
    f.after("permit", item)


@attack("replay a signature on a new request", 1, "signature")
def _(f):
    item = f["permit"].copy()
    item.was = None
    f.after("permit", item)
    f.fresh(item)


@attack("enter an act that was signed for another station", 1, "origin", "ledger key; an act for elsewhere")
def _(f):
    item = f.after("permit", f.blank("permit"))
    f.fresh(item).act.origin = "station.example/other"
    item.sign(f.honest.keys["second"])


@attack("enter an act days after it was signed and withheld", 1, "made_at", "ledger key; a withheld act")
def _(f):
    item = f.append(f.blank("permit"))
    f.fresh(item).act.made_at_us -= 2 * 86400 * 1000000
    item.sign(f.honest.keys["second"])


@attack("back-date an entry by hours", 1, "made_at")
def _(f):
    f["update"].entry.time_us -= 20 * 3600 * 1000000


@attack("post-date an entry by hours", 1, "made_at")
def _(f):
    f["update"].entry.time_us += 3600 * 1000000


@attack("back-date the whole ledger by a month", 1, "made_at")
def _(f):
    for item in f.items:
        item.entry.time_us -= 30 * 86400 * 1000000


@attack("set an entry's time before the one before", 1, "time")
def _(f):
    f["gift"].entry.time_us = f["hold"].entry.time_us


@attack("hide bytes in an act", 1, "encoding")
def _(f):
    f["gift"].raw = f["gift"].act.SerializeToString() + b"\x78\x01"


@attack("a second first entry", 1, "genesis")
def _(f):
    item = f["first genesis"].copy()
    item.was = None
    f.after("term", item)
    f.fresh(item).sign(f.honest.keys["operator before"])


# ---- keys ----------------------------------------------------------------------------------------------

def enrolling(f, code_hash, word="second worker", after=None):
    """An enrolment of a key that the operator made."""
    key = lw.Key(word)
    item = f.blank("last enrol")
    item.act.actor_key = key.public
    item.act.commands[0].enrol.code_hash = code_hash
    admitted = item.entry.effects.add(kind=K("EFFECT_KIND_KEY_ADMITTED"), id=1)
    f.after(after, item) if after else f.append(item)
    f.fresh(item).sign(key)
    return admitted


@attack("a fake second social worker, by a code that nobody gave out", 1, "key")
def _(f):
    enrolling(f, bytes(32))


@attack("a fake second social worker, by a code that was used", 1, "key")
def _(f):
    enrolling(f, f["first enrol"].command.code_hash)


@attack("a fake third social worker, by an invitation that still waits for the second", 1, "key")
def _(f):
    enrolling(f, f["third invited"].command.code_hash)


@attack("let an invitation of a third social worker take effect at once", 3, "outcome")
def _(f):
    f["third invited"].entry.ClearField("effects")
    admitted = enrolling(f, f["third invited"].command.code_hash, after="third invited")
    admitted.id = f["third invited"].entry.seq


@attack("admit a key by a code that had expired", 1, "key", "ledger key; a late code")
def _(f):
    staff = f.honest.keys["staff"]
    invite = f.append(f.blank("third invited"))
    f.fresh(invite).act.commands[0].invite.role = types_pb2.ROLE_AUDITOR
    invite.act.commands[0].invite.code_hash = lw.sha256(b"late")
    invite.sign(staff)
    enrolling(f, lw.sha256(b"late"))
    item = f.items[-1]
    item.entry.time_us += 73 * 3600 * 1000000
    f.fresh(item).sign(lw.Key("second worker"))


@attack("invite in one's own name", 1, "key")
def _(f):
    item = f.append(f.blank("third invited"))
    f.fresh(item).act.actor_key = f.honest.keys["operator"].public
    item.sign(f.honest.keys["operator"])


@attack("act by a kiosk that nobody admitted", 1, "key")
def _(f):
    item = f.append(f.blank("gift"))
    f.fresh(item).act.actor_key = lw.Key("no kiosk").public


@attack("act by a kiosk that was revoked", 1, "key", "ledger key; the old kiosk")
def _(f):
    item = f.append(f.blank("gift"))
    f.fresh(item).act.actor_key = f.honest.keys["old kiosk"].public


@attack("let an auditor's key write", 1, "key", "ledger key; the auditor's key")
def _(f):
    auditor = f.honest.keys["auditor"]
    item = f.append(f.blank("term"))
    f.fresh(item).act.actor_key = auditor.public
    item.sign(auditor)


@attack("take a revocation out of the story", 3, "refused:not_found")
def _(f):
    f.drop("revoked")


# ---- the ledger's own key ----------------------------------------------------------------------------------

def clock_accepted(f, by, ahead_us=0):
    """At the end, something that the ledger key may ask."""
    item = f.append(f.blank("update", keep_act=False))
    item.act.actor_key = f.honest.keys[by].public
    item.act.commands.add().clock_accept.time_us = item.entry.time_us + ahead_us
    f.fresh(item).sign(f.honest.keys[by])
    return item


def changed_again(f, key):
    """At the end, the ledger's key is changed to another."""
    item = f.append(f.blank("rotated"))
    item.act.actor_key = f.honest.keys["operator"].public
    item.command.key = key.public
    return f.fresh(item)


@attack("change the ledger's key without the key before", 1, "signature", "the new key")
def _(f):
    f["rotated"].mended = False
    f["rotated"].unsign()


@attack("change the ledger's key in the name of the key before", 1, "signature", "the new key")
def _(f):
    f["rotated"].mended = False
    f["rotated"].sign(f.honest.keys["operator"])


@attack("change the ledger's key to one whose owner did not sign", 1, "signature", "the key before")
def _(f):
    item, before = f["rotated"], f.honest.keys["operator before"]
    item.mended = False
    item.command.signature = before.sign(lw.change_text(
        before.public, item.command.key, item.command.ref, lw_origin(f)))
    item.sign(before)


@attack("change the past before the change of key, with the new key only", 1, "key", "the new key")
def _(f):
    f["rotated"].mended = False
    f["slip"].entry.time_us += 1


@attack("move the change of key to another place", 1, "key", "the new key")
def _(f):
    item = f["rotated"]
    item.mended = False
    f.drop("rotated")
    f.append(item)


@attack("leave the change of key out of the story", 1, "checkpoint", "the new key")
def _(f):
    f.drop("rotated")
    return Export(key=f.honest.keys["operator"])


@attack("sign a checkpoint with the key before the change", 1, "checkpoint", "the key before")
def _(f):
    return Export(key=f.honest.keys["operator before"])


@attack("the same, for an auditor who knows the new key", 1, "checkpoint", "the key before")
def _(f):
    return Export(key=f.honest.keys["operator before"], vkey=f.honest.vkey_now)


@attack("sign an older size with a key that was not in force then", 1, "checkpoint", "the new key")
def _(f):
    return Export(key=f.honest.keys["operator"], entries=f.honest.entries[:f["rotated"].was - 1])


@attack("an old checkpoint, signed anew with the new key, in the auditor's folder", 1, "checkpoint", "the new key")
def _(f):
    note = lw.sign_checkpoint(
        f.honest.keys["operator"], [lw.leaf_hash(e) for e in f.honest.entries[:40]], lw_origin(f))

    def damage(folder):
        (folder / "anchors").mkdir()
        (folder / "anchors" / "n1").write_text(note, encoding="utf-8")
    return Export(damage=damage)


@attack("ask as the operator with the key before the change", 1, "key", "the key before")
def _(f):
    clock_accepted(f, "operator before")


@attack("change the ledger's key beside another command", 1, "act")
def _(f):
    item = f["rotated"]
    item.act.commands.add().clock_accept.time_us = item.entry.time_us
    item.sign(f.honest.keys["operator before"])


@attack("change the ledger's key back to one that it had", 1, "key", "both keys")
def _(f):
    changed_again(f, f.honest.keys["operator before"])
    return Export(key=f.honest.keys["operator before"])


@attack("make a social worker's key the ledger's", 1, "key", "ledger key; one social worker's key")
def _(f):
    changed_again(f, f.honest.keys["staff"])
    return Export(key=f.honest.keys["staff"])


@attack("enrol with the key that was the ledger's", 1, "key", "both keys; the recovery code")
def _(f):
    before = f.honest.keys["operator before"]
    item = f.append(f.blank("last enrol"))
    item.act.actor_key = before.public
    item.command.code_hash = f["first genesis"].command.recovery_code
    item.entry.effects.add(kind=K("EFFECT_KIND_KEY_ADMITTED"), id=1)
    f.fresh(item).sign(before)


# ---- two people ----------------------------------------------------------------------------------------

@attack("let new rules take effect without a second person", 3, "outcome")
def _(f):
    effects = f["rules"].entry.effects
    del effects[:]
    effects.add(kind=K("EFFECT_KIND_RULES"), rules=f["rules"].entry.seq, day=1)
    f.drop("rules approved")


@attack("approve one's own proposal", 3, "refused:same_person", "ledger key; one social worker's key")
def _(f):
    item = f["price approved"]
    item.act.actor_key = f.honest.keys["staff"].public
    item.sign(f.honest.keys["staff"])


@attack("let an approval apply another proposal than it names", 3, "outcome")
def _(f):
    applied = [e for e in f["price approved"].entry.effects if e.kind == K("EFFECT_KIND_APPLIED")][0]
    applied.id = f["third invited"].entry.seq


@attack("let an approval apply what never waited", 1, "effects")
def _(f):
    f["price approved"].entry.effects[0].id = f["term"].entry.seq


@attack("approve what is about oneself", 3, "refused:same_person", "ledger key; both social workers' keys")
def _(f):
    staff, second = f.honest.keys["staff"], f.honest.keys["second"]
    item = f.append(f.blank("kin"))
    item.act.actor_key = second.public
    item.command.member, item.command.other = f.honest.workers[0], f.honest.members[0]
    item.entry.effects.add(kind=K("EFFECT_KIND_PROPOSED"))
    item.entry.touched.add(member=f.honest.workers[0])
    f.fresh(item).sign(second)
    leaf = lw.leaf_hash(f.entries()[-1])
    item = f.append(f.blank("price approved"))
    item.act.actor_key = staff.public
    item.command.ref.seq, item.command.ref.leaf = len(f.items) - 1, leaf
    item.entry.effects.add(kind=K("EFFECT_KIND_APPLIED"), id=len(f.items) - 1)
    f.fresh(item).sign(staff)


# ---- minutes and points --------------------------------------------------------------------------------

def credit(f, name="last system_credit"):
    return f[name].entry


@attack("credit a record that nobody attested", 3, "refused:record_state")
def _(f):
    item = f.system("system_credit", refs=[act_pb2.Ref(seq=f["check out"].entry.seq)])
    f.after("check out", item)


@attack("credit a record twice", 3, "refused:record_state")
def _(f):
    item = f["first system_credit"].copy()
    item.was = None
    f.after("first system_credit", item)


@attack("credit more minutes than the record has", 3, "outcome")
def _(f):
    entry = credit(f, "first system_credit")
    given, gained = entry.postings[0], entry.postings[1]
    given.amount, gained.amount = given.amount - 60, gained.amount + 60
    entry.effects[0].minutes += 60


@attack("convert at a better rate than was in force", 3, "outcome")
def _(f):
    entry = credit(f, "first system_credit")
    for p in entry.postings:
        if p.asset == types_pb2.ASSET_POINTS:
            p.amount *= 2
    for e in entry.effects:
        e.points *= 2


@attack("credit somebody else", 3, "outcome")
def _(f):
    entry = credit(f, "first system_credit")
    old, new = f.honest.members[0], f.honest.members[3]
    for thing in list(entry.postings) + list(entry.effects) + list(entry.touched):
        if thing.member in (old, new):
            thing.member = old + new - thing.member


@attack("call typed minutes measured", 3, "outcome")
def _(f):
    for p in credit(f).postings:
        if p.purpose == types_pb2.PURPOSE_MINUTES:
            p.lot = types_pb2.PROVENANCE_KIOSK


@attack("issue points from nowhere", 3, "outcome")
def _(f):
    friend = f.honest.members[0]
    f["term"].entry.postings.extend([posting("POINTS", "ISSUED", -500),
                                     posting("POINTS", "AVAILABLE", 500, member=friend)])


@attack("issue points without a counter-entry", 2, "postings")
def _(f):
    f["term"].entry.postings.append(posting("POINTS", "AVAILABLE", 500, member=f.honest.members[0]))


@attack("spend what is not there", 2, "balance")
def _(f):
    for p in f["gift"].entry.postings:
        p.amount *= 1000


@attack("swap the postings of a gift", 3, "outcome")
def _(f):
    entry = f["gift"].entry
    entry.postings[0].member, entry.postings[1].member = (
        entry.postings[1].member, entry.postings[0].member)


@attack("leave a member out of those whom an entry touched", 2, "touched")
def _(f):
    f.touched = False
    del f["gift"].entry.touched[1:]


@attack("hide an entry from a member's history", 2, "touched")
def _(f):
    f.touched = False
    f["hold open"].entry.touched[0].prev -= 1


@attack("lie in the answer that receipts and reports are made of", 3, "outcome")
def _(f):
    f["gift"].entry.effects[0].points += 40


@attack("write a member's minutes longer at check-out", 3, "outcome")
def _(f):
    recorded = [e for e in f["check out"].entry.effects if e.kind == K("EFFECT_KIND_RECORDED")][0]
    recorded.minutes += 120


@attack("give a newcomer the id of somebody who is there", 3, "outcome")
def _(f):
    entry = f["member"].entry
    entry.effects[0].id = entry.touched[0].member = f.honest.members[0]


# ---- batches -------------------------------------------------------------------------------------------

@attack("swap a row of a batch after it was attested", 3, "refused:batch_mismatch", "ledger key; the importer's key")
def _(f):
    item = f["first service_rows"]
    item.command.rows[0].end_minute -= 60
    item.sign(f.honest.keys["staff"])


@attack("attest one's own import", 3, "refused:same_person", "ledger key; the importer's key")
def _(f):
    item = f["last attest_batch"]
    item.act.actor_key = f.honest.keys["staff"].public
    item.sign(f.honest.keys["staff"])


@attack("refuse a volunteer's row in silence", 3, "outcome")
def _(f):
    entry = f["first service_rows"].entry
    entry.effects.insert(0, entry_pb2.Effect(kind=K("EFFECT_KIND_ROW_REFUSED"), index=0, verdict=82))


@attack("count fewer accepted records than the batch has", 3, "outcome")
def _(f):
    f["first service_rows"].entry.effects[-1].count -= 1


# ---- redemption ----------------------------------------------------------------------------------------

def confirming(f, item):
    """A confirm of the hold that is open."""
    item.command.ref.CopyFrom(ref(f, "hold open"))
    return item


@attack("confirm without the outlet's key", 1, "signature")
def _(f):
    f["confirm"].unsign()


@attack("confirm with the ledger's key", 1, "key")
def _(f):
    item = f["confirm"]
    item.act.actor_key = f.honest.keys["operator"].public
    item.sign(f.honest.keys["operator"])


@attack("confirm with another outlet's key", 3, "refused:wrong_outlet", "ledger key; another outlet's key")
def _(f):
    outlet = f.honest.keys["outlet"]
    item = f.append(confirming(f, f.blank("confirm")))
    f.fresh(item).sign(outlet)


@attack("confirm in a kiosk's session", 3, "refused:not_allowed")
def _(f):
    item = f.append(session(f, "gift", "confirm", ref=ref(f, "hold open")))
    f.fresh(item)


@attack("attest in a kiosk's session", 3, "refused:not_allowed")
def _(f):
    item = session(f, "gift", "attest_records", refs=[ref(f, "check out")])
    f.after("check out", item)
    f.fresh(item)


@attack("a session of somebody who does not exist", 3, "refused:wrong_actor")
def _(f):
    item = f.append(session(f, "gift", "gift", member=4711, other=f.honest.members[0], points=1))
    item.act.actor_member = item.command.member = 4711
    f.fresh(item)


@attack("take from another member's account in one's own session", 3, "refused:wrong_actor")
def _(f):
    item = f.append(session(f, "gift", "gift", other=f.honest.members[0], points=1))
    item.command.member = f.honest.members[1]
    f.fresh(item)


@attack("cancel somebody else's hold in one's own session", 3, "refused:wrong_voucher")
def _(f):
    f.fresh(f.append(session(f, "gift", "cancel", ref=ref(f, "hold open"))))


@attack("hold for less than the price", 3, "outcome")
def _(f):
    entry = f["hold open"].entry
    for p in entry.postings:
        if p.asset == types_pb2.ASSET_POINTS:
            p.amount //= abs(p.amount)
    held_of(f, "hold open").points = 1


@attack("hold more than the quota", 3, "refused:quota_exceeded")
def _(f):
    item = f.append(session(f, "gift", "hold", item="TOWEL", count=3))
    item.command.member = item.act.actor_member
    f.fresh(item)


@attack("hold for a suspended member", 3, "refused:member_not_active")
def _(f):
    item = f.append(session(f, "gift", "hold", member=f.honest.members[3], item="TOWEL", count=1))
    item.command.member = f.honest.members[3]
    f.fresh(item)


@attack("release a hold before its time", 3, "refused:not_due")
def _(f):
    f.append(f.system("system_release", refs=[act_pb2.Ref(seq=f["hold open"].entry.seq)]))


@attack("release a hold that was confirmed", 3, "refused:already_reversed")
def _(f):
    f.append(f.system("system_release", refs=[act_pb2.Ref(seq=f["hold"].entry.seq)]))


@attack("keep a voucher alive for longer", 3, "outcome")
def _(f):
    held_of(f, "hold open").until_us += 86400 * 1000000


@attack("give another lot out than is due", 3, "outcome")
def _(f):
    lot = next(p.lot for p in f["donation approved"].entry.postings if p.lot)
    for name in ("hold", "confirm"):
        for p in f[name].entry.postings:
            if p.asset == types_pb2.ASSET_ITEM:
                p.lot = lot


@attack("let goods vanish from a shelf", 3, "outcome")
def _(f):
    lot = next(p.lot for p in f["donation approved"].entry.postings if p.lot)
    f["update"].entry.postings.extend([
        posting("ITEM", "SHELF", -3, partner="SHOP", item="TOWEL", lot=lot),
        posting("ITEM", "WRITTEN_OFF", 3, item="TOWEL", lot=lot)])


@attack("enter more goods than the donation's act says", 3, "outcome")
def _(f):
    for p in f["donation approved"].entry.postings:
        p.amount *= 2


@attack("raise an outlet's takings", 3, "outcome")
def _(f):
    f["update"].entry.postings.extend([
        posting("POINTS", "AVAILABLE", -9, member=f.honest.members[0]),
        posting("POINTS", "RECEIVED", 9, partner="SHOP")])


@attack("take a confirmation out of the story", 3, "refused:wrong_voucher")
def _(f):
    f.drop("confirm")


# ---- rules and time ------------------------------------------------------------------------------------

@attack("change the first rules later, in the entry that one signs oneself", 3, "refused:wrong_leaf")
def _(f):
    item = f["first genesis"]
    item.command.rules.grace_days = 30
    item.sign(f.honest.keys["operator before"])


@attack("cite older rules than those in force", 3, "outcome")
def _(f):
    f["update"].entry.rules = 1


@attack("cite rules that nobody set", 1, "rules")
def _(f):
    f["update"].entry.rules = f["term"].entry.seq


@attack("let new prices hold from an earlier day", 3, "outcome")
def _(f):
    f["price approved"].entry.effects[-1].day -= 2


@attack("decide by another version of the book", 1, "semantics")
def _(f):
    f["update"].entry.semantics = 2


@attack("raise the book's version to one of one's own", 3, "refused:bad_field")
def _(f):
    item = f.append(f.blank("update", keep_act=False))
    item.act.actor_key = f.honest.keys["operator"].public
    item.act.commands.add().semantics_raise.semantics = 2
    f.fresh(item).sign(f.honest.keys["operator"])


@attack("vouch for a clock that is an hour wrong", 3, "refused:bad_field")
def _(f):
    clock_accepted(f, "operator", ahead_us=3600 * 1000000)


@attack("let an act of the daemon's own carry a member's name", 1, "act")
def _(f):
    f["first system_release"].act.actor_member = f.honest.members[0]


@attack("slip a credit into a kiosk's act", 1, "act")
def _(f):
    item = f.append(f.blank("gift"))
    item.act.commands.add().system_credit.refs.add(seq=f["check out"].entry.seq)
    f.fresh(item)


@attack("swap two entries in time", 3, "refused:wrong_leaf")
def _(f):
    a, b = f.index("slip"), f.index("term")
    one, other = f.items[a], f.items[b]
    one.entry.time_us, other.entry.time_us = other.entry.time_us, one.entry.time_us
    f.items[a], f.items[b] = other, one


@attack("withdraw somebody's act from the story and put one's own there", 3, "outcome")
def _(f):
    at = f.index("gift")
    item = f.fresh(f.items[at].copy())
    item.command.points = 200
    f.items[at] = Item(item.entry.SerializeToString(), item.was)
    f.items[at].act.CopyFrom(item.act)
