# The emulator as a container: one static program in an empty image.
#
#   docker build -t acspass .
#   docker run --rm -p 8485:8485 -p 8486:8486 acspass

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
# The C library is linked statically. With --target, build scripts and procedural macros are not.
RUN host=$(rustc -vV | sed -n 's/^host: //p') \
 && RUSTFLAGS='-C target-feature=+crt-static' \
    cargo build --release --locked --bin acspass --target "$host" \
 && mkdir -p /image/etc/ssl/certs /image/tmp /state \
 && chmod 1777 /image/tmp \
 && cp "target/$host/release/acspass" /image/ \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/

FROM scratch
# The files with the system's certificates are for the bundle of `emulator env`.
COPY --from=build /image/ /
COPY --from=build --chown=65532:65532 /state /state
# The certificate authority of the emulator: a volume here keeps it.
ENV ACSPASS_STATE_DIR=/state ACSPASS_CONFIG_DIR=/state
USER 65532:65532
EXPOSE 8486 8485
HEALTHCHECK --interval=2s --timeout=3s --retries=5 CMD ["/acspass", "emulator", "healthcheck"]
ENTRYPOINT ["/acspass", "emulator", "--listen", "0.0.0.0"]
# The names by which other containers reach it. Options after the image's name replace them.
CMD ["--host-name", "acspass", "--host-name", "host.docker.internal"]
