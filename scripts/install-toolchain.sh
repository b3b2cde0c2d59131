#!/usr/bin/env bash
# Installs what a build needs beside Rust: a C compiler and linker (for ring), and make itself on a bare machine.
set -euo pipefail
if ! command -v cargo >/dev/null 2>&1; then
  echo "Rust is missing: install it from https://rustup.rs and run this again." >&2
  exit 1
fi
if command -v cc >/dev/null 2>&1; then
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "A C compiler is missing, and this machine has no apt-get: install gcc or clang and run this again." >&2
  exit 1
fi
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
as_root apt-get update -qq
as_root apt-get install -y -qq gcc libc6-dev
