/* The child's answer, judged: ra/scan_wire.h. */
#include "ra/scan_wire.h"

#include <string.h>

#include "ra/scan.h"

static const char *const type_names[SCAN_TYPE_COUNT] = {
    [SCAN_PDF] = "application/pdf",
    [SCAN_JPEG] = "image/jpeg",
    [SCAN_PNG] = "image/png",
};

static const char *const problem_texts[SCAN_PROBLEM_COUNT] = {
    [SCAN_NO_TYPE] =
        "只接受 PDF、JPEG、PNG 文件 / only PDF, JPEG and PNG files are taken",
    [SCAN_BROKEN] = "文件无法读取，请重新扫描 / the file cannot be read; scan "
                    "the page again",
    [SCAN_ENCRYPTED] = "文件有密码保护，请另存为无密码文件 / the file is under "
                       "a password; save it without one",
    [SCAN_ACTIVE] = "文件含脚本或附件，请重新扫描 / the file holds scripts or "
                    "other files; scan the page again",
    [SCAN_MANY_PAGES] = "页数过多，最多 40 页 / more than 40 pages",
    [SCAN_HUGE] = "图像过大，请以 300 dpi 扫描 / the picture is too large; "
                  "scan at 300 dpi",
    [SCAN_TINY] = "图像过小，请以 300 dpi 扫描 / the picture is too small; "
                  "scan at 300 dpi",
};

struct frame {
    uint8_t letter;
    const uint8_t *data;
    size_t len;
};

static uint32_t
number(const uint8_t *at, size_t len)
{
    uint32_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

static bool
frame_next(const uint8_t **at, size_t *left, struct frame *out)
{
    uint32_t len;

    if (*left < SCAN_FRAME_HEAD)
        return false;
    len = number(*at + 1, 4);
    if (len > *left - SCAN_FRAME_HEAD)
        return false;
    *out = (struct frame){(*at)[0], *at + SCAN_FRAME_HEAD, len};
    *at += SCAN_FRAME_HEAD + len;
    *left -= SCAN_FRAME_HEAD + len;
    return true;
}

/* SOI at the begin, EOI at the end (ITU-T T.81, B.1.1.3): what we hand on as a
 * JPEG is at least dressed as one, and browsers are told not to guess. */
static bool
is_jpeg(const uint8_t *data, size_t len)
{
    return len >= 4 && len <= SCAN_JPEG_MAX && data[0] == 0xff &&
           data[1] == 0xd8 && data[2] == 0xff && data[len - 2] == 0xff &&
           data[len - 1] == 0xd9;
}

static bool
is_side(int pixels)
{
    return pixels >= SCAN_SIDE_MIN && pixels <= SCAN_SIDE_MAX;
}

static bool
take_page(const struct frame *frame, struct scan *out)
{
    struct scan_page *page = &out->page[out->page_count];
    const uint8_t *jpeg = frame->data + SCAN_PAGE_HEAD;
    uint8_t flags;

    if (out->page_count == SCAN_PAGES_MAX || frame->len < SCAN_PAGE_HEAD)
        return false;
    page->width = (int)number(frame->data, 2);
    page->height = (int)number(frame->data + 2, 2);
    page->dpi = (int)number(frame->data + 4, 2);
    page->skew_centidegrees = (int16_t)number(frame->data + 6, 2);
    flags = frame->data[8];
    page->is_colour = (flags & SCAN_IS_COLOUR) != 0;
    page->is_blank = (flags & SCAN_IS_BLANK) != 0;
    page->has_red_seal = (flags & SCAN_HAS_RED_SEAL) != 0;
    page->jpeg_at = out->jpegs.len;
    page->jpeg_len = frame->len - SCAN_PAGE_HEAD;
    if (!is_side(page->width) || !is_side(page->height) ||
        page->dpi > SCAN_DPI_MAX || page->skew_centidegrees > SCAN_SKEW_MAX ||
        page->skew_centidegrees < -SCAN_SKEW_MAX ||
        (flags & ~SCAN_FLAGS) != 0 || !is_jpeg(jpeg, page->jpeg_len) ||
        !buf_add(&out->jpegs, jpeg, page->jpeg_len))
        return false;
    out->page_count++;
    return true;
}

static bool
take_code(const struct frame *frame, struct scan *out)
{
    if (out->code_count == SCAN_CODES_MAX || frame->len == 0 ||
        frame->len > SCAN_CODE_MAX)
        return false;
    for (size_t i = 0; i < frame->len; i++)
        if (frame->data[i] < 0x21 || frame->data[i] > 0x7e)
            return false;
    memcpy(out->code[out->code_count], frame->data, frame->len);
    out->code[out->code_count][frame->len] = '\0';
    out->code_count++;
    return true;
}

/* The last frame. */
static bool
take_end(const struct frame *frame, const struct scan *out)
{
    return frame->letter == 'E' && frame->len == 2 && out->page_count > 0 &&
           number(frame->data, 2) == (uint32_t)out->page_count;
}

static bool
take_problem(const struct frame *frame, struct error *err)
{
    if (frame->len != 1 || frame->data[0] >= SCAN_PROBLEM_COUNT)
        return false;
    error_set(err, ERROR_INPUT, "%s", problem_texts[frame->data[0]]);
    return true;
}

bool
scan_wire_parse(const uint8_t *data, size_t len, struct scan *out,
                struct error *err)
{
    struct frame frame;
    bool is_typed = false;
    bool is_sound = true;

    memset(out, 0, sizeof *out);
    out->jpegs.limit = SCAN_JPEGS_MAX;
    while (is_sound && frame_next(&data, &len, &frame)) {
        if (frame.letter == 'X' && len == 0 && take_problem(&frame, err))
            goto failed;
        if (!is_typed && frame.letter == 'T' && frame.len == 1 &&
            frame.data[0] < SCAN_TYPE_COUNT) {
            out->media_type = type_names[frame.data[0]];
            is_typed = true;
        } else if (is_typed && frame.letter == 'P') {
            is_sound = take_page(&frame, out);
        } else if (is_typed && frame.letter == 'C') {
            is_sound = take_code(&frame, out);
        } else if (is_typed && len == 0 && take_end(&frame, out)) {
            return true;
        } else {
            is_sound = false;
        }
    }
    error_set(err, ERROR_INPUT, "%s", problem_texts[SCAN_BROKEN]);
failed:
    scan_clear(out);
    return false;
}
