"""Both verifiers in this process: the C auditor as a servant (interop/verdict.c), the second verifier as it
is, but that it remembers what it said of a signature and of a message's bytes."""
import atexit
import base64
import functools
import os
import pathlib
import subprocess
import tempfile

import timebox_verify as tv

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVANT = ROOT / "build" / "interop" / "verdict"
# Exports are written and damaged hundreds of thousands of times: in memory where that can be had.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def folder():
    """A folder in memory that goes when the process ends."""
    made = tempfile.TemporaryDirectory(prefix="timebox-verdicts-", dir=MEMORY)
    atexit.register(made.cleanup)
    return pathlib.Path(made.name)


def remember():
    """Every export of a test shares nearly all of its bytes with the one before. What was decoded is only
    read, so it may be shared; what could not be decoded raises each time."""
    tv.ed25519_verify = functools.lru_cache(1 << 16)(tv.ed25519_verify)
    tv.leaf_hash = functools.lru_cache(1 << 16)(tv.leaf_hash)
    tv.decode = functools.lru_cache(1 << 16)(tv.decode)


class Both:
    """`of` gives (kind, entry): kind "ok" and the size, or what is broken and where (None: nowhere)."""

    def __init__(self):
        self.code = ""  # why the rules refused, by the auditor's last word
        self.servant = subprocess.Popen([SERVANT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self):
        self.servant.stdin.close()
        return self.servant.wait(30)

    def first(self, export, vkey=None, kept=None, depth=3, witness=None):
        note = "-" if kept is None else "%d:%s" % (kept[0], base64.b64encode(kept[1]).decode())
        self.servant.stdin.write("%d %s %s %s %s\n" % (depth, export, vkey or "-", note, witness or "-"))
        self.servant.stdin.flush()
        line = self.servant.stdout.readline().split()
        if len(line) != 3 or line[0] == "error":
            raise RuntimeError("the auditor gave no verdict on %s: %s" % (export, line))
        self.code = line[2] if line[0] == "refused" else ""
        return line[0], int(line[1]) or (0 if line[0] == "ok" else None)

    def second(self, export, vkey=None, kept=None, depth=3, witness=None):
        report = tv.verify(str(export), vkey, kept, depth, [witness] if witness else [])
        return ("ok", report["size"]) if report["ok"] else (report["kind"], report["entry"])

    def of(self, *arguments):
        """Both verdicts."""
        return self.first(*arguments), self.second(*arguments)
