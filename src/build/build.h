/* build.h: source to artifact: the compile stage, its diagnostics, and (for interpreters) the
 * check.
 *
 * A build belongs to one loop. It owns nothing of the caller's; what it returns is the caller's.
 */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "language/language.h"
#include "spawner/stage.h"
#include <jansson.h>

struct loop;
struct spawner_client;
struct build;

enum build_severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };
struct build_diagnostic {
    char *file;
    unsigned line, column; /* from 1; 0: not told */
    enum build_severity severity;
    char *message;
};
const char *build_severity_name(enum build_severity s);

/* Reads the compiler's own words. At most BUILD_DIAGNOSTICS_MAX entries; what it does not know is
 * left out (the text itself is kept by the caller). `out` and `err`: the stage's streams. A parser
 * of foreign bytes: it has a fuzz target. */
#define BUILD_DIAGNOSTICS_MAX 200
size_t build_diagnostics_parse(enum language_diagnostics kind, struct span out, struct span err,
                               struct build_diagnostic **ret);
void build_diagnostics_free(struct build_diagnostic *d, size_t count);

/* Replaces the words of a command ({source}, {args}, {artifact}, {memory_mib}, {files:.c}). The
 * result is NULL-terminated, to be freed as one block with free(). A file name that begins with '-'
 * is refused (S66). */
int build_expand_command(const struct language *language, const struct language_stage *stage,
                         const struct stage_file *files, size_t files_len, const char *const *args,
                         size_t args_len, uint64_t memory_bytes, char ***ret_argv, size_t *ret_len,
                         struct error *err);

/* Profile id of each stage of each language, as the spawner knows them; made once by `main`. */
enum build_profile { BUILD_PROFILE_COMPILE, BUILD_PROFILE_RUN, BUILD_PROFILE_CHECK };
unsigned build_profile_id(const struct language *language, enum build_profile which);

struct builder; /* what all builds share */
/* work_dir_fd: folder for artifacts on their way (O_TMPFILE); stays the caller's. */
struct builder *builder_new(struct spawner_client *client, int work_dir_fd);
void builder_free(struct builder *b);

struct build_spec {
    const struct language *language;
    const struct stage_file *files; /* files[0] is the entry */
    size_t files_len;
    struct language_limits limits; /* 0: the language's; already bounded by the caller */
    bool check;                    /* the check stage instead of the compile stage */
};
struct build_result {
    struct stage_result stage; /* verdict OK, COMPILE_ERROR or what ended it */
    struct build_diagnostic *diagnostics;
    size_t diagnostics_len;
    /* verdict OK: stage.artifact is the artifact (native or file). */
};
void build_result_done(struct build_result *r);

/* on_done exactly once, on the loop. The same errors before it begins as stage_start. */
int build_start(struct builder *b, struct loop *loop, const struct build_spec *spec,
                void (*on_done)(struct build *build, struct build_result *result, void *user),
                void *user, struct build **ret, struct error *err);
void build_cancel(struct build *build); /* on_done still comes */
