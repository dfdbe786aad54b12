#!/bin/sh
# Puts grpc-js, dbmate and node-pg-migrate into the folder given, by npm, in the versions of package-lock.json; does
# nothing when they are there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
cmp -s "$here/package-lock.json" package-lock.json && [ -d node_modules/@grpc/grpc-js ] && [ -d node_modules/node-pg-migrate ] && exit 0
cp "$here/package.json" "$here/package-lock.json" .
npm ci --ignore-scripts --no-audit --no-fund
