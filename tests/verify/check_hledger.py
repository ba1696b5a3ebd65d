#!/usr/bin/env python3
"""Other people's accounting tools compute the balances that we do.

On the sample station and on random ledgers: `hledger balance` over `timebox audit journal` has exactly the accounts
and amounts of `timebox audit verify --accounts`, beancount takes its journal, the sums of the CSV are the same, and
of the sample station `timebox report members` says the same of every member. Prints "ok NAME" or "FAILED NAME" for
each, "skipped NAME" where a tool cannot be had, then the count. check_hledger.py [LEDGERS] [SEED]"""
import collections
import csv
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import ledger_writer as lw  # noqa: E402
from station import SampleStation  # noqa: E402

TIMEBOX = os.environ["TIMEBOX"]
COUNTS = collections.Counter()

PROGRAMME = {"MINUTES": ["GIVEN"], "POINTS": ["ISSUED", "EXPIRED", "FORFEITED", "POOL"],
             "ITEM": ["ADJUSTED", "DELIVERED", "WRITTEN_OFF", "TRANSIT"]}
MEMBERS = {"MINUTES": ["MINUTES", "HONOUR"], "POINTS": ["AVAILABLE", "HELD", "DEBT"], "ITEM": []}
PARTNERS = {"MINUTES": [], "POINTS": ["RECEIVED"], "ITEM": ["DONATED", "SHELF", "OUTLET_HELD"]}
BELOW_ZERO = {"GIVEN", "ISSUED", "DONATED", "ADJUSTED", "DEBT"}


def tell(name, what, good, detail=""):
    COUNTS["passed" if good else "failed"] += 1
    print("%s %s: %s %s" % ("ok" if good else "FAILED", name, what, detail), flush=True)


def skip(name, why):
    COUNTS["skipped"] += 1
    print("skipped %s: %s" % (name, why), flush=True)


def run(*command):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, check=True, timeout=300).stdout.decode()


# --- random ledgers ---

class RandomLedger(lw.Story):
    """A small station's story, then movements between accounts of all kinds, none of them forbidden at depth 2."""

    def __init__(self, seed, entries):
        super().__init__()
        self.random = random.Random(seed)
        self.balance = collections.Counter()
        self.members = [lw.VERA] + [self.random.randrange(1, 1 << 34) for _ in range(8)]
        self.partners = [lw.SHOP, "A_B-9", "9", "_X_"]
        for entry in self.entries:
            self.note(lw.entry_pb2.Entry.FromString(entry).postings)
        for _ in range(entries):
            self.random_entry()

    @staticmethod
    def key(p):
        return p.asset, p.purpose, p.member, p.partner, p.item, p.lot

    def note(self, postings):
        for p in postings:
            self.balance[self.key(p)] += p.amount

    def account(self, asset):
        kinds = [(k, None) for k in PROGRAMME[asset]] + \
            [(k, self.random.choice(self.members)) for k in MEMBERS[asset]] + \
            [(k, self.random.choice(self.partners)) for k in PARTNERS[asset]]
        return self.random.choice(kinds)

    def random_move(self):
        draw = self.random
        asset = draw.choice(["MINUTES", "POINTS", "ITEM", "ITEM"])
        item = draw.choice(["RICE", "9", "A-", "_B"]) if asset == "ITEM" else ""
        lots = (draw.choice([0, 1, 65536, 20818]), draw.choice([0, 1, 65536, 20818]))
        return lw.move(asset, self.account(asset), self.account(asset), draw.randrange(1, 1000), item, lots)

    def allowed(self, postings):
        after = collections.Counter(self.balance)
        for p in postings:
            after[self.key(p)] += p.amount
            name = lw.T.Purpose.Name(p.purpose)[len("PURPOSE_"):]
            if (after[self.key(p)] < 0 and name not in BELOW_ZERO) or (after[self.key(p)] > 0 and name == "DEBT"):
                return False
        return len({self.key(p) for p in postings}) == len(postings)

    def random_entry(self):
        postings = []
        for _ in range(self.random.randrange(1, 5)):
            more = postings + self.random_move()
            postings = more if self.allowed(more) else postings
        self.append(self.a, [lw.command("permit", member=lw.VERA)], postings, touched=[lw.VERA])
        self.note(postings)


# --- the comparison ---

def ours(folder, depth):
    lines = run(TIMEBOX, "audit", "verify", folder, "--accounts", "--json", "--depth", depth).splitlines()
    return {(a["account"], a["commodity"]): a["balance"] for a in map(json.loads, lines)}


def from_hledger(journal):
    text = run("hledger", "-f", journal, "balance", "--flat", "--no-total", "--empty", "--layout", "bare", "-O", "csv")
    rows = csv.DictReader(io.StringIO(text))
    return {(r["account"], r["commodity"]): int(r["balance"]) for r in rows if r["commodity"]}


def from_csv(text):
    sums = collections.Counter()
    for row in csv.DictReader(io.StringIO(text)):
        sums[row["account"], row["commodity"]] += int(row["amount"])
    return dict(sums)


def without_zeros(accounts):
    return {k: v for k, v in accounts.items() if v}


def difference(a, b):
    return str([(k, a.get(k), b.get(k)) for k in sorted(set(a) | set(b)) if a.get(k) != b.get(k)][:3])


def compare(name, folder, scratch, depth=2):
    accounts = ours(folder, depth)
    tell(name, "%d accounts" % len(accounts), len(accounts) > 0)
    journal = scratch / (name + ".journal")
    journal.write_text(run(TIMEBOX, "audit", "journal", folder, "--format", "hledger"))
    if shutil.which("hledger"):
        theirs = from_hledger(journal)
        tell(name, "hledger has the same balances", without_zeros(theirs) == without_zeros(accounts),
             difference(without_zeros(theirs), without_zeros(accounts)))
        tell(name, "hledger has no other accounts", set(theirs) <= set(accounts), str(set(theirs) - set(accounts)))
    else:
        skip(name, "hledger is not there, and could not be installed")
    sums = from_csv(run(TIMEBOX, "audit", "journal", folder, "--format", "csv"))
    tell(name, "the CSV has the same sums", sums == accounts, difference(sums, accounts))
    beans = scratch / (name + ".beancount")
    beans.write_text(run(TIMEBOX, "audit", "journal", folder, "--format", "beancount"))
    if shutil.which("bean-check"):
        done = subprocess.run(["bean-check", str(beans)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        tell(name, "beancount takes its journal", done.returncode == 0, done.stdout.decode()[:500])
    return accounts


def by_member(accounts):
    """Sums over lots, as a report has them."""
    members = collections.defaultdict(collections.Counter)
    for (account, _), balance in accounts.items():
        parts = account.split(":")
        if parts[1].startswith("Member-"):
            members[parts[1]][parts[2]] += balance
    return sorted((m["Minutes"], m["Available"], m["Held"], -m["Debt"]) for m in members.values() if any(m.values()))


def sample_station(scratch):
    station = SampleStation(scratch / "sample")
    try:
        station.import_people().link()
        station.attest(station.import_services())
        station.enrol_devices().open()
        report = station.report().values()
        station.last("auditor", "audit", "export", scratch / "sample-export")
    finally:
        station.close()
    accounts = compare("sample-station", scratch / "sample-export", scratch, depth=3)
    reported = sorted((m["minutes"], m["points"]["available"], m["points"]["held"], m["debt"]) for m in report)
    reported = [m for m in reported if any(m)]
    tell("sample-station", "report members says the same of %d members" % len(reported),
         by_member(accounts) == reported and reported, "")


def main():
    ledgers = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    print("seed %d" % seed)
    with tempfile.TemporaryDirectory(prefix="timebox-hledger-") as folder:
        scratch = pathlib.Path(folder)
        sample_station(scratch)
        for i in range(ledgers):
            ledger = RandomLedger(seed + i, 250)
            lw.export(scratch / str(i), ledger.entries, ledger.ledger_key)
            compare("random-%d" % (seed + i), scratch / str(i), scratch)
    print("%d passed, %d failed%s" % (COUNTS["passed"], COUNTS["failed"],
                                      ", %d skipped" % COUNTS["skipped"] if COUNTS["skipped"] else ""))
    sys.exit(1 if COUNTS["failed"] else 0)


main()
