# The image of every part of a city: one program, `hutong`, and nothing beside it that a container needs.
#
#   docker build -t hutong .
#   docker build -t hutong --build-arg PROGRAM=prebuilt .     # takes ./hutong instead of compiling
#
# With SOURCE_DATE_EPOCH and REVISION given, the same sources make the same labels.
ARG BUILD_IMAGE=rust:1.95-slim-bookworm
ARG BASE_IMAGE=debian:bookworm-slim
ARG PROGRAM=build

FROM ${BUILD_IMAGE} AS compiled
WORKDIR /source
COPY . .
# Paths of the machine that builds have no place in the program.
ENV CARGO_INCREMENTAL=0 RUSTFLAGS="--remap-path-prefix=/source=."
RUN scripts/setup compiler && cargo build --release --locked -p hutong

FROM scratch AS program-build
COPY --from=compiled /source/target/release/hutong /hutong

FROM scratch AS program-prebuilt
COPY hutong /hutong

FROM program-${PROGRAM} AS program

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE_DATE=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="hutong" \
      org.opencontainers.image.description="A ledger of record for the agencies of a city" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${SOURCE_DATE}"
COPY --from=program --chmod=0755 /hutong /usr/local/bin/hutong
# What a service keeps; a fresh volume here belongs to the user below.
RUN if [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then apt-get update \
      && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*; fi
RUN install -d -o 65532 -g 65532 -m 0750 /var/lib/hutong
# The program needs neither a shell nor a name for its user.
USER 65532:65532
WORKDIR /var/lib/hutong
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=6 CMD ["hutong", "health"]
ENTRYPOINT ["hutong"]
