#!/usr/bin/env bash
# Writes .env.s3, the keys of the profile `s3`, unless the file exists.
# S3_ENV_FILE names another file, as in docker-compose.yml.
set -euo pipefail
cd "$(dirname "$0")/../.."
file=${S3_ENV_FILE:-.env.s3}
[ ! -e "$file" ] || { echo "$file already exists"; exit 0; }
random() { head -c "$1" /dev/urandom | base64 | tr '+/' 'xy'; }
umask 077
# Not a word such as `sluice`: logs redact every occurrence of a key.
cat >"$file.new" <<KEYS
AWS_ACCESS_KEY_ID=$(random 15)
AWS_SECRET_ACCESS_KEY=$(random 24)
AWS_REGION=us-east-1
AWS_ENDPOINT_URL=http://s3:8333
AWS_ALLOW_HTTP=true
KEYS
mv "$file.new" "$file"
echo "wrote $file"
