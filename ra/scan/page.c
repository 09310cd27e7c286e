/* Colour, seal, blank, skew, and a JPEG of ours; see ra/scan/page.h. */
#include "ra/scan/page.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOOK_SIDE = 1000, /* pixels of the long side when looking for colour */
    COLOUR_STEP = 48, /* between channels: no grey that JPEG tinted */
    COLOUR_SHARE =
        2500,          /* one coloured pixel in so many makes a page coloured */
    INK_STEP = 60,     /* darker than the paper */
    INK_SHARE = 4000,  /* less ink than one pixel in so many: blank */
    MARGIN_SHARE = 25, /* edges of scanners are no ink */
    RED_MIN = 110,
    RED_STEP = 45,      /* above green and blue */
    RED_LEAN = 70,      /* between green and blue: orange and purple are none */
    SEAL_SIDE_MIN = 60, /* of LOOK_SIDE: 18 mm on A4; official seals have 40 */
    SEAL_SIDE_MAX = 450,
    SEAL_FILL = 20,      /* one pixel in so many of its box is red, or more */
    SEAL_GAP = 9,        /* pixels between its parts */
    SKEW_CONFIDENCE = 3, /* of leptonica, below which it is a guess */
};

PIX *
page_normal(PIX *pix, int side_max)
{
    PIX *plain = pixRemoveColormap(pix, REMOVE_CMAP_TO_FULL_COLOR);
    PIX *opaque = plain == NULL ? NULL : pixRemoveAlpha(plain);
    PIX *full = opaque == NULL ? NULL : pixConvertTo32(opaque);
    PIX *out = full;
    int width, height, side;

    pixDestroy(&plain);
    pixDestroy(&opaque);
    if (full == NULL)
        return NULL;
    pixGetDimensions(full, &width, &height, NULL);
    side = width > height ? width : height;
    if (side > side_max) {
        out = pixScaleToSize(full, width >= height ? side_max : 0,
                             width >= height ? 0 : side_max);
        pixDestroy(&full);
    }
    return out;
}

static int
spread(int r, int g, int b)
{
    int most = r > g ? r : g;
    int least = r < g ? r : g;

    most = most > b ? most : b;
    least = least < b ? least : b;
    return most - least;
}

static bool
is_seal_red(int r, int g, int b)
{
    return r >= RED_MIN && r - g >= RED_STEP && r - b >= RED_STEP &&
           abs(g - b) <= RED_LEAN;
}

/* Whether the red pixels form something of a seal's size and shape: red lines
 * and red print do not. */
static bool
has_seal(PIX *red)
{
    PIX *joined = pixCloseSafeBrick(NULL, red, SEAL_GAP, SEAL_GAP);
    BOXA *boxes = joined == NULL ? NULL : pixConnCompBB(joined, 8);
    int count = boxes == NULL ? 0 : boxaGetCount(boxes);
    bool found = false;

    for (int i = 0; i < count && !found; i++) {
        int width, height, filled;
        BOX *box = boxaGetBox(boxes, i, L_CLONE);

        boxGetGeometry(box, NULL, NULL, &width, &height);
        found = width >= SEAL_SIDE_MIN && height >= SEAL_SIDE_MIN &&
                width <= SEAL_SIDE_MAX && height <= SEAL_SIDE_MAX &&
                width <= 2 * height && height <= 2 * width &&
                pixCountPixelsInRect(red, box, &filled, NULL) == 0 &&
                filled >= width * height / SEAL_FILL;
        boxDestroy(&box);
    }
    boxaDestroy(&boxes);
    pixDestroy(&joined);
    return found;
}

/* The commonest brightness is the paper's. */
static int
paper_of(const int *histogram)
{
    int best = 255;

    for (int i = 0; i < 256; i++)
        if (histogram[i] > histogram[best])
            best = i;
    return best;
}

struct counts {
    int brightness[256]; /* without the margins */
    int inside;
    int coloured;
    PIX *red;
};

static void
count_row(const l_uint32 *row, int y, int width, int height, struct counts *out)
{
    int margin_x = width / MARGIN_SHARE;
    int margin_y = height / MARGIN_SHARE;

    for (int x = 0; x < width; x++) {
        int r, g, b;

        extractRGBValues(row[x], &r, &g, &b);
        out->coloured += spread(r, g, b) >= COLOUR_STEP;
        if (is_seal_red(r, g, b))
            (void)pixSetPixel(out->red, x, y, 1);
        if (x < margin_x || y < margin_y || x >= width - margin_x ||
            y >= height - margin_y)
            continue;
        out->brightness[(r * 77 + g * 150 + b * 29) >> 8]++;
        out->inside++;
    }
}

/* `paper` gets the brightness of the paper. */
static bool
look(PIX *pix, int *paper, unsigned *flags)
{
    PIX *small = page_normal(pix, LOOK_SIDE);
    struct counts counts = {0};
    int width, height, ink = 0;

    if (small == NULL)
        return false;
    pixGetDimensions(small, &width, &height, NULL);
    counts.red = pixCreate(width, height, 1);
    for (int y = 0; counts.red != NULL && y < height; y++)
        count_row(pixGetData(small) + (size_t)y * (size_t)pixGetWpl(small), y,
                  width, height, &counts);
    pixDestroy(&small);
    if (counts.red == NULL)
        return false;
    *paper = paper_of(counts.brightness);
    for (int i = 0; i < *paper - INK_STEP; i++)
        ink += counts.brightness[i];
    if (counts.coloured > width * height / COLOUR_SHARE)
        *flags |= SCAN_IS_COLOUR;
    if (has_seal(counts.red))
        *flags |= SCAN_HAS_RED_SEAL;
    else if (ink < counts.inside / INK_SHARE)
        *flags |= SCAN_IS_BLANK;
    pixDestroy(&counts.red);
    return true;
}

/* Of lines of text against the horizontal; clockwise is positive. */
static int
skew_of(PIX *view, int paper)
{
    PIX *grey = pixConvertTo8(view, 0);
    int threshold = paper > 2 * INK_STEP ? paper - INK_STEP : INK_STEP;
    PIX *ink = grey == NULL ? NULL : pixThresholdToBinary(grey, threshold);
    float angle = 0, confidence = 0;
    bool is_found = ink != NULL && pixFindSkew(ink, &angle, &confidence) == 0 &&
                    confidence >= SKEW_CONFIDENCE;

    pixDestroy(&grey);
    pixDestroy(&ink);
    if (!is_found || angle > 45 || angle < -45)
        return 0;
    return (int)(angle * 100);
}

/* Ever coarser until it is of a length to keep. */
static bool
encode(PIX *view, bool is_colour, struct page *out)
{
    static const int quality[] = {82, 60, 35, 10};
    PIX *grey = is_colour ? NULL : pixConvertTo8(view, 0);

    for (size_t i = 0; i < sizeof quality / sizeof quality[0]; i++) {
        lept_free(out->jpeg);
        out->jpeg = NULL;
        if (pixWriteMemJpeg(&out->jpeg, &out->jpeg_len,
                            grey == NULL ? view : grey, quality[i], 0) != 0)
            break;
        if (out->jpeg_len <= SCAN_JPEG_MAX) {
            pixDestroy(&grey);
            return true;
        }
    }
    pixDestroy(&grey);
    return false;
}

bool
page_examine(PIX *pix, struct page *out)
{
    PIX *view = page_normal(pix, SCAN_SIDE_MAX);
    int paper = 255;
    bool ok = false;

    memset(out, 0, sizeof *out);
    if (view == NULL)
        return false;
    pixGetDimensions(view, &out->width, &out->height, NULL);
    if (out->width >= SCAN_SIDE_MIN && out->height >= SCAN_SIDE_MIN &&
        out->width <= SCAN_SIDE_MAX && out->height <= SCAN_SIDE_MAX &&
        look(view, &paper, &out->flags)) {
        if ((out->flags & SCAN_IS_BLANK) == 0)
            out->skew_centidegrees = skew_of(view, paper);
        ok = encode(view, (out->flags & SCAN_IS_COLOUR) != 0, out);
    }
    pixDestroy(&view);
    return ok;
}

void
page_clear(struct page *page)
{
    lept_free(page->jpeg);
    memset(page, 0, sizeof *page);
}
