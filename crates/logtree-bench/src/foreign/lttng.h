/* The payload of a request as a tracepoint of LTTng-UST. */
#undef TRACEPOINT_PROVIDER
#define TRACEPOINT_PROVIDER bench
#undef TRACEPOINT_INCLUDE
#define TRACEPOINT_INCLUDE "./lttng.h"
#if !defined(BENCH_H) || defined(TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_H
#include <lttng/tracepoint.h>
TRACEPOINT_EVENT(bench, answered, TP_ARGS(const char *, message, const char *, user, long, status, double, took_ms),
    TP_FIELDS(ctf_string(message, message) ctf_string(user, user) ctf_integer(long, status, status)
        ctf_float(double, took_ms, took_ms)))
#endif
#include <lttng/tracepoint-event.h>
