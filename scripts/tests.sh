#!/usr/bin/env bash
# Run every Python test, in two halves of about the same length side by side: what drives browsers, crowds and killed processes,
# and everything else. Both mostly wait for other processes, so together they take little longer than one of them.
set -uo pipefail

pytest="$1"
here=(tests/e2e tests/faults tests/isolation)
said=$(mktemp)
trap 'rm -f "$said"' EXIT

"$pytest" -q "${here[@]}" >"$said" 2>&1 &
other=$!
"$pytest" -q tests "${here[@]/#/--ignore=}"
first=$?
wait "$other"
second=$?
echo "—— ${here[*]}"
cat "$said"
exit $((first || second))
