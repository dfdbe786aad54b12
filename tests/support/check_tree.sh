#!/bin/bash
# Fails when a file says that something is still to be done, when a message, field, method, enum or service of
# the API has no comment, or when a script does not parse.
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 2
bad=0
folders=(proto server client tests cmake deploy migrations)

marks='TO''DO|FIX''ME|XX''X'
if grep -rnwE --exclude-dir=node_modules "$marks" "${folders[@]}" ./*.md ./CMakeLists.txt; then
  echo "unfinished: see the lines above"
  bad=1
fi

while read -r proto; do
  awk -v file="$proto" '
    /^[ \t]*\/\// { comment = 1; next }
    /^[ \t]*(message|enum|service|rpc|oneof) / || /^[ \t]*(repeated )?[A-Za-z_.0-9]+ [a-z_0-9]+ = [0-9]+;/ {
      if (!comment) { print file ":" NR ": no comment: " $0; bad = 1 }
    }
    /^[ \t]*[A-Z_0-9]+ = [0-9]+;/ { if (!comment && $3 != "0;" && $1 !~ /^OPERATION_|^DIRECTION_|^DIALECT_/) { print file ":" NR ": no comment: " $0; bad = 1 } }
    { comment = 0 }
    END { exit bad }' "$proto" || bad=1
done < <(find proto/migd -name '*.proto')

while read -r script; do
  bash -n "$script" || bad=1
done < <(find tests deploy .ci -name node_modules -prune -o \( -name '*.sh' -o -path .ci/run \) -type f -print)
exit $bad
