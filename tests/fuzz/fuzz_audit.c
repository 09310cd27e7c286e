/* Exports of the log and their manifests: ca-core/audit_verify.h. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>

#include "ca-core/audit_decision.h"
#include "ca-core/audit_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* audit_tell */
static void
count(const char *finding, void *arg)
{
    assert(finding[0] != '\0');
    ++*(int64_t *)arg;
}

/* A line that is taken is written again octet for octet. */
static void
try_line(enum audit_format format, const uint8_t *data, size_t len)
{
    struct audit_record record;
    struct error err = {0};

    if (audit_record_parse(format, (const char *)data, len, &record, &err)) {
        struct audit_keys *keys = audit_keys_new();
        int64_t checked = 0;

        assert(record.index >= 0 && record.entry != NULL);
        if (!audit_decisions_check(keys, record.entry, &checked, &err))
            assert(err.what[0] != '\0');
        audit_keys_free(keys);
    }
    audit_record_clear(&record);
}

/* No export that somebody made up is right: the manifest is not signed. */
static void
try_file(const uint8_t *data, size_t len)
{
    static EVP_PKEY *key; /* for the life of the program */
    struct manifest_signed manifest = {
        .manifest = {.first_index = 0, .last_index = 3, .count = 4},
        .scheme = HSM_ECDSA_SHA256,
    };
    struct audit_verdict verdict;
    struct error err = {0};
    int64_t told = 0;
    FILE *file = fmemopen((void *)(uintptr_t)data, len, "r");

    assert(file != NULL);
    if (key == NULL)
        key = EVP_EC_gen("P-256");
    assert(key != NULL);
    manifest.key = key; /* borrowed here */
    if (audit_verify(file, &manifest, NULL, count, &told, &verdict, &err))
        assert(verdict.findings > 0 && verdict.findings == told);
    (void)fclose(file);
}

static void
try_manifest(const uint8_t *data, size_t len)
{
    struct manifest_signed manifest = {0};
    struct error err = {0};
    json_t *json = NULL;

    if (!json_parse_object(data, len, &json, &err))
        return;
    if (manifest_parse(json, &manifest, &err) &&
        !manifest_verify(&manifest, NULL, &err))
        assert(err.code == ERROR_DENIED);
    manifest_clear(&manifest);
    json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    try_line(AUDIT_JSONL, data, len);
    try_line(AUDIT_CSV, data, len);
    try_manifest(data, len);
    if (len > 0)
        try_file(data, len);
    return 0;
}
