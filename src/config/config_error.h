/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages about settings. Every function of this folder that can refuse something writes one
 * sentence into the caller's buffer, which may be absent, and returns a status; config_fail() does
 * both at once. Text that came from outside is shown with what is not printable replaced, and cut,
 * because it goes to terminals and logs. Nothing here keeps state.
 */
#ifndef ATTL_CONFIG_CONFIG_ERROR_H
#define ATTL_CONFIG_CONFIG_ERROR_H

#include <attl/attl.h>

enum { CONFIG_SHOWN_BYTES = 64 };

/* Where a message goes; `text` may be NULL. */
struct config_error {
    char *text;
    size_t len;
};

/* Writes the sentence and returns ATTL_E_CONFIG. */
int config_fail(struct config_error err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Says that there was no memory and returns ATTL_E_NOMEM. */
int config_fail_memory(struct config_error err);
/* `text` made fit to show, in `out`. Returns `out`. */
const char *config_shown(char out[CONFIG_SHOWN_BYTES], attl_slice text);
/* "unknown setting 'x'; did you mean y?" with the nearest name, and ATTL_E_CONFIG. */
int config_fail_unknown(struct config_error err, attl_slice name);

#endif
