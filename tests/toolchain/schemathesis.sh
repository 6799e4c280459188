#!/usr/bin/env bash
# Install schemathesis into target/venv, for the test that holds docs/openapi.yaml against a running token endpoint.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

installed requirements-openapi || say schemathesis 'installing it into target/venv'
pip_install requirements-openapi
say schemathesis "$("$venv/bin/schemathesis" --version | sed 's/.*version //'), in target/venv"
