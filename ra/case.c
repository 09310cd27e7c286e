/* The way of a case: ra/case.h. */
#include "ra/case.h"

#include <string.h>

#define ON(name) CASE_##name
#define BY(actor) CASE_BY_##actor

/* Businesses by the letters of their case numbers. */
enum {
    N = 1 << BUSINESS_NEW,
    W = 1 << BUSINESS_RENEW,
    I = 1 << BUSINESS_REISSUE,
    C = 1 << BUSINESS_CHANGE,
    S = 1 << BUSINESS_SEAL,
    U = 1 << BUSINESS_UNLOCK,
    R = 1 << BUSINESS_REVOKE,
    K = 1 << BUSINESS_RECOVER,
    NIC = N | I | C,       /* end in a device with new certificates */
    NICR = N | I | C | R,  /* two reviews, originals by mail */
    NICRK = NICR | K,      /* two reviews */
    PAPER = NICRK | S | U, /* with a form and documents */
    ALL = PAPER | W,
};

/* Guards of several. */
enum {
    FILED = GUARD_COMPLETE | GUARD_CONDITION | GUARD_FILES,
    HANDED_IN = GUARD_SLOTS | GUARD_FORM,
    GIVEN_UP = EFFECT_REFUND | EFFECT_RECALL,
};

const struct case_transition case_transitions[] = {
    /* Filing. */
    {ALL, ON(DRAFT), ON(CREATE), ON(DRAFT), BY(APPLICANT), GUARD_CONDITION, 0},
    {ALL, ON(DRAFT), ON(EDIT), ON(DRAFT), BY(APPLICANT), 0, 0},
    {ALL, ON(DRAFT), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0, 0},
    {ALL, ON(DRAFT), ON(EXPIRE), ON(CLOSED), BY(TIMER), 0, 0},
    {NICRK | S, ON(DRAFT), ON(SUBMIT), ON(FORM_READY), BY(APPLICANT), FILED,
     EFFECT_ORDER},
    {W, ON(DRAFT), ON(SUBMIT), ON(SUBMITTED), BY(APPLICANT), FILED, 0},
    {U, ON(DRAFT), ON(SUBMIT), ON(APPROVED), BY(APPLICANT),
     GUARD_COMPLETE | GUARD_CONDITION | GUARD_SAME_HANDLER, 0},
    {U, ON(DRAFT), ON(SUBMIT), ON(FORM_READY), BY(APPLICANT),
     GUARD_COMPLETE | GUARD_CONDITION | GUARD_OTHER_HANDLER, EFFECT_ORDER},

    /* Documents. */
    {NICR, ON(FORM_READY), ON(HAND_IN), ON(AWAITING_PAYMENT), BY(APPLICANT),
     HANDED_IN | GUARD_DUE, EFFECT_PAYMENT},
    {NICRK, ON(FORM_READY), ON(HAND_IN), ON(FIRST_REVIEW), BY(APPLICANT),
     HANDED_IN | GUARD_NOTHING_DUE, 0},
    {S | U, ON(FORM_READY), ON(HAND_IN), ON(IN_REVIEW), BY(APPLICANT),
     HANDED_IN, 0},
    {PAPER, ON(FORM_READY), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0,
     EFFECT_REFUND},
    {PAPER, ON(FORM_READY), ON(EXPIRE), ON(CLOSED), BY(TIMER), 0,
     EFFECT_REFUND},
    {PAPER, ON(FORM_READY), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0,
     EFFECT_REFUND},

    /* Payment. */
    {NICR, ON(AWAITING_PAYMENT), ON(PAY), ON(FIRST_REVIEW), BY(SYSTEM),
     GUARD_NOTHING_DUE, 0},
    {W, ON(AWAITING_PAYMENT), ON(PAY), ON(ISSUING), BY(SYSTEM),
     GUARD_NOTHING_DUE, EFFECT_ISSUE},
    {NICR | W, ON(AWAITING_PAYMENT), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0,
     EFFECT_REFUND},
    {NICR | W, ON(AWAITING_PAYMENT), ON(EXPIRE), ON(CLOSED), BY(TIMER), 0,
     EFFECT_REFUND},
    {NICR | W, ON(AWAITING_PAYMENT), ON(CLOSE), ON(CLOSED),
     BY(CUSTOMER_SERVICE), 0, EFFECT_REFUND},

    /* First review 初审, of the scans. Reissue and revocation hold the old
     * certificate from here on: 1.8 #15, #17. */
    {N | C, ON(FIRST_REVIEW), ON(PASS), ON(AWAITING_ORIGINALS),
     BY(FIRST_REVIEWER), GUARD_DECISION | HANDED_IN, EFFECT_PAPERS},
    {I | R, ON(FIRST_REVIEW), ON(PASS), ON(AWAITING_ORIGINALS),
     BY(FIRST_REVIEWER), GUARD_DECISION | HANDED_IN,
     EFFECT_PAPERS | EFFECT_HOLD},
    {K, ON(FIRST_REVIEW), ON(PASS), ON(SECOND_REVIEW), BY(FIRST_REVIEWER),
     GUARD_DECISION | HANDED_IN, 0},
    {NICRK, ON(FIRST_REVIEW), ON(RETURN), ON(RETURNED), BY(FIRST_REVIEWER),
     GUARD_DECISION, 0},
    {NICRK, ON(FIRST_REVIEW), ON(REJECT), ON(REJECTED), BY(FIRST_REVIEWER),
     GUARD_DECISION, EFFECT_REFUND},
    {NICRK, ON(FIRST_REVIEW), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0,
     EFFECT_REFUND},
    {NICRK, ON(FIRST_REVIEW), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0,
     EFFECT_REFUND},

    /* Returned for correction: scans, and fields that are not locked. What is
     * printed on the form makes a new one: 1.8 #8. */
    {PAPER, ON(RETURNED), ON(EDIT), ON(RETURNED), BY(APPLICANT), 0,
     EFFECT_REVISION},
    {PAPER, ON(RETURNED), ON(SUBMIT), ON(FORM_READY), BY(APPLICANT), FILED,
     EFFECT_ORDER},
    {NICRK, ON(RETURNED), ON(HAND_IN), ON(FIRST_REVIEW), BY(APPLICANT),
     HANDED_IN | GUARD_NOTHING_DUE, 0},
    {S | U, ON(RETURNED), ON(HAND_IN), ON(IN_REVIEW), BY(APPLICANT), HANDED_IN,
     0},
    {PAPER, ON(RETURNED), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0,
     EFFECT_REFUND},
    {PAPER, ON(RETURNED), ON(EXPIRE), ON(CLOSED), BY(TIMER), 0, EFFECT_REFUND},
    {PAPER, ON(RETURNED), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0,
     EFFECT_REFUND},

    /* Originals. A revocation waits for them as long as it takes, the
     * certificate on hold, unless customer service closes it. */
    {NICR, ON(AWAITING_ORIGINALS), ON(RECEIVE), ON(SECOND_REVIEW),
     BY(INTAKE_CLERK), GUARD_DECISION | GUARD_PAPERS, 0},
    {NICR, ON(AWAITING_ORIGINALS), ON(REMIND), ON(AWAITING_ORIGINALS),
     BY(TIMER), 0, 0},
    {NIC, ON(AWAITING_ORIGINALS), ON(EXPIRE), ON(CLOSED), BY(TIMER), 0,
     GIVEN_UP},
    {NIC, ON(AWAITING_ORIGINALS), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0,
     GIVEN_UP},
    {NICR, ON(AWAITING_ORIGINALS), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE),
     0, GIVEN_UP},

    /* Second review 复审, of the originals. */
    {NIC, ON(SECOND_REVIEW), ON(PASS), ON(ACTIVATION_ALLOWED),
     BY(SECOND_REVIEWER), GUARD_DECISION | GUARD_PAPERS, EFFECT_CODE},
    {R, ON(SECOND_REVIEW), ON(PASS), ON(REVOKING), BY(SECOND_REVIEWER),
     GUARD_DECISION | GUARD_PAPERS, EFFECT_REVOKE},
    {NICR, ON(SECOND_REVIEW), ON(SUPPLEMENT_ASK), ON(SUPPLEMENT),
     BY(SECOND_REVIEWER), GUARD_DECISION, 0},
    {NICR, ON(SECOND_REVIEW), ON(REJECT), ON(REJECTED), BY(SECOND_REVIEWER),
     GUARD_DECISION, GIVEN_UP | EFFECT_RELEASE},
    {NICR, ON(SECOND_REVIEW), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0,
     GIVEN_UP},
    {NICR, ON(SUPPLEMENT), ON(RECEIVE), ON(SECOND_REVIEW), BY(INTAKE_CLERK),
     GUARD_PAPERS, 0},
    {NICR, ON(SUPPLEMENT), ON(REMIND), ON(SUPPLEMENT), BY(TIMER), 0, 0},
    {NIC, ON(SUPPLEMENT), ON(EXPIRE), ON(CLOSED), BY(TIMER), 0, GIVEN_UP},
    {NICR, ON(SUPPLEMENT), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0,
     GIVEN_UP},

    /* Activation 激活: only now a certificate comes to be (1.8 #1). */
    {NIC, ON(ACTIVATION_ALLOWED), ON(ACTIVATE), ON(ISSUING), BY(HOLDER),
     GUARD_DEVICE | GUARD_CODE, EFFECT_ISSUE},
    {NIC, ON(ACTIVATION_ALLOWED), ON(SEND_CODE), ON(ACTIVATION_ALLOWED),
     BY(APPLICANT), 0, EFFECT_CODE},
    {NIC, ON(ACTIVATION_ALLOWED), ON(REMIND), ON(ACTIVATION_ALLOWED), BY(TIMER),
     0, 0},
    {NIC, ON(ACTIVATION_ALLOWED), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE),
     0, GIVEN_UP},
    {NIC, ON(ISSUING), ON(ISSUE), ON(ACTIVATED), BY(SYSTEM), 0,
     EFFECT_COMPLETE | EFFECT_HANDLER | EFFECT_DEVICE | EFFECT_SEAL},
    {NIC, ON(ISSUING), ON(REFUSE), ON(ACTIVATION_ALLOWED), BY(SYSTEM), 0,
     EFFECT_CODE},
    {NIC, ON(ACTIVATED), ON(BIND), ON(BOUND), BY(PLATFORM), 0, 0},
    {NIC, ON(BOUND), ON(UNBIND), ON(ACTIVATED), BY(PLATFORM), 0, 0},

    /* Revocation. */
    {R, ON(REVOKING), ON(ISSUE), ON(REVOKED), BY(SYSTEM), 0, EFFECT_COMPLETE},
    {R, ON(REVOKING), ON(REFUSE), ON(SECOND_REVIEW), BY(SYSTEM), 0, 0},

    /* Key recovery 密钥恢复: no originals, so the second reviewer looks at the
     * scans and may return them. What the CA refused, or nobody at the key
     * management centre decided in time, is decided anew, by a new order; a
     * refusal there is final. Given up at any time: nothing is held or paid. */
    {K, ON(SECOND_REVIEW), ON(PASS), ON(RECOVERING), BY(SECOND_REVIEWER),
     GUARD_DECISION | GUARD_CONDITION | HANDED_IN, EFFECT_RECOVER},
    {K, ON(SECOND_REVIEW), ON(RETURN), ON(RETURNED), BY(SECOND_REVIEWER),
     GUARD_DECISION, 0},
    {K, ON(SECOND_REVIEW), ON(REJECT), ON(REJECTED), BY(SECOND_REVIEWER),
     GUARD_DECISION, 0},
    {K, ON(SECOND_REVIEW), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0, 0},
    {K, ON(SECOND_REVIEW), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0, 0},
    {K, ON(RECOVERING), ON(REFUSE), ON(FIRST_REVIEW), BY(SYSTEM), 0, 0},
    {K, ON(RECOVERING), ON(FAIL), ON(CLOSED), BY(SYSTEM), 0, 0},
    {K, ON(RECOVERING), ON(ISSUE), ON(KEYS_READY), BY(SYSTEM), 0, 0},
    {K, ON(RECOVERING), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0, 0},
    {K, ON(RECOVERING), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0, 0},
    {K, ON(KEYS_READY), ON(INSTALL), ON(INSTALLED), BY(HOLDER), 0,
     EFFECT_COMPLETE},
    {K, ON(KEYS_READY), ON(REMIND), ON(KEYS_READY), BY(TIMER), 0, 0},
    {K, ON(KEYS_READY), ON(EXPIRE), ON(CLOSED), BY(TIMER), 0, 0},
    {K, ON(KEYS_READY), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0, 0},
    {K, ON(KEYS_READY), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0, 0},

    /* Renewal 续期: no person, the present key signs. */
    {W, ON(SUBMITTED), ON(SIGN), ON(AWAITING_PAYMENT), BY(HOLDER),
     GUARD_HOLDER | GUARD_CONDITION | GUARD_DUE, EFFECT_PAYMENT},
    {W, ON(SUBMITTED), ON(SIGN), ON(ISSUING), BY(HOLDER),
     GUARD_HOLDER | GUARD_CONDITION | GUARD_NOTHING_DUE, EFFECT_ISSUE},
    {W, ON(SUBMITTED), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0, 0},
    {W, ON(SUBMITTED), ON(EXPIRE), ON(CLOSED), BY(TIMER), 0, 0},
    {W, ON(SUBMITTED), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0, 0},
    {W, ON(ISSUING), ON(ISSUE), ON(ISSUED), BY(SYSTEM), 0, 0},
    {W, ON(ISSUING), ON(REFUSE), ON(ISSUE_FAILED), BY(SYSTEM), 0, 0},
    {W, ON(ISSUE_FAILED), ON(RETRY), ON(ISSUING), BY(CUSTOMER_SERVICE), 0,
     EFFECT_ISSUE},
    {W, ON(ISSUE_FAILED), ON(CLOSE), ON(CLOSED), BY(FINANCE), 0, EFFECT_REFUND},
    {W, ON(ISSUED), ON(INSTALL), ON(INSTALLED), BY(HOLDER), 0,
     EFFECT_COMPLETE | EFFECT_SUPERSEDE | EFFECT_SEAL},
    {W, ON(ISSUED), ON(REMIND), ON(ISSUED), BY(TIMER), 0, 0},

    /* Seal 印章: the only business that is edited under review. */
    {S, ON(IN_REVIEW), ON(EDIT), ON(IN_REVIEW), BY(APPLICANT), GUARD_COMPLETE,
     EFFECT_REVISION | EFFECT_ORDER},
    {S, ON(IN_REVIEW), ON(HAND_IN), ON(IN_REVIEW), BY(APPLICANT), HANDED_IN, 0},
    {S, ON(IN_REVIEW), ON(PASS), ON(SEAL_APPROVED), BY(FIRST_REVIEWER),
     GUARD_DECISION | HANDED_IN, EFFECT_SEAL},
    {S, ON(SEAL_APPROVED), ON(SEAL_MADE), ON(SEAL_SIGNED), BY(SYSTEM), 0,
     EFFECT_SEAL},
    {S, ON(SEAL_APPROVED), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0,
     EFFECT_SEAL},
    {S, ON(SEAL_SIGNED), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0,
     EFFECT_SEAL},
    {S, ON(SEAL_SIGNED), ON(INSTALL), ON(INSTALLED), BY(HOLDER), 0,
     EFFECT_COMPLETE | EFFECT_SEAL},

    /* Unlock 解锁: by itself for the handler of record, else after review. */
    {U, ON(IN_REVIEW), ON(PASS), ON(APPROVED), BY(FIRST_REVIEWER),
     GUARD_DECISION | HANDED_IN, 0},
    {U, ON(APPROVED), ON(SEND_CODE), ON(CODE_SENT), BY(HOLDER), 0, EFFECT_CODE},
    {U, ON(CODE_SENT), ON(SEND_CODE), ON(CODE_SENT), BY(HOLDER), 0,
     EFFECT_CODE},
    {U, ON(CODE_SENT), ON(VERIFY), ON(CODE_VERIFIED), BY(HOLDER), GUARD_CODE,
     0},
    {U, ON(CODE_VERIFIED), ON(RESET), ON(DONE), BY(HOLDER), 0,
     EFFECT_COMPLETE | EFFECT_HANDLER},
    {U, ON(CODE_VERIFIED), ON(FAIL), ON(FAILED), BY(HOLDER), 0, 0},
    {U, ON(APPROVED), ON(EXPIRE), ON(CLOSED), BY(TIMER), 0, 0},
    {U, ON(CODE_SENT), ON(EXPIRE), ON(CLOSED), BY(TIMER), 0, 0},
    {U, ON(CODE_VERIFIED), ON(EXPIRE), ON(FAILED), BY(TIMER), 0, 0},
    {U, ON(APPROVED), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0, 0},

    {S | U, ON(IN_REVIEW), ON(RETURN), ON(RETURNED), BY(FIRST_REVIEWER),
     GUARD_DECISION, 0},
    {S | U, ON(IN_REVIEW), ON(REJECT), ON(REJECTED), BY(FIRST_REVIEWER),
     GUARD_DECISION, 0},
    {S | U, ON(IN_REVIEW), ON(WITHDRAW), ON(CLOSED), BY(APPLICANT), 0, 0},
    {S | U, ON(IN_REVIEW), ON(CLOSE), ON(CLOSED), BY(CUSTOMER_SERVICE), 0, 0},
};

const size_t case_transition_count =
    sizeof case_transitions / sizeof case_transitions[0];

/* ---- Names --------------------------------------------------------------- */

static const char *const business_names[BUSINESS_COUNT] = {
    [BUSINESS_NEW] = "new",         [BUSINESS_RENEW] = "renew",
    [BUSINESS_REISSUE] = "reissue", [BUSINESS_CHANGE] = "change",
    [BUSINESS_SEAL] = "seal",       [BUSINESS_UNLOCK] = "unlock",
    [BUSINESS_REVOKE] = "revoke",   [BUSINESS_RECOVER] = "recover",
};

static const char *const state_names[CASE_STATE_COUNT] = {
    [CASE_DRAFT] = "draft",
    [CASE_SUBMITTED] = "submitted",
    [CASE_FORM_READY] = "form-ready",
    [CASE_AWAITING_PAYMENT] = "awaiting-payment",
    [CASE_FIRST_REVIEW] = "first-review",
    [CASE_RETURNED] = "returned",
    [CASE_AWAITING_ORIGINALS] = "awaiting-originals",
    [CASE_SECOND_REVIEW] = "second-review",
    [CASE_SUPPLEMENT] = "supplement",
    [CASE_ACTIVATION_ALLOWED] = "activation-allowed",
    [CASE_ISSUING] = "issuing",
    [CASE_ACTIVATED] = "activated",
    [CASE_BOUND] = "bound",
    [CASE_ISSUE_FAILED] = "issue-failed",
    [CASE_ISSUED] = "issued",
    [CASE_IN_REVIEW] = "in-review",
    [CASE_SEAL_APPROVED] = "seal-approved",
    [CASE_SEAL_SIGNED] = "seal-signed",
    [CASE_INSTALLED] = "installed",
    [CASE_APPROVED] = "approved",
    [CASE_CODE_SENT] = "code-sent",
    [CASE_CODE_VERIFIED] = "code-verified",
    [CASE_DONE] = "done",
    [CASE_FAILED] = "failed",
    [CASE_REVOKING] = "revoking",
    [CASE_REVOKED] = "revoked",
    [CASE_RECOVERING] = "recovering",
    [CASE_KEYS_READY] = "keys-ready",
    [CASE_REJECTED] = "rejected",
    [CASE_CLOSED] = "closed",
};

/* As the history and the log call them: "case.handed-in". */
static const char *const event_names[CASE_EVENT_COUNT] = {
    [CASE_CREATE] = "created",
    [CASE_EDIT] = "edited",
    [CASE_SUBMIT] = "submitted",
    [CASE_HAND_IN] = "handed-in",
    [CASE_WITHDRAW] = "withdrawn",
    [CASE_PAY] = "paid",
    [CASE_PASS] = "passed",
    [CASE_RETURN] = "returned",
    [CASE_REJECT] = "rejected",
    [CASE_RECEIVE] = "originals-received",
    [CASE_SUPPLEMENT_ASK] = "supplement-asked",
    [CASE_SIGN] = "signed",
    [CASE_ACTIVATE] = "activation-requested",
    [CASE_ISSUE] = "ca-done",
    [CASE_REFUSE] = "ca-refused",
    [CASE_RETRY] = "retried",
    [CASE_BIND] = "bound",
    [CASE_UNBIND] = "unbound",
    [CASE_SEAL_MADE] = "seal-made",
    [CASE_INSTALL] = "installed",
    [CASE_SEND_CODE] = "code-sent",
    [CASE_VERIFY] = "code-verified",
    [CASE_RESET] = "unlocked",
    [CASE_FAIL] = "failed",
    [CASE_CLOSE] = "closed",
    [CASE_EXPIRE] = "expired",
    [CASE_REMIND] = "reminded",
};

static const char *const actor_names[CASE_ACTOR_COUNT] = {
    [CASE_BY_APPLICANT] = "applicant",
    [CASE_BY_HOLDER] = "holder",
    [CASE_BY_FIRST_REVIEWER] = "first-reviewer",
    [CASE_BY_SECOND_REVIEWER] = "second-reviewer",
    [CASE_BY_INTAKE_CLERK] = "intake-clerk",
    [CASE_BY_FINANCE] = "finance",
    [CASE_BY_CUSTOMER_SERVICE] = "customer-service",
    [CASE_BY_PLATFORM] = "platform",
    [CASE_BY_SYSTEM] = "system",
    [CASE_BY_TIMER] = "timer",
};

/* By bit: the name, and what to do when it does not hold. */
static const struct {
    const char *name;
    const char *advice;
} guards[] = {
    {"complete",
     "有必填项未填写或填写有误 / a required field is missing or wrong"},
    {"condition",
     "不符合办理此业务的条件 / the condition of this business does not "
     "hold"},
    {"files", "请先选择如何处理曾加密的文件 / say what is to become of the "
              "encrypted files first"},
    {"slots", "还有必传资料未上传 / a mandatory document is missing"},
    {"form", "上传的申请表不是当前版本，请重新下载、盖章并上传 / the uploaded "
             "form is not the one of this revision: download it again, stamp "
             "and upload it"},
    {"due", "无需缴费 / nothing is to be paid"},
    {"nothing-due", "尚未足额缴费 / it is not wholly paid"},
    {"decision", "此操作须由经办人员签名决定 / this takes a decision signed by "
                 "the officer"},
    {"papers", "纸质原件尚未收齐 / not all originals have been received"},
    {"device",
     "介质尚未完成个人化或尚未寄出 / the device is not personalised, or "
     "not on its way yet"},
    {"code", "验证码错误或已过期 / the code is wrong or has run out"},
    {"holder",
     "请先插上介质，用客户端完成验证 / not signed with the key of the "
     "live certificate: plug the device in and prove it first"},
    {"same-handler", "经办人与备案经办人不一致 / the handler is not the one of "
                     "record"},
    {"other-handler",
     "经办人与备案经办人一致 / the handler is the one of record"},
};

static const char *const effect_names[] = {
    "order",    "revision", "payment", "refund",    "papers",  "hold",
    "release",  "revoke",   "issue",   "supersede", "code",    "recall",
    "complete", "handler",  "device",  "seal",      "recover",
};

const char *
case_business_name(enum case_business business)
{
    return business_names[business];
}

char
case_business_letter(enum case_business business)
{
    return "NWICSURK"[business];
}

bool
case_number_is(const char *text, size_t len)
{
    enum { DAY_END = 9, MIN = DAY_END + 1 + 6, MAX = 31 };
    bool has_letter = false;

    if (len < MIN || len > MAX || text[DAY_END] != '-')
        return false;
    for (int b = 0; b < BUSINESS_COUNT; b++)
        has_letter = has_letter ||
                     text[0] == case_business_letter((enum case_business)b);
    for (size_t i = 1; i < len; i++)
        if (i != DAY_END && (text[i] < '0' || text[i] > '9'))
            return false;
    return has_letter;
}

bool
case_business_is_beside(enum case_business business)
{
    return business == BUSINESS_UNLOCK || business == BUSINESS_RECOVER;
}

const char *
case_state_name(enum case_state state)
{
    return state_names[state];
}

const char *
case_event_name(enum case_event event)
{
    return event_names[event];
}

const char *
case_actor_name(enum case_actor actor)
{
    return actor_names[actor];
}

static size_t
bit_place(unsigned bit)
{
    size_t place = 0;

    while (bit > 1) {
        bit >>= 1;
        place++;
    }
    return place;
}

const char *
case_guard_name(enum case_guard guard)
{
    return guards[bit_place((unsigned)guard)].name;
}

const char *
case_effect_name(enum case_effect effect)
{
    return effect_names[bit_place((unsigned)effect)];
}

static bool
name_find(const char *const *names, int count, const char *name, int *out)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return true;
        }
    return false;
}

bool
case_business_find(const char *name, enum case_business *out)
{
    int i;

    if (!name_find(business_names, BUSINESS_COUNT, name, &i))
        return false;
    *out = (enum case_business)i;
    return true;
}

bool
case_state_find(const char *name, enum case_state *out)
{
    int i;

    if (!name_find(state_names, CASE_STATE_COUNT, name, &i))
        return false;
    *out = (enum case_state)i;
    return true;
}

bool
case_event_find(const char *name, enum case_event *out)
{
    int i;

    if (!name_find(event_names, CASE_EVENT_COUNT, name, &i))
        return false;
    *out = (enum case_event)i;
    return true;
}

bool
case_state_is_final(enum case_state state)
{
    switch (state) {
    case CASE_ACTIVATED:
    case CASE_BOUND:
    case CASE_INSTALLED:
    case CASE_DONE:
    case CASE_FAILED:
    case CASE_REVOKED:
    case CASE_REJECTED:
    case CASE_CLOSED:
        return true;
    default:
        return false;
    }
}

/* ---- Judging ---------------------------------------------------------------
 */

/* Bits of the guards that do not hold. */
static unsigned
failing(unsigned guard, const struct case_facts *facts)
{
    unsigned bad = 0;

    bad |= facts->is_complete ? 0 : GUARD_COMPLETE;
    bad |= facts->condition_holds ? 0 : GUARD_CONDITION;
    bad |= facts->files_are_settled ? 0 : GUARD_FILES;
    bad |= facts->has_all_documents ? 0 : GUARD_SLOTS;
    bad |= facts->form_is_current ? 0 : GUARD_FORM;
    bad |= facts->due > 0 ? GUARD_NOTHING_DUE : GUARD_DUE;
    bad |= facts->has_decision ? 0 : GUARD_DECISION;
    bad |= facts->has_all_papers ? 0 : GUARD_PAPERS;
    bad |= facts->device_is_ready ? 0 : GUARD_DEVICE;
    bad |= facts->code_is_right ? 0 : GUARD_CODE;
    bad |= facts->holder_signed ? 0 : GUARD_HOLDER;
    bad |=
        facts->handler_is_of_record ? GUARD_OTHER_HANDLER : GUARD_SAME_HANDLER;
    return bad & guard;
}

static bool
fits(const struct case_transition *t, enum case_business business,
     enum case_state from, enum case_event event)
{
    return (t->business & 1u << business) != 0 && t->from == from &&
           t->event == event;
}

const struct case_transition *
case_transition_find(enum case_business business, enum case_state from,
                     enum case_event event, enum case_actor who)
{
    for (size_t i = 0; i < case_transition_count; i++)
        if (fits(&case_transitions[i], business, from, event) &&
            case_transitions[i].who == who)
            return &case_transitions[i];
    return NULL;
}

bool
case_transition_get(enum case_business business, enum case_state from,
                    enum case_event event, enum case_actor who,
                    const struct case_facts *facts,
                    const struct case_transition **out, struct error *err)
{
    const struct case_transition *other = NULL;
    unsigned bad = 0;

    for (size_t i = 0; i < case_transition_count; i++) {
        const struct case_transition *t = &case_transitions[i];

        if (!fits(t, business, from, event))
            continue;
        if (t->who != who) {
            other = t;
            continue;
        }
        bad = failing(t->guard, facts);
        if (bad == 0) {
            *out = t;
            return true;
        }
    }
    if (bad != 0) /* the lowest bit of the last that fitted */
        return error_set(err, ERROR_CONFLICT, "%s",
                         guards[bit_place(bad & (~bad + 1u))].advice);
    if (other != NULL)
        return error_set(err, ERROR_DENIED,
                         "a case that is %s waits for the %s",
                         state_names[from], actor_names[other->who]);
    return error_set(
        err, ERROR_CONFLICT, "a case of business %s that is %s cannot be %s",
        business_names[business], state_names[from], event_names[event]);
}
