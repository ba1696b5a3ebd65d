// What tlog_cases made, checked by the note and Merkle parts of @sigstore/verify:
//
//	node sigstore.js NODE_MODULES CASES
//
// Prints "ok NAME (how many)" or "FAILED NAME: why". A cosignature is over another text than the note, which
// these parts do not know: they get the checkpoints that the ledger key alone signed.
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");

const parts = path.join(path.resolve(process.argv[2]), "@sigstore/verify/dist/timestamp");
const { verifyCheckpoint } = require(path.join(parts, "checkpoint.js"));
const { verifyMerkleInclusion } = require(path.join(parts, "merkle.js"));
const cases = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));

const SPKI = Buffer.from("302a300506032b6570032100", "hex"); // before 32 bytes of an Ed25519 key
const publicKey = crypto.createPublicKey({
  key: Buffer.concat([SPKI, Buffer.from(cases.key, "base64")]), format: "der", type: "spki",
});
const log = {
  logID: Buffer.from(cases.vkey.split("+")[1], "hex"),
  publicKey,
  validFor: { start: new Date(0), end: new Date(8.64e15) },
};

function entry(tree, index) {
  return {
    canonicalizedBody: Buffer.from(`entry ${index}`),
    integratedTime: "1700000000",
    inclusionProof: {
      logIndex: String(index),
      treeSize: String(tree.size),
      rootHash: Buffer.from(tree.root, "base64"),
      hashes: tree.inclusion[index].map((hash) => Buffer.from(hash, "base64")),
      checkpoint: { envelope: tree.note },
    },
  };
}

function refuses(check) {
  try {
    check();
  } catch (error) {
    return true;
  }
  return false;
}

function wrong(what) {
  throw new Error(what);
}

const checks = {
  "sigstore-notes": (tree) => {
    const one = entry(tree, 0);
    verifyCheckpoint(one, [log]);
    const changed = { ...one, inclusionProof: { ...one.inclusionProof } };
    changed.inclusionProof.checkpoint = { envelope: tree.note.replace("station", "stadion") };
    refuses(() => verifyCheckpoint(changed, [log])) || wrong("a changed note is accepted");
    return 1;
  },
  "sigstore-inclusion": (tree) => {
    for (let index = 0; index < tree.size; index++) {
      verifyMerkleInclusion(entry(tree, index));
      const other = { ...entry(tree, index), canonicalizedBody: Buffer.from("entry") };
      refuses(() => verifyMerkleInclusion(other)) || wrong("another entry is accepted");
    }
    return tree.size;
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    const n = cases.trees.reduce((sum, tree) => sum + check(tree), 0);
    console.log(`ok ${name} (${n})`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error.message}`);
  }
}
process.exit(failed ? 1 : 0);
