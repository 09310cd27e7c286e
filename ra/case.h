/*
 * A case 业务单: one business that one account filed (domain.md, 1.4, 1.5). The
 * one table of transitions says what can happen to it, by whom, under which
 * conditions and with which consequences; what is not in it cannot happen.
 * Pure: rows, messages and clocks are elsewhere (ra/case_apply.h).
 */
#ifndef RA_CASE_H
#define RA_CASE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum case_business {
    BUSINESS_NEW,     /* 新申请 */
    BUSINESS_RENEW,   /* 续期 */
    BUSINESS_REISSUE, /* 补办 */
    BUSINESS_CHANGE,  /* 变更 */
    BUSINESS_SEAL,    /* 印章申请/变更 */
    BUSINESS_UNLOCK,  /* 解锁 */
    BUSINESS_REVOKE,  /* 注销 */
    BUSINESS_RECOVER, /* 密钥恢复, beside the guide's seven (domain.md, 1.7) */
    BUSINESS_COUNT,
};

enum case_state {
    CASE_DRAFT,
    CASE_SUBMITTED,          /* fields locked; the device has to sign (renew) */
    CASE_FORM_READY,         /* fields locked, form made; documents wanted */
    CASE_AWAITING_PAYMENT,   /* DOCS_SUBMITTED, PAYING */
    CASE_FIRST_REVIEW,       /* PAID: waits for 初审 */
    CASE_RETURNED,           /* to the applicant, for correction */
    CASE_AWAITING_ORIGINALS, /* FIRST_PASSED, AWAIT_PARCEL, HOLDING */
    CASE_SECOND_REVIEW,      /* waits for 复审 */
    CASE_SUPPLEMENT,         /* originals are defective or missing */
    CASE_ACTIVATION_ALLOWED,
    CASE_ISSUING,       /* the order is on its way to the CA */
    CASE_ACTIVATED,     /* 办结 */
    CASE_BOUND,         /* usable 已绑定 */
    CASE_ISSUE_FAILED,  /* renew: paid, and refused by the CA */
    CASE_ISSUED,        /* renew: to be installed */
    CASE_IN_REVIEW,     /* seal, unlock: the one review */
    CASE_SEAL_APPROVED, /* image approved, seal to be made */
    CASE_SEAL_SIGNED,   /* to be installed */
    CASE_INSTALLED,     /* 办结 of renew, seal and recover */
    CASE_APPROVED,      /* unlock: the code may be asked for */
    CASE_CODE_SENT,
    CASE_CODE_VERIFIED, /* the device may be reset */
    CASE_DONE,          /* unlocked */
    CASE_FAILED,        /* 解锁失败 */
    CASE_REVOKING,      /* the revocation is on its way to the CA */
    CASE_REVOKED,       /* 办结 of revoke */
    CASE_RECOVERING,    /* with the key management centre */
    CASE_KEYS_READY,    /* wrapped for the device, which fetches them */
    CASE_REJECTED,
    CASE_CLOSED, /* withdrawn, closed by customer service, or run out */
    CASE_STATE_COUNT,
};

enum case_event {
    CASE_CREATE,
    CASE_EDIT,
    CASE_SUBMIT,
    CASE_HAND_IN,  /* all documents are there */
    CASE_WITHDRAW, /* by the applicant */
    CASE_PAY,      /* the whole amount is there */
    CASE_PASS,
    CASE_RETURN,
    CASE_REJECT,
    CASE_RECEIVE,        /* the originals are complete */
    CASE_SUPPLEMENT_ASK, /* the originals are defective */
    CASE_SIGN,           /* the holder signed with the present key */
    CASE_ACTIVATE,       /* the device sent its request */
    CASE_ISSUE,          /* the CA did what it was asked */
    CASE_REFUSE,         /* the CA refused */
    CASE_RETRY,
    CASE_BIND,   /* 绑定 */
    CASE_UNBIND, /* 解绑 */
    CASE_SEAL_MADE,
    CASE_INSTALL,
    CASE_SEND_CODE, /* 获取验证码 */
    CASE_VERIFY,
    CASE_RESET,  /* new PIN set, administrator PIN rotated */
    CASE_FAIL,   /* not unlocked; no keys from the key management centre */
    CASE_CLOSE,  /* by customer service, with a stamped statement */
    CASE_EXPIRE, /* the state's timer */
    CASE_REMIND, /* the state's timer, which only reminds */
    CASE_EVENT_COUNT,
};

enum case_actor {
    CASE_BY_APPLICANT,
    CASE_BY_HOLDER, /* the holder's device and its client */
    CASE_BY_FIRST_REVIEWER,
    CASE_BY_SECOND_REVIEWER,
    CASE_BY_INTAKE_CLERK,
    CASE_BY_FINANCE,
    CASE_BY_CUSTOMER_SERVICE,
    CASE_BY_PLATFORM, /* the host platform 财智云 */
    CASE_BY_SYSTEM,   /* payment provider, CA core, seal maker */
    CASE_BY_TIMER,
    CASE_ACTOR_COUNT,
};

/* What has to hold: bits of a transition. */
enum case_guard {
    GUARD_COMPLETE = 1 << 0, /* required fields, rightly written */
    GUARD_CONDITION =
        1 << 1,           /* that of the business: live certificate or none */
    GUARD_FILES = 1 << 2, /* encrypted files: the question is answered */
    GUARD_SLOTS = 1 << 3, /* one document in every mandatory slot */
    GUARD_FORM = 1 << 4,  /* the uploaded form is that of this revision */
    GUARD_DUE = 1 << 5,   /* something is to be paid */
    GUARD_NOTHING_DUE = 1 << 6,
    GUARD_DECISION =
        1 << 7,            /* a decision signed by the officer comes with it */
    GUARD_PAPERS = 1 << 8, /* all originals received, the old device too */
    GUARD_DEVICE =
        1 << 9, /* personalised, signed for by its maker, on its way */
    GUARD_CODE = 1 << 10,   /* the right code was typed */
    GUARD_HOLDER = 1 << 11, /* signed with the key of the live certificate */
    GUARD_SAME_HANDLER = 1 << 12,
    GUARD_OTHER_HANDLER = 1 << 13,
};

/* What follows, in the same transaction: bits of a transition. */
enum case_effect {
    EFFECT_ORDER =
        1 << 0, /* the order (or digest) of this revision, the form */
    EFFECT_REVISION =
        1 << 1, /* a new revision: forms and uploads of the old are void */
    EFFECT_PAYMENT = 1 << 2, /* opens the payment */
    EFFECT_REFUND = 1 << 3,  /* by the rule of 1.8 #10 */
    EFFECT_PAPERS = 1 << 4,  /* the originals are awaited from now on */
    EFFECT_HOLD = 1 << 5,    /* the old certificate is held (1.8 #15, #17) */
    EFFECT_RELEASE = 1 << 6, /* and released, if it was held by this case */
    EFFECT_REVOKE = 1 << 7,  /* the revocation goes to the CA */
    EFFECT_ISSUE = 1 << 8,   /* the order to issue goes to the CA */
    EFFECT_SUPERSEDE =
        1 << 9,            /* the revocation of what a renewal replaced goes */
    EFFECT_CODE = 1 << 10, /* an activation code 激活码, or one-time password */
    EFFECT_RECALL = 1 << 11,   /* a device that is out is wanted back */
    EFFECT_COMPLETE = 1 << 12, /* 办结: completed_at, invoice due */
    EFFECT_HANDLER = 1 << 13,  /* its handler becomes the handler of record */
    EFFECT_DEVICE = 1 << 14,   /* the device becomes active */
    EFFECT_SEAL = 1 << 15,     /* what becomes of seals (ra/seal_maker.h) */
    EFFECT_RECOVER = 1 << 16,  /* the recovery of earlier keys goes to the CA */
};

struct case_transition {
    unsigned business; /* bits: 1 << enum case_business */
    enum case_state from;
    enum case_event event;
    enum case_state to;
    enum case_actor who;
    unsigned guard;  /* enum case_guard */
    unsigned effect; /* enum case_effect */
};

extern const struct case_transition case_transitions[];
extern const size_t case_transition_count;

/* What guards ask, read in one go with the case's row locked
 * (db/case_file.h, db_case_facts()); the rest is filled in by who acts. */
struct case_facts {
    bool is_complete; /* fields, judged by the definition */
    bool condition_holds;
    bool files_are_settled;
    bool has_all_documents;
    bool form_is_current;
    int64_t due;       /* fen still to be paid */
    bool has_decision; /* verified: ra/case_review.h */
    bool has_all_papers;
    bool device_is_ready;
    bool code_is_right;
    bool holder_signed;
    bool handler_is_of_record;
};

const char *case_business_name(enum case_business business); /* "new" */
const char *case_state_name(enum case_state state);          /* "form-ready" */
const char *case_event_name(enum case_event event);          /* "handed-in" */
const char *case_actor_name(enum case_actor actor); /* "first-reviewer" */
const char *case_guard_name(enum case_guard guard);
const char *case_effect_name(enum case_effect effect);
bool case_business_find(const char *name, enum case_business *out) MUST_CHECK;
bool case_state_find(const char *name, enum case_state *out) MUST_CHECK;
bool case_event_find(const char *name, enum case_event *out) MUST_CHECK;
char case_business_letter(enum case_business business); /* of case numbers */
/* Whether these octets are written as a case's number, "N20261124-000001": the
 * letter of a business, eight digits, '-', six or more digits. */
bool case_number_is(const char *text, size_t len);

/* Whether it runs beside what else an account has open, one of its kind:
 * unlock and recover (1.8 #20). The same list is in index case_file_open. */
bool case_business_is_beside(enum case_business business);

/* Whether nothing more is to come in this state, and the account is free for
 * another business. The same list is in index case_file_open. */
bool case_state_is_final(enum case_state state);

/* The transition for this event by this actor whose guards hold. ERROR_CONFLICT
 * when the state knows no such event, or says which guard does not hold and
 * what to do; ERROR_DENIED when another has to act. */
bool case_transition_get(enum case_business business, enum case_state from,
                         enum case_event event, enum case_actor who,
                         const struct case_facts *facts,
                         const struct case_transition **out,
                         struct error *err) MUST_CHECK;

/* The first transition that fits by business, state, event and actor alone, to
 * know what has to be asked; NULL if there is none. */
const struct case_transition *case_transition_find(enum case_business business,
                                                   enum case_state from,
                                                   enum case_event event,
                                                   enum case_actor who);

#endif
