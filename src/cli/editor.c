/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The glue to libedit. Its callbacks get the EditLine only, so everything hangs on its client data.
 * The right-hand prompt is the one place where libedit redraws text of ours together with the line;
 * it does so on every full refresh, so the space bar is bound to "insert a blank and refresh": the
 * hint changes when a word is complete.
 */
#include "cli/editor.h"

#include "cli/complete.h"
#include "cli/history_file.h"
#include "cli/interrupt.h"
#include "cli/term.h"

#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

enum { COLUMN_GAP = 2 };

struct editor {
    EditLine *el;
    History *history;
    const struct catalog *catalog;
    const char *history_path; /* NULL: none */
    char prompt[EDITOR_PROMPT_MAX];
    char hint[COMPLETE_HINT_MAX];
    bool accepted; /* the line is entered: no hint any more */
    struct completions completions;
};

static struct editor *
editor_of(EditLine *el)
{
    struct editor *e = NULL;
    (void)el_get(el, EL_CLIENTDATA, &e); /* set at creation */
    return e;
}

static char *
give_prompt(EditLine *el)
{
    return editor_of(el)->prompt;
}

static attl_slice
text_before_cursor(EditLine *el)
{
    const LineInfo *line = el_line(el);
    return attl_b(line->buffer, (size_t)(line->cursor - line->buffer));
}

static char *
give_hint(EditLine *el)
{
    struct editor *e = editor_of(el);
    e->hint[0] = '\0';
    if (!e->accepted)
        complete_hint(e->catalog, text_before_cursor(el), e->hint);
    return e->hint;
}

static unsigned char
insert_blank(EditLine *el, int key)
{
    (void)key;
    return el_insertstr(el, " ") == 0 ? CC_REFRESH : CC_ERROR;
}

/*
 * Enter: the line is drawn once more, without its hint, and then ended by libedit's own function,
 * as nothing else can. It is reached by pushing back the keys that it is bound to.
 */
static unsigned char
accept_line(EditLine *el, int key)
{
    (void)key;
    editor_of(el)->accepted = true;
    el_push(el, "\030\n");
    return CC_REFRESH;
}

/*
 * One character, waiting for it. libedit's own function would miss a control-C that comes while it
 * is not inside read(), and return to waiting.
 */
static int
read_character(EditLine *el, wchar_t *ret_character)
{
    mbstate_t state = { 0 };
    char byte;
    (void)el;
    for (;;) {
        struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
        int ready = interrupt_poll(&p, 1, -1);
        if (interrupt_pending())
            return -1;
        ssize_t n = ready < 0 && errno == EINTR ? -1 : read(STDIN_FILENO, &byte, 1);
        if (n == 0)
            return 0; /* the terminal is gone */
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -1;
        if (n < 0)
            continue; /* a new window size, or back from the background: libedit has seen to it */
        size_t length = mbrtowc(ret_character, &byte, 1, &state);
        if (length == (size_t)-1)
            state = (mbstate_t){ 0 }; /* not a character of this locale: dropped */
        else if (length != (size_t)-2)
            return 1;
    }
}

/* The candidates in columns, below the line. */
static void
list_candidates(const struct completions *done)
{
    int widest = 0;
    for (size_t i = 0; i < done->count; i++) {
        int len = (int)strlen(done->words[i]);
        widest = len > widest ? len : widest;
    }
    int columns = term_width(stdout) / (widest + COLUMN_GAP);
    columns = columns > 0 ? columns : 1;
    (void)fputc('\n', stdout);
    for (size_t i = 0; i < done->count; i++) {
        bool last = (i + 1) % (size_t)columns == 0 || i + 1 == done->count;
        (void)fprintf(stdout, "%-*s%s", last ? 0 : widest + COLUMN_GAP, done->words[i],
                      last ? "\n" : "");
    }
    (void)fflush(stdout);
}

static unsigned char
complete_word(EditLine *el, int key)
{
    struct editor *e = editor_of(el);
    struct completions *done = &e->completions;
    char more[COMPLETE_WORD_MAX + 1];
    (void)key;
    complete_line(e->catalog, text_before_cursor(el), done);
    if (done->count == 0)
        return CC_REFRESH_BEEP;
    size_t n = complete_common(done);
    memcpy(more, done->words[0] + done->typed, n);
    if (done->count == 1)
        more[n++] = ' ';
    more[n] = '\0';
    if (n > 0)
        return el_insertstr(el, more) == 0 ? CC_REFRESH : CC_ERROR;
    list_candidates(done);
    return CC_REDISPLAY;
}

static void
recall(void *ud, const char *line)
{
    struct editor *e = ud;
    HistEvent event;
    (void)history(e->history, &event, H_ENTER, line); /* without memory: one line less */
}

/* Wide strings: libedit keeps these pointers, but would copy, and never free, narrow ones. */
static const struct {
    const wchar_t *name, *help;
    unsigned char (*run)(EditLine *el, int key);
} functions[] = {
    { L"attl-complete", L"complete a word", complete_word },
    { L"attl-blank", L"insert a blank and renew the hint", insert_blank },
    { L"attl-accept", L"hide the hint and end the line", accept_line },
};

static const struct {
    const char *key, *function;
} bindings[] = {
    { "^I", "attl-complete" }, { " ", "attl-blank" },          { "^M", "attl-accept" },
    { "^J", "attl-accept" },   { "^R", "em-inc-search-prev" }, { "^X^J", "ed-newline" },
};

static bool
bind_keys(EditLine *el)
{
    int bad = 0;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        bad |= el_wset(el, EL_ADDFN, functions[i].name, functions[i].help, functions[i].run);
    for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++)
        bad |= el_set(el, EL_BIND, bindings[i].key, bindings[i].function, NULL);
    return bad == 0;
}

static bool
editor_set_up(struct editor *e)
{
    HistEvent event;
    e->el = el_init("attl", stdin, stdout, stderr);
    e->history = history_init();
    if (!e->el || !e->history)
        return false;
    (void)history(e->history, &event, H_SETSIZE, HISTORY_LINES_MAX); /* a default stays */
    (void)history(e->history, &event, H_SETUNIQUE, 1);
    int failed = el_set(e->el, EL_CLIENTDATA, e);
    failed |= el_set(e->el, EL_PROMPT, give_prompt);
    failed |= el_set(e->el, EL_RPROMPT, give_hint);
    failed |= el_set(e->el, EL_SIGNAL, 1);
    failed |= el_set(e->el, EL_GETCFN, read_character);
    failed |= el_set(e->el, EL_EDITOR, "emacs");
    failed |= el_set(e->el, EL_HIST, history, e->history);
    bool fine = failed == 0 && bind_keys(e->el);
    (void)el_source(e->el, NULL); /* the user's ~/.editrc; most have none */
    return fine;
}

struct editor *
editor_new(const struct catalog *catalog, const char *history_path)
{
    struct editor *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->catalog = catalog;
    e->history_path = history_path;
    if (!editor_set_up(e)) {
        editor_free(e);
        return NULL;
    }
    if (history_path)
        history_file_load(history_path, recall, e);
    return e;
}

void
editor_free(struct editor *e)
{
    if (!e)
        return;
    if (e->el)
        el_end(e->el);
    if (e->history)
        history_end(e->history);
    free(e);
}

int
editor_read(struct editor *e, const char *prompt, attl_slice *ret_line)
{
    int n = 0;
    e->accepted = false;
    (void)snprintf(e->prompt, sizeof e->prompt, "%s", prompt); /* a cut prompt is a prompt */
    /* libedit itself would do this after the prompt: what is typed in between would show twice. */
    (void)el_set(e->el, EL_PREP_TERM, 1);
    const char *line = el_gets(e->el, &n);
    if (!line || n <= 0)
        return interrupt_pending() ? EDITOR_INTERRUPTED : EDITOR_END;
    size_t len = (size_t)n;
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    *ret_line = attl_b(line, len);
    return EDITOR_LINE;
}

void
editor_remember(struct editor *e, const char *line, bool keep)
{
    recall(e, line);
    if (keep && e->history_path)
        history_file_append(e->history_path, line);
}
