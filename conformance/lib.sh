# What the suites share. Sourced by run, which sets here, root and work.
# shellcheck shell=bash disable=SC2034,SC2154

passed=0
failed=0
server=
points=(ES0021000000000001RK ES0022000000000001FB ES0031000000000001BJ ES0026000000000001YV ES0021000000000002RE ES0022000000000002FN)

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

# Interpreters and modules are kept between runs, outside the work tree.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gridtie-conformance

# python_with REQUIREMENTS: sets python to an interpreter that has what the file of that name lists.
python_with() {
  local venv=$cache/$1
  python=$venv/bin/python
  if ! cmp -s "$here/$1" "$venv/installed"; then
    rm -rf "$venv"
    mkdir -p "$cache"
    python3 -m venv "$venv" || stop "python3 -m venv does not work: install the package python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/$1" || stop "installing $1 with pip went wrong"
    cp "$here/$1" "$venv/installed"
  fi
}

# node_modules: sets modules to a folder that has what clients/package-lock.json lists.
node_modules() {
  local kept=$cache/node
  modules=$kept/node_modules
  if ! cmp -s "$here/clients/package-lock.json" "$kept/installed"; then
    rm -rf "$kept"
    mkdir -p "$kept"
    cp "$here/clients/package.json" "$here/clients/package-lock.json" "$kept"
    (cd "$kept" && npm ci --silent --no-audit --no-fund) || stop "npm ci in clients went wrong"
    cp "$here/clients/package-lock.json" "$kept/installed"
  fi
}

# answering_chains FOLDER: the chains that are shipped, and what asks them something is told its method and parameters.
answering_chains() {
  mkdir "$1"
  cp "$root"/chains/*.json "$1"
  python3 - "$1/root.json" <<'END'
import json, sys
with open(sys.argv[1]) as f:
    chain = json.load(f)
chain["metadata"]["nodes"] += [
    {"id": "say-back", "type": "transform.expr", "configuration": {"data": '{"asked": msg.method, "with": msg.params}'}},
    {"id": "reply", "type": "action.rpc-reply"},
]
chain["metadata"]["connections"] += [
    {"from": "by-type", "to": "say-back", "type": "RPC Request from Device"},
    {"from": "say-back", "to": "reply", "type": "Success"},
]
with open(sys.argv[1], "w") as f:
    json.dump(chain, f)
END
}

start_server() {
  data=$(mktemp -d "$work/data.XXXX")/data
  "$work/gridtie" serve --data "$data" --mqtt 127.0.0.1:0 --http 127.0.0.1:0 --coap 127.0.0.1:0 --coaps 127.0.0.1:0 --admin off --chains "$work/chains" --log-format json >"$data.out" 2>"$data.log" &
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
  http=http://$(json http <"$data/addresses.json")
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
  for s in "$secret" 000712 "${points[@]}"; do
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

# masked: standard input without keys, secrets and whole supply points; a token is twenty letters and digits, or the
# name of its meter. What was only just made up for a test is still not to be seen in anybody's log.
masked() {
  sed -E -e 's/ES[0-9]{16,20}[A-Z]{2}/ES***/g' -e 's/000712/***/g' -e 's/token-of-[a-z0-9-]+/***/g' \
    -e 's/(^|[^A-Za-z0-9])[A-Za-z0-9]{20,}/\1***/g'
}

# check WHAT GOT WANT
check() {
  if [ "$2" == "$3" ]; then
    passed=$((passed + 1))
    printf '  PASS  %s\n' "$1"
  else
    failed=$((failed + 1))
    printf '  FAIL  %s: got %q, want %q\n' "$1" "$2" "$3" | masked
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

# task NAME CUPS: what clients/task.py says that a meter is told
task() {
  printf '{"host": "%s", "port": %s, "http": "%s", "name": "%s", "key": "%s", "secret": "%s", "supplierKey": "000712", "cups": "%s"}' \
    "$host" "$port" "$http" "$1" "$key" "$secret" "$2"
}

# round_trips LABEL NAME CUPS ANSWER COMMAND…: runs a meter that does what clients/task.py says, whatever it is made of,
# and its other side: an operator who sets an attribute and calls it. ANSWER is what the operator is to be told.
round_trips() {
  local label=$1 name=$2 cups=$3 want=$4 before=$failed
  shift 4
  local said=$work/said-$name answer code=0
  task "$name" "$cups" | "$@" >"$said" 2>"$said.err" &
  local meter=$!
  step() { sed -n "s/^$1 //p" "$said" | tail -n 1; }
  for _ in $(seq 300); do
    if [ -n "$(step ready)" ] || ! kill -0 "$meter" 2>/dev/null; then break; fi
    sleep 0.1
  done
  answer='not called'
  if [ -n "$(step ready)" ]; then
    # Who polls hears only of what comes while a poll waits: it is set until it is heard.
    local i
    for i in $(seq 100); do
      gridtie devices set-attributes "$name" "tariff=$i" >/dev/null
      sleep 0.1
      [ -z "$(step pushed)" ] || break
    done
    gridtie devices rpc "$name" hello --one-way >/dev/null || true
    answer=$(gridtie devices rpc "$name" read '{"register": 7}' 2>&1) || true
  fi
  wait "$meter" || code=$?
  check "$label: provisioned" "$(step provisioned)" '"SUCCESS"'
  check "$label: attached, as it reads" "$(step read | json shared.attachment.outcome 2>&1 | tail -n 1)" ATTACHED
  check "$label: attached, as the server sees it" "$(outcome "$name" 2>&1)" ATTACHED
  check "$label: asks the chains" "$(step replied)" '{"asked":"read","with":{"register":7}}'
  check "$label: takes a one-way call" "$(step greeted)" true
  check_like "$label: is called" "$(step called)" '\{("id":[0-9]+,)?"method":"read","params":\{"register":7\}\}'
  check "$label: and answers" "$answer" "$want"
  check_like "$label: hears of a shared attribute" "$(step pushed)" '\{"tariff":[0-9]+\}'
  check "$label: ends well" "$code $(step "done")" '0 true'
  [ "$failed" = "$before" ] || { printf '    what it sent and got:\n'; sed 's/^/    /' "$said" "$said.err"; } | masked
}

# What most meters answer to a call.
said_back='{"asked":"read","with":{"register":7}}'
