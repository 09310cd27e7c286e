/*
 * What somebody typed into the one search box: all that it could be, brought to
 * the form in which rows have it. Pure.
 */
#ifndef RA_SEARCH_H
#define RA_SEARCH_H

#include "base/error.h"

enum { SEARCH_MAX = 200, SEARCH_TEXT_MAX = 800 };

/* "" for what it cannot be. */
struct search {
    char number[32];                /* of a case, also out of a form's code */
    char name[SEARCH_TEXT_MAX + 1]; /* how a unit's name may begin */
    char uscc[20];
    char device[33];
    char account[65];
    char mobile[24]; /* compared by blind index */
    char id_number[24];
    unsigned char serial[16];
    bool has_serial;
};

/* ERROR_INPUT for nothing, or more than SEARCH_MAX characters. */
bool search_parse(const char *typed, struct search *out,
                  struct error *err) MUST_CHECK;

#endif
