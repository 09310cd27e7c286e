/* Hex, base64, integers, UTF-8, UUIDs, whole files; see base/text.h. */
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
text_hex(const uint8_t *data, size_t len, char *out)
{
    size_t i;

    for (i = 0; i < len; i++) {
        out[2 * i] = hex_digits[data[i] >> 4];
        out[2 * i + 1] = hex_digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

int
text_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool
text_unhex(const char *text, uint8_t *out, size_t max, size_t *len)
{
    size_t text_len = strlen(text);
    size_t i;

    if (text_len % 2 != 0 || text_len / 2 > max)
        return false;
    for (i = 0; i < text_len / 2; i++) {
        int high = text_hex_value(text[2 * i]);
        int low = text_hex_value(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    *len = text_len / 2;
    return true;
}

void
text_base64(const uint8_t *data, size_t len, struct buf *out)
{
    size_t i;

    for (i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t n = (uint32_t)data[i] << 16;
        char four[4];

        if (left > 1)
            n |= (uint32_t)data[i + 1] << 8;
        if (left > 2)
            n |= data[i + 2];
        four[0] = base64_digits[n >> 18];
        four[1] = base64_digits[n >> 12 & 63];
        four[2] = left > 1 ? base64_digits[n >> 6 & 63] : '=';
        four[3] = left > 2 ? base64_digits[n & 63] : '=';
        (void)buf_add(out, four, 4);
    }
}

static int
base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    if (c == '/')
        return 63;
    return -1;
}

bool
text_unbase64(const char *text, size_t text_len, struct buf *out)
{
    size_t i;

    if (text_len % 4 != 0)
        return false;
    for (i = 0; i < text_len; i += 4) {
        bool is_last = i + 4 == text_len;
        size_t pad = 0;
        uint32_t n = 0;
        uint8_t three[3];
        size_t k;

        if (is_last && text[i + 3] == '=')
            pad = text[i + 2] == '=' ? 2 : 1;
        for (k = 0; k < 4 - pad; k++) {
            int v = base64_value(text[i + k]);

            if (v < 0)
                return false;
            n |= (uint32_t)v << (18 - 6 * k);
        }
        /* Bits that no octet carries must be zero: one text per octets. */
        if ((pad == 2 && (n & 0xffff) != 0) || (pad == 1 && (n & 0xff) != 0))
            return false;
        three[0] = (uint8_t)(n >> 16);
        three[1] = (uint8_t)(n >> 8);
        three[2] = (uint8_t)n;
        if (!buf_add(out, three, 3 - pad))
            return false;
    }
    return true;
}

bool
text_percent(const char *text, struct buf *out)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "abcdefghijklmnopqrstuvwxyz"
                                     "0123456789-._~";

    for (; *text != '\0'; text++)
        if (strchr(unreserved, *text) != NULL)
            (void)buf_add_byte(out, (uint8_t)*text);
        else
            (void)buf_addf(out, "%%%02X", (unsigned)(uint8_t)*text);
    return !buf_is_full(out);
}

bool
text_int64(const char *text, int64_t min, int64_t max, int64_t *out)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    char *end;
    long long value;

    if (digits[0] < '0' || digits[0] > '9' ||
        (digits[0] == '0' && (digits[1] != '\0' || digits != text)))
        return false;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max)
        return false;
    *out = value;
    return true;
}

/* Length of the sequence a first octet opens; 0 if it opens none. */
static size_t
utf8_sequence_len(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

bool
text_utf8(const char *text, size_t len, size_t *count)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t i = 0, n = 0;

    while (i < len) {
        size_t k, size = utf8_sequence_len(p[i]);

        if (p[i] == 0 || size == 0 || size > len - i)
            return false;
        for (k = 1; k < size; k++)
            if ((p[i + k] & 0xc0) != 0x80)
                return false;
        /* Overlong forms, surrogates and beyond U+10FFFF: RFC 3629, 3. */
        if ((p[i] == 0xe0 && p[i + 1] < 0xa0) ||
            (p[i] == 0xed && p[i + 1] > 0x9f) ||
            (p[i] == 0xf0 && p[i + 1] < 0x90) ||
            (p[i] == 0xf4 && p[i + 1] > 0x8f))
            return false;
        i += size;
        n++;
    }
    *count = n;
    return true;
}

bool
text_is_uuid(const char *text)
{
    size_t i;

    if (strlen(text) != TEXT_UUID_LEN)
        return false;
    for (i = 0; i < TEXT_UUID_LEN; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-')
                return false;
        } else if (strchr(hex_digits, text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

bool
text_uuid_draw(char out[TEXT_UUID_LEN + 1], struct error *err)
{
    uint8_t octet[16];
    char hex[33];

    if (RAND_bytes(octet, sizeof octet) != 1)
        return error_openssl(err, ERROR_INTERNAL, "no random octets");
    octet[6] = (uint8_t)((octet[6] & 0x0f) | 0x40);
    octet[8] = (uint8_t)((octet[8] & 0x3f) | 0x80);
    text_hex(octet, sizeof octet, hex);
    (void)snprintf(out, TEXT_UUID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex,
                   hex + 8, hex + 12, hex + 16, hex + 20);
    return true;
}

bool
text_file_read(const char *path, size_t max, struct buf *out, struct error *err)
{
    uint8_t chunk[16384];
    bool ok = false;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err,
                           errno == ENOENT ? ERROR_NOT_FOUND : ERROR_INTERNAL,
                           "cannot open %s", path);
    while ((n = read(fd, chunk, sizeof chunk)) > 0) {
        if ((size_t)n > max - out->len || !buf_add(out, chunk, (size_t)n)) {
            error_set(err, ERROR_INPUT, "%s is longer than %zu octets", path,
                      max);
            goto out;
        }
    }
    if (n < 0) {
        error_errno(err, ERROR_INTERNAL, "cannot read %s", path);
        goto out;
    }
    ok = true;
out:
    OPENSSL_cleanse(chunk, sizeof chunk); /* it may have been a PIN file */
    close(fd);
    return ok;
}

static bool
write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

bool
text_file_write(const char *path, const void *data, size_t len, unsigned mode,
                struct error *err)
{
    char beside[PATH_MAX];
    bool is_written;
    int fd;

    if (snprintf(beside, sizeof beside, "%s.%ld.new", path, (long)getpid()) >=
        (int)sizeof beside)
        return error_set(err, ERROR_INPUT, "path too long: %s", path);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return error_errno(err, ERROR_INTERNAL, "cannot create %s", beside);
    is_written =
        fchmod(fd, mode) == 0 && write_all(fd, data, len) && fsync(fd) == 0;
    if (close(fd) != 0)
        is_written = false;
    if (!is_written || rename(beside, path) != 0) {
        error_errno(err, ERROR_INTERNAL, "cannot write %s", path);
        (void)unlink(beside);
        return false;
    }
    return true;
}
