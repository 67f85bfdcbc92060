/* steps.h: the names of the steps that a sandbox passes, in their order: one list for the report of
 * a failure (sandbox_report.step), for the steps themselves (enter.c, init/), and for the test
 * switch.
 *
 * RETORT_STOP_AT=<step> (S83, only in builds with -Dtest_switches) is read by sandbox_profile_new:
 * every sandbox of that profile comes to rest at the step, just before it is done, and ends when
 * the spawner does. Two rest after: "ready" has been announced, and a START stays unread; the
 * program of "exec" is not started.
 */
#pragma once

#define SANDBOX_STEPS(X)                                                                           \
    /* enter.c, with the rights of the new user namespace */                                       \
    X(DESCRIPTORS, "descriptors")                                                                  \
    X(GATE, "gate")                                                                                \
    X(CGROUPS, "cgroups")                                                                          \
    X(IDS, "ids")                                                                                  \
    X(DEATH_SIGNAL, "death_signal")                                                                \
    X(ROOT, "root")                                                                                \
    X(SCRATCH, "scratch")                                                                          \
    X(PROC, "proc")                                                                                \
    X(NO_NAMESPACES, "no_namespaces")                                                              \
    X(PIVOT, "pivot")                                                                              \
    X(CGROUP_NAMESPACE, "cgroup_namespace")                                                        \
    X(HOSTNAME, "hostname")                                                                        \
    X(BOUNDING, "bounding")                                                                        \
    X(EXEC_INIT, "exec_init")                                                                      \
    /* init/seal.c, as pid 1 of its own image */                                                   \
    X(SETUP, "setup")                                                                              \
    X(CEILINGS, "ceilings")                                                                        \
    X(NO_NEW_PRIVS, "no_new_privs")                                                                \
    X(CAPABILITIES, "capabilities")                                                                \
    X(LANDLOCK, "landlock")                                                                        \
    X(FILTER, "filter")                                                                            \
    X(DUMPABLE, "dumpable")                                                                        \
    X(READY, "ready")                                                                              \
    /* init/main.c, from here on there are tenant bytes */                                         \
    X(START, "start")                                                                              \
    X(JOB, "job")                                                                                  \
    X(FILES, "files")                                                                              \
    X(EXEC, "exec")                                                                                \
    X(ARTIFACT, "artifact")                                                                        \
    X(REPORT, "report")

enum sandbox_step {
#define X(id, name) SANDBOX_STEP_##id,
    SANDBOX_STEPS(X)
#undef X
        SANDBOX_STEP_COUNT,
};

/* "ready"; NULL beyond the list. */
const char *sandbox_step_name(enum sandbox_step step);
/* Upper and lower case are the same. -1: no such step. */
int sandbox_step_parse(const char *name);
