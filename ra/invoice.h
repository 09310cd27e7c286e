/*
 * Electronic invoices 电子发票 (domain.md, 1.6): made some working days after
 * completion 办结, numbered without gaps, XML under config/schema/invoice.xsd.
 * Free businesses have none.
 */
#ifndef RA_INVOICE_H
#define RA_INVOICE_H

#include "base/buf.h"
#include "ra/case_apply.h"
#include "ra/jobs.h"

enum { INVOICE_XML_MAX = 16 * 1024, INVOICE_NUMBER_LEN = 10 };

struct invoice {
    int64_t number; /* from 1 */
    int64_t issued_at;
    const char *seller_name, *seller_tax_number;
    const char *buyer_name, *buyer_tax_number;
    const char *case_number;
    const char *item; /* what was sold */
    int64_t total;    /* fen, with tax */
    int percent;      /* of the tax that the total holds */
};

/* Pure: of a total that holds the tax, the part without it, rounded to the fen
 * half up. */
int64_t invoice_net(int64_t total, int percent);
/* Characters that XML does not know are ERROR_INPUT. */
bool invoice_encode(const struct invoice *invoice, struct buf *out,
                    struct error *err) MUST_CHECK;

/* The invoice of one completed case; nothing if it has one, or was free. In a
 * transaction of its own: number, document and row are there together, or
 * none. */
bool invoice_issue(const struct business *business, struct db *db,
                   const char *number, int64_t now,
                   struct error *err) MUST_CHECK;

/* Those that are due: a row of the table of jobs. */
bool invoice_job(struct ra_job *job, int64_t now, struct error *err) MUST_CHECK;

#endif
