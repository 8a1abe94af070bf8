/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line editor: libedit with our prompt, completion, hints and history behind five functions, so
 * that nothing else in the tool knows libedit. Hints stand at the right edge and are renewed when a
 * word ends. The catalog is borrowed and may change between lines. One editor per process: libedit
 * keeps the terminal's state.
 */
#ifndef ATTL_CLI_EDITOR_H
#define ATTL_CLI_EDITOR_H

#include "cli/catalog.h"

enum { EDITOR_PROMPT_MAX = 160 };

enum editor_status { EDITOR_LINE = 0, EDITOR_END = 1, EDITOR_INTERRUPTED = 2 };

struct editor;

/* NULL on lack of memory or of a usable terminal. `history_path` may be NULL: no history is kept.
 */
struct editor *editor_new(const struct catalog *catalog, const char *history_path);
void editor_free(struct editor *e);
/* One line without its line feed, borrowed until the next call. */
int editor_read(struct editor *e, const char *prompt, attl_slice *ret_line);
/* Remembers a line, in the file too if `keep`. */
void editor_remember(struct editor *e, const char *line, bool keep);

#endif
