/* The code on a form: what is read is written in one way only. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ra/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct vault_key key = {
        .id = 1, .key = "only for fuzzing, 32 octets lon"};
    static struct vault *vault;
    struct error err = {0};
    struct form_code code;
    char *text = malloc(len + 1);
    char head[FORM_CODE_MAX + 1];

    if (vault == NULL && !vault_make(&key, 1, &vault, &err))
        abort();
    memcpy(text, data, len);
    text[len] = '\0';
    if (form_code_read(vault, text, &code)) {
        (void)snprintf(head, sizeof head, "SIGNET1:%s:%d:%s:%s:", code.number,
                       code.revision, code.kind, code.fields_hash);
        assert(strncmp(text, head, strlen(head)) == 0);
        assert(strlen(text) == strlen(head) + 24);
    }
    free(text);
    return 0;
}
