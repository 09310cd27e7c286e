/*
 * What accepted orders made and changed, as the log tells it: one certificate
 * or one pair each, and none without; and of a pair both halves alike (docs/
 * architecture.md, "Pairs"). Which certificates are a pair follows from the
 * entries certificate.issued of one order.
 */
#ifndef CA_CORE_AUDIT_ISSUE_H
#define CA_CORE_AUDIT_ISSUE_H

#include "ca-core/audit_certificate.h"

struct audit_issues;
/* Borrows the certificates, and tells them which of them are pairs. */
struct audit_issues *audit_issues_new(struct audit_certificates *certificates);
void audit_issues_free(struct audit_issues *all); /* NULL is nothing */

/* An accepted order of a kind that ends in a certificate. */
void audit_issues_await(struct audit_issues *all,
                        const struct api_order *order);

/* Before an entry is read: whether it goes on with what the last ones began, or
 * that was whole. ERROR_DENIED: one half of a pair was issued without the
 * other, or changed with the other left as it was. */
bool audit_issues_check(struct audit_issues *all, const json_t *entry,
                        const char *event, struct error *err) MUST_CHECK;

/* Takes an entry after audit_certificates_read() did; events that are not about
 * it are nothing. ERROR_DENIED: a certificate that no order makes. */
bool audit_issues_read(struct audit_issues *all, const json_t *entry,
                       const char *event, struct error *err) MUST_CHECK;

/* After the last entry, as audit_issues_check(). */
bool audit_issues_end(struct audit_issues *all, struct error *err) MUST_CHECK;

#endif
