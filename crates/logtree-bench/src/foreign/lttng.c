/* Rounds of tracepoints, by the rules of contest.rs and the pace of round.rs: traced bursts BURSTS CALLS PAUSE_NS. */
#define TRACEPOINT_CREATE_PROBES
#define TRACEPOINT_DEFINE
#include "lttng.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
static int compare(const void *a, const void *b) { return *(double *)a < *(double *)b ? -1 : 1; }
static double quantile(double *values, int count, double part) {
    qsort(values, count, sizeof *values, compare);
    return values[(int)(part * (count - 1) + 0.5)];
}
static void call(int count) {
    for (int number = 0; number < count; number++)
        tracepoint(bench, answered, "request answered", "ann", 200, number + 0.25);
}
int main(int argc, char **argv) {
    if (argc != 5) return 2;
    int bursts = atoi(argv[2]), calls = atoi(argv[3]);
    struct timespec pause = { 0, atol(argv[4]) };
    double *each = calloc((size_t)bursts * calls, sizeof *each), nothing[1000];
    char line[256];
    puts("elsewhere");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        double whole = 0;
        int timed = 0;
        for (int burst = 0; burst < bursts; burst++) {
            double began = now();
            if (burst % 2 == 0) {
                call(calls);
                whole += now() - began;
            } else {
                for (int number = 0; number < calls; number++) {
                    began = now();
                    call(1);
                    each[timed++] = now() - began;
                }
            }
            nanosleep(&pause, 0);
        }
        for (int number = 0; number < 1000; number++) {
            double began = now();
            nothing[number] = now() - began;
        }
        double p99 = quantile(each, timed, 0.99) - quantile(nothing, 1000, 0.5);
        printf("%f %f\n", whole / ((bursts + 1) / 2 * calls), p99);
        fflush(stdout);
    }
    FILE *status = fopen("/proc/self/status", "r");
    long peak = 0;
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "VmHWM: %ld", &peak);
    printf("%ld\n", peak);
    return 0;
}
