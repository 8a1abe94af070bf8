/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Of escape sequences only the arrows are known: ESC [ A to D, and ESC O A to D from terminals in
 * application mode. Others are passed over byte by byte. A lone ESC does nothing, as one cannot
 * know whether more will come.
 */
#include "cli/top_view.h"

enum { ESC = 27, CONTROL_C = 3, ESCAPE_BEGUN = 1, ESCAPE_IN = 2, ROWS_MAX = 100000 };

const char *
top_section_name(enum top_section section)
{
    static const char *const names[TOP_SECTIONS] = { "overview", "incidents", "shards", "hot keys",
                                                     "slow log" };
    return names[section];
}

static void
show(struct top_view *v, int section)
{
    v->section = (enum top_section)((section + TOP_SECTIONS) % TOP_SECTIONS);
    v->first_row = 0;
    v->help = false;
}

static void
scroll(struct top_view *v, int rows)
{
    int row = v->first_row + rows;
    v->first_row = row < 0 ? 0 : row > ROWS_MAX ? ROWS_MAX : row;
}

static void
arrow(struct top_view *v, char letter)
{
    switch (letter) {
    case 'A': scroll(v, -1); break;
    case 'B': scroll(v, 1); break;
    case 'C': show(v, (int)v->section + 1); break;
    case 'D': show(v, (int)v->section - 1); break;
    default: break;
    }
}

static void
key(struct top_view *v, char c)
{
    if (c >= '1' && c < '1' + TOP_SECTIONS) {
        show(v, c - '1');
        return;
    }
    switch (c) {
    case 'q':
    case 'Q':
    case CONTROL_C: v->quit = true; break;
    case 'p':
    case 'P':
    case ' ': v->paused = !v->paused; break;
    case 'r': v->redact = !v->redact; break;
    case '?':
    case 'h': v->help = !v->help; break;
    case 'k': scroll(v, -1); break;
    case 'j': scroll(v, 1); break;
    case '\t': show(v, (int)v->section + 1); break;
    default: break;
    }
}

void
top_view_keys(struct top_view *v, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (c == ESC) {
            v->escape = ESCAPE_BEGUN;
        } else if (v->escape == ESCAPE_BEGUN && (c == '[' || c == 'O')) {
            v->escape = ESCAPE_IN;
        } else if (v->escape == ESCAPE_IN) {
            arrow(v, c);
            v->escape = (c >= '0' && c <= '9') || c == ';' ? ESCAPE_IN : 0;
        } else {
            v->escape = 0;
            key(v, c);
        }
    }
}
