#!/bin/bash
# root-files.sh FOLDER: fills FOLDER with what an image without Airflow consists
# of, next to Sluice: the C library, a shell and small tools for people who look
# inside, certificates, and the folders of the user `sluice`. Runs while the
# images are built, as root, on Debian with busybox, ca-certificates and tini.
set -euo pipefail
root=$1

mkdir -p "$root"/{etc/ssl/certs,proc,sys,dev,run,root,usr/{bin,sbin,lib,lib64,local/bin}}
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
install -d -m 1777 "$root/tmp" "$root/var/tmp"

# Programs with the libraries that they and Sluice load.
programs=(/usr/bin/bash /usr/bin/tini "$(command -v busybox)")
libraries=(libc.so.6 libm.so.6 libgcc_s.so.1 libpthread.so.0 libdl.so.2 librt.so.1 libresolv.so.2)
{
  printf '%s\n' "${programs[@]}"
  ldd "${programs[@]}" | grep -oE '/[^ ]+\.so[^ ]*' | sed 's/:$//'
  for library in "${libraries[@]}"; do
    ldconfig -p | awk -v name="$library" '$1 == name { print $NF; exit }'
  done
} | sort -u | while read -r file; do
  mkdir -p "$root$(dirname "$file")"
  cp -L "$file" "$root$file"
done
for applet in $(busybox --list); do
  [ -e "$root/usr/bin/$applet" ] || ln -s "$(command -v busybox)" "$root/usr/bin/$applet"
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp /etc/nsswitch.conf /etc/os-release "$root/etc/"
# The user is that of Airflow's image, so that all containers own the files in the
# data folders. Group 0 and group permissions let any other user id work too.
cat >"$root/etc/passwd" <<'PASSWD'
root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
sluice:x:50000:0::/var/lib/sluice:/usr/sbin/nologin
PASSWD
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
install -d -o 50000 -g 0 -m 2775 "$root"/var/lib/sluice{,/state,/work} \
  "$root"/opt{,/data,/data/landing,/data/gold,/jobs}

# One program under all names; see src/multicall.rs.
for program in produce-events ingest-landing submit-job scheduler executor; do
  ln -s sluice "$root/usr/local/bin/$program"
done
