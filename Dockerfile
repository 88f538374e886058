# syntax=docker/dockerfile:1
# Clew in a container: docker build -t clew . && docker run -p 127.0.0.1:4300:4300 -p 127.0.0.1:4317:4317 -p 127.0.0.1:4318:4318 -v clew:/var/lib/clew clew
# A demo instead: docker run -p 127.0.0.1:4300:4300 clew demo
# Without a container engine tests/image checks the same content.

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package clew && docker/stage-image target/release/clew /image

# Of the same Debian as the builder: glibc, libgcc, certificates, no shell. Its user nonroot has the ID 65532.
FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /image/usr /usr
COPY --from=build --chown=65532:65532 /image/var/lib/clew /var/lib/clew
USER 65532:65532

# In a container loopback reaches nobody, and an address beyond it asks for a decision about authentication. This is the
# image's: none, so publish the ports to loopback, or put a proxy that authenticates before them. The server says so when
# it starts.
ENV CLEW_AUTH__MODE=none
ENV CLEW_STORAGE__DIR=/var/lib/clew
ENV CLEW_SERVER__HTTP=0.0.0.0:4300
ENV CLEW_SERVER__OTLP_GRPC=0.0.0.0:4317
ENV CLEW_SERVER__OTLP_HTTP=0.0.0.0:4318
EXPOSE 4300 4317 4318
VOLUME /var/lib/clew

HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/local/bin/clew", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/clew"]
CMD ["serve"]
