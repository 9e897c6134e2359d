#!/usr/bin/env bash
# Writes .env.s3, the keys of the profile `s3`, unless it is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
[ ! -e .env.s3 ] || { echo ".env.s3 is there already"; exit 0; }
random() { head -c "$1" /dev/urandom | base64 | tr '+/' 'xy'; }
# Not a word such as `sluice`: logs hide whatever is part of a key.
user=$(random 15)
password=$(random 24)
umask 077
cat >.env.s3 <<KEYS
MINIO_ROOT_USER=$user
MINIO_ROOT_PASSWORD=$password
AWS_ACCESS_KEY_ID=$user
AWS_SECRET_ACCESS_KEY=$password
AWS_REGION=us-east-1
AWS_ENDPOINT_URL=http://s3:9000
AWS_ALLOW_HTTP=true
KEYS
echo "wrote .env.s3"
