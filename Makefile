# The time treasure box: one Makefile, no configure. `make help` says what there is; V=1 is loud.
#
# Sources are found by wildcards: a new .c file in a module's folder is built, a new
# tests/unit/test_X.c or tests/fuzz/fuzz_X.c is run. Every variant has a tree of objects of its own
# under build/: obj (the release), asan (gcc, ASan + UBSan), tsan (gcc, TSan), clang (compiled only, for its
# warnings), fuzz (clang, libFuzzer + ASan + UBSan).

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG   ?= clang
PYTHON  ?= /usr/bin/python3
PREFIX  ?= /usr/local
DESTDIR ?=
# Of a fuzz target in `make fuzz`; in `make check` and `make check-fuzz`; kill -9 cycles of the crash test, and of its short run.
FUZZ_SECONDS       ?= 300
FUZZ_SHORT_SECONDS ?= 5
CRASH_CYCLES       ?= $(or $(CYCLES),100)
CRASH_SHORT_CYCLES ?= 10
# Power cuts and faults in `make check`: windows, and how many places each kind of call fails at.
POWER_SHORT_WINDOWS ?= 12
FAULT_SHORT_RUNS ?= 6
# Under TSan and valgrind: how long the load lasts.
WATCH_SECONDS ?= 20
# Of the simulator: how many seeds, from which; in `make check`; with a planted bug.
RUNS           ?= 20000
SEED           ?= 1
SIM_SHORT_RUNS ?= 300
SIM_PLANT_RUNS ?= 1000
# A filter on the names of tests.
T ?=

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

ifeq ($(V),1)
say = @:
Q   :=
else
say = @printf '%-6s %s\n' $(1) $(2)
Q   := @
endif

# ---- packages: Debian 12 names, everything that any target below uses --------------------------------

PACKAGES := gcc libc6-dev make pkg-config protobuf-compiler protobuf-c-compiler libprotobuf-c-dev \
	liblmdb-dev libevent-dev libssl-dev libsodium-dev libcyaml-dev libjansson-dev libcsv-dev \
	libqrencode-dev libunistring-dev libncurses-dev libcmocka-dev gettext \
	clang libclang-rt-14-dev git openssl ca-certificates \
	python3 python3-protobuf python3-pytest python3-cryptography tmux
# What only `make format` and `make analyze` use.
PACKAGES_TOOLS := clang-format clang-tidy cppcheck

# What only `make check-vectors` uses: Go's checks of its module mirror. @sigstore/verify comes from npm.
PACKAGES_VECTORS := golang-go golang-golang-x-mod-dev

# What only the benchmarks use: the peers, and callgrind. No cluster or server is started by them.
PACKAGES_BENCH := postgresql-15 redis-tools valgrind

# ---- flags ------------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wvla -Wundef -Wformat=2 -Wconversion -Wsign-conversion -Wswitch-enum \
	-Wimplicit-fallthrough -Wnull-dereference -Werror
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE \
	$(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
LDHARDEN := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

CPPFLAGS += -D_GNU_SOURCE -I. -Ibuild/gen
CFLAGS   ?= -O2 -g
FLAGS := -std=gnu11 $(CPPFLAGS) -MMD -MP

# Per tree: the compiler, what it adds to compiling, what it adds to linking.
obj_CC   := $(CC)
obj_C    := $(CFLAGS) -D_FORTIFY_SOURCE=2 $(HARDEN)
obj_LD   := $(LDHARDEN)
asan_CC  := $(CC)
asan_C   := -O1 -g $(SANITIZE) -Wno-error
asan_LD  := $(SANITIZE) -Wl,--as-needed
clang_CC := $(CLANG)
clang_C  := -O1 -D_FORTIFY_SOURCE=2 $(HARDEN)
fuzz_CC  := $(CLANG)
fuzz_C   := -O1 -g -fsanitize=fuzzer-no-link $(SANITIZE) -Wno-error
fuzz_LD  := -fsanitize=fuzzer $(SANITIZE) -Wl,--as-needed
# A data race is in how fast code does what it does: as optimised as the release.
tsan_CC  := $(CC)
tsan_C   := -O2 -g -fsanitize=thread -fno-omit-frame-pointer -Wno-error
tsan_LD  := -fsanitize=thread -Wl,--as-needed
sim_CC   := $(CC)
sim_C    := $(CFLAGS)
sim_LD   := -Wl,--as-needed

DAEMON_LIBS := -llmdb -levent -levent_openssl -levent_pthreads -lssl -lcrypto -lprotobuf-c -lsodium \
	-lcyaml -lunistring -lpthread
CLIENT_LIBS := -levent -lssl -lcrypto -lprotobuf-c -ljansson -lcsv -lunistring -lqrencode -lncursesw -ltinfo \
	-lpthread
TEST_LIBS   := $(DAEMON_LIBS) -ljansson -lcsv -lqrencode -lncursesw -ltinfo

# ---- sources ----------------------------------------------------------------------------------------

PROTO      := $(sort $(wildcard proto/timebox/v1/*.proto))
GEN        := $(PROTO:proto/%.proto=build/gen/%.pb-c)
PROTO_SRC  := $(wildcard proto/*.c)
DAEMON_SRC := $(foreach m,base book codec store engine net rpc ops,$(wildcard daemon/$(m)/*.c))
CLIENT_SRC := $(wildcard client/*/*.c)
CLIENT_LIB := $(filter-out client/cli/main.c,$(CLIENT_SRC))
PURE_SRC   := $(wildcard daemon/base/*.c daemon/book/*.c daemon/codec/*.c)
UNIT       := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
UNIT_HELP  := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))
FUZZ       := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC  := $(filter-out tests/bench/floor.c tests/bench/smallmap.c,$(wildcard tests/bench/*.c))
# The simulator: the real book and engine over a clock, a disk and signatures of its own.
SIM_SRC    := $(PROTO_SRC) $(wildcard daemon/book/*.c daemon/codec/*.c tests/sim/*.c) \
	$(filter-out daemon/store/rows_disk%,$(wildcard daemon/store/rows*.c)) \
	$(filter-out $(addprefix daemon/engine/,keys.c known.c restore.c erasure_list.c backup%),$(wildcard daemon/engine/*.c))
# A daemon whose clock the tests can move: only the files that mention it differ (no header may: lint).
MOVED_SRC  := $(if $(DAEMON_SRC),$(shell grep -ls TIMEBOX_TEST_CLOCK $(DAEMON_SRC) daemon/main.c))

# $(call objects,TREE,SOURCES); generated code lies under TREE/build/gen.
objects = $(patsubst %.c,build/$(1)/%.o,$(2))
gen     = $(call objects,$(1),$(GEN:=.c))
core    = $(call objects,$(1),$(PROTO_SRC) $(DAEMON_SRC) $(CLIENT_LIB)) $(gen)

PROGRAMS := $(if $(wildcard daemon/main.c),timeboxd timeboxd-test) $(if $(wildcard client/cli/main.c),timebox)
MO       := $(patsubst client/po/%.po,build/locale/%/LC_MESSAGES/timebox.mo,$(wildcard client/po/*.po))

# ---- targets ----------------------------------------------------------------------------------------

.PHONY: all help deps deps-tools deps-vectors interop check-vectors check-operator check-bits check-verdicts check-hledger deps-hledger asan py tests-crash tests-unit tests-asan tests-fuzz build-clang demo run check check-unit \
	check-e2e check-crash check-power check-faults check-sim check-races check-lint lint check-fuzz check-asan check-fresh fuzz bench bench-grow \
	bench-verify bench-instructions bench-deps bench-programs analyze \
	format vectors install uninstall clean

all: $(addprefix build/,$(PROGRAMS)) $(MO)

help:
	@sed -n 's/^#: //p' Makefile

#: all           build/timeboxd and build/timebox (and timeboxd-test, whose clock the tests move)
#: deps          install the Debian packages that are missing (as root, or through sudo)
#: demo          a station from its creation to the audit, in one run
#: run           a station of your own under build/run, created on the first call
#: check         everything below that a change must pass; the last line is the count
#: check-unit    unit tests                     T=name filters by file or test
#: check-e2e     real daemon and clients        T=name filters as pytest -k does
#: check-races   the e2e tests of races alone
#: check-crash   kill -9 under load             CYCLES=100
#: check-power   power cuts rebuilt from a recording of what the daemon wrote   WINDOWS=500 SEED=; POWER_LIE=sync|through
#: check-faults  every call that can fail fails: memory, reads, writes, syncs, maps, files; full disk; clock
#: check-sim     book and engine simulated, every answer compared with a model   RUNS=20000 SEED=1; PLANTED=1
#: check-vectors formats and proofs against RFC 6962, @sigstore/verify and Go's sumdb   SIZE=600
#: check-operator  the evil operator: every attack, and at which depth both verifiers find it
#: check-bits    every single bit of a small export flipped, before both verifiers   STEP=1
#: check-verdicts  random corruptions of an export: both verifiers say the same   N=10000 SEED=
#: check-hledger  hledger and beancount over the journals of a sample station and random ledgers   N=12 SEED=
#: check-fuzz    every corpus replayed, and a short run of each target
#: check-asan    unit and e2e tests against ASan + UBSan builds
#: check-tsan    unit tests and the daemon under load, watched for data races    WATCH_SECONDS=20
#: check-valgrind  the daemon under load, watched for memory never set or lost    WATCH_SECONDS=20
#: check-lint    the project's own rules (also: lint)
#: check-fresh   demo and check inside a bare Debian 12 (debootstrap)
#: fuzz          FUZZ_SECONDS=300 for each target; T=name picks one
#: bench         against PostgreSQL, Redis and the floor; QUICK=1, ROUNDS=5, SECONDS=5, MEMBERS=1000000, ONLY=
#: bench-grow    cost against members and entries, and the start   GROW_ENTRIES=10000000
#: bench-verify  verification of an export against openssl speed   ENTRIES=1000000 SIGNED=30000 ROUNDS=3
#: bench-instructions  instructions per gift in the engine, under callgrind
#: bench-deps    install what the benchmarks need beside `deps`
#: analyze       gcc -fanalyzer, clang-tidy, cppcheck
#: format        clang-format on the C files that differ from HEAD
#: vectors       write the golden vectors again
#: install       into DESTDIR and PREFIX=/usr/local; also: uninstall
#: clean         remove build/

# ---- packages ---------------------------------------------------------------------------------------

deps-tools: PACKAGES += $(PACKAGES_TOOLS)
define install-missing
	@command -v dpkg-query >/dev/null || { echo "not Debian: wanted are $(PACKAGES)"; exit 0; }; \
	missing=$$({ dpkg-query -W -f '$${db:Status-Status} $${Package}\n' $(PACKAGES) 2>/dev/null || :; } | \
		awk -v want="$(PACKAGES)" '$$1 == "installed" { have[$$2] = 1 } \
		END { n = split(want, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) print w[i] }'); \
	[ -n "$$missing" ] || exit 0; \
	echo "missing packages:" $$missing; \
	root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	$$root apt-get -qq update; \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing >/dev/null
endef
deps-vectors: PACKAGES := $(PACKAGES_VECTORS)
deps deps-tools deps-vectors:
	$(install-missing)

# ---- generated code ---------------------------------------------------------------------------------

$(GEN:=.c) $(GEN:=.h) &: $(PROTO) | deps
	$(call say,PROTOC,build/gen)
	$(Q)mkdir -p build/gen
	$(Q)protoc -Iproto --c_out=build/gen $(PROTO)

# The messages for Python (tests), and the schema as data (lint).
py: build/py/schema.desc
build/py/schema.desc: $(PROTO) | deps
	$(Q)mkdir -p build/py
	$(Q)protoc -Iproto --python_out=build/py --include_imports --descriptor_set_out=$@ $(PROTO)

build/locale/%/LC_MESSAGES/timebox.mo: client/po/%.po | deps
	$(call say,MSGFMT,$@)
	$(Q)mkdir -p $(@D)
	$(Q)msgfmt --check-format -o $@ $<

# ---- compiling and linking, for each tree -----------------------------------------------------------

# A file per tree that changes when its compiler or flags do, and with it every object.
define tree
build/$(1)/.flags: FORCE
	@mkdir -p $$(@D); line='$($(1)_CC) $(WARN) $(FLAGS) $($(1)_C)'; \
		[ "$$$$line" = "$$$$(cat $$@ 2>/dev/null)" ] || echo "$$$$line" >$$@

build/$(1)/build/gen/%.o: build/gen/%.c build/$(1)/.flags | deps
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$($(1)_CC) $(FLAGS) $($(1)_C) -w -c -o $$@ $$<

build/$(1)/moved/%.o: %.c build/$(1)/.flags | deps $(GEN:=.h)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$($(1)_CC) $(WARN) $(FLAGS) $($(1)_C) -DTIMEBOX_TEST_CLOCK -c -o $$@ $$<

build/$(1)/%.o: %.c build/$(1)/.flags | deps $(GEN:=.h)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$($(1)_CC) $(WARN) $(FLAGS) $($(1)_C) -c -o $$@ $$<

# For the tests: an archive, so that a test may put its own module in the place of ours.
build/$(1)/core.a: $(call core,$(1))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^

build/$(1)/pure.a: $(call objects,$(1),$(PURE_SRC))
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach t,obj asan tsan clang fuzz sim,$(eval $(call tree,$(t))))

# $(call link,TREE,LIBRARIES)
define link
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$($(1)_CC) $($(1)_LD) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS) $(2)
endef

daemon_objects = $(call objects,$(1),daemon/main.c $(DAEMON_SRC) $(PROTO_SRC)) $(gen)
moved_objects  = $(filter-out $(call objects,$(1),$(MOVED_SRC)),$(daemon_objects)) $(call objects,$(1)/moved,$(MOVED_SRC))
client_objects = $(call objects,$(1),$(CLIENT_SRC) $(PROTO_SRC)) $(gen) build/$(1)/pure.a

build/timeboxd: $(call daemon_objects,obj)
	$(call link,obj,$(DAEMON_LIBS))
build/timeboxd-test: $(call moved_objects,obj)
	$(call link,obj,$(DAEMON_LIBS))
build/timebox: $(call client_objects,obj)
	$(call link,obj,$(CLIENT_LIBS))
build/unit/%: build/obj/tests/unit/%.o $(call objects,obj,$(UNIT_HELP)) build/obj/core.a
	$(call link,obj,-lcmocka $(TEST_LIBS))

asan: $(addprefix build/asan/bin/,$(PROGRAMS)) $(MO)
build/asan/bin/timeboxd: $(call daemon_objects,asan)
	$(call link,asan,$(DAEMON_LIBS))
build/asan/bin/timeboxd-test: $(call moved_objects,asan)
	$(call link,asan,$(DAEMON_LIBS))
build/asan/bin/timebox: $(call client_objects,asan)
	$(call link,asan,$(CLIENT_LIBS))
build/asan/unit/%: build/asan/tests/unit/%.o $(call objects,asan,$(UNIT_HELP)) build/asan/core.a
	$(call link,asan,-lcmocka $(TEST_LIBS))

.PHONY: tsan tests-tsan check-tsan check-valgrind
tsan: build/tsan/bin/timeboxd
build/tsan/bin/timeboxd: $(call daemon_objects,tsan)
	$(call link,tsan,$(DAEMON_LIBS))
build/tsan/unit/%: build/tsan/tests/unit/%.o $(call objects,tsan,$(UNIT_HELP)) build/tsan/core.a
	$(call link,tsan,-lcmocka $(TEST_LIBS))

build/timebox-bench: $(call objects,obj,$(BENCH_SRC) $(PROTO_SRC)) $(call gen,obj)
	$(call link,obj,-lssl -lcrypto -lprotobuf-c -lunistring)
build/bench-verify-grow: $(call objects,obj,tests/bench/verify/grow.c) build/obj/core.a
	$(call link,obj,-lssl -lcrypto -lprotobuf-c -lunistring -lpthread)
build/bench-floor: $(call objects,obj,tests/bench/floor.c tests/bench/conn.c $(PROTO_SRC)) $(call gen,obj)
	$(call link,obj,-lssl -lcrypto -lprotobuf-c -lunistring)

# Loaded before the daemon's libraries; and what takes a recording apart.
build/crash/%.so: tests/crash/%.c build/obj/.flags
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(obj_CC) $(WARN) $(FLAGS) -O2 -g -fPIC -shared -o $@ $<
build/crash/replay: $(call objects,obj,$(addprefix tests/crash/power/,disk.c station.c replay.c)) build/obj/core.a
	$(call link,obj,-llmdb -lcrypto)
tests-crash: build/crash/power/record.so build/crash/replay build/crash/faults/inject.so

# What other people's verifiers get to check, and the naive definitions.
build/interop/%: build/obj/tests/verify/interop/%.o build/obj/core.a
	$(call link,obj,-lcrypto -ljansson -lunistring)
# The servant's table of signatures stands between the auditor and proto/crypto.
verdict_LD := -Wl,--wrap=act_verify -Wl,--wrap=ed25519_verify
build/interop/verdict: build/obj/tests/verify/interop/verdict.o build/obj/core.a
	$(call link,obj,$(verdict_LD) $(CLIENT_LIBS))
INTEROP := build/interop/verdict build/interop/tlog_pairs build/interop/tlog_cases build/unit/test_note
interop: $(INTEROP) py
	@tests/verify/interop/sigstore.sh

build/fuzz/bin/%: build/fuzz/tests/fuzz/fuzz_%.o build/fuzz/tests/fuzz/folder.o build/fuzz/core.a
	$(call link,fuzz,$(TEST_LIBS))

# tests/sim/world.c has its own of these; the engine remembers fewer refused ids there, reads fewer rows at start, and fewer entries aside.
SIM_OBJECTS := $(call objects,sim,$(SIM_SRC)) $(call gen,sim)
SIM_LIBS    := -lcrypto -lprotobuf-c -lunistring -lpthread
sim_crypto  := $(foreach f,ed25519_public ed25519_sign act_sign act_verify crypto_random,-D$(f)=real_$(f))
sim_retired := -include tests/sim/small.h
sim_rows    := -DLOAD_WHOLE_ROWS=10 -DLOAD_NEWEST_ROWS=5
sim_readback := -DREADBACK_LEAST=5
build/sim/proto/crypto.o build/sim/daemon/engine/retired.o build/sim/daemon/engine/readback.o build/sim/daemon/store/rows.o: build/sim/%.o: %.c build/sim/.flags | deps $(GEN:=.h)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(sim_CC) $(WARN) $(FLAGS) $(sim_C) $(sim_$(*F)) -c -o $@ $<
build/sim/sim: $(SIM_OBJECTS)
	$(call link,sim,$(SIM_LIBS))

tests-unit: $(UNIT:%=build/unit/%)
tests-asan: $(UNIT:%=build/asan/unit/%)
tests-tsan: $(UNIT:%=build/tsan/unit/%)
tests-fuzz: $(FUZZ:%=build/fuzz/bin/%)
build-clang: $(call core,clang) $(call objects,clang,$(wildcard daemon/main.c client/cli/main.c tests/unit/*.c tests/fuzz/*.c tests/bench/*.c tests/sim/*.c tests/crash/*/*.c tests/verify/*/*.c))

# ---- checks: tests/run-all.sh builds what a suite needs, runs it and counts ---------------------------

RUN = +@MAKE='$(MAKE)' PYTHON='$(PYTHON)' T='$(T)' FUZZ_SECONDS='$(or $(1),$(FUZZ_SHORT_SECONDS))' \
	CRASH_CYCLES='$(or $(2),$(CRASH_SHORT_CYCLES))' SIM_RUNS='$(SIM_SHORT_RUNS)' \
	POWER_WINDOWS='$(POWER_SHORT_WINDOWS)' FAULT_RUNS='$(FAULT_SHORT_RUNS)' \
	WATCH_SECONDS='$(WATCH_SECONDS)' tests/run-all.sh

check: deps
	$(RUN) lint lint-selftest buf build-gcc build-clang unit unit-asan vectors operator bits verdicts sim planted fuzz e2e crash power faults
check-unit: deps
	$(RUN) unit
check-e2e: deps
	$(RUN) e2e
check-races: deps
	$(RUN) races
check-crash: deps
	$(call RUN,,$(CRASH_CYCLES)) crash
CRASH_ENV = TIMEBOXD=$(CURDIR)/build/timeboxd TIMEBOXD_TEST=$(CURDIR)/build/timeboxd-test \
	PYTHONPATH=$(CURDIR)/build/py:$(CURDIR)/tests/e2e PYTHONDONTWRITEBYTECODE=1
VERIFY_ENV = TIMEBOXD=$(CURDIR)/build/timeboxd TIMEBOX=$(CURDIR)/build/timebox PYTHONDONTWRITEBYTECODE=1 \
	PYTHONPATH=$(CURDIR)/build/py:$(CURDIR)/tests/e2e:$(CURDIR)/tests/verify
check-power: deps all py tests-crash
	@$(CRASH_ENV) $(if $(filter command% environment%,$(origin SEED)),SEED=$(SEED)) $(PYTHON) tests/crash/power/power.py $(or $(WINDOWS),500)
check-faults: deps all py tests-crash
	@$(CRASH_ENV) $(PYTHON) tests/crash/faults/faults.py
# A seed that fails is run again by RUNS=1 SEED=n. PLANTED=1: bugs planted one by one, each to be found.
check-sim: build/sim/sim
ifeq ($(PLANTED),1)
	@COMPILE='$(sim_CC) $(FLAGS) $(sim_C) -MF /dev/null -w' LINK='$(sim_CC) $(sim_LD)' \
		LIBS='$(SIM_LIBS)' tests/sim/planted.sh $(SIM_PLANT_RUNS) $(SEED) $(SIM_OBJECTS)
else
	@build/sim/sim $(RUNS) $(SEED)
endif
check-vectors: deps deps-vectors interop
	@$(VERIFY_ENV) $(PYTHON) tests/verify/check_vectors.py $(or $(SIZE),600)
check-operator: deps all interop
	@$(VERIFY_ENV) $(PYTHON) tests/verify/check_operator.py
check-bits: deps all interop
	@$(VERIFY_ENV) $(PYTHON) tests/verify/check_bits.py $(or $(STEP),1)
check-verdicts: deps all interop
	@$(VERIFY_ENV) $(PYTHON) tests/verify/check_verdicts.py $(or $(N),10000) $(if $(filter command% environment%,$(origin SEED)),$(SEED))
# hledger and beancount are Debian's, installed by name; without them the checks that need them are skipped, and said.
check-hledger: deps all py
	@command -v hledger >/dev/null && command -v bean-check >/dev/null || $(MAKE) -s deps-hledger || :
	@$(VERIFY_ENV) $(PYTHON) tests/verify/check_hledger.py $(or $(N),12) $(if $(filter command% environment%,$(origin SEED)),$(SEED))
deps-hledger: PACKAGES += hledger beancount
deps-hledger:
	$(install-missing)
check-lint lint: deps
	$(RUN) lint lint-selftest buf
check-fuzz: deps
	$(RUN) fuzz
fuzz: deps
	$(call RUN,$(FUZZ_SECONDS)) fuzz
check-asan: deps
	$(RUN) unit-asan e2e-asan
check-tsan: deps
	$(RUN) unit-tsan tsan
check-valgrind: PACKAGES += valgrind
check-valgrind: deps
	$(install-missing)
	$(RUN) valgrind
check-fresh:
	@tests/check-fresh.sh '$(PACKAGES)'

# ---- benchmarks: tests/bench/README.md ----------------------------------------------------------------

# PostgreSQL's package would create and start a cluster of its own: not on a machine that measures.
bench-deps: PACKAGES += $(PACKAGES_BENCH)
bench-deps:
	@dpkg-query -W postgresql-common >/dev/null 2>&1 || { mkdir -p /etc/postgresql-common/createcluster.d && \
		echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/no-main.conf; }
	$(install-missing)

bench-programs: build/timeboxd build/timebox-bench build/bench-floor py

bench: bench-deps bench-programs
	@$(PYTHON) tests/bench/run.py
bench-grow: bench-deps bench-programs
	@$(PYTHON) tests/bench/grow.py
build/bench-smallmap.so: tests/bench/smallmap.c
	$(call say,LD,$@)
	$(Q)$(CC) $(WARN) -std=gnu11 -D_GNU_SOURCE -O2 -fPIC -shared -o $@ $<
bench-instructions: bench-deps bench-programs build/bench-smallmap.so
	@$(PYTHON) tests/bench/instructions.py

bench-verify: all py build/bench-verify-grow
	@TIMEBOXD=$(CURDIR)/build/timeboxd TIMEBOX=$(CURDIR)/build/timebox $(PYTHON) tests/bench/verify/run.py

demo: all py
	@TIMEBOXD=$(CURDIR)/build/timeboxd TIMEBOX=$(CURDIR)/build/timebox PYTHON=$(PYTHON) tests/e2e/demo.sh

run: all
	@[ -d build/run ] || build/timeboxd init build/run --origin timebox.example --json
	@exec build/timeboxd run build/run --listen 127.0.0.1:7443

# ---- care -------------------------------------------------------------------------------------------

# To be read, not a gate: all three also warn where nothing is wrong.
analyze: deps-tools $(GEN:=.h)
	$(Q)for f in $(PROTO_SRC) $(DAEMON_SRC) $(CLIENT_SRC); do \
		$(CC) $(FLAGS) -MF /dev/null -O2 -fanalyzer -Wall -c -o /dev/null $$f || exit 1; done
	$(Q)clang-tidy --quiet --checks='-*,clang-analyzer-*,-*DeprecatedOrUnsafeBufferHandling,-*valist.Uninitialized' \
		$(PROTO_SRC) $(DAEMON_SRC) $(CLIENT_SRC) -- -std=gnu11 $(CPPFLAGS)
	$(Q)cppcheck --quiet --enable=warning,performance,portability --inline-suppr \
		-I. -Ibuild/gen daemon client proto

format: deps-tools
	$(Q)git diff --name-only HEAD -- '*.c' '*.h' | xargs -r clang-format -i

vectors: py
	$(Q)$(PYTHON) tests/verify/vectors.py proto/vectors

install: all
	install -D -m 755 build/timeboxd $(DESTDIR)$(PREFIX)/sbin/timeboxd
	install -D -m 755 build/timebox $(DESTDIR)$(PREFIX)/bin/timebox
	install -D -m 755 tests/verify/timebox_verify.py $(DESTDIR)$(PREFIX)/bin/timebox-verify
	$(foreach m,$(MO),install -D -m 644 $(m) $(DESTDIR)$(PREFIX)/share/$(m:build/%=%) &&) true

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/timeboxd $(DESTDIR)$(PREFIX)/bin/timebox $(DESTDIR)$(PREFIX)/bin/timebox-verify \
		$(MO:build/%=$(DESTDIR)$(PREFIX)/share/%)

clean:
	rm -rf build

FORCE:
.SECONDARY:
-include $(shell find build/obj build/asan build/tsan build/clang build/fuzz build/sim -name '*.d' -type f 2>/dev/null)
