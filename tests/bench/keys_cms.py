"""Times signet-key's and openssl's CMS in turns: keys_cms.py PROGRAM WORK ROUNDS CMS_MIB RSS_MIB."""
import os
import statistics
import subprocess
import sys

program, work = sys.argv[1:3]
rounds, cms_mib, rss_mib = map(int, sys.argv[3:6])


def path(name):
    return os.path.join(work, name)


def cost(*command):
    """CPU seconds and MiB of one program."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"bench: {command[:3]} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def ours(verb, *args):
    return cost(program, "--pin-file", path("pin"), verb, "--force", *args)


def same(one, other):
    if subprocess.run(["cmp", "-s", one, other]).returncode:
        sys.exit("bench: what was decrypted is not what was encrypted")


plain = path("plain")
subprocess.run(["openssl", "rand", "-out", plain, str(cms_mib << 20)], check=True)
to = ["--to", path("device.pem"), "--to", path("file.pem")]
encrypt, decrypt = [], []
for _ in range(rounds):
    a, _ = ours("encrypt", plain, "--out", path("ours.p7m"), *to)
    b, _ = cost("openssl", "cms", "-encrypt", "-stream", "-binary", "-aes-256-gcm", "-in", plain, "-outform", "DER", "-out",
                path("theirs.p7m"), path("device.pem"), path("file.pem"))
    encrypt.append(b / a)
    a, _ = ours("decrypt", path("theirs.p7m"), "--out", path("ours"))
    b, _ = cost("openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", path("theirs.p7m"), "-recip",
                path("file.pem"), "-inkey", path("file.key"), "-out", path("theirs"))
    decrypt.append(b / a)
same(plain, path("ours"))
same(plain, path("theirs"))
for name in ("plain", "ours", "theirs", "ours.p7m", "theirs.p7m"):
    os.remove(path(name))
print(f"cms_encrypt_vs_openssl\t{statistics.median(encrypt):.2f}\tratio")
print(f"cms_decrypt_vs_openssl\t{statistics.median(decrypt):.2f}\tratio")

# Zeros that take no room on the disk: what is measured is memory.
with open(plain, "wb") as file:
    file.truncate(rss_mib << 20)
_, most = ours("encrypt", plain, "--out", path("ours.p7m"), *to)
_, again = ours("decrypt", path("ours.p7m"), "--out", path("ours"))
same(plain, path("ours"))
print(f"cms_rss_mib\t{max(most, again):.1f}\tMiB")
