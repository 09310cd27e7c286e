/* The frame of the command line; see base/cli.h. */
#include "base/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

static const char default_config[] = "/etc/signet/signet.conf";

/* How many of `argv` the verb's words are; 0 when they differ. */
static int
words_matched(const char *words, int argc, char **argv)
{
    int count = 0;

    while (*words != '\0') {
        size_t len = strcspn(words, " ");

        if (count == argc || strlen(argv[count]) != len ||
            memcmp(argv[count], words, len) != 0)
            return 0;
        count++;
        words += len;
        words += *words == ' ';
    }
    return count;
}

/* The verb with the most words that match. */
static const struct cli_verb *
verb_find(const struct cli_verb *const *tables, int argc, char **argv,
          int *words)
{
    const struct cli_verb *found = NULL, *verb;

    *words = 0;
    for (; *tables != NULL; tables++)
        for (verb = *tables; verb->words != NULL; verb++) {
            int matched = words_matched(verb->words, argc, argv);

            if (matched > *words) {
                found = verb;
                *words = matched;
            }
        }
    return found;
}

static void
print_verbs(FILE *out, const struct cli_verb *const *tables)
{
    const struct cli_verb *verb;

    fprintf(out, "usage: signet [--config FILE] VERB...\n"
                 "       signet VERB --help\n\n");
    for (; *tables != NULL; tables++)
        for (verb = *tables; verb->words != NULL; verb++)
            fprintf(out, "  %-26s %s\n", verb->words, verb->help);
    fprintf(out, "\nFILE is %s unless given.\n", default_config);
}

static void
print_usage(FILE *out, const struct cli_verb *verb)
{
    fprintf(out, "usage: signet %s %s\n", verb->words, verb->usage);
}

/* What cli_option() and cli_rest() print; set while a verb runs. */
static const struct cli_verb *running;

static int
run_verb(const struct cli_verb *verb, const char *config_file, int argc,
         char **argv)
{
    struct cli cli = {.verb = verb->words, .argc = argc, .argv = argv};
    struct config *config = NULL;
    struct error err = {0};
    int status;

    if (argc > 0 && strcmp(argv[0], "--help") == 0) {
        print_usage(stdout, verb);
        printf("%s\n", verb->help);
        return 0;
    }
    log_open("signet", LOG_LEVEL_WARN);
    if (verb->needs_config && !config_load(config_file, &config, &err))
        return cli_fail(&cli, &err);
    cli.config = config;
    running = verb;
    status = verb->run(&cli);
    running = NULL;
    config_free(config);
    if (fflush(stdout) != 0 && status == 0) {
        perror("signet: standard output");
        status = 1;
    }
    return status;
}

int
cli_main(int argc, char **argv, const struct cli_verb *const *tables)
{
    const char *config_file = default_config;
    const struct cli_verb *verb;
    int words, at = 1;

    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        print_verbs(stdout, tables);
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        printf("signet %s\n", SIGNET_VERSION);
        return 0;
    }
    if (argc >= 3 && strcmp(argv[1], "--config") == 0) {
        config_file = argv[2];
        at = 3;
    }
    verb = verb_find(tables, argc - at, argv + at, &words);
    if (verb == NULL) {
        if (at < argc)
            fprintf(stderr, "signet: no such verb: %s\n", argv[at]);
        print_verbs(stderr, tables);
        return 2;
    }
    return run_verb(verb, config_file, argc - at - words, argv + at + words);
}

static void
take_out(struct cli *cli, int at, int count)
{
    int i;

    for (i = at; i + count < cli->argc; i++)
        cli->argv[i] = cli->argv[i + count];
    cli->argc -= count;
}

const char *
cli_option(struct cli *cli, const char *name, bool *is_wrong)
{
    const char *value;
    int i;

    for (i = 0; i < cli->argc; i++) {
        if (strcmp(cli->argv[i], "--") == 0)
            return NULL;
        if (strcmp(cli->argv[i], name) == 0)
            break;
    }
    if (i >= cli->argc)
        return NULL;
    if (i + 1 == cli->argc) {
        fprintf(stderr, "signet %s: %s wants a value\n", cli->verb, name);
        if (running != NULL)
            print_usage(stderr, running);
        *is_wrong = true;
        return NULL;
    }
    value = cli->argv[i + 1];
    take_out(cli, i, 2);
    return value;
}

bool
cli_flag(struct cli *cli, const char *name)
{
    int i;

    for (i = 0; i < cli->argc && strcmp(cli->argv[i], "--") != 0; i++)
        if (strcmp(cli->argv[i], name) == 0) {
            take_out(cli, i, 1);
            return true;
        }
    return false;
}

bool
cli_rest(struct cli *cli, int count)
{
    int i;

    for (i = 0; i < cli->argc; i++) {
        if (strcmp(cli->argv[i], "--") == 0) {
            take_out(cli, i, 1);
            break;
        }
        if (cli->argv[i][0] == '-' && cli->argv[i][1] != '\0') {
            fprintf(stderr, "signet %s: no such option here: %s\n", cli->verb,
                    cli->argv[i]);
            if (running != NULL)
                print_usage(stderr, running);
            return false;
        }
    }
    if (count >= 0 && cli->argc != count) {
        fprintf(stderr, "signet %s: %d argument%s wanted, %d given\n",
                cli->verb, count, count == 1 ? "" : "s", cli->argc);
        if (running != NULL)
            print_usage(stderr, running);
        return false;
    }
    return true;
}

int
cli_fail(const struct cli *cli, const struct error *err)
{
    fprintf(stderr, "signet %s: %s", cli->verb, err->what);
    if (err->cause[0] != '\0')
        fprintf(stderr, " (%s)", err->cause);
    fputc('\n', stderr);
    return 1;
}
