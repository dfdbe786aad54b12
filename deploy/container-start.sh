#!/bin/sh
# What the container runs: makes the data directory at the first start, then serves it. Arguments go to
# `migd serve`. MIGD_NAME is the name by which clients reach the server, in its certificate.
set -eu
dir=${MIGD_DIR:-/var/lib/migd}
# The volume exists before the first start: what counts is whether there is a store's key in it.
if [ ! -e "$dir/store.key" ]; then
  migd init "$dir" --name "${MIGD_NAME:-migd}"
fi
exec migd serve --dir "$dir" --listen "${MIGD_LISTEN:-0.0.0.0:7433}" "$@"
