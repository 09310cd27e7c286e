/* signet: the command line. Each folder brings its verbs. */
#include "base/cli.h"
#include "base/cli_config.h"
#include "base/cli_service.h"
#include "ca-core/cli.h"
#include "ca-core/kmc/cli.h"
#include "db/cli.h"
#include "hsm/cli.h"
#include "ra/cli/cli_business.h"
#include "ra/cli/cli_ra.h"
#include "ra/cli/cli_unit.h"
#include "ra/cli/cli_vault.h"

int
main(int argc, char **argv)
{
    static const struct cli_verb *const tables[] = {
        business_verbs, ra_verbs,  case_verbs,    unit_verbs,   vault_verbs,
        officer_verbs,  ca_verbs,  profile_verbs, audit_verbs,  ceremony_verbs,
        sample_verbs,   hsm_verbs, db_verbs,      config_verbs, service_verbs,
        kmc_verbs,      NULL,
    };

    return cli_main(argc, argv, tables);
}
