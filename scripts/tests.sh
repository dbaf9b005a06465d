#!/usr/bin/env bash
# Run every Python test, in two halves side by side: what drives browsers and proxies, and everything else. Both mostly
# wait for other processes, so together they take little longer than the longer of the two.
set -uo pipefail

pytest="$1"
browsers=(tests/e2e tests/deploy)
said=$(mktemp)
trap 'rm -f "$said"' EXIT

"$pytest" -q "${browsers[@]}" >"$said" 2>&1 &
other=$!
"$pytest" -q tests "${browsers[@]/#/--ignore=}"
first=$?
wait "$other"
second=$?
echo "—— ${browsers[*]}"
cat "$said"
exit $((first || second))
