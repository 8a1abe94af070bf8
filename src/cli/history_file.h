/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines typed at the prompt, kept in $XDG_STATE_HOME/attl/history (~/.local/state by default),
 * readable by the user only. Each line is appended when it is entered, so a crash loses nothing and
 * two prompts do not overwrite each other. Lines that hold a password are never written. Failing to
 * read or write the file is no error: the prompt works without.
 */
#ifndef ATTL_CLI_HISTORY_FILE_H
#define ATTL_CLI_HISTORY_FILE_H

#include <attl/attl.h>
#include <stdbool.h>

enum { HISTORY_LINES_MAX = 1000, HISTORY_LINE_BYTES_MAX = 4096, HISTORY_PATH_MAX = 4096 };

/* The file's path for these values of XDG_STATE_HOME and HOME (either may be NULL or ""); false if
 * there is none. */
bool history_file_path(const char *state_home, const char *home, char ret_path[HISTORY_PATH_MAX]);
/* Calls `add` for the last HISTORY_LINES_MAX lines, oldest first, and shortens a file that has
 * twice as many. */
void history_file_load(const char *path, void (*add)(void *ud, const char *line), void *ud);
/* Appends a line (no line feed in it), creating the file and its folders. */
void history_file_append(const char *path, const char *line);
/* May a line of these words be kept? False for AUTH, HELLO ... AUTH, CONFIG SET requirepass and the
 * like. */
bool history_file_keeps(const attl_slice *words, size_t n);

#endif
