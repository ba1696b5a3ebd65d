#!/usr/bin/env python3
"""Formats and proofs against definitions and verifiers that are not ours: check_vectors.py [SIZE].

Prints "ok NAME", "FAILED NAME: why" or "skipped NAME: why" for each check, then "N passed, N failed".
SIZE: up to which size all pairs are tried (600). Run by `make check-vectors`, from the project's root.
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys

import timebox_verify as tv

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "verify" / "interop"
TOOLS = ROOT / "build" / "interop"
VECTOR = ROOT / "tests" / "data" / "tlog.json"
NODE_MODULES = ROOT / "build" / "npm" / "node_modules"
GOCODE = pathlib.Path("/usr/share/gocode")
TREES = 100  # sizes that the others get to check

counts = {"ok": 0, "FAILED": 0, "skipped": 0}


def say(line):
    word = line.split(" ", 1)[0]
    if word in counts:
        counts[word] += 1
    print(line, flush=True)


def check(name, fine, why=""):
    say("ok %s" % name if fine else "FAILED %s: %s" % (name, why or "not as it should be"))


# --- the vector, by the second verifier; the unit tests do the same with the C ---

def node(left, right):
    return tv.node_hash(left, right)


def root_from_path(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2."""
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return r


def check_vector():
    v = json.loads(VECTOR.read_text())
    leaves = [tv.leaf_hash(b"entry %d" % i) for i in range(70)]
    vkey = tv.parse_vkey(v["vkey"])
    for name, size in (("note40", 40), ("note70", 70), ("cosigned", 70)):
        checkpoint = tv.Checkpoint(v[name].encode()).verify(tv.LedgerKeys(vkey))
        check("vector-%s" % name, (checkpoint.problem, checkpoint.size, checkpoint.root) ==
              (None, size, tv.tree_root(leaves[:size])), checkpoint.problem)
    witness = tv.parse_vkey(v["wvkey"], tv.COSIGNATURE)
    check("vector-cosignature", checkpoint.cosigned(witness) ==
          {"witness": "witness.example/w1", "size": 70, "time": 1700000000})
    path = [base64.b64decode(h) for h in v["incl"]]
    check("vector-inclusion", root_from_path(leaves[v["idx"]], v["idx"], 70, path) ==
          tv.tree_root(leaves))
    made = json.loads(subprocess.run([TOOLS / "tlog_cases", "make", "70"], stdout=subprocess.PIPE,
                                     check=True).stdout)["trees"]
    check("vector-roots", all(base64.b64decode(made[size - 1]["root"]) == tv.tree_root(leaves[:size])
                              for size in (40, 70)))
    check("vector-proofs", made[69]["inclusion"][v["idx"]] == v["incl"] and
          made[69]["consistency"][40] == v["cons"])


def check_unit():
    """What the C reads of the vector."""
    done = subprocess.run([ROOT / "build" / "unit" / "test_note"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, cwd=ROOT)
    check("vector-unit-tests", done.returncode == 0, done.stdout.decode()[-300:])


# --- all pairs ---

def check_pairs(size):
    parts = max(1, min(2, os.cpu_count() or 1))
    running = [subprocess.Popen([TOOLS / "tlog_pairs", str(size), str(parts), str(part)],
                                stdout=subprocess.PIPE, text=True) for part in range(parts)]
    said = [one.communicate()[0].split(" ", 4) for one in running]
    failed = " ".join(words[4].strip() for words in said).strip()
    roots, inclusion, consistency, refused = (sum(int(words[i]) for words in said) for i in range(4))
    expected = (size + 1, size * (size + 1) // 2, (size + 1) * (size + 2) // 2)
    for name, n, want in zip(("roots", "inclusion", "consistency"),
                             (roots, inclusion, consistency), expected):
        check("rfc6962-%s (%d, all up to size %d)" % (name, n, size), n == want, failed)
    check("rfc6962-wrong-proofs-refused (%d)" % refused, refused > 0 and not failed, failed)


# --- the others ---

def relay(name, done):
    """The lines of another checker; one failure where it gave none."""
    lines = [line for line in done.stdout.splitlines() if line.split(" ", 1)[0] in counts]
    for line in lines:
        say(line)
    if done.returncode and not any(line.startswith("FAILED") for line in lines):
        say("FAILED %s: %s" % (name, done.stdout.strip()[-300:]))


def check_sigstore(cases):
    if not (NODE_MODULES / "@sigstore" / "verify").is_dir():
        return say("skipped sigstore: @sigstore/verify could not be had from npm (build/npm/log)")
    return relay("sigstore", subprocess.run(
        ["node", HERE / "sigstore.js", NODE_MODULES, cases], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True))


def check_go(cases):
    if shutil.which("go") is None or not (GOCODE / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        return say("skipped go: golang-go and golang-golang-x-mod-dev are not installed; "
                   "make check-vectors installs them")
    signed = TOOLS / "go-note"
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GOCODE), "GOFLAGS": "", "GOPROXY": "off",
           "GOCACHE": str(ROOT / "build" / "interop" / "go-cache"), "CGO_ENABLED": "0"}
    relay("go", subprocess.run(["go", "run", HERE / "sumdb.go", cases, signed], env=env, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    vkey, note = signed.read_bytes().split(b"\n", 1)
    for wanted, text in ((0, note), (1, note.replace(b"\n7\n", b"\n8\n"))):
        done = subprocess.run([TOOLS / "tlog_cases", "accept", vkey], input=text,
                              stdout=subprocess.PIPE)
        check("go-note-%s-by-ours" % ("refused" if wanted else "accepted"),
              done.returncode == wanted, done.stdout.decode())
    check("go-note-accepted-by-the-second",
          tv.Checkpoint(note).verify(tv.LedgerKeys(tv.parse_vkey(vkey.decode()))).size == 7)
    return None


def main():
    check_vector()
    check_unit()
    check_pairs(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
    cases = TOOLS / "cases.json"
    with cases.open("wb") as file:
        subprocess.run([TOOLS / "tlog_cases", "make", str(TREES)], stdout=file, check=True)
    check_sigstore(cases)
    check_go(cases)
    skipped = ", %d skipped" % counts["skipped"] if counts["skipped"] else ""
    print("%d passed, %d failed%s" % (counts["ok"], counts["FAILED"], skipped))
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
