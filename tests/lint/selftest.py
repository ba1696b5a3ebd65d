"""Every rule of lint.py, seen to fail: each is given a tree that keeps it and one that breaks it.

Prints "ok RULE" or "FAILED RULE why". The trees are the project's own files with one file planted
in memory; a rule with no case here fails.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lint  # noqa: E402

LONG_BODY = "void\nf(void)\n{\n%s}\n"

# rule -> [(path, text that keeps the rule, text that breaks it)]
CASES = {
    "include-directions": [
        ("daemon/base/planted.c", '#include "daemon/base/check.h"\n', '#include "daemon/book/row.h"\n'),
        ("daemon/book/planted.c", '#include "proto/codes.h"\n', '#include "proto/frame.h"\n'),
        ("daemon/book/planted.c", '#include "daemon/base/check.h"\n', '#include "daemon/engine/engine.h"\n'),
        ("daemon/store/planted.c", '#include "daemon/book/row.h"\n', '#include "daemon/book/book.h"\n'),
        ("daemon/store/planted.c", '#include "proto/codes.h"\n', '#include "daemon/ops/log.h"\n'),
        ("daemon/engine/planted.c", '#include "daemon/store/store.h"\n', '#include "daemon/net/net.h"\n'),
        ("daemon/net/planted.c", '#include "daemon/ops/log.h"\n', '#include "daemon/book/row.h"\n'),
        ("daemon/ops/planted.c", '#include "daemon/base/check.h"\n', '#include "daemon/net/net.h"\n'),
        ("daemon/rpc/planted.c", '#include "daemon/net/net.h"\n', '#include "client/lib/lib.h"\n'),
        ("proto/planted.c", '#include "proto/codes.h"\n', '#include "daemon/base/check.h"\n'),
        ("client/cli/planted.c", '#include "proto/codes.h"\n', '#include "daemon/base/check.h"\n'),
        ("client/auditor/planted.c", '#include "daemon/book/book.h"\n', '#include "daemon/store/store.h"\n'),
    ],
    "includes-from-root": [
        ("daemon/net/planted.c", '#include "daemon/net/net.h"\n', '#include "net.h"\n'),
    ],
    "fenced-headers": [
        ("daemon/engine/planted.c", "#include <string.h>\n", "#include <lmdb.h>\n"),
        ("daemon/rpc/planted.c", "#include <string.h>\n", "#include <event2/event.h>\n"),
        ("daemon/main.c", "#include <string.h>\n", "#include <event2/event.h>\n"),
        ("client/cli/planted.c", "#include <openssl/evp.h>\n", "#include <openssl/ssl.h>\n"),
        ("daemon/store/planted.c", "#include <lmdb.h>\n", '#include "timebox/v1/act.pb-c.h"\n'),
        ("daemon/book/planted.c", "#include <string.h>\n", '#include "timebox/v1/act.pb-c.h"\n'),
    ],
    "own-header-first": [
        ("proto/frame.c", '#include "proto/frame.h"\n#include <string.h>\n', '#include <string.h>\n#include "proto/frame.h"\n'),
    ],
    "header-guards": [
        ("proto/planted.h", "/* What. */\n#ifndef TIMEBOX_P_H\n#define TIMEBOX_P_H\n#endif\n", "#pragma once\nint x;\n"),
        ("proto/planted.h", "#ifndef TIMEBOX_P_H\n#define TIMEBOX_P_H\n#endif\n", "#ifndef TIMEBOX_P_H\n#define TIMEBOX_Q_H\n#endif\n"),
    ],
    "book-pure": [
        ("daemon/book/planted.c", "f(time_us); /* not time(NULL) */\n", "x = time(NULL);\n"),
        ("daemon/book/planted.c", "x = rows->open(1);\n", "x = open(path);\n"),
        ("daemon/book/planted.c", "x = take_malloc;\n", "x = malloc(8);\n"),
        ("daemon/book/planted.c", 'x = "getenv(";\n', 'x = getenv("TZ");\n'),
        ("daemon/book/planted.c", "#include <stdint.h>\n", "#include <stdio.h>\n"),
    ],
    "book-stateless": [
        ("daemon/book/planted.c", "static const int limit = 3;\n", "static int calls = 0;\n"),
        ("daemon/book/planted.c", "static int\nf(void)\n", "\tstatic struct row last;\n"),
    ],
    "one-clock": [
        ("daemon/engine/planted.c", "now = clock_now(clock);\n", "clock_gettime(CLOCK_REALTIME, &ts);\n"),
        ("daemon/main.c", "run_time(x);\n", "now = time(NULL);\n"),
    ],
    "no-machine-zone": [
        ("client/cli/planted.c", "gmtime_r(&t, &tm);\n", "localtime_r(&t, &tm);\n"),
    ],
    "no-unsafe-calls": [
        ("client/cli/planted.c", "snprintf(a, sizeof(a), b);\n", "sprintf(a, b);\n"),
    ],
    "test-clock-in-one-place": [
        ("daemon/ops/clock.c", "#ifdef TIMEBOX_TEST_CLOCK\n#endif\n", None),
        ("daemon/engine/planted.h", "int x;\n", "#ifdef TIMEBOX_TEST_CLOCK\nint x;\n#endif\n"),
    ],
    "words-for-people": [
        ("client/po/planted.po", 'msgstr "礼遇"\n', 'msgstr "%s"\n' % lint.FORBIDDEN_WORDS[0]),
        ("client/cli/planted.c", 'puts("回馈");\n', 'puts("%s");\n' % lint.FORBIDDEN_WORDS[2]),
        ("proto/planted.proto", "// points\n", "// %s\n" % lint.FORBIDDEN_WORDS[1]),
        ("tests/data/planted.csv", "陪老人去%s\n" % lint.FORBIDDEN_WORDS[0], None),
    ],
    "no-outside-paths": [
        ("planted.md", "see daemon/work/x and a/home/x\n", "see " + "/ho" + "me/me\n"),
        ("tests/planted.py", "open('data/x')\n", "open('.." + "/shared/x')\n"),
    ],
    "no-open-ends": [
        ("daemon/planted.c", "/* todolist */\n", "/* %s: later */\n" % lint.OPEN_ENDS[0]),
        ("client/planted.py", "pass\n", "# %s\n" % lint.OPEN_ENDS[1]),
    ],
    "function-length": [
        ("proto/planted.c", LONG_BODY % ("\tx++;\n" * 100), LONG_BODY % ("\tx++;\n" * 101)),
    ],
    "file-length": [
        ("proto/planted.c", "\n" * 1000, "\n" * 1001),
    ],
    "tabs": [
        ("proto/planted.c", LONG_BODY % "\tf(a,\n\t    b);\n", LONG_BODY % "    x++;\n"),
        ("proto/planted.c", "int\nf(int a,\n    int b);\n", LONG_BODY % "\t        x++;\n"),
        ("proto/planted.c", "int x;\n", "int x; \n"),
    ],
    "proto-no-recursion": [
        ("proto/timebox/v1/planted.proto",
         'syntax = "proto3";\npackage timebox.v1;\nmessage Pa { Pb b = 1; }\nmessage Pb { uint32 a = 1; }\n',
         'syntax = "proto3";\npackage timebox.v1;\nmessage Pa { Pb b = 1; }\nmessage Pb { repeated Pc c = 1; }\n'
         'message Pc { message Pd { Pa a = 1; } Pd d = 1; }\n'),
    ],
    "proto-plain": [
        ("proto/timebox/v1/planted.proto", "  uint32 a = 1;\n", "  optional uint32 a = 1;\n"),
    ],
}


def judge(rule, path, text):
    """The findings of a rule in the planted file."""
    files = dict(PROJECT.files)
    files[path] = text
    return [found for found in rule(lint.Tree(files)) if found[0] == path]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    only = parser.parse_args().only
    failed = 0
    for rule in lint.RULES:
        name = lint.name_of(rule)
        if only not in name:
            continue
        wrong = [] if CASES.get(name) else ["no case"]
        for path, good, bad in CASES.get(name, []):
            wrong += ["fires without cause: %s:%d %s" % f for f in judge(rule, path, good)]
            if bad is not None and not judge(rule, path, bad):
                wrong.append("does not fire on %s: %r" % (path, bad[:60]))
        print("FAILED %s: %s" % (name, "; ".join(wrong)) if wrong else "ok " + name)
        failed += bool(wrong)
    return 1 if failed else 0


PROJECT = lint.Tree.of_project()

if __name__ == "__main__":
    sys.exit(main())
