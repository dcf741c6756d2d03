# Kunji. `make demo` and `make test` do all their set-up themselves.
#
#   make demo    the whole service with a demo shop and a month of made traffic
#   make test    every test: Go with -race, browsers, ClickHouse, faults
#   make build   bin/kunji
#   make check   formatting, vet, lint, types
#   make bench   benchmarks, each with a peer in the same run
#   make soak    the fault suite, longer

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: demo test build setup check bench soak clean browsers tools generate

GO ?= go
# Nothing in the program is C: the engine's library is opened when it runs. That
# spares a fresh machine a compiler and its time. (The race detector does need C.)
# Nor does it carry what only a debugger reads; `go build ./cmd/kunji` does.
GO_PURE := CGO_ENABLED=0 GOFLAGS='-gcflags=all=-dwarf=false -ldflags=-w' $(GO)
GEO := .cache/geo/country.mmdb
BANNER_SOURCES := $(shell find banner -name dist -prune -o -type f -print 2>/dev/null)
ISLAND_SOURCES := $(shell find analytics/console/island analytics/console/build -type f 2>/dev/null)
GO_SOURCES := $(shell find cmd edge banner analytics -name '*.go' -o -name '*.sql' -o -name '*.html' -o -name '*.css' -o -name '*.json' -o -name '*.yaml' 2>/dev/null) go.mod go.sum

# Two things at a time: packages are fetched while the program is compiled.
demo:
	@$(MAKE) --no-print-directory -j2 build
	bin/kunji demo

build: bin/kunji $(GEO)

setup: node_modules/.all $(GEO) banner/dist/.built analytics/console/dist/.built

bin/kunji: $(GO_SOURCES) banner/dist/.built analytics/console/dist/.built | .cache/compiled
	@mkdir -p bin
	$(GO_PURE) build -o $@ ./cmd/kunji

# The console's scripts need packages of npm: what does not need them is compiled
# meanwhile.
.cache/compiled: $(GO_SOURCES) banner/dist/.built
	@mkdir -p .cache
	$(GO_PURE) build ./cmd/... ./analytics/...
	@touch $@

# npm checks every package against the checksum in package-lock.json. What runs
# needs a few packages only; tests add theirs.
NPM_FLAGS := --no-audit --no-fund --ignore-scripts --loglevel=error

node_modules/.run: package.json package-lock.json
	npm ci --omit=dev $(NPM_FLAGS)
	@touch $@

node_modules/.all: node_modules/.run
	npm install --no-save $(NPM_FLAGS)
	@touch $@

$(GEO): node_modules/.run $(wildcard edge/enrich/geodb/*.go)
	$(GO_PURE) run ./edge/enrich/geodb -country node_modules/@ip-location-db/dbip-country -asn node_modules/@ip-location-db/asn -out .cache/geo
	@touch $@

banner/dist/.built: $(BANNER_SOURCES) go.mod
	$(GO_PURE) run ./banner/build
	@touch $@

analytics/console/dist/.built: $(ISLAND_SOURCES) node_modules/.run go.mod
	$(GO_PURE) run ./analytics/console/build
	@touch $@

browsers:
	@bash deploy/setup/browsers.sh

test: setup browsers
	bash deploy/setup/test.sh

check: setup
	bash deploy/setup/check.sh

bench: setup build
	bash deploy/bench/run.sh

soak: setup
	$(GO) test -tags soak -count=1 -timeout 3h -run Soak -v ./cmd/kunji

generate:
	$(GO) generate ./...

clean:
	rm -rf bin .cache node_modules banner/dist/* analytics/console/dist/* data
