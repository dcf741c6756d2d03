#!/usr/bin/env bash
# Benchmarks with a peer in the same run. The machine decides the absolute
# figures: read the ratios. What is printed is kept in deploy/bench/results.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
missing=()
[ -x /usr/sbin/nginx ] || missing+=(nginx-light)
command -v wrk >/dev/null || missing+=(wrk)
command -v chromium >/dev/null || missing+=(chromium)
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
results=deploy/bench/results
mkdir -p .cache/bench "$results"
# The other banners and Lighthouse stand outside of Go's packages: some of theirs carry Go code.
if ! cmp -s deploy/bench/package-lock.json .cache/bench/package-lock.json || [ ! -d .cache/bench/node_modules ]; then
  cp deploy/bench/package.json deploy/bench/package-lock.json .cache/bench/
  npm ci --prefix .cache/bench --no-audit --no-fund --ignore-scripts --loglevel=error
fi
go build -o .cache/bench/barefasthttp ./deploy/bench/barefasthttp
go run ./deploy/bench/edge | tee "$results/edge.txt"
echo
node deploy/bench/banner.mjs | tee "$results/banner.txt"
echo
# The traffic of `kunji demo --events`, made once and kept below .cache/bench; the
# second size shows how time grows.
events=${KUNJI_BENCH_EVENTS:-5000000,20000000}
echo "Reports on $events events in the embedded engine"
KUNJI_BENCH_EVENTS=$events KUNJI_BENCH_DIR=$PWD/.cache/bench go test -run '^$' -bench Reports -benchtime 1x -timeout 2h ./cmd/kunji | tee "$results/reports.txt"
echo
echo "The spool drained into the embedded engine, plain INSERT of the same rows beside it"
KUNJI_BENCH_SPOOLED=${KUNJI_BENCH_SPOOLED:-5000000} go test -run '^$' -bench Drain -benchtime 1x -timeout 1h ./analytics/ship | tee "$results/ship.txt"
echo
echo "Go benchmarks: allocations per hit, signatures, the spool beside a bare file"
go test -run '^$' -bench . -benchtime 1s -benchmem ./edge/server ./edge/spool ./edge/consent ./edge/identity ./edge/event ./edge/enrich |
  tee "$results/go.txt"
echo
node deploy/bench/console.mjs | tee "$results/console.txt"
