#!/bin/sh
# Brings a fresh Debian or Ubuntu machine to where esign runs: system packages, then a virtual environment
# with the locked dependencies and esign itself (editable).
set -eu
cd "$(dirname "$0")/.."

# SoftHSM stands in for a token; poppler and qpdf check what we make; Liberation Serif has Times New Roman's
# metrics and every Vietnamese letter; the compiler builds the PKCS#11 shim of the tests, openssl plays the CA of a guide;
# the tests start PostgreSQL servers, a pooler and a proxy of their own; curl is in the commands that `esign serve` and the guides print.
PACKAGES="python3 python3-venv softhsm2 poppler-utils qpdf openssl gcc libc6-dev postgresql pgbouncer nginx-light curl"

missing=""
for package in $PACKAGES; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
# Liberation 1 has no Vietnamese letters; Debian 12 has version 2 as fonts-liberation2 (docs/adr/0005-fonts.md).
dpkg-query -W -f '${Status} ${Version}\n' fonts-liberation2 fonts-liberation 2>/dev/null |
  grep -Eq "ok installed (1:)?[2-9]" || missing="$missing fonts-liberation2"
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || { echo "esign: error: please install:$missing" >&2; exit 1; }
  as_root=""
  [ "$(id -u)" = 0 ] || as_root="sudo"
  echo "installing:$missing" >&2
  $as_root apt-get update -qq
  apt-cache show fonts-liberation2 >/dev/null 2>&1 || missing=$(echo "$missing" | sed s/fonts-liberation2/fonts-liberation/)
  $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

python=python3
for candidate in python3.13 python3.12 python3.11 python3; do
  if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "esign: error: Python 3.11 or newer is needed, this machine has $("$python" -V)" >&2
  echo "esign: hint: Debian 12 and Ubuntu 24.04 have it; on older ones install python3.11 and python3.11-venv" >&2
  exit 1
}

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
