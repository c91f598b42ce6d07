#!/usr/bin/env bash
# Resolves the locks: `requirements/compile.sh [NAME...]`, all of them without a name. Locks hold hashes and no address.
# dev.lock resolves everything together and constrains every other lock: a package has one version in all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() { # NAME INPUT...
  local name=$1; shift
  echo "requirements/$name.lock" >&2
  UV_CUSTOM_COMPILE_COMMAND="make lock" ${UV:-uv} pip compile --quiet --universal --generate-hashes --python-version 3.11 \
    --no-emit-package locution-common --no-emit-package locution-speech --no-emit-package locution-protos \
    --constraints requirements/constraints.in \
    "$@" --output-file "requirements/$name.lock"
}

together=(--constraints requirements/dev.lock)
ours=(requirements/protos.in requirements/common.in)
for name in ${@:-dev gateway registry asr diarizer client fuzz build asr-cuda}; do
  case $name in
    fuzz | build | asr-cuda) compile "$name" "${together[@]}" "requirements/$name.in" ;;
    client) compile client "${together[@]}" requirements/protos.in clients/python/pyproject.toml ;;
    dev) compile dev "${ours[@]}" services/{gateway,registry,asr,diarizer}/pyproject.toml clients/python/pyproject.toml \
      requirements/dev.in ;;
    *) compile "$name" "${together[@]}" "${ours[@]}" "services/$name/pyproject.toml" ;;
  esac
done
