#!/bin/bash
# Compiles every header alone: CC and its flags are the arguments, the build folder of the generated headers
# among them.
set -u
cd "$(dirname "$0")/../.." || exit 2
bad=0
while read -r header; do
  printf '#include "%s"\n' "$header" | "$@" -I. -D_GNU_SOURCE -std=gnu17 -fsyntax-only -x c - || { echo "$header does not compile alone"; bad=1; }
done < <(find proto server client -name '*.h' | sort)
exit $bad
