"""The project's own rules, each printed as "ok RULE" or "FAILED RULE" with the places under it.

lint.py [--only NAME]; run from the project's root. A rule is a function over a Tree that yields
(path, line, what); selftest.py shows for each that it fires.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

MAX_FUNCTION_LINES = 100
MAX_FILE_LINES = 1000
# An auditor copies it alone: one file is what it is for.
ONE_FILE = ("tests/verify/timebox_verify.py",)

# Folder -> what its files may include of ours, as regular expressions on the path; the longest
# folder that fits a file counts. Its own folder is always allowed.
INCLUDES = {
    "proto": [],
    "daemon/base": [],
    "daemon/book": [r"daemon/base/", r"proto/(codes|crypto)\.h"],
    "daemon/codec": [r"daemon/(base|book)/", r"proto/"],
    "daemon/store": [r"daemon/base/", r"daemon/book/(row|types|tables|words)\.h", r"daemon/ops/clock\.h", r"proto/"],
    "daemon/ops": [r"daemon/base/", r"proto/"],
    "daemon/net": [r"daemon/(base|ops)/", r"proto/"],
    "daemon/engine": [r"daemon/(base|book|codec|store|ops)/", r"proto/"],
    "daemon/rpc": [r"daemon/(base|book|codec|store|ops|net|engine)/", r"proto/"],
    "daemon": [r"daemon/", r"proto/"],
    "client": [r"client/", r"proto/"],
    "client/auditor": [r"client/", r"proto/", r"daemon/(base|book|codec)/"],
    "tests": [r"(daemon|client|proto|tests)/"],
}

# Header -> the only places that may include it.
FENCED = {
    r"lmdb\.h": r"daemon/store/",
    r"event2/.*": r"(daemon/net|client/witness)/",
    r"openssl/ssl\.h": r"(daemon/net|client/lib|tests)/",
    r".*\.pb-c\.h": r"(daemon/codec/|daemon/engine/|daemon/rpc/|client/|proto/canonical|tests/)",
}

# What book/ may not call: the world outside its arguments.
IMPURE = """time clock clock_gettime gettimeofday localtime localtime_r gmtime gmtime_r mktime nanosleep sleep
    malloc calloc realloc reallocarray strdup strndup asprintf free alloca
    printf fprintf vprintf vfprintf puts fputs putchar fopen fread fwrite perror
    open openat read write pread pwrite close socket send recv unlink rename stat mmap
    getenv secure_getenv setenv rand random srand getrandom getentropy arc4random
    pthread_create pthread_mutex_lock exit system fork""".split()

CLOCKS = "time clock clock_gettime gettimeofday timespec_get ftime".split()
ZONED = "localtime localtime_r mktime tzset ctime ctime_r".split()
UNSAFE = "gets strcpy strcat sprintf vsprintf strtok atoi atol atoll alloca tmpnam mktemp".split()

# Never in our own texts; what people type is never filtered, so tests may say them.
FORBIDDEN_WORDS = ("\u94f6\u884c", "\u8d27\u5e01", "\u8d2d\u4e70")
OPEN_ENDS = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")


class Tree:
    """The project's text files: path -> text."""

    def __init__(self, files):
        self.files = files
        self.code = {}

    @classmethod
    def of_project(cls):
        names = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=True).stdout.decode().split("\0")
        files = {}
        for name in filter(os.path.isfile, names):
            with open(name, "rb") as file:
                data = file.read()
            try:
                files[name] = data.decode("utf-8")
            except UnicodeDecodeError:
                files[name] = data.decode("latin-1")
        return cls(files)

    def paths(self, under=r"", ends=(".c", ".h")):
        return [p for p in sorted(self.files) if re.match(under, p) and p.endswith(ends)]

    def bare(self, path):
        """C with empty comments and empty strings, the lines kept."""
        if path not in self.code:
            self.code[path] = C_TOKEN.sub(blank, self.files[path])
        return self.code[path]


C_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    text = match.group()
    return text[0] * 2 if text[0] in "\"'" else "/**/" + "\n" * text.count("\n")


def lines(text):
    return enumerate(text.split("\n"), 1)


def includes(tree, path):
    """(line, name, ours) of each #include."""
    for number, line in lines(tree.files[path]):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(2), match.group(1) == '"'


def calls(tree, path, names):
    """(line, name) of each call of one of `names`; members (p->read()) are not meant."""
    pattern = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(names))
    for number, line in lines(tree.bare(path)):
        for match in pattern.finditer(line):
            yield number, match.group(1)


def include_directions(tree):
    for path in tree.paths():
        folders = [f for f in INCLUDES if path.startswith(f + "/")]
        if not folders:
            continue
        own = os.path.dirname(path) + "/"
        allowed = INCLUDES[max(folders, key=len)]
        for number, name, ours in includes(tree, path):
            if not ours or name.endswith(".pb-c.h") or name.startswith(own):
                continue
            if not any(re.match(pattern, name) for pattern in allowed):
                yield path, number, "may not include " + name


def includes_from_root(tree):
    for path in tree.paths():
        for number, name, ours in includes(tree, path):
            if ours and not re.match(r"(daemon|client|proto|tests|timebox)/", name):
                yield path, number, "includes are from the project's root: " + name


def fenced_headers(tree):
    for path in tree.paths():
        for number, name, _ in includes(tree, path):
            for header, places in FENCED.items():
                if re.fullmatch(header, name) and not re.match(places, path):
                    yield path, number, "%s belongs to %s only" % (name, places)


def own_header_first(tree):
    for path in tree.paths(ends=(".c",)):
        own = path[:-2] + ".h"
        first = next(includes(tree, path), None)
        private = first and re.fullmatch(os.path.dirname(path) + r"/(\w+_impl|\w+_int|internal)\.h", first[1])
        if own in tree.files and first and first[1] != own and not private:
            yield path, first[0], "the first include is the file's own header, or its module's private one"


def header_guards(tree):
    for path in tree.paths(ends=(".h",)):
        if not re.match(r"(?:/\*\*/|\s)*#ifndef (TIMEBOX_\w+_H)\n#define \1\n", tree.bare(path)):
            yield path, 1, "a header starts with #ifndef TIMEBOX_..._H and its #define"


def book_pure(tree):
    for path in tree.paths("daemon/book/"):
        for number, name in calls(tree, path, IMPURE):
            yield path, number, "book/ depends on its arguments only: " + name
        for number, name, ours in includes(tree, path):
            if not ours and not re.fullmatch(r"(assert|limits|stdalign|stdbool|stddef|stdint|string|inttypes)\.h", name):
                yield path, number, "book/ includes no such header: " + name


def book_stateless(tree):
    for path in tree.paths("daemon/book/"):
        for number, line in lines(tree.bare(path)):
            if re.match(r"\s*static\s+(?!.*\bconst\b)[^(]*[;={]\s*$", line):
                yield path, number, "book/ keeps no variable between calls"


def one_clock(tree):
    for path in tree.paths("daemon/(?!ops/clock)"):
        for number, name in calls(tree, path, CLOCKS):
            yield path, number, "time comes from ops/clock only: " + name


def no_machine_zone(tree):
    for path in tree.paths("(daemon|client|proto)/"):
        for number, name in calls(tree, path, ZONED):
            yield path, number, "days are in the station's zone, not the machine's: " + name


def no_unsafe_calls(tree):
    for path in tree.paths("(daemon|client|proto)/"):
        for number, name in calls(tree, path, UNSAFE):
            yield path, number, "not used here: " + name


def test_clock_in_one_place(tree):
    for path in tree.paths("(daemon|client|proto)/(?!ops/clock|main\\.c)"):
        for number, line in lines(tree.files[path]):
            if "TIMEBOX_TEST_CLOCK" in line:
                yield path, number, "only ops/clock and main.c differ in the daemon with a moved clock"


def words_for_people(tree):
    for path in tree.paths("(daemon|client|proto|README)", (".c", ".h", ".po", ".pot", ".proto", ".md")):
        for number, line in lines(tree.files[path]):
            for word in FORBIDDEN_WORDS:
                if word in line:
                    yield path, number, "not one of our words: " + word


def no_outside_paths(tree):
    pattern = re.compile(r"\.\./shared|(?<![.\w])/(?:work|home|root)/[a-z]")
    for path in tree.paths(ends=("",)):
        for number, line in lines(tree.files[path]):
            if pattern.search(line):
                yield path, number, "the project stands alone: no path outside it"


def no_open_ends(tree):
    pattern = re.compile(r"\b(%s)\b" % "|".join(OPEN_ENDS))
    for path in tree.paths(ends=(".c", ".h", ".py", ".sh", ".proto", ".md", "Makefile")):
        for number, line in lines(tree.files[path]):
            if pattern.search(line):
                yield path, number, "an open end: an issue is the place for it"


def function_length(tree):
    for path in tree.paths():
        start = None
        for number, line in lines(tree.bare(path)):
            if line.startswith("{"):
                start = number
            elif line.startswith("}"):
                if start and number - start - 1 > MAX_FUNCTION_LINES:
                    yield path, start, "a body of %d lines" % (number - start - 1)
                start = None


def file_length(tree):
    for path in tree.paths(ends=(".c", ".h", ".py", ".sh", ".proto")):
        count = tree.files[path].count("\n")
        if count > MAX_FILE_LINES and path not in ONE_FILE:
            yield path, count, "a file of %d lines" % count


def tabs(tree):
    for path in tree.paths():
        inside = False
        for number, line in lines(tree.bare(path)):
            if line.startswith(("{", "}")):
                inside = line.startswith("{")
            if re.match(r"\t* {8,}[^\s\\]|\t* +\t", line) or (inside and re.match(r" +\S", line)):
                yield path, number, "indentation is by tabs of 8, blanks only align what goes on"
        for number, line in lines(tree.files[path]):
            if line != line.rstrip():
                yield path, number, "blanks at the end of the line"


def schema(tree):
    """The messages as protoc understands them."""
    protos = tree.paths("proto/timebox/", (".proto",))
    with tempfile.TemporaryDirectory() as root:
        for path in protos:
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(tree.files[path])
        out = os.path.join(root, "set")
        subprocess.run(["protoc", "-I" + root + "/proto", "--descriptor_set_out=" + out]
                       + [os.path.join(root, p) for p in protos], check=True)
        with open(out, "rb") as file:
            return descriptor_pb2.FileDescriptorSet.FromString(file.read())


def proto_no_recursion(tree):
    """protobuf-c has no limit on depth, so no message may contain itself, however far down."""
    inside = {}

    def note(path, prefix, message):
        name = prefix + "." + message.name
        inside[name] = (path, [f.type_name for f in message.field if f.type_name])
        for nested in message.nested_type:
            note(path, name, nested)

    for file in schema(tree).file:
        for message in file.message_type:
            note("proto/" + file.name, "." + file.package, message)
    for name, (path, _) in sorted(inside.items()):
        seen, todo = set(), [name]
        while todo:
            for child in inside.get(todo.pop(), (None, []))[1]:
                if child == name:
                    yield path, 1, "the message %s contains itself" % name
                    todo.clear()
                    break
                if child not in seen:
                    seen.add(child)
                    todo.append(child)


def proto_plain(tree):
    for path in tree.paths("proto/", (".proto",)):
        for number, line in lines(tree.files[path]):
            if re.match(r"\s*(optional|map\s*<|extend|import public)\b", line):
                yield path, number, "protobuf-c 1.4.1 does not take this"


RULES = [
    include_directions, includes_from_root, fenced_headers, own_header_first, header_guards,
    book_pure, book_stateless, one_clock, no_machine_zone, no_unsafe_calls, test_clock_in_one_place,
    words_for_people, no_outside_paths, no_open_ends, function_length, file_length, tabs,
    proto_no_recursion, proto_plain,
]


def name_of(rule):
    return rule.__name__.replace("_", "-")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="rules whose name has this in it")
    only = parser.parse_args().only
    tree = Tree.of_project()
    failed = 0
    for rule in RULES:
        if only not in name_of(rule):
            continue
        found = list(rule(tree))
        print(("FAILED " if found else "ok ") + name_of(rule))
        for path, number, what in found:
            print("    %s:%d: %s" % (path, number, what))
        failed += bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
