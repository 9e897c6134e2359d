#!/usr/bin/env bash
# Makes images from binaries that are built already, in a minute:
#
#   deploy/docker/prebuilt.sh                    # takes target/release
#   deploy/docker/prebuilt.sh target/debug
#   SLUICE_BINARIES=prebuilt docker compose up -d --build
#
# They must suit the images: Linux, the same processor, linked against no newer
# glibc than Debian 12's (2.36).
set -euo pipefail
from=$(cd "${1:-target/release}" && pwd)
to=$(cd "$(dirname "$0")" && pwd)/prebuilt
mkdir -p "$to"
for program in scheduler executor submit-job ingest-landing produce-events; do
  # An unchanged program keeps its copy, and with it the layers of the images.
  [ "$to/$program" -nt "$from/$program" ] && continue
  strip --strip-debug -o "$to/$program.new" "$from/$program" 2>/dev/null ||
    cp "$from/$program" "$to/$program.new"
  mv "$to/$program.new" "$to/$program"
done
ls -l "$to"
