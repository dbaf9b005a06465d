#!/usr/bin/env bash
# Installs the programs that tests drive and that are missing. Debian and Ubuntu, as root; elsewhere it says what to install.
set -euo pipefail

missing=()
command -v node >/dev/null || missing+=(nodejs npm)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
[ ${#missing[@]} -eq 0 ] && exit 0

echo "Installing: ${missing[*]}"
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null
  apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "Please install ${missing[*]} with your package manager, then run this again." >&2
  exit 1
fi
