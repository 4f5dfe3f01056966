#!/usr/bin/env bash
# certbot, and Edgeway's own client, get certificates from Edgeway's authority by ACME (RFC 8555).
#
# Started by `cargo xtask interop certbot` as `unshare --net --mount bash certbot.sh PROGRAM FOLDER`: in a network of
# its own, ports 80 and 443 are free, and names are what the hosts file below says. Prints `PASS name` or
# `FAIL name: why` for each check.
set -u
program=$1 folder=$2
cd "$folder" || exit 1

cat >hosts <<'HOSTS'
127.0.0.1 localhost
127.0.0.2 ca.lan
127.0.0.3 printer.lan scanner.lan
127.0.0.4 other.lan
127.0.0.3 printer.example
127.0.0.5 ghost.lan
HOSTS
ip link set lo up && mount --bind hosts /etc/hosts || {
  echo "SKIP all (this user may not make a network of its own)"
  exit 0
}

# Checks run in shells of their own, so what they start is noted in a file.
: >started
trap 'kill $(cat started) 2>/dev/null' EXIT

# Runs a check; its last words are the reason of its failure.
check() {
  local name=$1 why
  shift
  if why=$("$@" 2>&1); then
    echo "PASS $name"
  else
    echo "FAIL $name: $(echo "$why" | grep -v '^$' | tail -n 4 | tr '\n' ' ')"
  fi
}

# Starts a server and waits until it says that it is ready.
serve() {
  local name=$1
  "$program" serve "$name.toml" --state "$name.state" --json >"$name.out" 2>"$name.err" &
  echo $! >>started
  for _ in $(seq 200); do
    grep -q '"listening"' "$name.out" && return 0
    sleep 0.05
  done
  cat "$name.err"
  return 1
}

cat >authority.toml <<'TOML'
[listen]
https = ["127.0.0.2:443"]

[[site."ca.lan".route]]
path  = "/acme/*"
issue = { names = ["*.lan"], lifetime = "30d" }
TOML

cat >other.toml <<'TOML'
[listen]
http  = ["127.0.0.4:80"]
https = ["127.0.0.4:443"]

[tls]
issuer = "acme"

[tls.acme]
directory = "https://ca.lan/acme/directory"
ca        = "root.pem"
agree     = true

[[site."other.lan".route]]
respond = "from the other\n"
TOML

run_certbot() {
  REQUESTS_CA_BUNDLE="$folder/root.pem" certbot "$@" --non-interactive --config-dir "$folder/certbot/config" \
    --work-dir "$folder/certbot/work" --logs-dir "$folder/certbot/logs"
}
obtain() {
  run_certbot certonly --standalone --http-01-address 127.0.0.3 --server https://ca.lan/acme/directory \
    --agree-tos --register-unsafely-without-email "$@"
}
live=certbot/config/live

verified() { openssl verify -CAfile root.pem -untrusted "$live/$1/chain.pem" "$live/$1/cert.pem"; }
names_both() {
  local text
  text=$(openssl x509 -in "$live/both/cert.pem" -noout -ext subjectAltName) || return 1
  [[ $text == *DNS:printer.lan* && $text == *DNS:scanner.lan* ]] || { echo "$text"; return 1; }
}
renewed() {
  local before
  before=$(openssl x509 -in "$live/printer.lan/cert.pem" -noout -serial)
  run_certbot renew --force-renewal --no-random-sleep-on-renew --cert-name printer.lan || return 1
  [ "$before" != "$(openssl x509 -in "$live/printer.lan/cert.pem" -noout -serial)" ]
}
revoked() { run_certbot revoke --cert-name printer.lan --no-delete-after-revoke; }
refused() {
  if obtain -d printer.example; then
    echo "a certificate for a name that is not ours to give"
    return 1
  fi
  # Refused by the authority, not failed on the way to it.
  grep -qE 'rejectedIdentifier|policy|not issue' certbot/logs/letsencrypt.log
}
unproven() {
  # Nobody answers at this name's address: certbot listens at another.
  if obtain -d ghost.lan; then
    echo "a certificate without proof"
    return 1
  fi
}
own_client() {
  serve other || return 1
  local answer
  for _ in $(seq 100); do
    answer=$(curl -sS --noproxy '*' --cacert root.pem https://other.lan/ 2>&1)
    [ "$answer" = "from the other" ] && return 0
    sleep 0.2
  done
  echo "$answer"
  cat other.err
  return 1
}

check "the authority serves" serve authority
"$program" ca export --state authority.state >root.pem
check "certificate for one name" obtain -d printer.lan
check "it is trusted" verified printer.lan
check "certificate for two names" obtain --cert-name both -d printer.lan -d scanner.lan
check "both names are in it" names_both
check "renewed" renewed
check "revoked" revoked
check "a name outside the rule is refused" refused
check "a name without proof is refused" unproven
check "Edgeway's own client gets one too" own_client
