#!/usr/bin/env bash
# Builds the image of the Dockerfile, and runs the recipes of docs/guides/containers.md as the page has
# them. Beside CI, because it builds a release and needs root. A package that it cannot install fails it.
#
#   tests/containers/run.sh            every case
#   tests/containers/run.sh node       only the named ones: image, compose, node, python, workflow
#   ACSPASS_PROGRAM=FILE tests/containers/run.sh    with this static program instead of a release build
#
# A Docker engine of its own runs in a network namespace, which reaches nothing outside, so that other
# engines, bridges and packet filters of the machine do not change. Its images cannot be pulled: the base
# images are made of Debian's packages and of this machine's Rust. Its networks have addresses for
# documentation (RFC 5737).
#
# Nothing is written outside target/containers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/containers
page=docs/guides/containers.md
export DOCKER_HOST=unix://$work/docker.sock

say() { printf '    %s\n' "$*"; }
fail() { printf 'tests/containers/run.sh: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# --- what is needed -----------------------------------------------------------------------------
prepare() {
    [ "$(id -u)" = 0 ] || fail "run this as root: it starts a Docker engine"
    local packages=()
    has dockerd || packages+=(docker.io)
    has docker-compose || packages+=(docker-compose)
    has iptables || packages+=(iptables)
    has debootstrap || packages+=(debootstrap)
    has ip || packages+=(iproute2)
    has curl || packages+=(curl)
    has npm || packages+=(nodejs npm)
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || packages+=(python3-venv)
    if [ ${#packages[@]} -gt 0 ]; then
        has apt-get || fail "this is not Debian: install what gives ${packages[*]} there, then run this again"
        apt-get -q update
        DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${packages[@]}" ||
            fail "cannot install ${packages[*]}"
    fi
    mkdir -p "$work/app"
    if [ ! -e "$work/debian/usr/bin/gcc" ]; then
        rm -rf "$work/debian"
        debootstrap --variant=minbase --include=ca-certificates,curl,gcc,libc6-dev bookworm "$work/debian" \
            http://deb.debian.org/debian >"$work/debootstrap.log" || fail "see $work/debootstrap.log"
    fi
    cp "$here/package.json" "$work/app/"
    npm install --prefix "$work/app" --no-audit --no-fund --silent
    if [ "$(cat "$work/venv/.pins" 2>/dev/null)" != "$(cksum <"$here/requirements.txt")" ]; then
        rm -rf "$work/venv"
        python3 -m venv "$work/venv"
        "$work/venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
        cksum <"$here/requirements.txt" >"$work/venv/.pins"
    fi
    [ -n "${ACSPASS_PROGRAM:-}" ] || cargo fetch --locked
}

# --- in the namespace ---------------------------------------------------------------------------
engine() {
    ip link set lo up
    dockerd --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/docker.pid" \
        --host "$DOCKER_HOST" --bip 192.0.2.1/25 --default-address-pool base=198.51.100.0/24,size=28 \
        >"$work/dockerd.log" 2>&1 &
    engine=$!
    trap finish EXIT
    for _ in $(seq 300); do
        docker info >/dev/null 2>&1 && return
        kill -0 "$engine" 2>/dev/null || break
        sleep 0.1
    done
    tail "$work/dockerd.log" >&2
    fail "the Docker engine does not start"
}

finish() {
    local left
    left=$(docker ps -aq 2>/dev/null || true)
    [ -z "$left" ] || docker rm -f $left >/dev/null
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
}

# The images that the Dockerfile and the page name.
base_images() {
    local sysroot
    if ! docker image inspect node:22 >/dev/null 2>&1; then
        tar -C "$work/debian" -c . | docker import - debian:bookworm >/dev/null
        mkdir -p "$work/node"
        cp "$(readlink -f "$work/app/node_modules/.bin/node")" "$work/node/node"
        printf 'FROM debian:bookworm\nCOPY node /usr/local/bin/\n' >"$work/node/Dockerfile"
        build -t node:22 "$work/node"
    fi
    if [ -z "${ACSPASS_PROGRAM:-}" ] && ! docker image inspect rust:1-bookworm >/dev/null 2>&1; then
        sysroot=$(rustc --print sysroot)
        mkdir -p "$work/debian/opt/rust" "$work/debian/opt/cargo/registry"
        # These mounts exist in this namespace only.
        mount --bind "$sysroot" "$work/debian/opt/rust"
        mount --bind "${CARGO_HOME:-$HOME/.cargo}/registry" "$work/debian/opt/cargo/registry"
        tar -C "$work/debian" -c --exclude=./opt/rust/share . |
            docker import -c "ENV PATH=/opt/rust/bin:/usr/bin:/bin CARGO_HOME=/opt/cargo CARGO_NET_OFFLINE=true" \
                - rust:1-bookworm >/dev/null
        umount "$work/debian/opt/rust" "$work/debian/opt/cargo/registry"
    fi
}

# Builds with the classic builder, which needs no images of its own.
build() { DOCKER_BUILDKIT=0 docker build -q "$@" >/dev/null 2>"$work/build.log" || { cat "$work/build.log" >&2; fail "docker build $*"; }; }

# The image, from the Dockerfile; with a given program, from its last stage.
image() {
    if [ -z "${ACSPASS_PROGRAM:-}" ]; then
        build -t acspass .
        return
    fi
    local tree=$work/image
    rm -rf "$tree"
    mkdir -p "$tree/image/etc/ssl/certs" "$tree/image/tmp" "$tree/state"
    chmod 1777 "$tree/image/tmp"
    cp "$ACSPASS_PROGRAM" "$tree/image/acspass"
    cp "$work/debian/etc/ssl/certs/ca-certificates.crt" "$tree/image/etc/ssl/certs/"
    sed -n '/^FROM scratch/,$p' Dockerfile | sed 's, --from=build,,; s, /image/, image/,; s, /state , state ,' >"$tree/Dockerfile"
    build -t acspass "$tree"
}

# The block of code of this language on the page.
block() { awk -v start="\`\`\`$1" -v nth="${2:-1}" '/^```/ && on {exit} on {print} $0==start && ++n==nth {on=1}' "$page"; }

healthy() {
    for _ in $(seq 100); do
        [ "$(docker inspect -f '{{.State.Health.Status}}' "$1")" = healthy ] && return
        sleep 0.1
    done
    docker logs "$1" >&2
    fail "the container is not healthy"
}

# --- the cases ----------------------------------------------------------------------------------
case_image() {
    docker run -d --name default -p 18485:8485 -p 18486:8486 acspass >/dev/null
    healthy default
    docker exec default /acspass emulator healthcheck
    docker logs default 2>&1 | grep -q '^warning: with --listen 0.0.0.0, every machine' || fail "it does not warn"
    [ "$(docker inspect -f '{{.Config.User}}' acspass)" = 65532:65532 ] || fail "it runs as root"
    curl -fsSo "$work/ca.pem" http://localhost:18485/_emulator/ca.pem
    local name
    for name in localhost acspass host.docker.internal; do
        curl -fsSo /dev/null --cacert "$work/ca.pem" --resolve "$name:18486:127.0.0.1" "https://$name:18486/"
    done
    [ "$(curl -so /dev/null -w '%{http_code}' -H 'Host: evil.test:18485' http://localhost:18485/)" = 421 ] ||
        fail "it answers to another name"
    docker stop -t 10 default >/dev/null
    [ "$(docker inspect -f '{{.State.ExitCode}}' default)" = 0 ] || fail "it does not stop at SIGTERM"
    docker rm default >/dev/null
    say "published at other ports: healthy, three names by https, another name 421, stops at SIGTERM"

    docker network create case >/dev/null
    docker run -d --name own-ports --network case --network-alias identity.test -v case-state:/state \
        -e ACSPASS_EMULATOR_URL=http://localhost acspass \
        --https-port 443 --http-port 80 --host-name identity.test >/dev/null
    healthy own-ports
    docker run --rm --network case node:22 sh -ec '
        curl -fsSo /ca.pem http://identity.test/_emulator/ca.pem
        curl -fsSo /dev/null --cacert /ca.pem https://identity.test/
        curl -fsS http://identity.test/_emulator/v1/info
        curl -fsS -X POST -H X-Acspass-Emulator:1 http://identity.test/_emulator/v1/reset' >"$work/info"
    grep -qF '"httpsUrl":"https://identity.test"' "$work/info" || fail "its addresses have ports: $(cat "$work/info")"
    docker rm -f own-ports >/dev/null
    docker volume rm case-state >/dev/null
    docker network rm case >/dev/null
    say "another container: ports 443 and 80, https by the service's name, the control API with its header"
    say "the image has $(docker image inspect -f '{{.Size}}' acspass | numfmt --to=iec) bytes"
}

case_compose() {
    block yaml 1 >"$work/app/compose.yaml"
    cat >"$work/app/app.mjs" <<'JS'
import { CommunicationIdentityClient } from "@azure/communication-identity";
const client = new CommunicationIdentityClient(process.env.COMMUNICATION_SERVICES_CONNECTION_STRING);
const { token } = await client.getToken(await client.createUser(), ["chat"]);
const metadata = `${process.env.AZURE_AUTHORITY_HOST}/organizations/v2.0/.well-known/openid-configuration`;
console.log(token.split(".").length, (await (await fetch(metadata)).json()).issuer);
JS
    docker-compose -f "$work/app/compose.yaml" -p recipe up --exit-code-from app >"$work/compose.log" 2>&1 ||
        { cat "$work/compose.log" >&2; fail "docker-compose up"; }
    grep -q '3 https://acspass:8486/{tenantid}/v2.0' "$work/compose.log" || { cat "$work/compose.log" >&2; fail "no token"; }
    docker-compose -f "$work/app/compose.yaml" -p recipe down >/dev/null 2>&1
    say "the SDK in the app's container: an identity and a token by https"
}

# Another image, which removes forgotten containers, cannot be pulled here.
export TESTCONTAINERS_RYUK_DISABLED=true
# On a machine that is a container itself, the libraries use the address of a gateway.
export TESTCONTAINERS_HOST_OVERRIDE=localhost TESTCONTAINERS_CONNECTION_MODE=docker_host

case_node() {
    block js >"$work/app/recipe.mjs"
    "$work/app/node_modules/.bin/node" "$work/app/recipe.mjs" | grep '^8:acs:' >/dev/null || fail "testcontainers for Node"
    say "testcontainers for Node: an identity"
}

case_python() {
    block python >"$work/recipe.py"
    "$work/venv/bin/python" "$work/recipe.py" 2>"$work/python.log" | grep '^8:acs:' >/dev/null ||
        { cat "$work/python.log" >&2; fail "testcontainers for Python"; }
    say "testcontainers for Python: an identity"
}

case_workflow() {
    block yaml 2 | "$work/venv/bin/python" -c '
import sys, yaml
job = yaml.safe_load(sys.stdin)["jobs"]["test"]
assert job["services"]["acspass"]["ports"] and all({"run", "uses"} & step.keys() for step in job["steps"]), job'
    say "the workflow is YAML of a job with a service; it was not run"
}

# --- which cases --------------------------------------------------------------------------------
all=(image compose node python workflow)
if [ "${1:-}" = --inside ]; then
    shift
    engine
    base_images
    image
    for case in "$@"; do
        printf '==> %s\n' "$case"
        "case_$case"
    done
    exit
fi
cases=("$@")
[ ${#cases[@]} -gt 0 ] || cases=("${all[@]}")
for case in "${cases[@]}"; do
    [[ " ${all[*]} " = *" $case "* ]] || fail "there is no case $case"
done
prepare
unshare -n -m --propagation private "$here/run.sh" --inside "${cases[@]}"
printf '==> all green\n'
