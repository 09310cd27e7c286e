/*
 * The request in a GET's path (RFC 6960, A.1): base64, percent-encoded.
 */
#ifndef OCSP_TARGET_H
#define OCSP_TARGET_H

#include "base/http_parse.h"

/* What a path of HTTP_TARGET_MAX octets can hold. */
enum { TARGET_DER_MAX = HTTP_TARGET_MAX / 4 * 3 };

/* Decodes `path`, without its prefix, into `out`. '+' and '/' may stand for
 * themselves, as many clients write them. False for anything that is not whole
 * quartets of canonical base64. */
bool ocsp_target_decode(struct http_span path, uint8_t out[TARGET_DER_MAX],
                        size_t *len) MUST_CHECK;

#endif
