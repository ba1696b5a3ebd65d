#!/usr/bin/env python3
"""Every single bit of every file of a small export flipped, before both verifiers: check_bits.py [STEP].

Each flip must be found, by both as the same, or be of a bit that is outside of what is proved; those are
listed, and may only be these:
  - the file `vkey`, where the auditor gives the verifier key: it is not read then;
  - further signature lines of the checkpoint: here there are none.
The export is of a station of one volunteer who redeemed once, from its creation on. STEP: every so manieth bit
only (1). Ends with "N passed, N failed"; a file's bits that were all found are passed one by one."""
import pathlib
import sys
import tempfile
import time

import both
import ledger_writer  # noqa: F401: it puts the client's folder on the path
from redeem_station import RedeemStation
from small_station import ITEM, SmallStation

OUTSIDE = {"vkey"}


def make(folder):
    """Writes the small export, whose ledger's key was changed; its first verifier key."""
    with tempfile.TemporaryDirectory() as work:
        station = SmallStation(pathlib.Path(work))
        try:
            station.set_up(members=1, rows=1).open()
            with station.session(0) as kiosk:
                code = kiosk.hold(ITEM).codes[0].code
            with station.connect("outlet") as outlet:
                outlet.confirm(code)
            RedeemStation.rotate_key(station)
            with station.connect("auditor") as auditor:
                auditor.export(folder)
        finally:
            station.close()
    return station.init["vkey"]


class Bits:
    def __init__(self, step):
        both.remember()
        self.judges, self.folder, self.step = both.Both(), both.folder(), step
        self.vkey = make(self.folder)
        self.found = self.outside = self.failed = 0
        self.missed = {}  # path -> bits that nobody found

    def judge(self):
        return self.judges.of(self.folder, self.vkey)

    def flip(self, path, at, bit, data):
        data[at] ^= 1 << bit
        path.write_bytes(data)
        data[at] ^= 1 << bit
        first, second = self.judge()
        name = str(path.relative_to(self.folder))
        if first != second:
            self.failed += 1
            print("FAILED %s, byte %d, bit %d: they say %s and %s" % (name, at, bit, first, second))
        elif first[0] != "ok":
            self.found += 1
        elif name in OUTSIDE:
            self.outside += 1
            self.missed[name] = self.missed.get(name, 0) + 1
        else:
            self.failed += 1
            print("FAILED %s, byte %d, bit %d: nobody found it" % (name, at, bit))

    def run(self):
        assert [kind for kind, _ in self.judge()] == ["ok", "ok"], self.judge()
        bits = 0
        for path in sorted(p for p in self.folder.rglob("*") if p.is_file()):
            data = bytearray(path.read_bytes())
            for n in range(bits % self.step, 8 * len(data), self.step):
                self.flip(path, n // 8, n % 8, data)
            bits += 8 * len(data)
            path.write_bytes(data)
        assert [kind for kind, _ in self.judge()] == ["ok", "ok"]
        return bits


def main():
    began = time.monotonic()
    check = Bits(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    bits = check.run()
    check.judges.close()
    for name, n in check.missed.items():
        print("outside of what is proved: %s, %d bits" % (name, n))
    print("%d bits in the files, %d flipped, %d found, %d outside of what is proved, %.0f s" % (
        bits, check.found + check.outside + check.failed, check.found, check.outside,
        time.monotonic() - began))
    print("%d passed, %d failed" % (check.found + check.outside, check.failed))
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
