/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pass over the path, one over the query. A query is written once into the target's memory
 * while it is decoded, which never makes it longer, so its length alone decides whether it fits.
 * Parameters that come twice are refused: which of the two counts would be a matter of taste, and
 * that is what smuggling lives on.
 */
#include "admin/target.h"

#include "base/hex.h"

static bool
path_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/';
}

static enum target_problem
take_path(struct target *t, attl_slice text)
{
    const char *at = text.data;
    if (text.len >= sizeof t->path)
        return TARGET_LONG;
    if (text.len == 0 || at[0] != '/')
        return TARGET_NOT_OURS;
    for (size_t i = 0; i < text.len; i++) {
        bool after_slash = i > 0 && at[i - 1] == '/';
        if (!path_char(at[i]) || (after_slash && (at[i] == '/' || at[i] == '.')))
            return TARGET_NOT_OURS;
    }
    memcpy(t->path, at, text.len);
    t->path[text.len] = '\0';
    return TARGET_FINE;
}

/* Decodes `text` behind `*used` bytes of the target's memory. */
static bool
decode(struct target *t, attl_slice text, size_t *used, attl_slice *ret)
{
    const char *at = text.data;
    char *to = t->bytes + *used;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (at[i] != '%') {
            to[n++] = at[i] == '+' ? ' ' : at[i];
            continue;
        }
        int high = text.len - i > 2 ? hex_value(at[i + 1]) : -1;
        int low = high >= 0 ? hex_value(at[i + 2]) : -1;
        if (low < 0)
            return false;
        to[n++] = (char)(high << 4 | low);
        i += 2;
    }
    *ret = attl_b(to, n);
    *used += n;
    return true;
}

static bool
take_param(struct target *t, attl_slice text, size_t *used)
{
    const char *at = text.data;
    const char *cut = memchr(at, '=', text.len);
    size_t name = cut ? (size_t)(cut - at) : text.len;
    size_t from = cut ? name + 1 : text.len;
    struct target_param *p = &t->params[t->params_len];
    if (t->params_len == TARGET_PARAMS_MAX || name == 0 ||
        !decode(t, attl_b(at, name), used, &p->name) ||
        !decode(t, attl_b(at + from, text.len - from), used, &p->value))
        return false;
    for (size_t i = 0; i < t->params_len; i++)
        if (t->params[i].name.len == p->name.len &&
            memcmp(t->params[i].name.data, p->name.data, p->name.len) == 0)
            return false;
    t->params_len++;
    return true;
}

enum target_problem
target_parse(struct target *t, attl_slice text)
{
    const char *at = text.data;
    const char *mark = text.len > 0 ? memchr(at, '?', text.len) : NULL;
    size_t path = mark ? (size_t)(mark - at) : text.len;
    t->params_len = 0;
    t->path[0] = '\0';
    enum target_problem problem = take_path(t, attl_b(at, path));
    if (problem != TARGET_FINE || !mark)
        return problem;
    attl_slice rest = attl_b(mark + 1, text.len - path - 1);
    if (rest.len > sizeof t->bytes)
        return TARGET_LONG;
    size_t used = 0;
    while (rest.len > 0) {
        const char *begin = rest.data;
        const char *end = memchr(begin, '&', rest.len);
        size_t len = end ? (size_t)(end - begin) : rest.len;
        size_t step = end ? len + 1 : len;
        if (len > 0 && !take_param(t, attl_b(begin, len), &used))
            return TARGET_BAD_QUERY;
        rest = attl_b(begin + step, rest.len - step);
    }
    return TARGET_FINE;
}

bool
target_is(attl_slice text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

const attl_slice *
target_param(const struct target *t, const char *name)
{
    for (size_t i = 0; i < t->params_len; i++)
        if (target_is(t->params[i].name, name))
            return &t->params[i].value;
    return NULL;
}
