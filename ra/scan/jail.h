/*
 * The walls around what reads hostile files. They are put up before the first
 * octet is parsed, and only ever become closer.
 */
#ifndef RA_SCAN_JAIL_H
#define RA_SCAN_JAIL_H

#include <stdbool.h>

enum {
    JAIL_MEMORY_MAX = 640 * 1024 * 1024, /* octets of address space */
    JAIL_FILES_MAX = 32,                 /* descriptors */
};

/* Limits of time, memory and files; no new privileges; dies with its parent; an
 * empty network of its own where the kernel lets us; nothing of the file system
 * but programs, libraries and fonts, to read (Landlock, where the kernel has
 * it); a list of allowed system calls, in which there is no socket. False when
 * one that every kernel has could not be put up. */
bool jail_enter(unsigned cpu_s) __attribute__((warn_unused_result));

/* From now on no process is made; nor, with `is_final`, another program begun.
 */
bool jail_close(bool is_final) __attribute__((warn_unused_result));

#endif
