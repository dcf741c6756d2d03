#!/usr/bin/env bash
# Formatting, vet, lint and types. Tools are pinned in go.mod and
# package-lock.json.
set -euo pipefail
unformatted=$(gofmt -l cmd edge banner analytics deploy ./*.go)
if [ -n "$unformatted" ]; then
  echo "not gofmt-clean:" "$unformatted" >&2
  exit 1
fi
go vet ./...
go vet -tags soak ./cmd/kunji
go tool staticcheck ./...
for sources in banner analytics/console/island; do
  npx --no-install tsc --noEmit -p "$sources"
done
npx --no-install biome check banner/src analytics/console/island
