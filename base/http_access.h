/* One line and the metrics for each request answered. */
#ifndef BASE_HTTP_ACCESS_H
#define BASE_HTTP_ACCESS_H

#include "base/http_exchange.h"

/* Makes the metrics known; more than once is no harm. Before any thread. */
void http_access_register(void);

void http_access_answered(const struct http_exchange *exchange);
void http_access_connections(int64_t change);

#endif
