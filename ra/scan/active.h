/* Whether a PDF may do something, or carries other files: looked for by the
 * names that ISO 32000 gives such things, in the file as it is and in its
 * compressed object streams (ISO 32000-1, 7.3.5, 7.5.7, 12.6.4). */
#ifndef RA_SCAN_ACTIVE_H
#define RA_SCAN_ACTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool active_is_there(const uint8_t *data, size_t len);

#endif
