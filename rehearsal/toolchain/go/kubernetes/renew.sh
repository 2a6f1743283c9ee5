#!/usr/bin/env bash
# Makes go.mod and go.sum anew for other versions: KUBERNETES=1.36.4 ./renew.sh
#
# k8s.io/kubernetes replaces its staging modules by folders that its module does not hold: each is replaced by its
# published v0.X.Y here. No `go mod tidy`: it would also load what only the tests of all dependencies need.
# Afterwards: python -m rehearsal.control_plane.kwok.copy_manifests (KWOK's manifests go with its version).
set -euo pipefail
cd "$(dirname "$0")"
KUBERNETES=${KUBERNETES:-1.36.3} ETCD=${ETCD:-3.6.11} KWOK=${KWOK:-0.8.0} METRICS_SERVER=${METRICS_SERVER:-0.9.0}
rm -f go.mod go.sum
go mod init marlinspike/kubernetes
upstream=$(go mod download -json "k8s.io/kubernetes@v$KUBERNETES" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
sed -nE 's|^\s+(k8s\.io/\S+) => \./staging/.*|\1|p' "$upstream" | while read -r module; do
  go mod edit -replace "$module=$module@v0.${KUBERNETES#1.}"
done
go get "k8s.io/kubernetes@v$KUBERNETES" "go.etcd.io/etcd/server/v3@v$ETCD" "sigs.k8s.io/kwok@v$KWOK" \
  "sigs.k8s.io/metrics-server@v$METRICS_SERVER"
go get .
# The oldest Go that the modules accept (metrics-server's demand), not the one that happens to be installed.
go mod edit -go="$(go list -m -f '{{.GoVersion}}' sigs.k8s.io/metrics-server)" -toolchain=none
