/* Nanoseconds a tracepoint, paced as the producers beside it are. */
#define TRACEPOINT_CREATE_PROBES
#define TRACEPOINT_DEFINE
#include "lttng.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
static int compare(const void *a, const void *b) { return *(double *)a < *(double *)b ? -1 : 1; }
int main(void) {
    double bursts[400];
    for (int burst = 0; burst < 400; burst++) {
        double began = now();
        for (int number = 0; number < 64; number++)
            tracepoint(figures, answered, "request answered", "ann", 200, number + 0.25);
        bursts[burst] = (now() - began) / 64;
        struct timespec pause = { 0, 300000 };
        nanosleep(&pause, 0);
    }
    qsort(bursts, 400, sizeof *bursts, compare);
    printf("%f\n", bursts[200]);
    return 0;
}
