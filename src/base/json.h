/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing JSON (RFC 8259). The writer puts commas, colons and closing brackets where they belong,
 * and its output is JSON and UTF-8 whatever bytes it is given: a byte that is not part of valid
 * UTF-8 becomes \u00XX, as the audit trail and erasure receipts have always written it, so that
 * different bytes stay different, which one replacement character for all would not do. Output goes
 * to a buf, which may stand on fixed memory: then nothing is allocated. A writer that cuts leaves
 * out what has no room and still ends in whole JSON. All state is in the struct, which one thread
 * has on its stack; json_put_*() are elements: `name` is NULL in an array and behind json_name().
 */
#ifndef ATTL_BASE_JSON_H
#define ATTL_BASE_JSON_H

#include "base/buf.h"

enum { JSON_DEPTH_MAX = 64, JSON_ESCAPE_MAX = 6 };

/* What may differ between outputs; 0 is the rule: UTF-8 stays as it is, but control characters and
 * those that hide or reorder text (utf8_hidden) become \u00XX. */
enum json_rule {
    JSON_SHORT = 1,    /* \b \t \n \r have a letter */
    JSON_MARKUP = 2,   /* < > & are escaped too, so that a page may hold the text */
    JSON_BYTES = 4,    /* all but plain ASCII is \u00XX, so are " and \: one way for each text */
    JSON_HALVES = 8,   /* stray bytes are lone surrogates \udcXX (Python's "surrogateescape") */
    JSON_UNQUOTED = 16 /* " and \ stay: for lines of text that are no JSON */
};

struct json {
    struct buf *out;
    unsigned rules; /* of enum json_rule */
    unsigned depth;
    unsigned skipped;  /* levels that had no room */
    size_t mark;       /* where the element begins that is being written */
    size_t tail_bytes; /* that are kept free behind the end */
    bool cuts;
    bool is_cut; /* something had no room; all that follows it is left out */
    bool more;   /* the next element is not the first */
    bool named;  /* its name is written already */
    bool line;   /* it begins a line */
    char closers[JSON_DEPTH_MAX];
};

/* What does not fit makes `out` fail. */
void json_init(struct json *j, struct buf *out, unsigned rules);
/* What does not fit out->max_bytes - tail_bytes is left out: of a text its end, else the element.
 * What is opened can always be closed. */
void json_init_cut(struct json *j, struct buf *out, unsigned rules, size_t tail_bytes);

/* `bracket`: '{', '[', or '"' for a text of several json_escape(). */
void json_open(struct json *j, const char *name, char bracket);
/* Closes what was opened last. */
void json_close(struct json *j);
/* The name of the next element, where it is not a C string. */
void json_name(struct json *j, attl_slice name);
/* The next element, or the bracket that closes, begins a line. */
void json_line(struct json *j);

void json_put_text(struct json *j, const char *name, attl_slice text);
void json_put_str(struct json *j, const char *name, const char *text);
void json_put_i64(struct json *j, const char *name, int64_t value);
void json_put_u64(struct json *j, const char *name, uint64_t value);
/* With so many significant digits; null if it is not finite, for which JSON has no word. */
void json_put_real(struct json *j, const char *name, double value, int digits);
void json_put_bool(struct json *j, const char *name, bool value);
void json_put_null(struct json *j, const char *name);
/* What is JSON already. */
void json_put_raw(struct json *j, const char *name, attl_slice json);

/* The inside of a text, without quotes. */
void json_escape(struct json *j, attl_slice text);
/* For those with an output of their own: how many bytes from the start of `text` stand for
 * themselves, and the escape of what stands behind them, `text.len` > 0, with the bytes it is for.
 */
size_t json_plain(attl_slice text, unsigned rules);
size_t json_escape_one(attl_slice text, unsigned rules, char out[JSON_ESCAPE_MAX + 1],
                       size_t *ret_used);

#endif
