/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows, and what is made from them. A path is found by looking at every row, which is a few
 * dozen comparisons for a request that costs a thousand times as much. Parameters become whole
 * words of a command and are never parsed for words themselves, so that a value cannot smuggle one
 * in. A parameter that no place asks for is refused: it was meant to do something.
 */
#include "admin/route.h"

#include "admin/json_text.h"
#include "admin/serve.h"

#define V1 "/api/v1/"

const struct route route_table[] = {
#include "admin/route_table.inc"
};
const size_t route_table_len = sizeof route_table / sizeof route_table[0];

const struct route *
route_find(const char *path)
{
    for (size_t i = 0; i < route_table_len; i++) {
        const struct route *r = &route_table[i];
        if (strcmp(r->path, path) == 0)
            return r;
        if ((r->flags & ROUTE_BELOW) && strncmp(path, r->path, strlen(r->path)) == 0)
            return r;
    }
    return NULL;
}

const char *
route_allow(const struct route *route)
{
    return route->methods & HTTP_POST ? "POST" : "GET, HEAD";
}

/* ---- the words of a command ---- */

/* One word of a row's command. */
struct place {
    attl_slice word; /* of a place: its name */
    bool is_param, has_default;
    attl_slice fallback;
};

static bool
next_place(const char **at, struct place *ret)
{
    const char *word = *at + strspn(*at, " ");
    size_t len = strcspn(word, " ");
    if (len == 0)
        return false;
    *at = word + len;
    *ret = (struct place){ .word = attl_b(word, len) };
    if (word[0] != '{')
        return true;
    attl_slice inside = attl_b(word + 1, len - 2);
    const char *cut = memchr(inside.data, '=', inside.len);
    size_t name = cut ? (size_t)(cut - word - 1) : inside.len;
    ret->is_param = true;
    ret->has_default = cut;
    ret->word = attl_b(inside.data, name);
    if (cut)
        ret->fallback = attl_b(cut + 1, inside.len - name - 1);
    return true;
}

static const struct target_param *
param_for(const struct target *target, attl_slice name)
{
    for (size_t i = 0; i < target->params_len; i++) {
        const struct target_param *p = &target->params[i];
        if (p->name.len == name.len && memcmp(p->name.data, name.data, name.len) == 0)
            return p;
    }
    return NULL;
}

size_t
route_words(const struct route *route, const struct target *target,
            attl_slice words[ROUTE_WORDS_MAX], const char **ret_problem)
{
    struct place place;
    size_t n = 0, used = 0;
    const char *at = route->command;
    while (n < ROUTE_WORDS_MAX && next_place(&at, &place)) {
        const struct target_param *p = place.is_param ? param_for(target, place.word) : NULL;
        used += p != NULL;
        if (place.is_param && !p && !place.has_default) {
            *ret_problem = "a parameter is missing: see /api/v1/";
            return 0;
        }
        words[n++] = p ? p->value : place.is_param ? place.fallback : place.word;
    }
    if (used == target->params_len)
        return n;
    *ret_problem = "there is no such parameter: see /api/v1/";
    return 0;
}

/* ---- the index ---- */

static const char *
access_word(enum guard_access access)
{
    switch (access) {
    case GUARD_OPEN: return "none";
    case GUARD_METRICS: return "metrics";
    case GUARD_READ: return "read";
    case GUARD_WRITE: break;
    }
    return "write";
}

static void
index_row(struct json *j, const struct route *r)
{
    json_open(j, NULL, '{');
    json_put_str(j, "path", r->path);
    json_put_str(j, "methods", route_allow(r));
    json_put_str(j, "token", access_word(r->access));
    if (r->command)
        json_put_str(j, "command", r->command);
    if (r->params)
        json_put_str(j, "parameters", r->params);
    json_put_str(j, "summary", r->summary);
    json_close(j);
}

void
route_index(struct buf *out)
{
    struct json j;
    json_init(&j, out, JSON_DOOR);
    json_open(&j, NULL, '{');
    json_open(&j, "endpoints", '[');
    for (size_t i = 0; i < route_table_len; i++) {
        json_line(&j);
        index_row(&j, &route_table[i]);
    }
    json_line(&j);
    json_close(&j);
    json_close(&j);
    buf_append_str(out, "\n");
}

void
route_markdown(struct buf *out)
{
    buf_append_str(out, "| method | path | token | stands for | what |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < route_table_len; i++) {
        const struct route *r = &route_table[i];
        const char *stands = r->command ? r->command : r->params ? r->params : "";
        buf_printf(out, "| %s | `%s` | %s | %s%s%s | %s |\n",
                   r->methods & HTTP_POST ? "POST" : "GET", r->path, access_word(r->access),
                   stands[0] ? "`" : "", stands, stands[0] ? "`" : "", r->summary);
    }
}
