# ./signet test and ./signet bench.

TEST_PACKAGES='poppler-utils libzbar-dev libcmocka-dev clang clang-format libclang-rt-14-dev opensc gnutls-bin libnss3-tools
    default-jdk-headless postgresql-client-15 libxml2-utils python3 python3-yaml jq strace procps mandoc
    chromium'
BENCH_PACKAGES='nginx-light wrk valgrind jq libcmocka-dev opensc'

# Three trees: everything under address and undefined sanitizers; what has
# threads under the thread sanitizer; the parsers under libFuzzer. ctest runs
# all of them from the first.
launch_test() {
    # shellcheck disable=SC2086
    packages $BUILD_PACKAGES $RUN_PACKAGES $TEST_PACKAGES
    need_browser_modules
    . "$SOURCE/config/launch/up.sh"
    make_owner
    cd "$SOURCE"
    say 'building with address, undefined and thread sanitizers, and the fuzzers'
    for tree in thread fuzz sanitize; do
        mkdir -p "build/$tree"
        { cmake --preset "$tree" && cmake --build "build/$tree" --target "$(tree_target "$tree")"; } \
            >"build/$tree/log" 2>&1 || {
            tail -40 "build/$tree/log" >&2
            stop_with "the build failed; all of it is in build/$tree/log"
        }
    done
    let_everybody_read
    export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
    export UBSAN_OPTIONS=print_stacktrace=1
    exec ctest --test-dir build/sanitize --output-on-failure -j2 ${1:+-R "$1"}
}

# What drives the browser comes from npm, by tests/browser/package-lock.json. A
# Node.js from elsewhere brings npm along; Debian's package would not go with it.
need_browser_modules() {
    command -v npm >/dev/null || packages nodejs npm
    modules=$SOURCE/tests/browser/node_modules
    [ "$modules/.package-lock.json" -nt "$SOURCE/tests/browser/package-lock.json" ] ||
        (cd "$SOURCE/tests/browser" && npm ci --silent --no-audit --no-fund) ||
        stop_with 'npm could not fetch what the browser tests need'
}

tree_target() {
    case $1 in thread) echo thread_tests ;; fuzz) echo fuzz_tests ;; *) echo all ;; esac
}

# Services under test run as OWNER.
let_everybody_read() {
    [ "$(id -u)" = 0 ] || return 0
    let_owner_reach "$SOURCE/build/sanitize/bin"
    let_owner_reach "$SOURCE/config"
}

launch_bench() {
    name=${1:-}
    case $name in hsm | issue | keys | ocsp) ;; *) stop_with 'bench wants hsm, issue, keys or ocsp' ;; esac
    shift
    # shellcheck disable=SC2086
    packages $BUILD_PACKAGES $RUN_PACKAGES $BENCH_PACKAGES
    build_release
    exec sh "$SOURCE/tests/bench/$name.sh" "$@"
}
