/* What signet-krec does for its one case; see ca-core/kmc/recovery.h. */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "ca-core/kmc/frame.h"
#include "ca-core/kmc/recovery.h"

struct serving {
    const struct recovery_options *options;
    struct hsm_recovery *recovery; /* NULL: not opened yet */
};

static bool
serve_open(struct serving *serving, const struct frame *frame,
           struct error *err)
{
    struct hsm_options options = {.module = serving->options->module,
                                  .token = serving->options->token,
                                  .lock_dir = serving->options->lock_dir};
    struct share shares[SHAMIR_PLACES_MAX];
    char pin[HSM_RECOVERY_PIN_LEN + 1] = "";
    bool ok = false;

    if (serving->recovery != NULL || frame->count > SHAMIR_PLACES_MAX)
        return error_set(err, ERROR_INPUT, "not to be opened like this");
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->field[i].len != SHARE_LEN)
            return error_set(err, ERROR_INPUT, "a share of wrong length");
        memcpy(shares[i].octet, frame->field[i].data, SHARE_LEN);
    }
    ok = share_join(shares, (unsigned)frame->count, pin, err) &&
         hsm_recovery_open(&options, pin, &serving->recovery, err);
    OPENSSL_cleanse(shares, sizeof shares);
    OPENSSL_cleanse(pin, sizeof pin);
    return ok;
}

static struct hsm_recovery_blob
blob_of(const struct frame *frame)
{
    const struct frame_field *f = frame->field;

    return (struct hsm_recovery_blob){f[0].data, f[0].len, f[1].data, f[1].len,
                                      f[2].data, f[2].len, f[3].data, f[3].len};
}

static bool
serve_rewrap(struct serving *serving, const struct frame *frame,
             struct buf *out, struct error *err)
{
    struct hsm_recovery_blob blob = {.id = frame->field[0].data,
                                     .id_len = frame->field[0].len,
                                     .content_key = frame->field[1].data,
                                     .content_key_len = frame->field[1].len};
    uint8_t content_key[HSM_ESCROW_CONTENT_KEY_MAX];
    size_t len;

    return hsm_recovery_rewrap(serving->recovery, &blob, frame->field[2].data,
                               frame->field[2].len, content_key, &len, err) &&
           (buf_add(out, content_key, len) ||
            error_set(err, ERROR_INTERNAL, "too long"));
}

static bool
serve_envelop(struct serving *serving, const struct frame *frame,
              struct buf *out, struct error *err)
{
    struct hsm_recovery_blob blob = blob_of(frame);
    const unsigned char *p = frame->field[4].data;
    X509 *certificate = d2i_X509(NULL, &p, (long)frame->field[4].len);
    struct buf key = BUF_INIT(HSM_ESCROW_WRAPPED_MAX);
    bool ok = false;

    if (certificate == NULL || p != frame->field[4].data + frame->field[4].len)
        error_openssl(err, ERROR_INPUT, "not a certificate");
    else
        ok = hsm_recovery_reveal(serving->recovery, &blob, &key, err) &&
             share_envelop(key.data, key.len, certificate, out, err);
    buf_cleanse(&key);
    X509_free(certificate);
    ERR_clear_error();
    return ok;
}

static bool
serve_make_key(struct serving *serving, const struct frame *frame,
               struct buf *out, struct error *err)
{
    uint8_t spki[HSM_SPKI_MAX];
    size_t len;

    return hsm_recovery_make_key(serving->recovery, frame->field[0].data,
                                 frame->field[0].len, spki, &len, err) &&
           (buf_add(out, spki, len) ||
            error_set(err, ERROR_INTERNAL, "too long"));
}

/* `out` stays empty where the answer has no field. */
static bool
serve(struct serving *serving, const struct frame *frame, struct buf *out,
      struct error *err)
{
    struct hsm_recovery_blob blob;

    if (frame->verb == FRAME_OPEN)
        return serve_open(serving, frame, err);
    if (serving->recovery == NULL)
        return error_set(err, ERROR_DENIED, "the token is not open");
    if (frame->count > 0 &&
        (frame->field[0].len == 0 || frame->field[0].len > HSM_ID_MAX))
        return error_set(err, ERROR_INPUT, "not a CKA_ID");
    if (frame->verb == FRAME_MAKE_KEY && frame->count == 1)
        return serve_make_key(serving, frame, out, err);
    if (frame->verb == FRAME_REWRAP && frame->count == 3)
        return serve_rewrap(serving, frame, out, err);
    if (frame->verb == FRAME_PROVE && frame->count == 4) {
        blob = blob_of(frame);
        return hsm_recovery_prove(serving->recovery, &blob, err);
    }
    if (frame->verb == FRAME_ENVELOP && frame->count == 5)
        return serve_envelop(serving, frame, out, err);
    return error_set(err, ERROR_INPUT, "nothing that is done here");
}

static bool
answer(int fd, bool ok, const struct buf *out, const struct error *why,
       struct error *err)
{
    struct frame frame = {.verb = FRAME_DONE};
    uint8_t code = (uint8_t)why->code;
    char text[ERROR_WHAT_MAX + ERROR_CAUSE_MAX + 4];

    if (ok) {
        frame.count = out->len > 0 ? 1 : 0;
        frame.field[0] = (struct frame_field){out->data, out->len};
    } else {
        (void)snprintf(text, sizeof text, "%s%s%s%s", why->what,
                       why->cause[0] != '\0' ? " (" : "", why->cause,
                       why->cause[0] != '\0' ? ")" : "");
        frame.verb = FRAME_FAILED;
        frame.count = 2;
        frame.field[0] = (struct frame_field){&code, 1};
        frame.field[1] =
            (struct frame_field){(const uint8_t *)text, strlen(text)};
    }
    return frame_write(fd, &frame, err);
}

bool
recovery_serve(int fd, const struct recovery_options *options,
               struct error *err)
{
    struct serving serving = {.options = options};
    bool is_end = false, ok = true;

    while (ok && !is_end) {
        struct buf data = BUF_INIT(FRAME_MAX), out = BUF_INIT(FRAME_MAX / 2);
        struct error why = {0};
        struct frame frame;

        ok = frame_read(fd, &data, &frame, &is_end, err);
        if (ok) {
            bool done = serve(&serving, &frame, &out, &why);

            ok = answer(fd, done, &out, &why, err);
        }
        buf_cleanse(&data);
        buf_cleanse(&out);
    }
    hsm_recovery_close(serving.recovery);
    return is_end;
}
