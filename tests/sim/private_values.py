"""
Asks a token for what no token tells: private_values.py MODULE PIN. Of each
private key of the first token, every private value, and that it may be taken
out from now on. Prints what the token gives, and how many keys were asked. The
module's configuration is the environment's.
"""
import ctypes
import sys

ULONG = ctypes.c_ulong
# Places in CK_FUNCTION_LIST, after its version.
FUNCTIONS = {"C_Initialize": 0, "C_Finalize": 1, "C_GetSlotList": 4, "C_OpenSession": 12, "C_Login": 18, "C_GetAttributeValue": 24,
             "C_SetAttributeValue": 25, "C_FindObjectsInit": 26, "C_FindObjects": 27, "C_FindObjectsFinal": 28}
CKA_CLASS, CKO_PRIVATE_KEY, CKR_OK = 0x0, 3, 0
VALUES = {0x11: "value", 0x123: "private exponent", 0x124: "prime 1", 0x125: "prime 2", 0x126: "exponent 1", 0x127: "exponent 2",
          0x128: "coefficient"}
LOCKS = {0x103: (False, "not sensitive any more"), 0x162: (True, "extractable from now on")}


class Attribute(ctypes.Structure):
    _fields_ = [("type", ULONG), ("value", ctypes.c_void_p), ("len", ULONG)]


class FunctionList(ctypes.Structure):
    _fields_ = [("version", ctypes.c_ubyte * 2), ("function", ctypes.c_void_p * 68)]


class Module:
    def __init__(self, path):
        self.library, listed = ctypes.CDLL(path), ctypes.POINTER(FunctionList)()
        if self.library.C_GetFunctionList(ctypes.byref(listed)) != CKR_OK:
            sys.exit(f"{path} is no module")
        self.list = listed.contents

    def ask(self, name, *arguments):
        return ctypes.CFUNCTYPE(ULONG)(self.list.function[FUNCTIONS[name]])(*arguments)

    def __call__(self, name, *arguments):
        rv = self.ask(name, *arguments)
        if rv != CKR_OK:
            sys.exit(f"{name}: {rv:#x}")


def attribute(kind, buffer):
    one = Attribute(kind, ctypes.cast(ctypes.byref(buffer), ctypes.c_void_p), ctypes.sizeof(buffer))
    one.buffer = buffer  # which lives as long
    return ctypes.byref(one)


def main():
    module, pin = Module(sys.argv[1]), sys.argv[2]
    module("C_Initialize", None)
    slots, count, session = (ULONG * 64)(), ULONG(64), ULONG()
    module("C_GetSlotList", ctypes.c_ubyte(1), slots, ctypes.byref(count))
    module("C_OpenSession", ULONG(slots[0]), ULONG(6), None, None, ctypes.byref(session))
    module("C_Login", session, ULONG(1), pin.encode(), ULONG(len(pin)))
    keys, found = (ULONG * 64)(), ULONG()
    module("C_FindObjectsInit", session, attribute(CKA_CLASS, ULONG(CKO_PRIVATE_KEY)), ULONG(1))
    module("C_FindObjects", session, keys, ULONG(64), ctypes.byref(found))
    module("C_FindObjectsFinal", session)
    for key in keys[: found.value]:
        for kind, (value, name) in LOCKS.items():
            if module.ask("C_SetAttributeValue", session, ULONG(key), attribute(kind, ctypes.c_ubyte(value)), ULONG(1)) == CKR_OK:
                print(f"key {key}: {name}")
        for kind, name in VALUES.items():
            if module.ask("C_GetAttributeValue", session, ULONG(key), attribute(kind, (ctypes.c_ubyte * 4096)()), ULONG(1)) == CKR_OK:
                print(f"key {key}: {name}")
    print(f"{found.value} keys asked")
    module("C_Finalize", None)


main()
