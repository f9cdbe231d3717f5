# The commands of Wasstraat. `make` alone lists them.
#
# One build serves all: the same configuration and flags everywhere, so that `make test` reuses every object that
# `make demo` made, and the other way round.

# Values are read from the command line only (make demo SECONDS=10), never from the environment; SECONDS is not passed on
# in the environment either, because bash gives that name a meaning of its own.
SECONDS = 20
KEEP = yes
RESULT =
# flood, crowd (20 times the visitors, no flood) or many (a flood from 10,000 sources)
SCENARIO = flood
ROUNDS = 5
QUICK = no
CONTENDERS = wasstraat,nginx,haproxy
# Fail when a ratio is more than this many times its bar; empty: report only.
FAIL_ABOVE =
# Points of the siege, by name: municipality,kinds,unscored,crowd,shared,networks,slow,handshakes,frames
ONLY =
unexport SECONDS KEEP RESULT SCENARIO ROUNDS QUICK CONTENDERS FAIL_ABOVE ONLY

SHELL = /bin/sh
BUILD = swift build -c release --explicit-target-dependency-import-check error
BIN = .build/release

.PHONY: help demo build test compare siege dissect-bench filter-bench filter-proof check fuzz dist setup clean
.NOTPARALLEL:

help: ## this list
	@printf 'make demo           builds Wasstraat and shows a site that stays reachable under a flood (SECONDS=20 KEEP=yes RESULT=FILE SCENARIO=crowd)\n'
	@printf 'make test           builds and runs all tests\n'
	@printf 'make compare        measures Wasstraat beside nginx and haproxy (ROUNDS=5 QUICK=no RESULT=FILE CONTENDERS=a,b)\n'
	@printf 'make siege          lays siege to Wasstraat, nginx and haproxy (QUICK=no ONLY=a,b RESULT=FILE; as root)\n'
	@printf 'make dissect-bench  measures reading and detection beside nfdump, fastnetmon and tcpdump (ROUNDS=3 RESULT=FILE)\n'
	@printf 'make filter-bench   measures the kernel filter beside xdp-filter and nftables (ROUNDS=7 RESULT=FILE; as root)\n'
	@printf 'make filter-proof   holds the kernel filter against its model, and measures how soon it acts (RESULT=FILE; as root)\n'
	@printf 'make check          checks format, imports, words and scripts\n'
	@printf 'make fuzz           feeds the parsers with hostile input (SECONDS=60 for each)\n'
	@printf 'make build          builds the programs, no tests\n'
	@printf 'make dist           builds the programs for a server without Swift\n'
	@printf 'make setup          installs the system packages that are missing\n'
	@printf 'make clean          removes what was built\n'

setup:
	@scripts/setup

build:
	@scripts/setup demo
	$(BUILD)

demo: build
	$(BIN)/wasstraat-demo run --seconds '$(SECONDS)' --keep '$(KEEP)' --scenario '$(SCENARIO)' \
		$(if $(RESULT),--result '$(RESULT)')

test:
	@scripts/setup test
	$(BUILD) --build-tests
	@scripts/test

compare:
	@scripts/setup compare
	$(if $(findstring wasstraat,$(CONTENDERS)),$(BUILD))
	@python3 Benchmarks/compare.py --bin '$(BIN)' --rounds '$(ROUNDS)' --quick '$(QUICK)' \
		--contenders '$(CONTENDERS)' $(if $(FAIL_ABOVE),--fail-above '$(FAIL_ABOVE)') $(if $(RESULT),--result '$(RESULT)')

# In a network and mount namespace of its own, which the load cannot leave. The control (curl_cffi) comes from PyPI before.
siege:
	@scripts/setup siege
	$(BUILD)
	@python3 Benchmarks/siege --prepare
	@unshare -n -m python3 Benchmarks/siege --bin '$(BIN)' --quick '$(QUICK)' --only '$(ONLY)' \
		$(if $(RESULT),--result '$(RESULT)')

dissect-bench: ROUNDS = 3
dissect-bench:
	@scripts/setup compare
	$(BUILD) --product wasstraat
	@python3 Benchmarks/dissect-bench.py --bin '$(BIN)' --rounds '$(ROUNDS)' $(if $(RESULT),--result '$(RESULT)')

# Both run in a network namespace of their own.
filter-bench: ROUNDS = 7
filter-bench:
	@scripts/setup filter
	$(BUILD) --product filter-measure
	@unshare -n '$(BIN)/filter-measure' bench --rounds '$(ROUNDS)' $(if $(RESULT),--result '$(RESULT)')

filter-proof:
	@scripts/setup filter
	$(BUILD) --product filter-measure
	$(BUILD) --product wasstraat-filter
	$(BUILD) --product wasstraat-gateway
	$(BUILD) --product wasstraat
	@unshare -n '$(BIN)/filter-measure' proof $(if $(wildcard ../shared/data),--captures ../shared/data) \
		$(if $(RESULT),--result '$(RESULT)')

check:
	@scripts/check

fuzz: SECONDS = 60
fuzz:
	@scripts/setup demo
	@scripts/fuzz '$(SECONDS)'

# Everything of Swift is linked in, which takes other flags, so a folder and a build of its own. What the programs still
# need is libc and libstdc++ of the machine that they were built on, or a newer one; wasstraat also SQLite, zlib and zstd.
dist:
	@scripts/setup demo
	$(BUILD) --static-swift-stdlib --scratch-path .build-dist --product wasstraat
	$(BUILD) --static-swift-stdlib --scratch-path .build-dist --product wasstraat-gateway
	$(BUILD) --static-swift-stdlib --scratch-path .build-dist --product wasstraat-filter
	@printf 'The programs: wasstraat, wasstraat-gateway and wasstraat-filter in .build-dist/release\n'

clean:
	rm -rf .build .build-*
