#!/usr/bin/env bash
# Every test, then the runner's own summary. With only two cores few packages
# at a time: engines and browsers are processes of their own.
set -euo pipefail
go tool gotestsum --format pkgname --format-hide-empty-pkg -- -race -count=1 -timeout 28m -p 2 ./...
