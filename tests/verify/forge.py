"""What an operator can do with the ledger's key and the disk: change, drop, insert, reorder entries, and then
make everything fit again that can be made to fit without other people's keys."""
from ledger_writer import change_text, leaf_hash
from timebox_schema import act_pb2, entry_pb2, types_pb2

K = entry_pb2.EffectKind.Value
NAMING = {K("EFFECT_KIND_" + name) for name in (
    "KEY_ADMITTED", "APPLIED", "LINK_CONFLICT", "CONFIRMED", "CANCELLED", "RELEASED", "REVERSED",
    "DELIVERED_LATE", "CREDITED")}


class Item:
    """One entry, taken apart. `was`: its number in the honest ledger, None for a new one."""

    def __init__(self, data, was=None):
        self.entry = entry_pb2.Entry.FromString(data)
        self.act = act_pb2.Act.FromString(self.entry.act)
        self.was = was
        self.raw = None
        self.mended = True  # a change of the ledger's key fits again, if its keys are at hand

    def copy(self):
        made = Item.__new__(Item)
        made.entry, made.act = entry_pb2.Entry(), act_pb2.Act()
        made.entry.CopyFrom(self.entry)
        made.act.CopyFrom(self.act)
        made.was, made.raw, made.mended = self.was, self.raw, self.mended
        return made

    @property
    def command(self):
        """The body of the act's first command."""
        kind = self.act.commands[0].WhichOneof("kind")
        return getattr(self.act.commands[0], kind)

    @property
    def system(self):
        return not self.act.actor_key

    def sign(self, key):
        """By a key that is at hand."""
        self.entry.signature = key.sign_act(self.act.SerializeToString())
        return self

    def unsign(self):
        self.entry.signature = b""
        return self


class Forge:
    """`items` may be changed at will; `entries()` gives the bytes. What fits again: numbers, prev, the
    request ids and refs of the daemon's own acts, numbers in rules, effects and lots, touched chains."""

    def __init__(self, honest):
        self.honest = honest
        self.items = [Item(data, i + 1) for i, data in enumerate(honest.entries)]
        self.made = 0
        self.touched = True  # whether touched chains are mended

    def __getitem__(self, name):
        """The item of a moment of the honest story."""
        was = self.honest.at[name] if isinstance(name, str) else name
        return next(item for item in self.items if item.was == was)

    def index(self, name):
        return self.items.index(self[name])

    def drop(self, *names):
        for name in names:
            self.items.remove(self[name])

    def after(self, name, item):
        """Puts an item behind another, and its time, too."""
        at = self.index(name)
        item.entry.time_us = self.items[at].entry.time_us + 1
        item.entry.rules = self.items[at].entry.rules
        self.items.insert(at + 1, item)
        return item

    def append(self, item):
        item.entry.time_us = self.items[-1].entry.time_us + 1000
        item.entry.rules = self.items[-1].entry.rules
        self.items.append(item)
        return item

    def blank(self, like, keep_act=True):
        """A new entry like another, without postings and effects."""
        made = self[like].copy()
        made.was = None
        made.entry.ClearField("postings")
        made.entry.ClearField("effects")
        made.entry.ClearField("touched")
        if not keep_act:
            made.act.ClearField("commands")
        return made

    def fresh(self, item):
        """Another request id, and made when it is entered."""
        self.made += 1
        item.act.request_id = item.act.request_id[:12] + self.made.to_bytes(4, "big")
        item.act.made_at_us = item.entry.time_us - 1000
        return item

    def system(self, kind, like="last system_credit", **fields):
        """An act of the daemon's own."""
        made = self.blank(like, keep_act=False)
        body = getattr(made.act.commands.add(), kind)
        body.SetInParent()
        for name, value in fields.items():
            getattr(body, name).extend(value)
        return made

    # -- what fits again --

    def entries(self):
        numbers = {item.was: i + 1 for i, item in enumerate(self.items) if item.was}
        done, last = [], {}
        for i, item in enumerate(self.items):
            entry = item.entry
            entry.seq = i + 1
            entry.prev = leaf_hash(done[-1]) if done else bytes(32)
            moved = any(n != was for was, n in numbers.items())
            if moved:
                self.renumber(item, numbers)
            if item.system:
                item.act.request_id = bytes(8) + (i + 1).to_bytes(8, "big")
            if item.mended:
                self.mend_ledger_key(item)
            entry.act = item.act.SerializeToString() if item.raw is None else item.raw
            if self.touched:
                self.mend_touched(entry, last)
            done.append(entry.SerializeToString())
        return done

    def mend_ledger_key(self, item):
        """Both keys sign to the place where the change stands now."""
        if [c.WhichOneof("kind") for c in item.act.commands] != ["ledger_key"] or item.entry.seq == 1:
            return
        keys = {key.public: key for key in self.honest.keys.values()}
        before, key, body = keys.get(item.act.actor_key), keys.get(item.command.key), item.command
        if before and key:
            body.ref.seq, body.ref.leaf = item.entry.seq - 1, item.entry.prev
            body.signature = key.sign(change_text(before.public, key.public, body.ref, item.act.origin))
            item.sign(before)

    def renumber(self, item, numbers):
        entry = item.entry
        entry.rules = numbers.get(entry.rules, entry.rules)
        for posting in entry.postings:
            if posting.item:
                seq = posting.lot >> 16
                posting.lot = numbers.get(seq, seq) << 16 | posting.lot & 0xffff
        for effect in entry.effects:
            if effect.kind in NAMING:
                effect.id = numbers.get(effect.id, effect.id)
            effect.rules = numbers.get(effect.rules, effect.rules)
        if item.system and item.act.commands and item.act.commands[0].WhichOneof("kind"):
            for ref in getattr(item.command, "refs", []):
                ref.seq = numbers.get(ref.seq, ref.seq)

    def mend_touched(self, entry, last):
        owners = [p.member for p in entry.postings if p.member]
        for owner in owners:
            if owner not in [t.member for t in entry.touched]:
                entry.touched.add(member=owner)
        for touched in entry.touched:
            touched.prev = last.get(touched.member, 0)
            last[touched.member] = entry.seq


def posting(asset, purpose, amount, member=0, partner="", item="", lot=0):
    return entry_pb2.Posting(asset=types_pb2.Asset.Value("ASSET_" + asset),
                             purpose=types_pb2.Purpose.Value("PURPOSE_" + purpose),
                             member=member, partner=partner, item=item, lot=lot, amount=amount)
