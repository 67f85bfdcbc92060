/* A language.ini: its lines, and the language that they define. Touches no disk. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "language/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever was accepted can be replaced, and holds no brace but those that a build replaces. */
static void replace_all(char *const *words, size_t len) {
    static const struct language_tool tools[] = {{"say", "/usr/bin/say"}};
    const struct placeholders p = {tools, 1, "/t", "/f", "1"};
    for (size_t i = 0; i < len; i++)
        free(placeholders_replace(&p, words[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ini ini;
    struct error err = {0};
    if (ini_read((struct span){(const char *)data, size}, "x.ini", &ini, &err) < 0) {
        assert(err.code && strncmp(err.message, "x.ini: ", 7) == 0);
        return 0;
    }
    struct language l;
    if (language_define(&ini, "fuzz", &l, &err) == 0) {
        assert(l.run.command_len > 0 && l.extensions_len > 0);
        replace_all(l.run.command, l.run.command_len);
        replace_all(l.run.env, l.run.env_len);
        replace_all(l.compile.command, l.compile.command_len);
        language_done(&l);
    } else {
        assert(err.code && strncmp(err.message, "x.ini: ", 7) == 0);
    }
    ini_done(&ini);
    return 0;
}
