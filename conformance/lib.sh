# What the suites share. Sourced by run, which sets here, root and work.
# shellcheck shell=bash disable=SC2034,SC2154

passed=0
failed=0
server=

stop() { printf 'conformance: %s\n' "$*" >&2; exit 2; }

# need COMMAND PACKAGE: the command is there, or its Debian package gets installed, or we say what is missing.
need() {
  command -v "$1" >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $2, for $1"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2"; } >"${TMPDIR:-/tmp}/conformance-apt.log" 2>&1 ||
      { cat "${TMPDIR:-/tmp}/conformance-apt.log" >&2; stop "installing $2 went wrong"; }
    command -v "$1" >/dev/null && return
  fi
  stop "$1 is missing: install the package $2 (Debian, Ubuntu) or what has it on this system"
}

# python_with_paho REQUIREMENTS: sets python to an interpreter that has them. Kept between runs, outside the work tree.
python_with_paho() {
  local venv="${XDG_CACHE_HOME:-$HOME/.cache}/gridtie-conformance"
  python=$venv/bin/python
  if ! cmp -s "$1" "$venv/requirements.txt"; then
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv "$venv" || stop "python3 -m venv does not work: install the package python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$1" || stop "installing $1 with pip went wrong"
    cp "$1" "$venv/requirements.txt"
  fi
}

start_server() {
  data=$(mktemp -d "$work/data.XXXX")/data
  "$work/gridtie" serve --data "$data" --mqtt 127.0.0.1:0 --http 127.0.0.1:0 --coap 127.0.0.1:0 --coaps 127.0.0.1:0 --admin off --log-format json >"$data.out" 2>"$data.log" &
  server=$!
  # The file of addresses appears when the listeners are open.
  for _ in $(seq 200); do
    [ -s "$data/addresses.json" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$data.log" >&2; stop "the server ended at its start"; }
    sleep 0.1
  done
  [ -s "$data/addresses.json" ] || { cat "$data.log" >&2; stop "the server opened no listener in 20 s"; }
  host=127.0.0.1
  port=$(json mqtt <"$data/addresses.json")
  port=${port##*:}
  coap=coap://$(json coap <"$data/addresses.json")
  coaps=coaps://$(json coaps <"$data/addresses.json")
  local shown
  shown=$(gridtie profiles show meters --reveal --json)
  key=$(json provisionDeviceKey <<<"$shown")
  secret=$(json provisionDeviceSecret <<<"$shown")
}

# stop_server also checks that a told server ends well, and that its log kept the secrets.
stop_server() {
  kill -TERM "$server"
  local code=0
  wait "$server" || code=$?
  server=
  check "SIGTERM ends the server with 0" "$code" 0
  local s n=0
  for s in "$secret" 000712 'ES0021000000000001RK' 'ES0022000000000001FB'; do
    n=$((n + $(cat "$data.log" "$data.out" | grep -cF -e "$s" || true)))
  done
  check "no secret, key or CUPS in its log" "$n" 0
}

# finish leaves nothing running, and shows the server's log when something went wrong.
finish() {
  local code=$?
  if [ -n "$server" ]; then
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if [ "$code" -ne 0 ] && [ -n "${data:-}" ] && [ -f "$data.log" ]; then
    echo "the server's last lines:" >&2
    tail -n 20 "$data.log" >&2
  fi
  rm -rf "$work"
}

gridtie() { "$work/gridtie" "$@" --data "$data"; }

# json PATH: the value at a path like attachment.evidence.node of the JSON on standard input; nothing if it is not there.
json() {
  python3 -c '
import json, sys
v = json.load(sys.stdin)
for name in sys.argv[1].split("."):
    v = v.get(name) if isinstance(v, dict) else None
print("" if v is None else v if isinstance(v, str) else json.dumps(v))' "$1"
}

# check WHAT GOT WANT
check() {
  if [ "$2" == "$3" ]; then
    passed=$((passed + 1))
    printf '  PASS  %s\n' "$1"
  else
    failed=$((failed + 1))
    printf '  FAIL  %s: got %q, want %q\n' "$1" "$2" "$3"
  fi
}

# check_like WHAT GOT PATTERN, the pattern being an extended regular expression for the whole text
check_like() {
  if [[ "$2" =~ ^($3)$ ]]; then check "$1" "$2" "$2"; else check "$1" "$2" "$3"; fi
}

# supplier ID KEY: a supplier with this key. Leaves the key's id in key_id.
supplier() {
  gridtie suppliers add "$1" --json >/dev/null
  key_id=$(printf '%s' "$2" | gridtie suppliers add-key "$1" --key-file - --json | json id)
}

# pub USER TOPIC MESSAGE: mosquitto_pub with QoS 1, so that it returns when the message's fate is on disk.
pub() {
  mosquitto_pub -q 1 -h "$host" -p "$port" -u "$1" -t "$2" -m "$3" || stop "mosquitto_pub to $2 ended with $?"
}

# provision NAME TOKEN: as a device maker's shell script does it.
provision() {
  pub provision /provision/request "{\"deviceName\": \"$1\", \"provisionDeviceKey\": \"$key\", \"provisionDeviceSecret\": \"$secret\", \"credentialsType\": \"ACCESS_TOKEN\", \"token\": \"$2\"}"
}

# outcome NAME: the code of the device's last outcome
outcome() { gridtie devices show "$1" --json | json lastOutcome.code; }
