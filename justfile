# Entry points for people. Without an installed just: `npx -y rust-just@1.57.0 run` (or test, …).

set shell := ["bash", "-euo", "pipefail", "-c"]

# Lists the recipes.
default:
    @just --list

# Builds what is missing and runs the service on http://localhost:8000.
run: web-build
    cargo build --locked --profile quick -p lionrocket-server --bin lionrocket
    exec target/quick/lionrocket

# Runs every check and every test, quick ones first.
test: tools check web-check rust-test crash-test compose-check sdk-test api-test policy-test slow-clients-test browser-test
    @echo "All checks and tests passed."

# Checks form, lints, documentation, the dependency tree and spelling; runs no test.
check: tools supply-chain
    cargo fmt --all --check
    .venv/tools/bin/typos
    cargo clippy --locked --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

# Formats everything.
fmt:
    cargo fmt --all
    cd web && npm run --silent format

# Writes docs/openapi.json, docs/ERRORS.md and the typed client of the web application anew.
gen: web-install
    mkdir -p target/gen
    cargo run --locked --quiet -p lionrocket-http --example openapi > target/gen/openapi.json
    cargo run --locked --quiet -p lionrocket-http --example errors > target/gen/ERRORS.md
    cp target/gen/openapi.json target/gen/ERRORS.md docs/
    cd web && npm run --silent api

# Measures the service against bare baselines in one run, then the store by itself.
bench *arguments: web-build
    command -v wrk >/dev/null || scripts/apt-install wrk
    cargo build --locked --release -p lionrocket-server -p lionrocket-claude-sim -p lionrocket-bench
    # Ten thousand streams need as many files, here and in the server.
    ulimit -n "$(ulimit -H -n)" && target/release/lionrocket-bench {{ arguments }}
    cargo bench --locked -p lionrocket-sqlite-adapter

# Kills the server, cuts its power and fills its disk for as long as it takes to meet what is rare.
torture: (crash "quick" "1000" "200" "100")
    cargo run --locked --profile quick -p lionrocket-sim -- --seeds 10000 --turns 10000

# Installs the checkers that are no part of the Rust toolchain.
[private]
tools:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v cargo-nextest >/dev/null; then
        cargo install --locked cargo-nextest
    fi
    if ! python3 -c 'import ensurepip' 2>/dev/null; then
        scripts/apt-install python3-venv
    fi
    if ! cmp -s .ci/tools.txt .venv/tools/installed.txt; then
        python3 -m venv --clear .venv/tools
        .venv/tools/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .ci/tools.txt
        cp .ci/tools.txt .venv/tools/installed.txt
    fi
    if [[ ! -d tests/foreign-fake/.venv || tests/foreign-fake/requirements.txt -nt tests/foreign-fake/.venv ]]; then
        tests/foreign-fake/install.sh
        touch tests/foreign-fake/.venv
    fi

# Checks licences, bans, sources and known holes of all dependencies, without a network.
[private]
supply-chain:
    #!/usr/bin/env bash
    set -euo pipefail
    PATH="$PWD/.venv/tools/bin:$PATH"
    database=target/advisory-db/advisory-db-3157b0e258782691
    if [[ ! -d $database/.git || .ci/advisory-db.tar.xz -nt $database/.git ]]; then
        rm -rf "$database"
        mkdir -p "$database"
        tar xf .ci/advisory-db.tar.xz -C "$database"
        git -C "$database" init -q
        git -C "$database" add -A
        git -C "$database" -c user.name=snapshot -c user.email=snapshot@localhost -c commit.gpgsign=false commit -qm snapshot
    fi
    cargo metadata --locked --format-version 1 >/dev/null
    cargo deny --offline check --allow unused-wrapper
    cargo audit --db "$database" --no-fetch --stale --quiet

# Installs the packages of the web application.
[private]
web-install:
    #!/usr/bin/env bash
    set -euo pipefail
    cd web
    if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
        npm ci --ignore-scripts --no-audit --no-fund
        touch node_modules/.package-lock.json
    fi

# Builds the web application when a source is newer than the last build.
[private]
web-build: web-install
    #!/usr/bin/env bash
    set -euo pipefail
    cd web
    if [[ ! -e dist/index.html || -n $(find src public scripts *.html *.json *.ts -newer dist/index.html -print -quit) ]]; then
        npm run --silent build
    fi

# Lints, tests and builds the web application and holds it to its budgets.
[private]
web-check: web-install
    cd web && npm run --silent lint
    cd web && npm run --silent typecheck
    cd web && npm run --silent test
    cd web && npm run --silent build

# Builds all binaries and runs all Rust tests.
[private]
rust-test:
    cargo build --locked --workspace --bins
    cargo nextest run --locked --workspace
    cargo test --locked --workspace --doc --quiet

# Kills the server and cuts its power while people talk: nothing that was acknowledged may be lost.
[private]
crash-test: (crash "dev" "50" "20" "12")

[private]
crash profile kills cuts errors:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --locked --profile {{ profile }} -p lionrocket-server --bin lionrocket
    cargo build --locked --profile {{ profile }} -p lionrocket-crash
    binaries=target/{{ if profile == "dev" { "debug" } else { profile } }}
    # Where they cannot be installed, the checks that need them say so.
    if ! { command -v mkfs.xfs && command -v strace; } >/dev/null; then
        scripts/apt-install strace xfsprogs || true
    fi
    # Its mounts are its own: another program's namespace with a copy of one would keep a dead disk alive.
    crash="$binaries/lionrocket-crash --binaries $binaries"
    if unshare --mount true 2>/dev/null; then
        crash="unshare --mount $crash"
    fi
    $crash kill9 --cycles {{ kills }}
    $crash powercut --cycles {{ cuts }}
    $crash powercut --cycles 20 --without-syncs
    $crash eio --cycles {{ errors }}
    $crash diskfull --cycles 3

# Asks docker compose whether it understands deploy/compose.yaml. No container is started.
[private]
compose-check:
    #!/usr/bin/env bash
    set -euo pipefail
    if docker compose version >/dev/null 2>&1; then
        compose=(docker compose)
    else
        if ! command -v docker-compose >/dev/null; then
            scripts/apt-install docker-compose
        fi
        compose=(docker-compose)
    fi
    # A copy, with the file of secrets that an operator would have written.
    rm -rf target/compose-check
    cp -r deploy target/compose-check
    cp .env.example target/compose-check/.env
    "${compose[@]}" --file target/compose-check/compose.yaml config --quiet

# Talks to the Claude simulator with the official library, in its old and its current line.
[private]
sdk-test:
    #!/usr/bin/env bash
    set -euo pipefail
    for line in 0 2; do
        requirements=tests/sdk/requirements-$line.txt
        venv=.venv/sdk$line
        if ! cmp -s "$requirements" "$venv/installed.txt"; then
            python3 -m venv --clear "$venv"
            "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
            cp "$requirements" "$venv/installed.txt"
        fi
        "$venv/bin/pytest" --quiet tests/sdk
    done

# Lets Schemathesis loose on the real server, as two people and as an administrator.
[private]
api-test:
    cargo build --locked -p lionrocket-server --bin lionrocket
    tests/schemathesis/run.sh

# Looks for holes in the content security policies that the real server sends.
[private]
policy-test:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --locked -p lionrocket-server --bin lionrocket
    cd tests/csp
    if ! cmp -s package-lock.json node_modules/installed.json; then
        npm ci --ignore-scripts --no-audit --no-fund --silent
        cp package-lock.json node_modules/installed.json
    fi
    node check.mjs

# Uses the real server while hundreds of slow connections try to keep others out.
[private]
slow-clients-test:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v slowhttptest >/dev/null; then
        scripts/apt-install slowhttptest
    fi
    cargo build --locked -p lionrocket-server --bin lionrocket
    tests/slow-clients/run.py

# Drives the built web application on the real server in a headless browser.
[private]
browser-test: web-build
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v chromium >/dev/null; then
        scripts/apt-install chromium
    fi
    cd web
    npm run --silent e2e
