/* Calls by libcurl; see base/http_client.h. */
#include "base/http_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/http_route.h"
#include "base/json.h"

enum { URL_MAX = 8192 };

struct http_client {
    CURL *curl;
    char *base_url;
    char *authorization; /* a header line; NULL: none */
    size_t body_max;
    char cause[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t
take_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_answer *answer = arg;

    /* Anything but the whole count ends the transfer. */
    return buf_add(&answer->body, data, size * count) ? size * count : 0;
}

/* Copies the value of a header line if it is called `name`. */
static void
take_header(const char *line, size_t len, const char *name, char *out,
            size_t max)
{
    size_t name_len = strlen(name);
    const char *end = line + len;

    if (len <= name_len || line[name_len] != ':' ||
        strncasecmp(line, name, name_len) != 0)
        return;
    line += name_len + 1;
    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    while (end > line && strchr(" \t\r\n", end[-1]) != NULL)
        end--;
    len = (size_t)(end - line);
    if (len < max) {
        memcpy(out, line, len);
        out[len] = '\0';
    }
}

/* What a call's header lines go to. */
struct header_sink {
    struct http_answer *answer;
    const char *wanted; /* NULL: none */
};

static size_t
take_headers(char *data, size_t size, size_t count, void *arg)
{
    const struct header_sink *sink = arg;
    struct http_answer *answer = sink->answer;

    if (sink->wanted != NULL)
        take_header(data, size * count, sink->wanted, answer->wanted,
                    sizeof answer->wanted);
    take_header(data, size * count, "content-type", answer->content_type,
                sizeof answer->content_type);
    take_header(data, size * count, "etag", answer->etag, sizeof answer->etag);
    return size * count;
}

/* What holds for every call. */
static bool
set_options(struct http_client *client,
            const struct http_client_options *options)
{
    CURL *curl = client->curl;
    bool is_tls = options->trust_file != NULL;
    bool ok = true;

#define SET(option, value)                                                     \
    (ok = ok && curl_easy_setopt(curl, (option), (value)) == CURLE_OK)
    SET(CURLOPT_PROTOCOLS_STR, is_tls ? "https" : "http");
    SET(CURLOPT_ERRORBUFFER, client->cause);
    SET(CURLOPT_NOSIGNAL, 1L); /* we have threads */
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* whatever the environment says */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)options->timeout_ms);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_HEADERFUNCTION, take_headers);
    if (is_tls) {
        SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        SET(CURLOPT_SSL_VERIFYPEER, 1L);
        SET(CURLOPT_SSL_VERIFYHOST, 2L);
        SET(CURLOPT_CAINFO, options->trust_file);
        SET(CURLOPT_CAPATH, NULL); /* not the system's roots as well */
    }
    if (is_tls && options->certificate_file != NULL) {
        SET(CURLOPT_SSLCERT, options->certificate_file);
        SET(CURLOPT_SSLKEY, options->key_file);
    }
#undef SET
    return ok;
}

bool
http_client_new(const struct http_client_options *options,
                struct http_client **out, struct error *err)
{
    struct http_client *client = base_alloc(sizeof *client);
    struct buf line = BUF_INIT(4096);

    (void)pthread_once(&once, init_curl);
    client->body_max = options->body_max;
    client->base_url = base_text_copy(options->base_url);
    if (options->bearer != NULL) {
        (void)buf_addf(&line, "Authorization: Bearer %s", options->bearer);
        client->authorization = base_text_copy(buf_text(&line));
        buf_cleanse(&line);
    }
    client->curl = curl_easy_init();
    if (client->curl == NULL || !set_options(client, options)) {
        http_client_free(client);
        return error_set(err, ERROR_INTERNAL, "cannot set up an HTTP client");
    }
    *out = client;
    return true;
}

void
http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    free(client->base_url);
    free(client->authorization);
    free(client);
}

void
http_answer_clear(struct http_answer *answer)
{
    buf_clear(&answer->body);
    memset(answer, 0, sizeof *answer);
}

static bool
append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

/* Method, headers and body of one call. `headers` is the caller's to free. */
static bool
set_request(struct http_client *client, const struct http_call *call,
            struct curl_slist **headers)
{
    CURL *curl = client->curl;
    enum http_method method = call->method;
    bool has_body = method == HTTP_POST || method == HTTP_PUT ||
                    method == HTTP_PATCH || call->body_len > 0;
    char line[256];
    bool ok = true;

    (void)snprintf(line, sizeof line, "Content-Type:%s%s",
                   call->content_type != NULL ? " " : "",
                   call->content_type != NULL ? call->content_type : "");
    /* "Expect:" without value takes away a round trip for long bodies. */
    ok = append(headers, "Expect:") && append(headers, line) &&
         (client->authorization == NULL ||
          append(headers, client->authorization));
    for (size_t i = 0; call->headers != NULL && call->headers[i] != NULL; i++)
        ok = ok && append(headers, call->headers[i]);
#define SET(option, value)                                                     \
    (ok = ok && curl_easy_setopt(curl, (option), (value)) == CURLE_OK)
    SET(CURLOPT_HTTPGET, 1L); /* undoes the call before */
    SET(CURLOPT_NOBODY, method == HTTP_HEAD ? 1L : 0L);
    if (has_body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS,
            call->body == NULL ? "" : (const char *)call->body);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    }
    SET(CURLOPT_CUSTOMREQUEST,
        method == HTTP_HEAD ? NULL : http_method_name(method));
    SET(CURLOPT_HTTPHEADER, *headers);
#undef SET
    return ok;
}

static bool
call_failed(struct http_client *client, CURLcode code,
            struct http_answer *answer, const char *url, struct error *err)
{
    const char *cause =
        client->cause[0] != '\0' ? client->cause : curl_easy_strerror(code);
    enum error_code is = ERROR_BUSY;
    long sent = 0;

    (void)curl_easy_getinfo(client->curl, CURLINFO_REQUEST_SIZE, &sent);
    answer->is_sent = sent > 0;
    /* These do not go away by waiting: a file is wrong, or the peer is. */
    if (code == CURLE_PEER_FAILED_VERIFICATION ||
        code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE ||
        code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
        code == CURLE_WRITE_ERROR || code == CURLE_OUT_OF_MEMORY)
        is = ERROR_INTERNAL;
    if (buf_is_full(&answer->body))
        cause = "the answer is too long";
    return error_cause(err, is, cause, "no answer from %s", url);
}

bool
http_client_exchange(struct http_client *client, const struct http_call *call,
                     struct http_answer *answer, struct error *err)
{
    struct header_sink sink = {answer, call->wanted_header};
    struct buf url = BUF_INIT(URL_MAX);
    struct curl_slist *headers = NULL;
    CURL *curl = client->curl;
    CURLcode code;
    long status = 0;
    bool ok = false;

    memset(answer, 0, sizeof *answer);
    answer->body.limit = client->body_max;
    client->cause[0] = '\0';
    (void)buf_addf(&url, "%s%s", client->base_url, call->path);
    if (buf_is_full(&url) || !set_request(client, call, &headers) ||
        curl_easy_setopt(curl, CURLOPT_URL, buf_text(&url)) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, &sink) != CURLE_OK) {
        (void)error_set(err, ERROR_INTERNAL, "cannot set up an HTTP call");
        goto out;
    }
    code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        ok = call_failed(client, code, answer, client->base_url, err);
        goto out;
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    answer->is_sent = true;
    ok = true;
out:
    curl_slist_free_all(headers);
    buf_clear(&url);
    return ok;
}

bool
http_client_call(struct http_client *client, enum http_method method,
                 const char *path, const char *content_type, const void *body,
                 size_t body_len, struct http_answer *answer, struct error *err)
{
    struct http_call call = {.method = method,
                             .path = path,
                             .content_type = content_type,
                             .body = body,
                             .body_len = body_len};

    return http_client_exchange(client, &call, answer, err);
}

/* http_status_of() the other way round. */
static enum error_code
code_of(int status)
{
    switch (status) {
    case 401:
    case 403:
        return ERROR_DENIED;
    case 404:
        return ERROR_NOT_FOUND;
    case 409:
        return ERROR_CONFLICT;
    case 429:
    case 502:
    case 503:
    case 504:
        return ERROR_BUSY;
    default:
        return status < 500 ? ERROR_INPUT : ERROR_INTERNAL;
    }
}

bool
http_answer_error(const struct http_answer *answer, struct error *err)
{
    const char *detail = NULL, *id = NULL;
    struct error ignored = {0};
    json_t *problem = NULL;

    if (json_parse_object(answer->body.data, answer->body.len, &problem,
                          &ignored)) {
        (void)!json_find_text(problem, "detail", ERROR_WHAT_MAX, &detail,
                              &ignored);
        (void)!json_find_text(problem, "request_id", HTTP_REQUEST_ID_LEN, &id,
                              &ignored);
    }
    if (detail != NULL)
        (void)error_set(err, code_of(answer->status), "%s", detail);
    else
        (void)error_set(err, code_of(answer->status),
                        "the other side answered %d %s%s%s", answer->status,
                        http_status_phrase(answer->status),
                        id != NULL ? ", request " : "", id != NULL ? id : "");
    json_decref(problem);
    return false;
}

bool
http_client_json(struct http_client *client, enum http_method method,
                 const char *path, const json_t *body, json_t **out,
                 struct error *err)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    struct http_answer answer;
    bool ok;

    ok = http_client_call(client, method, path,
                          text == NULL ? NULL : "application/json", text,
                          text == NULL ? 0 : strlen(text), &answer, err);
    if (ok && answer.status >= 300)
        ok = http_answer_error(&answer, err);
    else if (ok && answer.body.len == 0)
        *out = json_object();
    else if (ok &&
             !json_parse_object(answer.body.data, answer.body.len, out, err)) {
        err->code = ERROR_INTERNAL; /* theirs, not our caller's */
        ok = error_wrap(err, "answer of %s", client->base_url);
    }
    http_answer_clear(&answer);
    free(text);
    return ok;
}
