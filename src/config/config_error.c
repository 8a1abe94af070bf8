/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages about settings, see config_error.h. A message that does not fit is cut, never an error
 * of its own: the status already says what happened. Bytes outside printable ASCII become '?', so
 * that a settings file cannot write escape sequences to somebody's terminal.
 */
#include "config/config_error.h"

#include "config/option.h"

#include <stdarg.h>
#include <stdio.h>

int
config_fail(struct config_error err, const char *format, ...)
{
    if (err.text && err.len > 0) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err.text, err.len, format, args); /* cut if it does not fit */
        va_end(args);
    }
    return ATTL_E_CONFIG;
}

int
config_fail_memory(struct config_error err)
{
    (void)config_fail(err, "out of memory");
    return ATTL_E_NOMEM;
}

const char *
config_shown(char out[CONFIG_SHOWN_BYTES], attl_slice text)
{
    static const char more[] = "...";
    size_t room = CONFIG_SHOWN_BYTES - sizeof more;
    size_t n = text.len < room ? text.len : room;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = ((const unsigned char *)text.data)[i];
        out[i] = c >= ' ' && c <= '~' ? (char)c : '?';
    }
    if (n < text.len)
        memcpy(out + n, more, sizeof more);
    else
        out[n] = '\0';
    return out;
}

int
config_fail_unknown(struct config_error err, attl_slice name)
{
    char shown[CONFIG_SHOWN_BYTES];
    const char *nearest = option_nearest(name);
    config_shown(shown, name);
    if (nearest)
        return config_fail(err, "unknown setting '%s'; did you mean %s?", shown, nearest);
    return config_fail(err, "unknown setting '%s'; docs/config.md lists them all", shown);
}
