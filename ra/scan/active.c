/* Names of active things in a PDF; see ra/scan/active.h. */
#include "ra/scan/active.h"

#include <string.h>

#include <zlib.h>

enum {
    DICTIONARY_MAX = 1024,           /* octets before the word "stream" */
    UNPACKED_MAX = 64 * 1024 * 1024, /* of all object streams together */
    PIECE = 65536,
    NAME_MAX_LEN = 16, /* longer than any name below */
};

/* A script action needs the name JavaScript, however it is called. */
static const char *const names[] = {
    "JavaScript", "Launch",     "EmbeddedFile", "EmbeddedFiles",  "RichMedia",
    "XFA",        "ImportData", "Movie",        "FileAttachment", "Rendition",
};

static int
hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
ends_name(uint8_t c)
{
    return c <= ' ' || strchr("()<>[]{}/%", c) != NULL;
}

/* The next name from `*at` on, with #xx decoded; `*at` goes behind its '/'.
 * False when there is none. */
static bool
name_next(const uint8_t **at, const uint8_t *end, char out[NAME_MAX_LEN + 1])
{
    const uint8_t *slash = memchr(*at, '/', (size_t)(end - *at));
    const uint8_t *in;
    size_t len = 0;

    if (slash == NULL)
        return false;
    *at = slash + 1;
    for (in = *at; in < end && !ends_name(*in) && len < NAME_MAX_LEN; in++)
        if (*in == '#' && end - in > 2 && hex(in[1]) >= 0 && hex(in[2]) >= 0) {
            out[len++] = (char)(hex(in[1]) << 4 | hex(in[2]));
            in += 2;
        } else {
            out[len++] = (char)*in;
        }
    out[len] = '\0';
    return true;
}

static bool
has_name(const uint8_t *data, size_t len)
{
    const uint8_t *end = data + len;
    char name[NAME_MAX_LEN + 1];

    while (name_next(&data, end, name))
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (strcmp(name, names[i]) == 0)
                return true;
    return false;
}

/* Objects in a stream stand behind their numbers and places (ISO 32000, 7.5.7):
 * two integers at least. */
static bool
begins_as_objects(const uint8_t *data, size_t len)
{
    size_t i = 0;

    for (int numbers = 0; numbers < 2; numbers++) {
        size_t digits = 0;

        while (i < len && (data[i] <= ' '))
            i++;
        for (; i < len && data[i] >= '0' && data[i] <= '9'; i++)
            digits++;
        if (digits == 0 || i == len || data[i] > ' ')
            return false;
    }
    return true;
}

/* Inflates and searches, piece by piece with an overlap. True also when it is
 * more than any scan has, or when the dictionary promised objects and they
 * cannot be read to their end. What did not promise any is looked at as far as
 * it begins like some: a reader may find it by other ways than we do. */
static bool
packed_has_name(const uint8_t *data, size_t len, bool is_promised,
                size_t *budget)
{
    uint8_t piece[PIECE + 3 * NAME_MAX_LEN];
    size_t kept = 0;
    z_stream z = {0};
    bool found = false;
    int rc;

    if (inflateInit(&z) != Z_OK)
        return true;
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)len;
    do {
        size_t got;

        z.next_out = piece + kept;
        z.avail_out = PIECE;
        rc = inflate(&z, Z_NO_FLUSH);
        got = PIECE - z.avail_out;
        if (!is_promised && z.total_out == got &&
            !begins_as_objects(piece, got))
            break;
        found = got > *budget || has_name(piece, kept + got);
        *budget -= got > *budget ? *budget : got;
        kept = kept + got < 3 * NAME_MAX_LEN ? kept + got : 3 * NAME_MAX_LEN;
        memmove(piece, z.next_out - kept, kept);
    } while (!found && rc == Z_OK);
    (void)inflateEnd(&z);
    return found || (is_promised && rc != Z_STREAM_END);
}

/* The dictionary in front of a stream: from the last "obj" on. */
static size_t
dictionary_before(const uint8_t *data, const uint8_t *at)
{
    size_t most = (size_t)(at - data);
    size_t len = 0;

    if (most > DICTIONARY_MAX)
        most = DICTIONARY_MAX;
    while (len < most && (len < 3 || memcmp(at - len, "obj", 3) != 0))
        len++;
    return len;
}

enum packing { NO_OBJECTS, FLATE, OTHER_FILTER };

/* Object streams that we cannot look into are as good as active ones: no
 * scanner makes them. */
static enum packing
dictionary_judge(const uint8_t *at, size_t len)
{
    bool has_objects = false, has_filter = false, is_flate = false;
    bool is_other = false;
    const uint8_t *end = at + len;
    char name[NAME_MAX_LEN + 1];

    while (name_next(&at, end, name)) {
        size_t name_len = strlen(name);

        has_objects |= strcmp(name, "ObjStm") == 0;
        has_filter |= strcmp(name, "Filter") == 0 || strcmp(name, "F") == 0;
        if (strcmp(name, "FlateDecode") == 0 || strcmp(name, "Fl") == 0)
            is_flate = true;
        else if ((name_len > 6 && strcmp(name + name_len - 6, "Decode") == 0) ||
                 strcmp(name, "DecodeParms") == 0 || strcmp(name, "DP") == 0)
            is_other = true; /* another packing, or a predictor on top */
    }
    if (!has_objects || !has_filter)
        return NO_OBJECTS;
    return is_flate && !is_other ? FLATE : OTHER_FILTER;
}

/* How often the type of object streams is named. */
static size_t
types_count(const uint8_t *data, size_t len)
{
    const uint8_t *end = data + len;
    char name[NAME_MAX_LEN + 1];
    size_t count = 0;

    while (name_next(&data, end, name))
        count += strcmp(name, "ObjStm") == 0;
    return count;
}

bool
active_is_there(const uint8_t *data, size_t len)
{
    static const char word[] = "stream";
    const uint8_t *at = data;
    const uint8_t *end = data + len;
    const uint8_t *counted = data; /* types up to here are in `seen` */
    size_t budget = UNPACKED_MAX;
    size_t seen = 0;

    if (has_name(data, len))
        return true;
    while ((at = memmem(at, (size_t)(end - at), word, sizeof word - 1)) !=
           NULL) {
        size_t before = dictionary_before(data, at);
        enum packing packing = dictionary_judge(at - before, before);
        const uint8_t *begin = at - before < counted ? counted : at - before;

        seen += types_count(begin, (size_t)(at - begin));
        counted = at;
        if (at - data >= 3 && memcmp(at - 3, "end", 3) == 0) {
            at += sizeof word - 1;
            continue;
        }
        at += sizeof word - 1;
        while (at < end && (*at == '\r' || *at == '\n'))
            at++;
        if (packing == OTHER_FILTER ||
            packed_has_name(at, (size_t)(end - at), packing == FLATE, &budget))
            return true;
    }
    /* One whose dictionary was not found is not looked into either. */
    return types_count(data, len) > seen;
}
