/* QR codes by zbar; see ra/scan/page.h. */
#include <stdlib.h>
#include <string.h>

#include <zbar.h>

#include "ra/scan/page.h"

enum { SMALL_SIDE = 1800 };

static void
add(struct codes *codes, const char *text, size_t len)
{
    static const char prefix[] = SCAN_CODE_PREFIX;

    if (codes->count == SCAN_CODES_MAX || len > SCAN_CODE_MAX ||
        len < sizeof prefix - 1 || memcmp(text, prefix, sizeof prefix - 1) != 0)
        return;
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return;
    for (int i = 0; i < codes->count; i++)
        if (strlen(codes->text[i]) == len &&
            memcmp(codes->text[i], text, len) == 0)
            return;
    memcpy(codes->text[codes->count], text, len);
    codes->text[codes->count][len] = '\0';
    codes->count++;
}

/* zbar wants rows of octets without a gap. */
static uint8_t *
octets_of(PIX *grey, int width, int height)
{
    uint8_t *out = malloc((size_t)width * (size_t)height);

    for (int y = 0; out != NULL && y < height; y++) {
        const l_uint32 *line =
            pixGetData(grey) + (size_t)y * (size_t)pixGetWpl(grey);

        for (int x = 0; x < width; x++)
            out[(size_t)y * (size_t)width + (size_t)x] =
                (uint8_t)GET_DATA_BYTE(line, x);
    }
    return out;
}

static void
scan_grey(PIX *grey, struct codes *codes)
{
    int width = pixGetWidth(grey);
    int height = pixGetHeight(grey);
    uint8_t *octets = octets_of(grey, width, height);
    zbar_image_scanner_t *scanner = zbar_image_scanner_create();
    zbar_image_t *image = zbar_image_create();
    const zbar_symbol_t *symbol;

    if (octets == NULL || scanner == NULL || image == NULL)
        goto out;
    (void)zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
    (void)zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE,
                                        1);
    zbar_image_set_format(image, zbar_fourcc('Y', '8', '0', '0'));
    zbar_image_set_size(image, (unsigned)width, (unsigned)height);
    zbar_image_set_data(image, octets, (size_t)width * (size_t)height, NULL);
    if (zbar_scan_image(scanner, image) > 0)
        for (symbol = zbar_image_first_symbol(image); symbol != NULL;
             symbol = zbar_symbol_next(symbol))
            add(codes, zbar_symbol_get_data(symbol),
                zbar_symbol_get_data_length(symbol));
out:
    if (image != NULL)
        zbar_image_destroy(image);
    if (scanner != NULL)
        zbar_image_scanner_destroy(scanner);
    free(octets);
}

/* One way of looking; nothing more is done once a code was found. */
static void
look(PIX *take_grey, struct codes *codes, int before)
{
    if (take_grey != NULL && codes->count == before)
        scan_grey(take_grey, codes);
    pixDestroy(&take_grey);
}

/* Below 150 dpi a module of our codes is two or three pixels wide: twice as
 * large, with soft edges, three of ten more are read. */
static void
look_larger(PIX *grey, struct codes *codes, int before)
{
    if (grey != NULL && codes->count == before &&
        pixGetWidth(grey) <= SMALL_SIDE && pixGetHeight(grey) <= SMALL_SIDE)
        look(pixScaleGrayLI(grey, 2.0F, 2.0F), codes, before);
}

void
code_read(PIX *pix, struct codes *codes)
{
    int before = codes->count;
    PIX *grey = pixConvertTo8(pix, 0);
    PIX *red = pixGetRGBComponent(pix, COLOR_RED);

    if (grey != NULL)
        scan_grey(grey, codes);
    look(red == NULL ? NULL : pixClone(red), codes, before);
    look_larger(grey, codes, before);
    look_larger(red, codes, before);
    if (grey != NULL && codes->count == before)
        look(pixScale(grey, 0.5F, 0.5F), codes, before);
    pixDestroy(&grey);
    pixDestroy(&red);
}
