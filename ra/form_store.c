/* Forms at rest; see ra/form_store.h. */
#include "ra/form_store.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "db/form.h"
#include "ra/form_page.h"

static void
purpose_format(const char *number, int revision, const char *kind,
               char out[VAULT_PURPOSE_MAX + 1])
{
    (void)snprintf(out, VAULT_PURPOSE_MAX + 1, "form/%s/%d/%s", number,
                   revision, kind);
}

bool
form_store(struct db *db, const struct vault *vault,
           const struct form_input *input, const struct buf *pdf, int64_t at,
           struct error *err)
{
    struct buf sealed = BUF_INIT(FORM_PDF_MAX + VAULT_OVERHEAD);
    char purpose[VAULT_PURPOSE_MAX + 1];
    uint8_t digest[HASH_LEN];
    struct db_form row = {
        .number = input->number,
        .revision = input->revision,
        .kind = input->kind,
        .sha256 = digest,
        .made_at = at,
    };
    bool ok = false;

    purpose_format(input->number, input->revision, input->kind, purpose);
    if (!hash_sha256(pdf->data, pdf->len, digest, err) ||
        !vault_seal(vault, purpose, pdf->data, pdf->len, &sealed, err))
        goto out;
    row.sealed = sealed.data;
    row.sealed_len = sealed.len;
    ok = db_form_add(db, &row, err);
out:
    buf_clear(&sealed);
    return ok;
}

bool
form_get(struct db *db, const struct vault *vault, const char *number,
         int revision, const char *kind, struct buf *pdf, struct error *err)
{
    char purpose[VAULT_PURPOSE_MAX + 1];
    struct db_result *held = NULL;
    uint8_t digest[HASH_LEN];
    struct db_form row;
    bool ok = false;

    if (!db_form_get(db, number, revision, kind, &row, &held, err))
        return false;
    purpose_format(number, revision, kind, purpose);
    if (!vault_open(vault, purpose, row.sealed, row.sealed_len, pdf, err) ||
        !hash_sha256(pdf->data, pdf->len, digest, err))
        goto out;
    if (memcmp(digest, row.sha256, HASH_LEN) != 0) {
        error_set(err, ERROR_INTERNAL, "the form is not the one that was kept");
        goto out;
    }
    ok = true;
out:
    db_result_free(held);
    return ok || error_wrap(err, "form %s of %s", kind, number);
}
