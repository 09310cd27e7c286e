/* Runs a fuzz entry point over every file of the folders and files named. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int
replay_file(const char *path)
{
    struct buf data = BUF_INIT(64 * 1024 * 1024);
    struct error err = {0};

    if (!text_file_read(path, data.limit, &data, &err)) {
        fprintf(stderr, "%s (%s)\n", err.what, err.cause);
        return -1;
    }
    (void)LLVMFuzzerTestOneInput((const uint8_t *)buf_text(&data), data.len);
    buf_clear(&data);
    return 1;
}

static int
replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char file[PATH_MAX];
    int count = 0;

    if (folder == NULL)
        return -1;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (replay_file(file) < 0) {
            closedir(folder);
            return -1;
        }
        count++;
    }
    closedir(folder);
    return count;
}

int
main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        int count = replay_folder(argv[i]);

        if (count < 0)
            count = replay_file(argv[i]);
        if (count < 0)
            return 1;
        total += count;
    }
    printf("%d inputs replayed\n", total);
    return total > 0 ? 0 : 1; /* a corpus that is not there proves nothing */
}
