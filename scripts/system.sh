#!/usr/bin/env bash
# Installs the programs that tests drive and that are missing. Debian and Ubuntu, as root; elsewhere it says what to install.
set -euo pipefail

missing=()
command -v node >/dev/null || missing+=(nodejs npm)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
command -v nginx >/dev/null || missing+=(nginx)
command -v openssl >/dev/null || missing+=(openssl)
wanted=()
command -v caddy >/dev/null || wanted+=(caddy) # not every system has a package; its tests are left out then
[ ${#missing[@]} -eq 0 ] && [ ${#wanted[@]} -eq 0 ] && exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null
  for package in "${wanted[@]}"; do
    if [ -n "$(apt-cache search --names-only "^$package\$")" ]; then missing+=("$package"); fi
  done
  [ ${#missing[@]} -eq 0 ] && exit 0
  echo "Installing: ${missing[*]}"
  # Tests run nginx and Caddy by themselves; installing must not start services that take port 80.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
  fi
  apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
elif [ ${#missing[@]} -gt 0 ]; then
  echo "Please install ${missing[*]} with your package manager, then run this again." >&2
  exit 1
fi
