# The filter as an image for Istio and Envoy Gateway. The folder that is built from holds latchkey.wasm:
#   docker build --file envoy/docker-compose/filter.Dockerfile --tag latchkey-filter:0.1.0 dist
FROM scratch
COPY latchkey.wasm /plugin.wasm
