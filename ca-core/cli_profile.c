/* `signet profile check|show|list` and `signet lint`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "ca-core/cli.h"
#include "ca-core/lint.h"
#include "ca-core/profile.h"

enum { LINT_FILE_MAX = 4 * 1024 * 1024 };

/* Every file is judged, also after a wrong one. */
static int
run_check(struct cli *cli)
{
    int status = 0;

    if (!cli_rest(cli, -1) || cli->argc == 0)
        return 2;
    for (int i = 0; i < cli->argc; i++) {
        struct profile *profile = NULL;
        struct error err = {0};

        if (profile_load(cli->argv[i], config_path(cli->config, "schema_dir"),
                         &profile, &err))
            printf("%s: profile %s is right\n", cli->argv[i], profile->name);
        else
            status = cli_fail(cli, &err);
        profile_free(profile);
    }
    return status;
}

static void
print_profile(const struct profile *profile)
{
    struct buf text = BUF_INIT(65536);

    profile_format(profile, &text);
    fputs(buf_text(&text), stdout);
    buf_clear(&text);
}

/* A name of an installed profile, or else a file. */
static int
run_show(struct cli *cli)
{
    const char *schema_dir, *dir;
    struct profile_set set = {0};
    struct profile *profile = NULL;
    const struct profile *found = NULL;
    struct error err = {0};

    if (!cli_rest(cli, 1))
        return 2;
    schema_dir = config_path(cli->config, "schema_dir");
    dir = config_path(cli->config, "ca.profiles_dir");
    if (access(cli->argv[0], R_OK) == 0) {
        if (profile_load(cli->argv[0], schema_dir, &profile, &err))
            found = profile;
    } else if (profile_set_load(dir, schema_dir, &set, &err)) {
        found = profile_set_find(&set, cli->argv[0]);
        if (found == NULL)
            error_set(&err, ERROR_NOT_FOUND, "no profile \"%s\" in %s",
                      cli->argv[0], dir);
    }
    if (found != NULL)
        print_profile(found);
    profile_free(profile);
    profile_set_clear(&set);
    return found != NULL ? 0 : cli_fail(cli, &err);
}

static int
run_list(struct cli *cli)
{
    struct profile_set set = {0};
    struct error err = {0};

    if (!cli_rest(cli, 0))
        return 2;
    if (!profile_set_load(config_path(cli->config, "ca.profiles_dir"),
                          config_path(cli->config, "schema_dir"), &set, &err))
        return cli_fail(cli, &err);
    for (size_t i = 0; i < set.count; i++)
        printf("%-24s  %s  (%s)\n", set.at[i]->name, set.at[i]->title_en,
               set.at[i]->title_zh);
    profile_set_clear(&set);
    return 0;
}

/* ---- lint -------------------------------------------------------------- */

static bool
lint_one(const char *file, const struct profile *profile, struct der der)
{
    struct findings findings;

    if (lint_certificate(profile, NULL, der, &findings)) {
        printf("%s: nothing found\n", file);
        return true;
    }
    for (size_t i = 0; i < findings.count && i < LINT_FINDINGS_MAX; i++)
        printf("%s: %s: %s\n", file, findings.at[i].clause,
               findings.at[i].what);
    if (findings.count > LINT_FINDINGS_MAX)
        printf("%s: and %zu more\n", file, findings.count - LINT_FINDINGS_MAX);
    return false;
}

/* Every certificate of a PEM file, or one in DER. */
static bool
lint_file(const char *file, const struct profile *profile, bool *is_clean,
          struct error *err)
{
    struct buf data = BUF_INIT(LINT_FILE_MAX);
    BIO *bio = NULL;
    unsigned char *der = NULL;
    char *name = NULL, *header = NULL;
    bool has_one = false;
    long len;

    if (!text_file_read(file, LINT_FILE_MAX, &data, err)) {
        buf_clear(&data);
        return false;
    }
    bio = BIO_new_mem_buf(buf_text(&data), (int)data.len);
    while (bio != NULL && PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
        if (strcmp(name, PEM_STRING_X509) == 0) {
            has_one = true;
            *is_clean &=
                lint_one(file, profile, (struct der){der, (size_t)len});
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    ERR_clear_error(); /* the end of the file is an error to PEM_read_bio() */
    BIO_free(bio);
    if (!has_one)
        *is_clean &= lint_one(file, profile, (struct der){data.data, data.len});
    buf_clear(&data);
    return true;
}

static int
run_lint(struct cli *cli)
{
    bool is_wrong = false, is_clean = true;
    const char *name = cli_option(cli, "--profile", &is_wrong);
    const struct profile *profile = NULL;
    struct profile_set set = {0};
    struct error err = {0};
    int status = 0;

    if (is_wrong || !cli_rest(cli, -1) || cli->argc == 0)
        return 2;
    if (name != NULL) {
        if (!profile_set_load(config_path(cli->config, "ca.profiles_dir"),
                              config_path(cli->config, "schema_dir"), &set,
                              &err))
            return cli_fail(cli, &err);
        if ((profile = profile_set_find(&set, name)) == NULL) {
            error_set(&err, ERROR_NOT_FOUND, "no profile \"%s\"", name);
            profile_set_clear(&set);
            return cli_fail(cli, &err);
        }
    }
    for (int i = 0; i < cli->argc; i++)
        if (!lint_file(cli->argv[i], profile, &is_clean, &err))
            status = cli_fail(cli, &err);
    profile_set_clear(&set);
    return is_clean ? status : 1;
}

const struct cli_verb profile_verbs[] = {
    {"profile check", "FILE...",
     "judge profiles by the schema and by their own logic", true, run_check},
    {"profile show", "NAME|FILE", "tell in words what a profile says", true,
     run_show},
    {"profile list", "", "list the installed profiles", true, run_list},
    {"lint", "[--profile NAME] FILE...",
     "judge certificates (PEM or DER) by RFC 5280 and by a profile", true,
     run_lint},
    {NULL, NULL, NULL, false, NULL},
};
