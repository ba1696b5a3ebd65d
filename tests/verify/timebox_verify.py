#!/usr/bin/env python3
"""Checks a ledger that `timebox audit export` wrote, without any code of the system itself.

Written from proto/README.md alone; Python 3.8 or later, nothing to install: this file and the two
beside it, wire.py and ed25519.py. It reads, and never writes.

    timebox_verify.py OUTDIR [--vkey TEXT] [--kept SIZE:ROOTBASE64] [--json]

    --vkey   the ledger's verifier key, from paper or a receipt. Without it OUTDIR/vkey is believed,
             with a warning: whoever rewrote the ledger may have rewritten that file too.
    --kept   a size and root noted down earlier: finds a cut tail and a rewritten past even where
             the operator signed the new story.

Exit 0: {"ok":true,...}. Exit 1: {"ok":false,"kind":...,"entry":SEQ or null,"why":...}. 2: usage.

The order of the checks makes the first broken entry cheap to find: hashes first, then the chain,
and only then the content, signature by signature.
"""
import argparse
import base64
import hashlib
import json
import locale
import os
import re
import sys

from ed25519 import ed25519_verify
from wire import BadBytes, decode

ROLE_STAFF, ROLE_KIOSK, ROLE_OUTLET, ROLE_AUDITOR = 1, 2, 3, 4
ASSETS = {1: "MINUTES", 2: "POINTS", 3: "ITEM"}
EFFECT_PROPOSED, EFFECT_APPLIED, EFFECT_RULES = 5, 6, 7

# purpose: (name, asset, owner, may be below zero)
PURPOSES = {
    1: ("GIVEN", 1, None, True), 2: ("ISSUED", 2, None, True), 3: ("DONATED", 3, "partner", True),
    4: ("ADJUSTED", 3, None, True), 5: ("DEBT", 2, "member", True), 6: ("EXPIRED", 2, None, False),
    7: ("FORFEITED", 2, None, False), 8: ("POOL", 2, None, False), 9: ("DELIVERED", 3, None, False),
    10: ("WRITTEN_OFF", 3, None, False), 11: ("TRANSIT", 3, None, False),
    20: ("MINUTES", 1, "member", False), 21: ("HONOUR", 1, "member", False),
    22: ("AVAILABLE", 2, "member", False), 23: ("HELD", 2, "member", False),
    30: ("SHELF", 3, "partner", False), 31: ("OUTLET_HELD", 3, "partner", False),
    32: ("RECEIVED", 2, "partner", False),
}
PURPOSE_DEBT = 5

TILE_WIDTH = 256
CODE_LIFE_US = 72 * 3600 * 1000000


class Broken(Exception):
    """What is wrong, and with which entry (None where no single one can be named)."""

    def __init__(self, kind, entry, why):
        super().__init__(why)
        self.kind, self.entry, self.why = kind, entry, why


# --- the tree, RFC 6962 ---

def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(hashes):
    """The root over hashes of complete subtrees of one size (leaves, or hashes of one level)."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    row = list(hashes)
    while len(row) > 1:
        odd = row[-1:] if len(row) % 2 else []
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)] + odd
    return row[0]


# --- notes and files ---

def strict_base64(text, what):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Broken("checkpoint", None, "%s is not base64" % what)
    if base64.b64encode(data).decode() != text:
        raise Broken("checkpoint", None, "%s is not base64 in its one form" % what)
    return data


def parse_vkey(text):
    """name, id and public key of a verifier key's text; ValueError if it is none."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise ValueError("a verifier key is name+hash+key")
    try:
        blob = base64.b64decode(parts[2], validate=True)
    except ValueError:
        raise ValueError("the verifier key's last part is not base64")
    if len(blob) != 33 or blob[0] != 1:
        raise ValueError("the verifier key is not Ed25519")
    key_id = hashlib.sha256(parts[0].encode() + b"\n" + blob).digest()[:4]
    if key_id.hex() != parts[1].lower():
        raise ValueError("the verifier key's hash is not its own")
    return parts[0], key_id, blob[1:]


class Checkpoint:
    """A signed checkpoint. `problem` tells what is wrong with it (size and root are then None)."""

    def __init__(self, note, vkey):
        self.origin = self.size = self.root = self.problem = None
        try:
            origin, size, root = self.parse(note)
            self.verify(vkey)
            self.origin, self.size, self.root = origin, size, root
        except Broken as broken:
            self.problem = broken.why

    def parse(self, note):
        try:
            text, gap, tail = note.decode("utf-8").rpartition("\n\n")
        except UnicodeDecodeError:
            raise Broken("checkpoint", None, "the checkpoint is not UTF-8")
        self.text = text + "\n"
        lines = text.split("\n")
        if not gap or not tail.endswith("\n") or len(lines) < 3 or "" in lines:
            raise Broken("checkpoint", None, "the checkpoint is not a signed note")
        root = strict_base64(lines[2], "the checkpoint's root")
        if not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]) or len(root) != 32:
            raise Broken("checkpoint", None, "the checkpoint's size or root is malformed")
        self.signatures = tail[:-1].split("\n")
        return lines[0], int(lines[1]), root

    def verify(self, vkey):
        name, key_id, public = vkey
        for line in self.signatures:
            dash, _, rest = line.partition(" ")
            signer, _, blob = rest.partition(" ")
            if dash != "\u2014" or not blob:
                raise Broken("checkpoint", None, "a signature line of the checkpoint is malformed")
            data = strict_base64(blob, "a signature of the checkpoint")
            if signer != name or data[:4] != key_id:
                continue
            if not ed25519_verify(public, self.text.encode("utf-8"), data[4:]):
                raise Broken("checkpoint", None, "the checkpoint's signature is wrong")
            return
        raise Broken("checkpoint", None, "no signature of the checkpoint is by the ledger key")


def tile_path(level, n, width):
    groups = ["%03d" % (n % 1000)]
    while n >= 1000:
        n //= 1000
        groups.insert(0, "x%03d" % (n % 1000))
    path = os.path.join("tile", str(level), *groups)
    return path if width == TILE_WIDTH else os.path.join(path + ".p", str(width))


def read_file(*parts):
    """The bytes of a file, None where there is none."""
    try:
        with open(os.path.join(*parts), "rb") as f:
            return f.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def read_tile(outdir, level, n, width):
    """The n-th tile: of the width that the checkpoint tells, else full, else the widest."""
    widths = [width, TILE_WIDTH]
    try:
        found = os.listdir(os.path.join(outdir, tile_path(level, n, TILE_WIDTH) + ".p"))
        widths += sorted((int(w) for w in found if re.fullmatch("[0-9]{1,3}", w)), reverse=True)
    except OSError:
        pass
    for w in widths:
        data = read_file(outdir, tile_path(level, n, w)) if w else None
        if data is not None:
            return data
    return None


def read_tiles(outdir, level, size):
    """The tiles of a level in order, as far as they are there; `size` None: all there are."""
    n = 0
    while size is None or n * TILE_WIDTH < size:
        width = TILE_WIDTH if size is None else min(TILE_WIDTH, size - n * TILE_WIDTH)
        data = read_tile(outdir, level, n, width)
        if data is None:
            return
        yield data
        n += 1


def split_bundle(data):
    """The entries of a bundle, and whether it ended where an entry ends."""
    entries, pos = [], 0
    while pos + 2 <= len(data):
        length = int.from_bytes(data[pos:pos + 2], "big")
        if length == 0 or pos + 2 + length > len(data):
            return entries, False
        entries.append(data[pos + 2:pos + 2 + length])
        pos += 2 + length
    return entries, pos == len(data)


def read_entries(outdir, size):
    """All entries in order, and the position (from 1) where a bundle's framing breaks, or None."""
    entries = []
    for data in read_tiles(outdir, "entries", size):
        found, whole = split_bundle(data)
        entries += found
        if not whole:
            return entries, len(entries) + 1
    return entries, None


# --- which entry: hashes and chain ---

def expected_tiles(leaves):
    """(level, n, bytes) of every tile of a tree."""
    level, hashes = 0, leaves
    while hashes:
        for n in range(0, len(hashes), TILE_WIDTH):
            yield level, n // TILE_WIDTH, b"".join(hashes[n:n + TILE_WIDTH])
        full = len(hashes) // TILE_WIDTH * TILE_WIDTH
        hashes = [tree_root(hashes[i:i + TILE_WIDTH]) for i in range(0, full, TILE_WIDTH)]
        level += 1


def read_leaf_tiles(outdir, size):
    """The hashes of level 0 as far as the tiles are there."""
    data = b"".join(read_tiles(outdir, 0, size))
    return [data[i:i + 32] for i in range(0, len(data) - 31, 32)]


def first_difference(leaves, tiles, framing):
    """The first entry whose hash is not the tile's, or that one of both lacks; None if none."""
    for i, (leaf, tile) in enumerate(zip(leaves, tiles)):
        if leaf != tile:
            return i + 1
    if framing is not None:
        return framing
    return min(len(leaves), len(tiles)) + 1 if len(leaves) != len(tiles) else None


def chain_problem(entries, leaves, root):
    """The first break of numbering or chain, as Broken; None if there is none."""
    for i, data in enumerate(entries):
        try:
            entry = decode("Entry", data)
        except BadBytes as bad:
            return Broken("encoding", i + 1, str(bad))
        if entry["seq"] != i + 1:
            return Broken("sequence", i + 1, "entry %d stands in its place" % entry["seq"])
        if entry["prev"] == (leaves[i - 1] if i else bytes(32)):
            continue
        if i == 0:
            return Broken("chain", 1, "the first entry's prev is not zero")
        if vouched_for(entries, leaves, i, entry["prev"], root):
            return Broken("chain", i, "entry %d names another entry %d" % (i + 1, i))
        return Broken("chain", i + 1, "its prev is not the hash of entry %d" % i)
    return None


def vouched_for(entries, leaves, i, prev, root):
    """Whether the entry at index i is as it was, although the one before is not what it names: the
    next entry names it, or, for the last, the checkpoint's root comes out with what it names."""
    if i + 1 < len(entries):
        try:
            return decode("Entry", entries[i + 1])["prev"] == leaves[i]
        except BadBytes:
            return False
    return tree_root(leaves[:i - 1] + [prev, leaves[i]]) == root


def check_hashes(outdir, entries, leaves, framing, checkpoint):
    """The stored bytes against tiles, chain and checkpoint; raises with the first broken entry.
    Returns None, or what is wrong although no entry can be named: the content may tell more."""
    size = checkpoint.size
    if len(leaves) == size and framing is None and tree_root(leaves) == checkpoint.root:
        problem = chain_problem(entries, leaves, checkpoint.root)
        if problem:
            raise problem
        check_tiles(outdir, leaves)
        return None
    tiles = read_leaf_tiles(outdir, size)
    differs = first_difference(leaves, tiles, framing) if tiles else framing
    authentic = size is not None and tree_root(tiles) == checkpoint.root
    chain = None if authentic and differs else chain_problem(entries, leaves, checkpoint.root)
    if differs and (chain is None or differs <= chain.entry):
        raise describe_difference(differs, leaves, size, framing)
    if chain:
        raise chain
    if size is None:
        return Broken("checkpoint", None, checkpoint.problem)
    if len(leaves) != size:
        raise describe_difference(min(len(leaves), size) + 1, leaves, size, None)
    return Broken("root", size, "the chain is whole, but its root is not the checkpoint's: "
                  "the last entry was replaced, or all from some entry on")


def describe_difference(seq, leaves, size, framing):
    if seq == framing:
        return Broken("framing", seq, "its length does not fit the bundle")
    if seq > len(leaves):
        return Broken("cut", seq, "the export ends before it, after %d entries" % len(leaves))
    if size is not None and seq > size:
        return Broken("extra", seq, "the checkpoint covers %d entries only" % size)
    return Broken("leaf", seq, "its bytes do not have the hash that the tile tells")


def check_tiles(outdir, leaves):
    for level, n, want in expected_tiles(leaves):
        path = tile_path(level, n, len(want) // 32)
        data = read_file(outdir, path)
        if data is None:
            raise Broken("tile", None, "%s is missing" % path)
        if data == want:
            continue
        at = next((i for i in range(0, len(want), 32) if data[i:i + 32] != want[i:i + 32]), None)
        entry = n * TILE_WIDTH + at // 32 + 1 if level == 0 and at is not None else None
        raise Broken("tile", entry, "%s is not what the entries hash to" % path)


def check_kept(kept, leaves):
    """Raises for a tail that is gone; returns a Broken for another beginning, or None."""
    size, root = kept
    if len(leaves) < size:
        raise Broken("cut", len(leaves) + 1,
                     "%d entries were there once, now %d are" % (size, len(leaves)))
    if tree_root(leaves[:size]) == root:
        return None
    return Broken("fork", None, "the first %d entries are not those whose root was kept" % size)


# --- what the entries say ---

class Key:
    """An enrolled key: its role, and the entry that revoked it."""

    def __init__(self, role):
        self.role, self.revoked = role, None


class Code:
    """What an enrolment code admits to: a role, so many keys, until when (None: without end)."""

    def __init__(self, role, uses, until_us):
        self.role, self.uses, self.until_us = role, uses, until_us


class Ledger:
    """Follows the entries in order and checks each against all before it."""

    def __init__(self, origin, ledger_key):
        self.origin, self.ledger_key = origin, ledger_key
        self.time_us = self.semantics = 0
        self.request_ids = {}
        self.codes = {}  # by code hash
        self.keys = {}
        self.proposed = {}  # by (seq, command): the command that waits for a second person
        self.rule_sets = {1}
        self.balances = {}
        self.last_touch = {}
        self.signatures = self.system = 0

    def check(self, seq, data):
        self.seq = seq
        try:
            entry = decode("Entry", data)
            act = decode("Act", entry["act"])
        except BadBytes as bad:
            self.fail("encoding", str(bad))
        self.check_head(entry)
        self.check_act(entry, act)
        self.check_actor(entry, act)
        self.apply_effects(entry, act)
        self.check_rules(entry)
        self.check_postings(entry["postings"])
        self.check_touched(entry)

    def fail(self, kind, why):
        raise Broken(kind, self.seq, why)

    def check_head(self, entry):
        if entry["time_us"] <= self.time_us:
            self.fail("time", "its time is not after the entry before")
        self.time_us = entry["time_us"]
        if self.seq == 1:
            self.semantics = entry["semantics"]
        if entry["semantics"] != self.semantics or not self.semantics:
            self.fail("semantics", "nobody raised the semantics to %d" % entry["semantics"])

    def check_act(self, entry, act):
        if act["origin"] != self.origin:
            self.fail("origin", "the act is for ledger %r" % act["origin"])
        if not 1 <= len(act["commands"]) <= 1024:
            self.fail("act", "an act has 1 to 1,024 commands")
        request_id = act["request_id"]
        system = bytes(8) + self.seq.to_bytes(8, "big")
        if act["actor_key"]:
            uuid7 = len(request_id) == 16 and request_id[6] >> 4 == 7 and request_id[8] >> 6 == 2
            if not uuid7 or request_id[:8] == bytes(8):
                self.fail("request_id", "the request id is not a UUIDv7")
        elif request_id != system:
            self.fail("request_id", "a system entry has another request id than its number gives")
        if request_id in self.request_ids:
            self.fail("request_id", "entry %d has it too" % self.request_ids[request_id])
        self.request_ids[request_id] = self.seq

    def check_actor(self, entry, act):
        key, numbers = act["actor_key"], [c["number"] for c in act["commands"]]
        if (self.seq == 1) != (1 in numbers) or (self.seq == 1 and numbers != [1]):
            self.fail("genesis", "entry 1 is the genesis alone, and no other entry is")
        if not key:
            return self.check_system(entry, act, numbers)
        if max(numbers) >= 90:
            self.fail("act", "a system command in somebody's act")
        operator = [n < 10 for n in numbers]
        if any(operator) != all(operator) or any(operator) != (key == self.ledger_key):
            self.fail("key", "operator commands are the ledger key's, and it gives no others")
        if key == self.ledger_key:
            role = None
            if self.seq == 1:
                self.begin(act["commands"][0]["body"])
        elif numbers == [10]:
            role = self.enrol(key, act["commands"][0]["body"])
        else:
            role = self.admitted(key)
        session = role == ROLE_KIOSK and numbers != [10]
        if session != bool(act["actor_member"]) or len(act["session"]) != (8 if session else 0):
            self.fail("act", "a member and a session are named in a kiosk's acts, and only there")
        if entry["signature"] or not session:
            self.check_signature(key, entry)
        return None

    def check_system(self, entry, act, numbers):
        if min(numbers) < 90:
            self.fail("key", "the act names nobody who asks")
        if entry["signature"] or act["actor_member"] or act["session"] or act["on_behalf"]:
            self.fail("act", "a system entry is nobody's")
        self.system += 1

    def check_signature(self, key, entry):
        message = b"timebox/v1/act\n" + len(entry["act"]).to_bytes(4, "big") + entry["act"]
        if not ed25519_verify(key, message, entry["signature"]):
            self.fail("signature", "the signature is missing" if not entry["signature"] else
                      "the signature is not the actor's over this act")
        self.signatures += 1

    def begin(self, genesis):
        if genesis["ledger_key"] != self.ledger_key:
            self.fail("genesis", "entry 1 names another ledger key than the verifier key")
        if len(genesis["staff_codes"]) != 2 or genesis["rules"] is None:
            self.fail("genesis", "entry 1 names two staff codes and the rules")
        for code in genesis["staff_codes"]:
            self.add_code(code, Code(ROLE_STAFF, 1, self.time_us + CODE_LIFE_US))
        self.add_code(genesis["recovery_code"], Code(ROLE_STAFF, 2, None))

    def add_code(self, code_hash, code):
        if code_hash in self.codes or len(code_hash) != 32:
            self.fail("key", "the code of this invitation was given out before, or is none")
        self.codes[code_hash] = code

    def enrol(self, key, enrol):
        code = self.codes.get(enrol["code_hash"])
        if code is None or not code.uses:
            self.fail("key", "no invitation with this code is left")
        if code.until_us is not None and self.time_us > code.until_us:
            self.fail("key", "the code had expired")
        if key in self.keys:
            self.fail("key", "this key was enrolled before")
        code.uses -= 1
        self.keys[key] = Key(code.role)
        return code.role

    def admitted(self, key):
        found = self.keys.get(key)
        if found is None:
            self.fail("key", "the actor's key was never admitted")
        if found.revoked:
            self.fail("key", "the actor's key was revoked by entry %d" % found.revoked)
        if found.role == ROLE_AUDITOR:
            self.fail("key", "an auditor's key writes nothing")
        return found.role

    def apply_effects(self, entry, act):
        waiting = set()
        for effect in entry["effects"]:
            if effect["command"] >= len(act["commands"]):
                self.fail("effects", "an effect is of command %d: none" % effect["command"])
            if effect["kind"] == EFFECT_PROPOSED:
                waiting.add(effect["command"])
                self.proposed[self.seq, effect["command"]] = act["commands"][effect["command"]]
            elif effect["kind"] == EFFECT_RULES:
                self.rule_sets.add(self.seq)
        for i, command in enumerate(act["commands"]):
            if i not in waiting:
                self.take_effect(command)
        for effect in entry["effects"]:
            if effect["kind"] == EFFECT_APPLIED:
                command = self.proposed.pop((effect["id"], effect["index"]), None)
                if command is None:
                    self.fail("effects", "what it approves was not waiting")
                self.take_effect(command)

    def take_effect(self, command):
        """What later checks need to know of a command that took effect."""
        body = command["body"]
        if command["kind"] == "invite":
            self.add_code(body["code_hash"], Code(body["role"], 1, self.time_us + CODE_LIFE_US))
        elif command["kind"] == "key_revoke":
            if body["key"] not in self.keys:
                self.fail("key", "it revokes a key that was never admitted")
            self.keys[body["key"]].revoked = self.seq
        elif command["kind"] == "withdraw" and body["ref"]:
            self.proposed.pop((body["ref"]["seq"], body["ref"]["index"]), None)
        elif command["kind"] == "semantics_raise":
            self.semantics = body["semantics"]

    def check_rules(self, entry):
        if entry["rules"] not in self.rule_sets or (self.seq == 1 and entry["rules"] != 1):
            self.fail("rules", "entry %d set no rules" % entry["rules"])

    def check_postings(self, postings):
        sums, changed = {}, []
        for p in postings:
            asset, account = self.account(p)
            sums[asset] = sums.get(asset, 0) + p["amount"]
            self.balances[account] = self.balances.get(account, 0) + p["amount"]
            changed.append(account)
        for asset, total in sums.items():
            if total:
                self.fail("postings", "those of %s sum to %d, not 0" % (" ".join(asset), total))
        for account in changed:
            name, _, _, negative = PURPOSES[account[0]]
            balance = self.balances[account]
            if (balance < 0 and not negative) or (balance > 0 and account[0] == PURPOSE_DEBT):
                owner = account[1] or account[2] or "the programme"
                self.fail("balance", "account %s of %s would be %d" % (name, owner, balance))

    def account(self, p):
        known = PURPOSES.get(p["purpose"])
        if known is None or p["asset"] != known[1] or bool(p["item"]) != (p["asset"] == 3):
            self.fail("postings", "a posting's purpose, asset and item do not go together")
        owner = {"member": bool(p["member"]), "partner": bool(p["partner"])}
        if owner != {"member": known[2] == "member", "partner": known[2] == "partner"}:
            self.fail("postings", "a posting to %s has the wrong owner" % known[0])
        asset = (ASSETS[p["asset"]], p["item"]) if p["item"] else (ASSETS[p["asset"]],)
        return asset, (p["purpose"], p["member"], p["partner"], p["item"], p["lot"])

    def check_touched(self, entry):
        touched = {}
        for t in entry["touched"]:
            if t["member"] in touched or not t["member"]:
                self.fail("touched", "member %d is named twice, or is none" % t["member"])
            if t["prev"] != self.last_touch.get(t["member"], 0):
                self.fail("touched", "the entry before of member %d is %d, not %d" % (
                    t["member"], self.last_touch.get(t["member"], 0), t["prev"]))
            touched[t["member"]] = self.seq
        missing = {p["member"] for p in entry["postings"] if p["member"]} - set(touched)
        if missing:
            self.fail("touched", "member %d is touched and not named" % min(missing))
        self.last_touch.update(touched)


# --- the whole ---

def verify(outdir, vkey=None, kept=None):
    """The report on an export as a dict. `vkey`: a verifier key's text; `kept`: (size, root)."""
    try:
        return verify_or_raise(outdir, vkey, kept)
    except Broken as broken:
        return {"ok": False, "kind": broken.kind, "entry": broken.entry, "why": broken.why}


def verify_or_raise(outdir, vkey_text, kept):
    note = read_file(outdir, "checkpoint")
    if note is None:
        raise Broken("checkpoint", None, "there is no checkpoint")
    vkey = load_vkey(outdir, vkey_text)
    checkpoint = Checkpoint(note, vkey)
    entries, framing = read_entries(outdir, checkpoint.size)
    leaves = [leaf_hash(e) for e in entries]
    vague = check_hashes(outdir, entries, leaves, framing, checkpoint)
    if kept:
        vague = check_kept(kept, leaves) or vague
    ledger = Ledger(checkpoint.origin or vkey[0], vkey[2])
    for i, data in enumerate(entries):
        ledger.check(i + 1, data)
    if vague:
        raise vague
    if not entries:
        raise Broken("genesis", 1, "the ledger is empty")
    return {
        "ok": True, "size": len(entries), "root": base64.b64encode(checkpoint.root).decode(),
        "origin": checkpoint.origin, "pinned": vkey_text is not None,
        "kept": kept[0] if kept else None,
        "signatures": ledger.signatures, "system": ledger.system, "keys": len(ledger.keys),
        "members": len(ledger.last_touch), "accounts": len(ledger.balances),
    }


def load_vkey(outdir, text):
    if text is None:
        data = read_file(outdir, "vkey")
        if data is None:
            raise Broken("vkey", None, "there is no vkey, and --vkey was not given")
        text = data.decode("utf-8", "replace")
    try:
        return parse_vkey(text)
    except ValueError as error:
        raise Broken("vkey", None, str(error))


def parse_kept(text):
    size, _, root = text.partition(":")
    try:
        data = base64.b64decode(root, validate=True)
    except ValueError:
        data = b""
    if not re.fullmatch("[0-9]{1,18}", size) or len(data) != 32:
        raise argparse.ArgumentTypeError("SIZE:ROOT, the root in base64")
    return int(size), data


def speaks_chinese():
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG")
    if not named and sys.platform == "win32":
        named = locale.getlocale()[0]
    return (named or "").startswith(("zh", "Chinese"))


def print_report(report, as_json, chinese):
    if as_json:
        print(json.dumps(report))  # ASCII only, whatever the console
    elif report["ok"]:
        text = "账本完整: %d 条, 根 %s" if chinese else "whole: %d entries, root %s"
        print(text % (report["size"], report["root"]))
    else:
        where = report["entry"] if report["entry"] is not None else "-"
        text = "账本有误: 条目 %s, %s: %s" if chinese else "broken: entry %s, %s: %s"
        print(text % (where, report["kind"], report["why"]))


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a GBK console lacks some characters
    parser = argparse.ArgumentParser(description="Checks an exported ledger. 核对导出的账本")
    parser.add_argument("outdir", metavar="OUTDIR")
    parser.add_argument("--vkey", metavar="TEXT", help="the ledger's verifier key, as you know it")
    parser.add_argument("--kept", metavar="SIZE:ROOTBASE64", type=parse_kept,
                        help="a size and root noted earlier")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    args = parser.parse_args(arguments)
    if not os.path.isdir(args.outdir):
        parser.error("%s is not a folder" % args.outdir)
    if args.vkey is not None:
        try:
            parse_vkey(args.vkey)
        except ValueError as error:
            parser.error(str(error))
    else:
        print("注意: 公钥取自导出文件夹, 未经另行核对 (--vkey)" if speaks_chinese() else
              "warning: the verifier key is the export's own, it is not pinned (--vkey)",
              file=sys.stderr)
    report = verify(args.outdir, args.vkey, args.kept)
    print_report(report, args.json, speaks_chinese())
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
