#!/usr/bin/env bash
# Lets Schemathesis loose on a running server, as two people and as an administrator.
# Environment: SEED (default 1), SECONDS_EACH (default 45), REPORTS (a directory, default none).
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

venv=.venv/schemathesis
requirements=tests/schemathesis/requirements.txt
if ! cmp -s "$requirements" "$venv/installed.txt"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$requirements"
    cp "$requirements" "$venv/installed.txt"
fi
"$venv/bin/openapi-spec-validator" docs/openapi.json

binary=$PWD/${BINARY:-target/debug/lionrocket}
home=$(mktemp -d)
server=
finish() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$home"
}
trap finish EXIT

export DATABASE_URL="sqlite:///$home/test.db" RATE_LIMIT=off DEMO_DELAY_MS=0 LANGUAGE_MODEL=demo
export ROOT=$root SCHEMATHESIS_HOOKS=hooks PYTHONPATH=$PWD/tests/schemathesis PYTHONDONTWRITEBYTECODE=1
password='cobalt lighthouse 417'

# Each role has a server of its own, so that neither finds what the other left.
serve() {
    rm -rf "$home"/* "$home"/.schemathesis
    : >"$home/log"
    (cd "$home" && exec env PORT=0 "$binary" serve) >"$home/log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        base=$(sed -nE 's/.*listens on (http:\/\/[^ "]+).*/\1/p' "$home/log")
        [[ -n $base ]] && break
        sleep 0.1
    done
    [[ -n $base ]] || { cat "$home/log"; exit 1; }
    for name in first second; do
        "$binary" user create --username "$name" --email "$name@example.com" --password-stdin <<<"$password" >/dev/null
    done
    "$binary" user create --admin --username admin --email admin@example.com --password-stdin <<<"$password" >/dev/null
}

stop() {
    kill "$server"
    wait "$server" || true
    server=
    if grep -E 'panicked| ERROR lionrocket' "$home/log"; then
        echo "the server's log has errors" >&2
        exit 1
    fi
}

for role in users admin; do
    serve
    report=()
    [[ -n ${REPORTS:-} ]] && report=(--report junit --report-junit-path "$REPORTS/$role.xml")
    echo "--- as $role"
    # Its cache stays with the server, so that every run begins anew.
    (cd "$home" && "$root/$venv/bin/st" --config-file "$root/tests/schemathesis/$role.toml" run "$base/openapi.json" \
        --checks all --phases examples,coverage,fuzzing,stateful --max-examples 50 \
        --max-time "${SECONDS_EACH:-45}" --seed "${SEED:-1}" --no-color --warnings off \
        "${report[@]}") || { sed -n '/WARN\|ERROR/p' "$home/log" | tail -20; exit 1; }
    stop
done
