# The credential store. Built from the top folder of the checkout:
#   docker build --file envoy/docker-compose/store.Dockerfile --tag latchkey-store:0.1.0 .
ARG BUILD_IMAGE=rust:1.95.0-slim-bookworm
ARG BASE_IMAGE=debian:12.11-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY tests tests
RUN cargo build --release --locked --package latchkey-store \
    && mkdir /empty \
    && install -D --strip target/release/latchkey-store /rootfs/usr/local/bin/latchkey-store \
    && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ca-certificates.crt

FROM ${BASE_IMAGE}
COPY --from=build /rootfs /
COPY --from=build --chown=65532:65532 /empty /var/lib/latchkey
ENV LATCHKEY_DATABASE_URL=sqlite:/var/lib/latchkey/store.db
VOLUME /var/lib/latchkey
EXPOSE 8480
# Nobody, and nothing but the database's folder is written to: it runs with a read-only file system.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/latchkey-store"]
CMD ["serve", "--listen", "0.0.0.0:8480"]
