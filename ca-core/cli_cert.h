/* The verbs about certificates; the table is in cli_ca.c. */
#ifndef CA_CORE_CLI_CERT_H
#define CA_CORE_CLI_CERT_H

#include "base/buf.h"
#include "base/cli.h"

int cli_cert_show(struct cli *cli);
int cli_cert_list(struct cli *cli);
int cli_cert_hold(struct cli *cli);
int cli_cert_release(struct cli *cli);
int cli_cert_revoke(struct cli *cli);

/* A PEM certificate to DER. ERROR_INPUT. */
bool cli_cert_der(const struct buf *pem, struct buf *out,
                  struct error *err) MUST_CHECK;

#endif
