/* signet-key: the holder's program for a USB key. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "ra/client/client.h"

static const struct client_verb *const tables[] = {
    client_device_verbs, client_file_verbs,    client_service_verbs,
    client_renew_verbs,  client_recover_verbs, client_unlock_verbs,
    client_maker_verbs};
enum { TABLE_COUNT = sizeof tables / sizeof *tables };

static void
help(const struct client *client)
{
    (void)printf(
        "%s\n\n",
        client->is_english
            ? "signet-key [--module FILE] [--device SERIAL] [--json] "
              "[--language zh|en] [--pin-file FILE|-]\n           "
              "[--code-file FILE|-] [--url URL] [--ca-file FILE] VERB ..."
            : "signet-key [--module 驱动库] [--device 序列号] [--json] "
              "[--language zh|en] [--pin-file 文件|-]\n           "
              "[--code-file 文件|-] [--url 地址] [--ca-file 文件] 命令 ...");
    for (size_t t = 0; t < TABLE_COUNT; t++)
        for (const struct client_verb *verb = tables[t]; verb->name != NULL;
             verb++)
            (void)printf("  %s %s\n      %s\n", verb->name, verb->usage,
                         client->is_english ? verb->en : verb->zh);
}

static const struct client_verb *
find(const char *name)
{
    for (size_t t = 0; t < TABLE_COUNT; t++)
        for (const struct client_verb *verb = tables[t]; verb->name != NULL;
             verb++)
            if (strcmp(verb->name, name) == 0)
                return verb;
    return NULL;
}

/* What a program reads: {"ok": ..., ...}. */
static void
print_answer(struct client *client, const struct error *err)
{
    json_object_set_new(client->answer, "ok", json_boolean(err == NULL));
    if (err != NULL) {
        json_object_set_new(client->answer, "error",
                            json_string(error_code_name(err->code)));
        json_object_set_new(client->answer, "what", json_string(err->what));
    }
    (void)json_dumpf(client->answer, stdout,
                     JSON_COMPACT | JSON_PRESERVE_ORDER);
    (void)putchar('\n');
}

static void
settle(struct client *client)
{
    const char *language = client_option(client, "--language");
    const char *locale = getenv("LC_ALL");

    client->is_json = client_flag(client, "--json");
    client->module = client_option(client, "--module");
    client->serial = client_option(client, "--device");
    client->pin_file = client_option(client, "--pin-file");
    client->code_file = client_option(client, "--code-file");
    client->url = client_option(client, "--url");
    client->trust_file = client_option(client, "--ca-file");
    if (client->module == NULL)
        client->module = getenv("SIGNET_KEY_MODULE");
    if (client->url == NULL)
        client->url = getenv("SIGNET_KEY_URL");
    if (client->trust_file == NULL)
        client->trust_file = getenv("SIGNET_KEY_CA_FILE");
    if (locale == NULL || locale[0] == '\0')
        locale = getenv("LANG");
    client->is_english = language != NULL
                             ? strcmp(language, "en") == 0
                             : locale != NULL && strncmp(locale, "zh", 2) != 0;
}

int
main(int argc, char **argv)
{
    static const struct rlimit no_core = {0, 0};
    struct client client = {.argc = argc - 1, .argv = argv + 1};
    const struct client_verb *verb;
    struct error err = {0};
    bool ok;

    /* PINs and content keys: no core file, no other process looks in. */
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)prctl(PR_SET_DUMPABLE, 0);
    settle(&client);
    if (client.argc == 0 || strcmp(client.argv[0], "help") == 0 ||
        strcmp(client.argv[0], "--help") == 0) {
        help(&client);
        return client.argc == 0 ? 2 : 0;
    }
    verb = find(client.argv[0]);
    if (verb == NULL) {
        (void)fprintf(stderr, "signet-key: no such verb: %s\n", client.argv[0]);
        return 2;
    }
    client.argc--;
    client.argv++;
    client.answer = json_object();
    ok = verb->run(&client, &err);
    if (client.is_json)
        print_answer(&client, ok ? NULL : &err);
    else if (!ok)
        (void)fprintf(stderr, "signet-key %s: %s%s%s%s\n", verb->name, err.what,
                      err.cause[0] == '\0' ? "" : " (", err.cause,
                      err.cause[0] == '\0' ? "" : ")");
    json_decref(client.answer);
    return ok ? 0 : 1;
}
