#!/usr/bin/python3
"""kmc_memory.py PID KEY.pem...: whether the memory of a process has the octets of
a private key in it: primes of RSA, the scalar of EC, as octets either way round
(big numbers of OpenSSL are words, the least first). Prints what it found."""
import re
import subprocess
import sys


def secrets(path):
    text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], check=True, capture_output=True, text=True).stdout
    for name in ("prime1", "prime2", "privateExponent", "priv"):
        found = re.search(rf"^{name}:\n((?: +[0-9a-f:]+\n)+)", text, re.M)
        if found:
            octets = bytes.fromhex(re.sub(r"[\s:]", "", found.group(1))).lstrip(b"\0")
            yield name, octets[:24]
            yield name + " reversed", octets[::-1][:24]


def search(pid, wanted):
    """The places of what was found, and how many octets were read."""
    total, found = 0, []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            low, high = (int(x, 16) for x in line.split()[0].split("-"))
            # The shadow that sanitizers keep is as large as all addresses.
            if line.split()[1][0] != "r" or "[v" in line or high - low > 1 << 32:
                continue
            at, tail = low, b""
            while at < high:
                try:
                    memory.seek(at)
                    part = memory.read(min(high - at, 1 << 24))
                except (OSError, ValueError, OverflowError):
                    break
                if not part:
                    break
                total += len(part)
                for path, name, octets in wanted:
                    if octets in tail + part:
                        found.append(f"{name} of {path} near {at:#x}: {line.strip()}")
                at, tail = at + len(part), part[-64:]
    return found, total


def main():
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
