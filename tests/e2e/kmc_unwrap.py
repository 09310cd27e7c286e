#!/usr/bin/python3
"""What a holder's device does with a delivery: two C_UnwrapKey.

kmc_unwrap.py MODULE PIN LABEL TRANSPORT_ID KEY_ID < answer
The module's configuration is the environment's; the token has LABEL. The
answer is {"keys": [{"content_key", "wrapped"}]} or one such key.
"""
import base64
import ctypes
import json
import sys

ULONG = ctypes.c_ulong
CKM_OAEP, CKM_SHA_1, CKM_KWP = 0x9, 0x220, 0x210A


class Attribute(ctypes.Structure):
    _fields_ = [("type", ULONG), ("value", ctypes.c_void_p), ("len", ULONG)]


class Mechanism(ctypes.Structure):
    _fields_ = [("mechanism", ULONG), ("parameter", ctypes.c_void_p), ("len", ULONG)]


class Oaep(ctypes.Structure):
    _fields_ = [("hash", ULONG), ("mgf", ULONG), ("source", ULONG), ("data", ctypes.c_void_p), ("len", ULONG)]


def attributes(*pairs):
    array = (Attribute * len(pairs))()
    keep = []
    for at, (kind, value) in enumerate(pairs):
        octets = value if isinstance(value, bytes) else (bytes([value]) if isinstance(value, bool) else bytes(ULONG(value)))
        buffer = ctypes.create_string_buffer(octets, len(octets))
        keep.append(buffer)
        array[at] = Attribute(kind, ctypes.cast(buffer, ctypes.c_void_p), len(octets))
    return array, keep


def call(module, name, *arguments):
    rv = getattr(module, name)(*arguments)
    if rv != 0:
        sys.exit(f"{name}: {rv:#x}")


def main():
    path, pin, label, transport_id, key_id = sys.argv[1:]
    answer = json.load(sys.stdin)
    key = answer["keys"][0] if "keys" in answer else answer
    p11 = ctypes.CDLL(path)
    call(p11, "C_Initialize", None)
    slots, count = (ULONG * 64)(), ULONG(64)
    call(p11, "C_GetSlotList", ctypes.c_ubyte(1), slots, ctypes.byref(count))
    for slot in slots[: count.value]:
        info = ctypes.create_string_buffer(512)
        call(p11, "C_GetTokenInfo", ULONG(slot), info)
        if info.raw[:32].decode().strip() == label:
            break
    else:
        sys.exit("no such token")
    session = ULONG()
    call(p11, "C_OpenSession", ULONG(slot), ULONG(6), None, None, ctypes.byref(session))
    call(p11, "C_Login", session, ULONG(1), pin.encode(), ULONG(len(pin)))
    found, n = ULONG(), ULONG()
    search, keep = attributes((0x0, 3), (0x102, bytes.fromhex(transport_id)))
    call(p11, "C_FindObjectsInit", session, search, ULONG(len(search)))
    call(p11, "C_FindObjects", session, ctypes.byref(found), ULONG(1), ctypes.byref(n))
    call(p11, "C_FindObjectsFinal", session)
    if n.value != 1:
        sys.exit("no transport key")
    oaep = Oaep(CKM_SHA_1, 1, 1, None, 0)
    mechanism = Mechanism(CKM_OAEP, ctypes.cast(ctypes.byref(oaep), ctypes.c_void_p), ctypes.sizeof(oaep))
    # An AES key of the session, which unwraps and is not extractable.
    template, keep = attributes((0x0, 4), (0x100, 0x1F), (0x1, False), (0x2, True), (0x103, True), (0x162, False), (0x107, True))
    content_key, wrapped = base64.b64decode(key["content_key"]), base64.b64decode(key["wrapped"])
    secret, private = ULONG(), ULONG()
    call(p11, "C_UnwrapKey", session, ctypes.byref(mechanism), found, content_key, ULONG(len(content_key)),
         template, ULONG(len(template)), ctypes.byref(secret))
    is_rsa = key["key_type"].startswith("rsa")
    template, keep = attributes((0x0, 3), (0x100, 0 if is_rsa else 3), (0x1, True), (0x2, True), (0x103, True), (0x162, False),
                                (0x102, bytes.fromhex(key_id)), (0x3, b"encryption"), (0x105 if is_rsa else 0x10C, True))
    mechanism = Mechanism(CKM_KWP, None, 0)
    call(p11, "C_UnwrapKey", session, ctypes.byref(mechanism), secret, wrapped, ULONG(len(wrapped)), template, ULONG(len(template)),
         ctypes.byref(private))
    call(p11, "C_Finalize", None)


main()
