#!/usr/bin/env bash
# Every test, then the runner's own summary. With only two cores few packages
# at a time: engines and browsers are processes of their own. Real browsers on a
# busy machine now and then miss a moment: up to three failures are tried once
# more, and the summary shows both runs.
set -euo pipefail
go tool gotestsum --format pkgname --format-hide-empty-pkg --rerun-fails=1 --rerun-fails-max-failures=3 --packages ./... -- -race -count=1 -timeout 28m -p 2
