# What the parts of the launcher share. SOURCE and STATE are absolute.

BUILD=${SIGNET_BUILD:-$SOURCE/build/release}
PROGRAMS=$BUILD/bin
POSTGRES=/usr/lib/postgresql/15/bin
OWNER=signet # the unprivileged user that services run as when root starts them

stop_with() {
    echo "signet: $*" >&2
    exit 1
}

say() { echo "signet: $*"; }

# Runs a command as the user that owns the state: OWNER for root, else us.
as_owner() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid="$OWNER" --regid="$OWNER" --clear-groups -- "$@"
    else
        "$@"
    fi
}

need_state() {
    [ -f "$STATE/complete" ] || stop_with "there is no state in $STATE: ./signet up --state $STATE"
    SOFTHSM2_CONF=$STATE/softhsm2.conf
    export SOFTHSM2_CONF
}

# The program, on this state if there is one.
program() {
    if [ -f "$STATE/signet.conf" ]; then
        SOFTHSM2_CONF=$STATE/softhsm2.conf
        export SOFTHSM2_CONF
        "$PROGRAMS/signet" --config "$STATE/signet.conf" "$@"
    else
        "$PROGRAMS/signet" "$@"
    fi
}

program_as_owner() {
    need_state
    as_owner "$PROGRAMS/signet" --config "$STATE/signet.conf" "$@"
}

# packages NAME...: installs those that are not there.
packages() {
    missing=
    for package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    sudo=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || stop_with "these packages are missing and only root can install them:$missing"
        sudo=sudo
    fi
    say "installing$missing"
    # shellcheck disable=SC2086
    {
        $sudo apt-get update -q >/dev/null
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null
    } || stop_with 'the packages could not be installed; correct that and start again'
}

BUILD_PACKAGES='gcc libc6-dev cmake ninja-build pkg-config libssl-dev libpq-dev libevent-dev libxml2-dev
    libp11-kit-dev libjansson-dev libcurl4-openssl-dev libpango1.0-dev libqrencode-dev libleptonica-dev libzbar-dev libseccomp-dev zlib1g-dev'
RUN_PACKAGES='fonts-noto-cjk softhsm2 postgresql-15 openssl curl acl util-linux poppler-utils python3'

build_release() {
    [ -z "${SIGNET_BUILD:-}" ] || return 0 # a test brings its own
    log=$SOURCE/build/release.log
    mkdir -p "$SOURCE/build"
    if ! { cd "$SOURCE" && cmake --preset release && cmake --build build/release; } >"$log" 2>&1; then
        tail -30 "$log" >&2
        stop_with "the build failed; all of it is in $log"
    fi
}
