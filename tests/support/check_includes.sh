#!/bin/bash
# Reads every include and fails on a breach of the floors in ARCHITECTURE.md: a file includes its own room or
# lower floors, foreign headers only where the table allows them, and each x.c includes its x.h first.
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 2
bad=0
breach() { echo "$1:$2: $3"; bad=1; }

# room_of PATH: "floor room", from the first row that fits.
room_of() {
  case $1 in
    migd/* | grpc/* | google/* | proto/*) echo 0 proto ;;
    server/base/*) echo 1 base ;;
    server/sql/*) echo 2 sql ;;
    server/db/*) echo 2 db ;;
    server/catalog/*) echo 3 catalog ;;
    server/lint/*) echo 4 lint ;;
    server/store/*) echo 4 store ;;
    server/engine/*) echo 5 engine ;;
    server/rpc/*) echo 6 rpc ;;
    server/net/*) echo 7 net ;;
    server/*) echo 8 program ;;
    client/*) echo 1 client ;; # sees floor 0 only, and nobody sees it
    *) echo 99 unknown ;;
  esac
}

# foreign HEADER FILE: may FILE include this library's header?
foreign() {
  case $1:$2 in
    protobuf-c/*:proto/* | protobuf-c/*:server/rpc/* | protobuf-c/*:client/* | libpq-fe.h:server/db/* | sqlite3.h:server/db/*) ;;
    pg_query*:server/lint/* | protobuf-c/*:server/lint/*) ;;
    openssl/*:server/base/digest.c | openssl/*:server/base/certificate.c | openssl/*:server/store/secret.c) ;;
    event2/*:server/net/* | openssl/*:server/net/* | nghttp2/*:server/net/*) ;;
    openssl/*:client/* | nghttp2/*:client/* | jansson.h:client/* | ini.h:client/* | ini.h:server/*.c)
      [[ $1 != ini.h || $2 != server/*/* ]] ;;
    protobuf-c/*:* | libpq*:* | postgres*:* | sqlite3*:* | openssl/*:* | event*:* | nghttp2/*:* | jansson*:* | ini.h:* | pg_query*:*)
      return 1 ;;
  esac
}

while IFS=: read -r file line text; do
  if [[ $text =~ \"([^\"]+)\" ]]; then
    header=${BASH_REMATCH[1]}
    read -r from from_room <<<"$(room_of "$file")"
    read -r to to_room <<<"$(room_of "$header")"
    [ "$to" != 99 ] || breach "$file" "$line" "\"$header\" is not named from the root of the project"
    [ "$from_room" = "$to_room" ] || [ "$to" -lt "$from" ] ||
      breach "$file" "$line" "room $from_room (floor $from) includes room $to_room (floor $to): $header"
  elif [[ $text =~ \<([^\>]+)\> ]] && ! foreign "${BASH_REMATCH[1]}" "$file"; then
    breach "$file" "$line" "<${BASH_REMATCH[1]}> is not allowed in this room"
  fi
done < <(grep -rHnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' proto server client)

while read -r c; do
  h=${c%.c}.h
  first=$(grep -m1 -E '^#include' "$c")
  [ ! -f "$h" ] || [ "$first" = "#include \"$h\"" ] || breach "$c" 1 "does not include $h first"
done < <(find proto server client -name '*.c')
exit $bad
