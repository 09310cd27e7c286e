#!/usr/bin/python3
"""kmc_memory.py PID|FILE KEY.pem...: whether the memory of a process, or a core
file, has the octets of a private key in it: all secret numbers of RSA, the scalar
of EC, as octets either way round (big numbers of OpenSSL are words, the least
first; PKCS #8 has them the other way). Prints what it found.
kmc_memory.py --snapshot FILE PID: what a core file of this moment would have; the
process stands still meanwhile."""
import os
import re
import signal
import subprocess
import sys


def secrets(path):
    text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], check=True, capture_output=True, text=True).stdout
    for name in ("prime1", "prime2", "privateExponent", "exponent1", "exponent2", "coefficient", "priv"):
        found = re.search(rf"^{name}:\n((?: +[0-9a-f:]+\n)+)", text, re.M)
        if found:
            octets = bytes.fromhex(re.sub(r"[\s:]", "", found.group(1))).lstrip(b"\0")
            yield name, octets[:24]
            yield name + " reversed", octets[::-1][:24]


def parts_of(pid):
    """(address, what it is, octets), a part of memory at a time."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            low, high = (int(x, 16) for x in line.split()[0].split("-"))
            # The shadow that sanitizers keep is as large as all addresses.
            if line.split()[1][0] != "r" or "[v" in line or high - low > 1 << 32:
                continue
            at = low
            while at < high:
                try:
                    memory.seek(at)
                    part = memory.read(min(high - at, 1 << 24))
                except (OSError, ValueError, OverflowError):
                    break
                if not part:
                    break
                yield at, line.strip(), part
                at += len(part)


def parts_of_file(path):
    at = 0
    with open(path, "rb") as file:
        while part := file.read(1 << 24):
            yield at, path, part
            at += len(part)


def search(where, wanted):
    """The places of what was found, and how many octets were read."""
    total, found, tail, end = 0, [], b"", 0
    for at, what, part in parts_of(where) if where == "self" or where.isdigit() else parts_of_file(where):
        both = (tail if at == end else b"") + part
        found += [f"{name} of {path} near {at:#x}: {what}" for path, name, octets in wanted if octets in both]
        total, tail, end = total + len(part), part[-64:], at + len(part)
    return found, total


def snapshot(path, pid):
    os.kill(int(pid), signal.SIGSTOP)
    try:
        with open(path, "wb") as out:
            for _, _, part in parts_of(pid):
                out.write(part)
    finally:
        os.kill(int(pid), signal.SIGCONT)


def main():
    if sys.argv[1] == "--snapshot":
        return snapshot(*sys.argv[2:4])
    pid, files = sys.argv[1], sys.argv[2:]
    wanted = [(path, name, octets) for path in files for name, octets in secrets(path)]
    # We have them ourselves: who finds nothing here does not search.
    assert wanted and search("self", wanted)[0]
    found, total = search(pid, wanted)
    for line in found:
        print(line)
    print(f"{total >> 20} MiB searched", file=sys.stderr)
    assert total > 1 << 20


main()
