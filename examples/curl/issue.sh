#!/bin/sh
# Issue a result with curl, fetch the document, verify it: `ESIGN_URL=… ESIGN_AGENCY=… ESIGN_TOKEN=… issue.sh request.json KEY`.
# KEY names the request in the portal: however often this runs with it, one document is issued.
set -eu
request=$1 key=$2
agency="$ESIGN_URL/v1/agencies/$ESIGN_AGENCY"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The token goes through a file: arguments are seen by everybody on the machine.
printf 'header = "Authorization: Bearer %s"\n' "$ESIGN_TOKEN" > "$work/curlrc"
ask() { curl --silent --show-error --config "$work/curlrc" --max-time 30 "$@"; }
member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$2" | head -n 1; }

# Send the same again while the service says "later" (409 in flight, 429, 503), or nothing can be heard of it.
for pause in 1 2 4 8 15 0; do
  status=$(ask --output "$work/answer" --write-out '%{http_code}' \
    --header "Idempotency-Key: $key" --header 'Content-Type: application/json' \
    --data-binary "@$request" "$agency/results") || status=000
  code=$(member code "$work/answer" 2>/dev/null || true)
  case "$status $code" in
    201*) break ;;
    000* | 429* | 50[234]* | 409\ request-*in-flight) [ "$pause" = 0 ] || { sleep "$pause"; continue; } ;;
  esac
  echo "HTTP $status: $(cat "$work/answer" 2>/dev/null || true)" >&2
  exit 1
done

id=$(member id "$work/answer")
ask --fail --dump-header "$work/head" --output "$id.pdf" "$agency/results/$id/document"
# The ETag is the file's SHA-256.
digest=$(sed -n 's/^[Ee][Tt][Aa][Gg]: *"\([0-9a-f]*\)".*/\1/p' "$work/head")
echo "$digest  $id.pdf" | sha256sum --check --quiet -

ask --fail --output "$work/report" --header 'Content-Type: application/pdf' --header 'Accept: application/json' \
  --data-binary "@$id.pdf" "$agency/verifications"
echo "$(member number "$work/answer") $id.pdf $(member integrity "$work/report")"
