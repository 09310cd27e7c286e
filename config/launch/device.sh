# ./signet device: simulated USB keys, one folder each (tests/sim/usbkey.c).
# Programs find the one that is plugged in by SIGNET_USBKEY=DIR/usbkeys/plugged.

launch_device() {
    keys=$STATE/usbkeys
    verb=${1:-}
    [ $# -eq 0 ] || shift
    case $verb in
    new) device_new "$@" ;;
    plug) device_plug "$@" ;;
    unplug) rm -f "$keys/plugged" ;;
    list) device_list ;;
    *) stop_with 'device wants new SERIAL, plug SERIAL, unplug or list' ;;
    esac
}

device_check() {
    case ${1:-} in
    '' | *[!A-Z0-9-]* | -*) stop_with 'a device has a serial number of A-Z, 0-9 and -' ;;
    esac
    [ ${#1} -le 16 ] || stop_with 'a serial number has at most 16 characters'
}

# As it comes from the factory: with the PINs that are printed on every box.
device_new() {
    device_check "${1:-}"
    [ ! -e "$keys/$1" ] || stop_with "there is a device $1 already"
    mkdir -p "$keys/$1/token"
    chmod 700 "$keys/$1"
    cat >"$keys/$1/softhsm2.conf" <<CONF
directories.tokendir = $keys/$1/token
objectstore.backend = file
log.level = ERROR
CONF
    SOFTHSM2_CONF=$keys/$1/softhsm2.conf softhsm2-util --init-token --free --label "USBKEY $1" \
        --so-pin 87654321 --pin 12345678 >/dev/null
    # Last: without it there is no device.
    echo "$1" >"$keys/$1/serial"
    say "device $1 is in $keys/$1; user PIN 12345678, administrator PIN 87654321"
}

device_plug() {
    device_check "${1:-}"
    [ -f "$keys/$1/serial" ] || stop_with "there is no device $1: ./signet device new $1"
    ln -sfn "$1" "$keys/plugged"
}

device_list() {
    for device in "$keys"/*/serial; do
        [ -f "$device" ] || continue
        name=$(cat "$device")
        case $device in */plugged/*) continue ;; esac
        if [ "$(readlink "$keys/plugged" 2>/dev/null)" = "$name" ]; then echo "$name plugged"; else echo "$name"; fi
    done
}
