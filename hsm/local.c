/* The token in this process, with the ladder of retries; see hsm/local.h. */
#include "hsm/local.h"

#include <stdlib.h>
#include <string.h>

#include "hsm/key.h"
#include "hsm/sign.h"
#include "hsm/token.h"
#include "hsm/wrap.h"

struct local {
    struct token token; /* under module_lock() */
    bool is_signer;
};

bool
local_new(const struct hsm_options *options, bool is_signer, struct local **out,
          struct error *err)
{
    struct local *local = base_alloc(sizeof *local);
    bool ok;

    local->is_signer = is_signer;
    if (!token_init(&local->token, options, err)) {
        free(local);
        return false;
    }
    module_lock();
    ok = token_open(&local->token, err);
    module_unlock();
    if (!ok) {
        local_free(local);
        return false;
    }
    *out = local;
    return true;
}

void
local_free(struct local *local)
{
    if (local == NULL)
        return;
    token_clear(&local->token);
    free(local);
}

static bool
answer_key(struct token *token, const struct signer_request *request,
           struct signer_reply *reply)
{
    struct error *err = &reply->error;
    struct key_public public;
    struct token_key *key;
    char label[HSM_LABEL_MAX + 1];

    if (request->op == SIGNER_KEY_GENERATE) {
        memcpy(label, request->label, request->label_len);
        label[request->label_len] = '\0';
        if (!key_generate(token, request->type, label, request->id,
                          request->id_len, &public, err))
            return false;
    } else if (!key_get(token, CKO_PRIVATE_KEY, request->id, request->id_len,
                        &key, err) ||
               !key_public_get(token, request->id, request->id_len, &public,
                               err)) {
        return false;
    }
    reply->type = public.type;
    memcpy(reply->data, public.spki, public.spki_len);
    reply->len = public.spki_len;
    return true;
}

static bool
answer_wrap_key(struct token *token, const struct signer_request *request,
                struct signer_reply *reply)
{
    char label[HSM_LABEL_MAX + 1];

    memcpy(label, request->label, request->label_len);
    label[request->label_len] = '\0';
    return wrap_key_generate(token, label, request->id, request->id_len,
                             &reply->error);
}

static bool
answer_random(struct token *token, const struct signer_request *request,
              struct signer_reply *reply)
{
    CK_RV rv = token_p11(token)->C_GenerateRandom(token->session, reply->data,
                                                  request->count);

    if (rv != CKR_OK)
        return token_fail(token, rv, "C_GenerateRandom", &reply->error);
    reply->len = request->count;
    return true;
}

static bool
answer_ping(struct token *token, struct signer_reply *reply)
{
    CK_SESSION_INFO info = {0};
    CK_RV rv = token_p11(token)->C_GetSessionInfo(token->session, &info);

    if (rv != CKR_OK)
        return token_fail(token, rv, "C_GetSessionInfo", &reply->error);
    if (info.state != CKS_RW_USER_FUNCTIONS)
        return token_fail(token, CKR_USER_NOT_LOGGED_IN, "C_GetSessionInfo",
                          &reply->error);
    return true;
}

static bool
perform(struct token *token, const struct signer_request *request,
        struct signer_reply *reply)
{
    struct error *err = &reply->error;

    switch (request->op) {
    case SIGNER_SIGN:
        return sign_make(token, request->id, request->id_len, request->scheme,
                         request->data, request->data_len, reply->data,
                         &reply->len, err);
    case SIGNER_KEY_GET:
    case SIGNER_KEY_GENERATE:
        return answer_key(token, request, reply);
    case SIGNER_RANDOM:
        return answer_random(token, request, reply);
    case SIGNER_WRAP_KEY:
        return answer_wrap_key(token, request, reply);
    case SIGNER_WRAP:
    case SIGNER_UNWRAP:
        if (request->data_len > WRAP_BLOB_MAX)
            return error_set(err, ERROR_INPUT, "too long for a data key");
        return (request->op == SIGNER_WRAP ? wrap_make : wrap_open)(
            token, request->id, request->id_len, request->data,
            request->data_len, reply->data, &reply->len, err);
    case SIGNER_PING:
        return answer_ping(token, reply);
    case SIGNER_OP_END:
        break;
    }
    return error_set(err, ERROR_INTERNAL, "no such call");
}

/* After a failure: makes the token fit for another try, if one makes sense. */
static bool
prepare_retry(struct local *local, struct signer_reply *reply)
{
    struct token *token = &local->token;

    switch (token->fault) {
    case HSM_FAULT_SESSION:
        if (token_renew(token, &reply->error))
            return true;
        break;
    case HSM_FAULT_DEVICE:
        if (local->is_signer)
            break;
        token_lose(token);
        return token_open(token, &reply->error);
    case HSM_FAULT_NONE:
        /* The answer stands, but the operation may not have ended. */
        if (token->is_operation_open) {
            struct error ignored = {0};

            if (!token_renew(token, &ignored))
                reply->is_lost = local->is_signer;
        }
        return false;
    case HSM_FAULT_PIN:
        break;
    }
    reply->is_lost = local->is_signer;
    return false;
}

void
local_call(struct local *local, const struct signer_request *request,
           struct signer_reply *reply)
{
    struct token *token = &local->token;

    reply->error.code = ERROR_NONE;
    reply->is_lost = false;
    reply->len = 0;
    module_lock();
    if (!token_open(token, &reply->error)) {
        reply->is_lost = local->is_signer;
        goto out;
    }
    token->fault = HSM_FAULT_NONE;
    if (perform(token, request, reply) || !prepare_retry(local, reply))
        goto out;
    reply->error.code = ERROR_NONE;
    token->fault = HSM_FAULT_NONE;
    if (perform(token, request, reply))
        goto out;
    /* Twice the same: what is left is to start the library anew, at the next
     * call or in the next process. */
    if (token->fault != HSM_FAULT_NONE) {
        token_lose(token);
        reply->is_lost = local->is_signer;
    } else if (token->is_operation_open) {
        (void)prepare_retry(local, reply);
    }
out:
    module_unlock();
}
