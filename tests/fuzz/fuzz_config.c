/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target of the settings: TOML text, single values, the environment and the command line. The
 * first byte chooses which; the rest is the text, one variable, word or name=value per line.
 * Whatever the input, the configuration stays consistent: a refused input changes nothing and comes
 * with a message, and what a configuration shows is read back to the same values.
 */
#include "base/assert.h"
#include "config/config.h"
#include "config/toml_file.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES_MAX = 64 };

/* The text's lines as a NULL-terminated vector; returns how many. Cuts `text` in place. */
static int
split(char *text, char *lines[LINES_MAX + 1])
{
    int n = 0;
    char *line;
    while (n < LINES_MAX && (line = strsep(&text, "\n")))
        lines[n++] = line;
    lines[n] = NULL;
    return n;
}

static struct buf
effective(const attl_config *config)
{
    struct buf text;
    buf_init(&text, CONFIG_RENDER_BYTES_MAX);
    config_effective_text(config, &text);
    ASSERT(text.failed == BUF_FINE);
    return text;
}

static void
check_same(const attl_config *a, const attl_config *b)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        char x[OPTION_TEXT_MAX], y[OPTION_TEXT_MAX];
        ASSERT(config_render(a, (enum option_id)id, NULL, CONFIG_SHOW_SECRETS, x, sizeof x) ==
               ATTL_OK);
        ASSERT(config_render(b, (enum option_id)id, NULL, CONFIG_SHOW_SECRETS, y, sizeof y) ==
               ATTL_OK);
        ASSERT(strcmp(x, y) == 0);
    }
}

/* What is shown as TOML reads back; a secret is shown as a comment and is copied by hand. */
static void
check_reads_back(const attl_config *config)
{
    attl_config *back = config_new_server();
    ASSERT(back);
    struct buf text = effective(config);
    ASSERT(config_load_text(back, "shown", buf_slice(&text), CONFIG_FILE, NULL, 0) == ATTL_OK);
    ASSERT(config_set(back, OPT_SERVER_REQUIREPASS, config_str(config, OPT_SERVER_REQUIREPASS),
                      CONFIG_CODE, NULL, 0) == ATTL_OK);
    check_same(config, back);
    buf_fini(&text);
    attl_config_free(back);
}

/* Each line is name=value; the value set is shown under that name and set again without a change.
 */
static int
set_lines(attl_config *config, char *const *lines, char *err)
{
    int last = ATTL_OK;
    for (; *lines; lines++) {
        char shown[OPTION_TEXT_MAX];
        char *equals = strchr(*lines, '=');
        if (!equals)
            continue;
        *equals = '\0';
        attl_config *before = config_copy(config);
        ASSERT(before);
        last = attl_config_set(config, *lines, equals + 1, err, OPTION_ERROR_MAX);
        if (last != ATTL_OK)
            check_same(before, config);
        else
            ASSERT(config_render_name(config, *lines, CONFIG_SHOW_SECRETS, shown, sizeof shown) ==
                   ATTL_OK);
        attl_config_free(before);
    }
    return last;
}

/* Feeds `text` to the reader that `kind` names. */
static int
apply(attl_config *config, char kind, char *text, size_t len, char *err)
{
    char *lines[LINES_MAX + 1];
    int n;
    switch (kind) {
    case 'v': (void)split(text, lines); return set_lines(config, lines, err);
    case 'e':
        (void)split(text, lines);
        return config_apply_env(config, lines, err, OPTION_ERROR_MAX);
    case 'a':
        n = split(text, lines);
        return config_apply_args(config, n, lines, err, OPTION_ERROR_MAX);
    default:
        return config_load_text(config, "input", attl_b(text, len), CONFIG_FILE, err,
                                OPTION_ERROR_MAX);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char err[OPTION_ERROR_MAX] = "";
    if (size == 0)
        return 0;
    char *text = malloc(size); /* the first byte's room is the NUL's */
    ASSERT(text);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    attl_config *config = config_new_server(), *fresh = config_new_server();
    ASSERT(config && fresh);
    int status = apply(config, (char)data[0], text, size - 1, err);
    ASSERT(status == ATTL_OK || status == ATTL_E_CONFIG);
    ASSERT(status == ATTL_OK || err[0] != '\0');
    ASSERT(memchr(err, '\0', sizeof err));
    if (status != ATTL_OK && data[0] != 'v')
        check_same(config, fresh);
    else
        check_reads_back(config);
    (void)config_check(config, err, sizeof err); /* any answer is right, as long as there is one */
    attl_config_free(fresh);
    attl_config_free(config);
    free(text);
    return 0;
}
