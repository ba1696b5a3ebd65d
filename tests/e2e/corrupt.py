"""Damage to an export, and what both verifiers say of it: `timebox audit verify` and the independent
timebox_verify.py. With FULL=1 every byte is tried, else a sample."""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "verify"))

import timebox_verify as tv  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEBOX = os.environ.get("TIMEBOX", str(ROOT / "build" / "timebox"))
FULL = os.environ.get("FULL") == "1"
WORKERS = 2


def cli_report(folder, vkey=None, kept=None, depth=2):
    """What `timebox audit verify --json` says; its exit code must fit."""
    command = [TIMEBOX, "audit", "verify", str(folder), "--json", "--depth", str(depth)]
    if vkey is not None:
        command += ["--vkey", vkey]
    if kept is not None:
        command += ["--kept", "%d:%s" % (kept[0], tv.base64.b64encode(kept[1]).decode())]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 6), (done.returncode, done.stderr)
    assert report["ok"] or report["why"]
    return report


SAME = ("ok", "size", "root", "origin", "pinned", "signatures", "system", "members", "accounts",
        "kind", "entry")


def verdict(folder, vkey=None, kept=None, depth=2):
    """The report that both verifiers give; they must agree in all but their words. Stories that no book
    decided have no depth 3."""
    ours = cli_report(folder, vkey, kept, depth)
    theirs = tv.verify(str(folder), vkey, kept, depth)
    left, right = ({k: r[k] for k in SAME if k in r} for r in (ours, theirs))
    assert left == right, (ours, theirs)
    return ours


def found(report):
    """(kind, entry) of what is broken."""
    assert report["ok"] is False, report
    return report["kind"], report["entry"]


class Bundle:
    """The one entry bundle of a small export (under 256 entries), to be damaged and put back."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.path,) = [p for p in (self.folder / "tile" / "entries").rglob("*") if p.is_file()]
        self.data = self.path.read_bytes()
        self.entries, whole = tv.split_bundle(self.data)
        assert whole
        # The entry to which each byte of the file belongs, its length included.
        self.owner = [i + 1 for i, e in enumerate(self.entries) for _ in range(len(e) + 2)]

    def write(self, entries):
        self.path.write_bytes(b"".join(len(e).to_bytes(2, "big") + e for e in entries))

    def flip(self, at):
        flipped = bytearray(self.data)
        flipped[at] ^= 1 << at % 8
        self.path.write_bytes(flipped)

    def restore(self):
        self.path.write_bytes(self.data)

    def rearranged(self):
        """(what was done, the first broken entry, the entries then), for each entry."""
        n = len(self.entries)
        for i in range(n):
            # Where the next entry stands in its place, or nothing.
            removed = self.entries[:i] + self.entries[i + 1:]
            yield "entry %d removed" % (i + 1), i + 1, removed
            doubled = self.entries[:i + 1] + self.entries[i:]
            yield "entry %d doubled" % (i + 1), i + 2, doubled
            stranger = bytearray(self.entries[i])
            stranger[-1] ^= 1
            inserted = self.entries[:i] + [bytes(stranger)] + self.entries[i:]
            yield "a stranger before entry %d" % (i + 1), i + 1, inserted
            j = (i + 1) % n
            swapped = list(self.entries)
            swapped[i], swapped[j] = swapped[j], swapped[i]
            yield "entries %d and %d swapped" % (i + 1, j + 1), min(i, j) + 1, swapped


def sample(bundle, step=7, whole=2):
    """Places to flip: each `step`-th byte and all bytes of the last `whole` entries; or all."""
    if FULL:
        return list(range(len(bundle.owner)))
    last = len(bundle.entries) - whole
    return [at for at, owner in enumerate(bundle.owner) if at % step == 0 or owner > last]


def flips_missed(folder, vkey, places, work):
    """Flips each of the bytes in turn; (place, entry, what was said) where it was not named."""
    def worker(part):
        copy = pathlib.Path(work) / ("copy-%d" % part)
        shutil.copytree(folder, copy)
        bundle, missed = Bundle(copy), []
        for at in places[part::WORKERS]:
            bundle.flip(at)
            said = verdict(copy, vkey)
            if said["ok"] or said["entry"] != bundle.owner[at]:
                missed.append((at, bundle.owner[at], said))
        return missed

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return [m for part in pool.map(worker, range(WORKERS)) for m in part]
