/* One exchange and the run it waits for: either may end first. */
#include <stdlib.h>

#include "api/internal.h"

struct pending {
    struct http_exchange *x; /* NULL once the client has left */
    struct run *run;
    const struct api *api;
    const struct language *language;
    api_answer_fn *answer;
    bool note;
};

/* The run goes on to its end in the sandbox module; on_done frees what stands here. */
static void on_gone(struct http_exchange *x) {
    struct pending *p = http_user(x);
    p->x = NULL;
    run_cancel(p->run);
}

static void on_done(struct run *run, const struct run_result *result, void *user) {
    struct pending *p = user;
    (void)run;
    if (p->x)
        p->answer(p->x, p->api, p->language, result, p->note);
    free(p);
}

int api_pending_start(struct http_exchange *x, const struct api *api, const struct run_spec *spec,
                      api_answer_fn *answer, bool note, struct error *err) {
    struct pending *p = base_alloc(sizeof *p);
    *p = (struct pending){
        .x = x, .api = api, .language = spec->language, .answer = answer, .note = note};
    int r = run_start(api->runner, http_loop(x), spec, on_done, p, &p->run, err);
    if (r < 0) {
        free(p);
        return r;
    }
    http_set_user(x, p);
    http_on_gone(x, on_gone);
    return 0;
}
