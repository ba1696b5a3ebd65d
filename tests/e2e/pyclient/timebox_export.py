"""Writes an export of a ledger: proto/README.md, "Tree and checkpoint" and "Export"."""
import hashlib
import pathlib


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def tree_root(leaves):
    """RFC 6962 section 2.1, as it stands there."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + tree_root(leaves[:k]) + tree_root(leaves[k:])).digest()


def tile_name(level, n, width):
    groups, rest = ["%03d" % (n % 1000)], n // 1000
    while rest:
        groups.insert(0, "x%03d" % (rest % 1000))
        rest //= 1000
    name = "tile/%s/%s" % (level, "/".join(groups))
    return name if width == 256 else "%s.p/%d" % (name, width)


def bundle(entries):
    return b"".join(len(e).to_bytes(2, "big") + e for e in entries)


def write(folder, name, data):
    path = pathlib.Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_export(folder, entries, checkpoint, vkey):
    """All files of an export: the entries' bytes in order, and two texts."""
    write(folder, "checkpoint", checkpoint.encode())
    write(folder, "vkey", (vkey + "\n").encode())
    for i in range(0, len(entries), 256):
        part = entries[i:i + 256]
        write(folder, tile_name("entries", i // 256, len(part)), bundle(part))
    level, hashes = 0, [leaf_hash(e) for e in entries]
    while hashes:
        for i in range(0, len(hashes), 256):
            part = hashes[i:i + 256]
            write(folder, tile_name(level, i // 256, len(part)), b"".join(part))
        hashes = [tree_root(hashes[i:i + 256]) for i in range(0, len(hashes) - 255, 256)]
        level += 1
