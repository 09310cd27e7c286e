/* LISTEN and the wait for what comes. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "db/db_internal.h"

bool
db_listen(struct db *db, const char *channel, struct error *err)
{
    char sql[DB_CHANNEL_MAX + 64];

    /* Channels are names in our code; so no quoting is needed. */
    assert(strlen(channel) <= DB_CHANNEL_MAX && strpbrk(channel, "\"") == NULL);
    if (!db_ensure(db, err))
        return false;
    (void)snprintf(sql, sizeof sql, "LISTEN \"%s\"", channel);
    if (!db_simple(db, sql, NULL, err)) {
        /* "Cannot execute LISTEN during recovery" does not spoil a standby. */
        db->is_stale = db_is_lost(db);
        return error_wrap(err, "listen");
    }
    memcpy(db->channel, channel, strlen(channel) + 1);
    return true;
}

/* Takes all notifications that have come. */
static bool
take_notifications(struct db *db)
{
    PGnotify *notify;
    bool is_any = false;

    while ((notify = PQnotifies(db->conn)) != NULL) {
        PQfreemem(notify);
        is_any = true;
    }
    return is_any;
}

bool
db_wait(struct db *db, int64_t timeout_ms, int wake_fd, bool *heard,
        struct error *err)
{
    int64_t until = clock_monotonic_ms() + timeout_ms;

    *heard = false;
    if (!db_ensure(db, err))
        return false;
    while (!(*heard = take_notifications(db))) {
        struct pollfd fds[] = {
            {.fd = PQsocket(db->conn), .events = POLLIN},
            {.fd = wake_fd, .events = POLLIN}, /* -1 is left out by poll() */
        };
        int64_t left = until - clock_monotonic_ms();

        if (left <= 0)
            return true;
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
            return error_errno(err, ERROR_INTERNAL, "poll");
        if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
            PQconsumeInput(db->conn) == 0)
            return db_fail(db, NULL, err);
        if (fds[1].revents != 0)
            return true;
    }
    return true;
}
