/*
 * The verbs of the `signet` program. Each folder brings a table; the program's
 * main puts them together. Exit status: 0 done, 1 refused or failed, 2 wrong
 * use.
 */
#ifndef BASE_CLI_H
#define BASE_CLI_H

#include "base/config.h"

struct cli {
    const struct config *config; /* NULL for verbs that need none */
    const char *verb;            /* "cert show", for messages */
    int argc;                    /* what follows the verb */
    char **argv;
};

struct cli_verb {
    const char *words; /* "profile check" */
    const char *usage; /* "FILE..." */
    const char *help;  /* one line */
    bool needs_config;
    int (*run)(struct cli *cli);
};

/* signet [--config FILE] VERB...; `tables` ends with NULL tables. Each table
 * ends with words == NULL. --help lists, `VERB --help` explains. */
int cli_main(int argc, char **argv, const struct cli_verb *const *tables);

/* Options of a verb: "--out FILE", "--json". Takes the option out of argc/argv.
 * A missing value prints usage and sets *is_wrong. NULL if absent. */
const char *cli_option(struct cli *cli, const char *name, bool *is_wrong);
bool cli_flag(struct cli *cli, const char *name);
/* True when exactly `count` (-1: any) positional arguments and no unknown
 * option are left; otherwise prints usage. */
bool cli_rest(struct cli *cli, int count);

/* Prints "signet VERB: what (cause)" to stderr; returns 1. */
int cli_fail(const struct cli *cli, const struct error *err);

#endif
