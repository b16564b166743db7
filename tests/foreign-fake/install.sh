#!/bin/sh
# Installs the fake into a virtual environment beside this script.
set -eu
cd "$(dirname "$0")"
"${PYTHON:-python3}" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
