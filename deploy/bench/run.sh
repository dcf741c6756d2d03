#!/usr/bin/env bash
# Benchmarks with a peer in the same run. The machine decides the absolute
# figures: read the ratios.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
missing=()
[ -x /usr/sbin/nginx ] || missing+=(nginx-light)
command -v wrk >/dev/null || missing+=(wrk)
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
mkdir -p .cache/bench
go build -o .cache/bench/barefasthttp ./deploy/bench/barefasthttp
go run ./deploy/bench/edge
echo
echo "Go benchmarks: allocations per hit, signatures, the spool beside a bare file"
go test -run '^$' -bench . -benchtime 1s -benchmem ./edge/server ./edge/spool ./edge/consent ./edge/identity ./edge/event ./edge/enrich
