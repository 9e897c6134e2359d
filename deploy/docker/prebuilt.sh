#!/usr/bin/env bash
# Prepares images from a binary that is already built; takes a minute:
#
#   deploy/docker/prebuilt.sh                    # takes target/release
#   deploy/docker/prebuilt.sh target/debug
#   SLUICE_BINARIES=prebuilt docker compose up -d --build
#
# It must be a Linux binary for the processor of the images, linked against glibc
# 2.36 (Debian 12) or older.
set -euo pipefail
from=$(cd "${1:-target/release}" && pwd)
to=$(cd "$(dirname "$0")" && pwd)/prebuilt
mkdir -p "$to"
# An unchanged program keeps its copy, and with it the layers of the images.
if [ ! "$to/sluice" -nt "$from/sluice" ]; then
  strip -o "$to/sluice.new" "$from/sluice" 2>/dev/null || cp "$from/sluice" "$to/sluice.new"
  mv "$to/sluice.new" "$to/sluice"
fi
ls -l "$to"
