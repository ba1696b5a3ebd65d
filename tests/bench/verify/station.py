"""A small station's ledger, exported: what `grow` carries on. station.py FOLDER GIVERS MEMBERS"""
import pathlib
import subprocess
import sys

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import bench_station  # noqa: E402


def make(folder, givers=64, members=1000):
    """(export, ledger key's file, seed of a social worker in hexadecimal)"""
    station = bench_station.BenchStation(folder / "station")
    try:
        station.make(givers)
        station.add_receivers(members)
        with station.connect("auditor") as auditor:
            size = auditor.call("get_status").last_seq
            entries = []
            while len(entries) < size:
                page = auditor.call("get_entries", from_seq=len(entries) + 1, limit=500).entries
                entries.extend(page)
            note = auditor.call("get_checkpoint").note
    finally:
        station.close()
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e" / "pyclient"))
    import timebox_export
    timebox_export.write_export(folder / "small", entries, note, station.init["vkey"])
    seed = station.keys["staff"].private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return folder / "small", station.dir / "keys" / "ledger", seed.hex()


if __name__ == "__main__":
    print(*make(pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
