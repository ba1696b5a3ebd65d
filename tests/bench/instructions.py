"""make bench-instructions: instructions per gift in the engine, counted by callgrind, with the top ten.

Counted is what runs inside engine_decide and engine_commit (deciding, the entry's bytes, hashes, LMDB;
system calls count as nothing), while 64 connections with 16 in flight give: GIFTS acts (20,000).
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile

import bench_station
import peers

GIFTS, GIVERS, MEMBERS = int(os.environ.get("GIFTS") or 20000), 64, 10000
SMALL_MAPS = peers.ROOT / "build/bench-smallmap.so"
WRAPPER = """#!/bin/sh
exec env LD_PRELOAD=%s valgrind -q --tool=callgrind --toggle-collect=engine_decide --toggle-collect=engine_commit \\
	--callgrind-out-file=%s %s "$@"
"""


def count(folder):
    """(instructions in all, [(instructions, function)]), of GIFTS gifts and the keep-alive reads."""
    out, wrapper = folder / "callgrind.out", folder / "counted"
    with contextlib.closing(bench_station.BenchStation(folder / "station")) as station:
        station.make(GIVERS)
        station.add_receivers(MEMBERS)
        assert station.daemon.stop() == 0
        wrapper.write_text(WRAPPER % (SMALL_MAPS, out, station.daemon.program))
        wrapper.chmod(stat.S_IRWXU)
        station.daemon.program = str(wrapper)
        station.daemon.start(timeout=300)
        with contextlib.closing(peers.Bench(*station.write_files())) as bench:
            bench("gift", conns=GIVERS, flight=16, acts=GIFTS)
        assert station.daemon.stop(timeout=120) == 0
    text = subprocess.run(["callgrind_annotate", str(out)], stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = re.findall(r"^ *([0-9,]+) \([^)]*\)  (.*)$", text, re.M)
    numbers = [(int(n.replace(",", "")), what) for n, what in lines]
    total = next(n for n, what in numbers if what.startswith("PROGRAM TOTALS"))
    return total, [(n, function_name(what)) for n, what in numbers if not what.startswith("PROGRAM")]


def function_name(what):
    """FILE:NAME [OBJECT], short; of assembly without names only the library is known."""
    found = re.match(r"[^:]*:(.*?)(?: \[(.*)\])?$", what)
    if not found:
        return what
    name, library = found.group(1), pathlib.Path(found.group(2) or "").name
    return "(assembly of %s)" % library if name.startswith("0x") else name


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="timebox-instructions-", dir=os.environ.get("BENCH_DIR", "/var/tmp")))
    try:
        total, functions = count(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("%.0f instructions per gift in the engine (%d gifts)" % (total / GIFTS, GIFTS))
    for n, what in functions[:10]:
        print("%8.0f  %4.1f %%  %s" % (n / GIFTS, 100 * n / total, what))
    (peers.ROOT / "build/bench-instructions.json").write_text(json.dumps(
        {"per_gift": round(total / GIFTS), "gifts": GIFTS,
         "top": [{"function": what, "per_gift": round(n / GIFTS)} for n, what in functions[:10]]}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
