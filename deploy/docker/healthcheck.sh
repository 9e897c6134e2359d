#!/bin/bash
# healthcheck.sh PORT PATH: ends with 0 if a GET returns status 200.
# Uses only bash, so that the images need no HTTP client.
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3
read -r -t 3 _ status _ <&3
[ "$status" = 200 ]
