/* Frames to standard output; see ra/scan/answer.h. */
#include "ra/scan/answer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void
write_all(const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        ssize_t done = write(STDOUT_FILENO, at, len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            _exit(1);
        at += done;
        len -= (size_t)done;
    }
}

static void
put(uint8_t *at, size_t len, uint32_t value)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
}

static void
write_frame(char letter, const void *head, size_t head_len, const void *data,
            size_t len)
{
    uint8_t frame[SCAN_FRAME_HEAD];

    frame[0] = (uint8_t)letter;
    put(frame + 1, 4, (uint32_t)(head_len + len));
    write_all(frame, sizeof frame);
    write_all(head, head_len);
    write_all(data, len);
}

void
answer_type(enum scan_type type)
{
    uint8_t octet = (uint8_t)type;

    write_frame('T', &octet, 1, NULL, 0);
}

void
answer_page(const struct answer_page *page)
{
    uint8_t head[SCAN_PAGE_HEAD];

    put(head, 2, (uint32_t)page->width);
    put(head + 2, 2, (uint32_t)page->height);
    put(head + 4, 2, (uint32_t)page->dpi);
    put(head + 6, 2, (uint32_t)page->skew_centidegrees);
    head[8] = (uint8_t)page->flags;
    write_frame('P', head, sizeof head, page->jpeg, page->jpeg_len);
}

void
answer_code(const char *text)
{
    write_frame('C', text, strlen(text), NULL, 0);
}

void
answer_end(int page_count)
{
    uint8_t count[2];

    put(count, 2, (uint32_t)page_count);
    write_frame('E', count, sizeof count, NULL, 0);
}

void
answer_problem(enum scan_problem problem)
{
    uint8_t octet = (uint8_t)problem;

    write_frame('X', &octet, 1, NULL, 0);
    _exit(0);
}
