#!/bin/sh
# Generates conversations as a worker of a Holdfast batch, with curl and sh alone, one item at a time. Start as many as you
# like; kill any of them at any time, and start it again.
#
#   HOLDFAST_URL    http://127.0.0.1:3000
#   HOLDFAST_TOKEN  an API token of the role operator
#   BATCH           the batch's id
#   OUT             the folder for the conversations, one file each; default conversations
set -eu
url=${HOLDFAST_URL:-http://127.0.0.1:3000}
out=${OUT:-conversations}
mkdir -p "$out"

# Asks until there is an answer: every call of a worker may be repeated.
post() {
  curl -sS --fail-with-body --retry 10 --retry-connrefused -H "Authorization: Bearer $HOLDFAST_TOKEN" \
    -H 'Content-Type: application/json' -H 'Prefer: wait=30' "$url/api/batches/$BATCH/$1" -d "$2"
}

# The first text of a name in JSON on one line. Good for ids and topics without quotes or backslashes in them.
field() {
  sed -n "s/^[^\"]*\(.*\)/\1/; s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

while :; do
  claim=$(post claims "{\"worker\":\"sh $$\",\"limit\":1,\"leaseSeconds\":60}")
  items=${claim%%\"batch\":*}
  lease=$(printf '%s' "$items" | field lease)
  if [ -z "$lease" ]; then
    case $claim in *'"finishedAt":null'*) continue ;; *) exit 0 ;; esac
  fi
  id=$(printf '%s' "$items" | field id)
  topic=$(printf '%s' "$items" | field topic)
  if [ -z "$topic" ]; then
    post checkpoints "{\"lease\":\"$lease\",\"failed\":[{\"id\":\"$id\",\"error\":\"There is no topic to talk about.\"}]}" >/dev/null
    continue
  fi
  # Whole or not at all, and the same when it is done again.
  printf '{"id":"%s","turns":[{"sequence":1,"role":"user","content":"Let us talk about %s."}]}\n' "$id" "$topic" >"$out/$id.$$"
  mv "$out/$id.$$" "$out/$id.json"
  post checkpoints "{\"lease\":\"$lease\",\"completed\":[\"$id\"]}" >/dev/null
done
