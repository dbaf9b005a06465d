#!/usr/bin/env bash
# Run every Python test, in three parts of about the same length side by side: what drives browsers; what kills processes, brings
# crowds or builds packages; and everything else. All mostly wait for other processes, so together they take little longer than
# one of them.
set -uo pipefail

pytest="$1"
parts=("tests/e2e" "tests/faults tests/isolation tests/deploy tests/conformance")
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT

running=() elsewhere=()
for part in "${!parts[@]}"; do
  read -ra here <<<"${parts[part]}"
  "$pytest" -q "${here[@]}" >"$said/$part" 2>&1 &
  running+=($!)
  elsewhere+=("${here[@]/#/--ignore=}")
done
"$pytest" -q tests "${elsewhere[@]}"
worst=$?
for part in "${!parts[@]}"; do
  wait "${running[part]}" || worst=1
  echo "—— ${parts[part]}"
  cat "$said/$part"
done
exit "$worst"
