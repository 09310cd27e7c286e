/* Pages from memory, and nothing else: ra/static.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "ra/static.h"

static char folder[] = "/tmp/signet-static-XXXXXX";

static void
put(const char *name, const char *text)
{
    char path[200];
    struct error err = {0};

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_true(text_file_write(path, text, strlen(text), 0644, &err));
}

static void
drop(const char *name)
{
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)remove(path);
}

static int
group_setup(void **state)
{
    static const char *const parts[] = {"web", "portal", "console"};
    char path[200];

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, parts[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    put("web/style.css", "p {}");
    put("console/index.html", "<p>console</p>");
    put("console/main.js", "export {};");
    put("portal/index.html", "<p>portal</p>");
    put("secret", "not a page");
    return 0;
}

static int
group_teardown(void **state)
{
    static const char *const names[] = {"web/style.css",
                                        "console/index.html",
                                        "console/main.js",
                                        "portal/index.html",
                                        "secret",
                                        "web",
                                        "portal",
                                        "console",
                                        ""};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        drop(names[i]);
    return 0;
}

static struct static_files *
load(void)
{
    struct static_files *files = NULL;
    struct error err = {0};

    assert_true(static_load(folder, &files, &err));
    return files;
}

/* GET; `tags` is If-None-Match or NULL. The caller clears. */
static struct http_response
get(const struct static_files *files, const char *path, const char *tags)
{
    struct http_request req = {.path = path, .query = ""};
    struct http_response res = {0};

    if (tags != NULL)
        req.header[req.header_count++] =
            (struct http_header){"if-none-match", tags};
    static_answer(files, &req, &res);
    return res;
}

static int
status_of(const struct static_files *files, const char *path)
{
    struct http_response res = get(files, path, NULL);
    int status = res.status;

    http_response_clear(&res);
    return status;
}

static void
a_page_comes_with_its_type_and_its_tag(void **state)
{
    struct static_files *files = load();
    struct http_response res = get(files, "/console/", NULL);

    (void)state;
    assert_int_equal(res.status, 200);
    assert_string_equal(res.content_type, "text/html; charset=utf-8");
    assert_memory_equal(res.body.data, "<p>console</p>", 14);
    assert_non_null(strstr(buf_text(&res.headers), "ETag: \""));
    assert_non_null(strstr(buf_text(&res.headers), "Cache-Control: no-cache"));
    http_response_clear(&res);
    res = get(files, "/console/main.js", NULL);
    assert_string_equal(res.content_type, "text/javascript; charset=utf-8");
    http_response_clear(&res);
    static_free(files);
}

static void
what_the_browser_has_is_not_sent_again(void **state)
{
    struct static_files *files = load();
    struct http_response res = get(files, "/web/style.css", NULL);
    char tag[128] = "W/\"other\", ";
    const char *at = strstr(buf_text(&res.headers), "ETag: ") + 6;

    (void)state;
    (void)snprintf(tag + strlen(tag), sizeof tag - strlen(tag), "%.*s",
                   (int)strcspn(at, "\r"), at);
    http_response_clear(&res);
    res = get(files, "/web/style.css", tag);
    assert_int_equal(res.status, 304);
    assert_int_equal(res.body.len, 0);
    http_response_clear(&res);
    res = get(files, "/web/style.css", "\"another\"");
    assert_int_equal(res.status, 200);
    http_response_clear(&res);
    static_free(files);
}

static void
a_folder_without_its_slash_is_sent_on(void **state)
{
    static const char *const paths[][2] = {
        {"/", "/portal/"}, {"/portal", "/portal/"}, {"/console", "/console/"}};
    struct static_files *files = load();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct http_response res = get(files, paths[i][0], NULL);
        char line[64];

        (void)snprintf(line, sizeof line, "Location: %s\r\n", paths[i][1]);
        assert_int_equal(res.status, 308);
        assert_non_null(strstr(buf_text(&res.headers), line));
        http_response_clear(&res);
    }
    static_free(files);
}

static void
no_path_leads_out_of_the_pages(void **state)
{
    static const char *const paths[] = {
        "/console/../secret",    "/secret",           "/web/",
        "/web/../../etc/passwd", "/console/main.js/", "/console/MAIN.JS",
        "/console//main.js",     "/console/main",     ""};
    struct static_files *files = load();
    char deep[5000] = "/web/";

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(status_of(files, paths[i]), 404);
    memset(deep + 5, 'a', sizeof deep - 6);
    assert_int_equal(status_of(files, deep), 404);
    static_free(files);
    assert_int_equal(status_of(NULL, "/console/"), 404);
}

static void
what_came_after_the_start_is_not_served(void **state)
{
    struct static_files *files = load();

    (void)state;
    put("web/new.js", "alert(1)");
    assert_int_equal(status_of(files, "/web/new.js"), 404);
    drop("web/new.js");
    static_free(files);
}

static void
a_file_that_is_no_page_stops_the_start(void **state)
{
    static const char *const names[] = {"web/page.php", "web/Style.css",
                                        "web/a_b.js", "web/js"};
    struct static_files *files = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct error err = {0};

        put(names[i], "x");
        assert_false(static_load(folder, &files, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        assert_non_null(strstr(err.what, names[i]));
        drop(names[i]);
    }
}

static void
the_policy_lets_nothing_run_that_is_not_ours(void **state)
{
    (void)state;
    assert_non_null(strstr(static_headers, "default-src 'none'"));
    assert_non_null(strstr(static_headers, "script-src 'self';"));
    assert_non_null(strstr(static_headers, "frame-ancestors 'none'"));
    assert_null(strstr(static_headers, "unsafe"));
    assert_null(strstr(static_headers, "*"));
    /* Lines, each with its end. */
    assert_memory_equal(static_headers + strlen(static_headers) - 2, "\r\n", 2);
}

static void
the_pages_of_this_tree_load(void **state)
{
    struct static_files *files = NULL;
    struct error err = {0};

    (void)state;
    if (!static_load(SOURCE_DIR "/ra/web", &files, &err))
        fail_msg("%s", err.what);
    assert_int_equal(status_of(files, "/console/"), 200);
    assert_int_equal(status_of(files, "/portal/"), 200);
    static_free(files);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_comes_with_its_type_and_its_tag),
        cmocka_unit_test(what_the_browser_has_is_not_sent_again),
        cmocka_unit_test(a_folder_without_its_slash_is_sent_on),
        cmocka_unit_test(no_path_leads_out_of_the_pages),
        cmocka_unit_test(what_came_after_the_start_is_not_served),
        cmocka_unit_test(a_file_that_is_no_page_stops_the_start),
        cmocka_unit_test(the_policy_lets_nothing_run_that_is_not_ours),
        cmocka_unit_test(the_pages_of_this_tree_load),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
