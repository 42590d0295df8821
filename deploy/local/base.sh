#!/usr/bin/env bash
# base.sh IMAGE SUITE: a base image out of Debian's packages alone, which trusts what this host trusts: pip in a build
# reaches packages the way that the host does, by a private authority or not.
set -euo pipefail
image=$1 suite=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
command -v debootstrap >/dev/null || {
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
}
# This debootstrap may be older than the suite: all of Debian's are made as sid is.
debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "" /usr/share/debootstrap/scripts/sid >/dev/null
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info}/*
authorities=$(python3 -c 'import ssl; p = ssl.get_default_verify_paths(); print(p.cafile or p.openssl_cafile)')
bundle=/etc/ssl/certs/ca-certificates.crt
install -m 644 "$authorities" "$root$bundle"
install -D -m 644 "$authorities" "$root/usr/local/share/ca-certificates/host.crt" # survives update-ca-certificates
tar -C "$root" -c . | docker import -c 'CMD ["bash"]' \
  -c "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=$bundle PIP_CERT=$bundle" \
  - "$image" >/dev/null
