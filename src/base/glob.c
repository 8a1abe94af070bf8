/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matching by backtracking to the last star only. When something after a star does not match, the
 * star swallows one byte more; an earlier star never needs to, because the last one could have
 * taken the same bytes. Recursion per star, the obvious way, takes exponential time on "a*a*a*...b"
 * (that was CVE-2022-36021) and deep stacks on 20 000 stars (CVE-2024-31228).
 */
#include "base/glob.h"

struct glob {
    const unsigned char *pattern;
    size_t len;
    bool ignore_case;
    size_t steps; /* pattern bytes looked at */
};

static unsigned char
fold(const struct glob *g, unsigned char c)
{
    return g->ignore_case && c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

/* One "a-z" of a class, in either order. */
static bool
range_holds(const struct glob *g, unsigned char from, unsigned char to, unsigned char c)
{
    from = fold(g, from);
    to = fold(g, to);
    return from <= to ? c >= from && c <= to : c >= to && c <= from;
}

/* Whether `c` is in the class that starts at *at ('['); moves *at behind it. Unclosed: up to the
 * end. */
static bool
class_holds(struct glob *g, size_t *at, unsigned char c)
{
    const unsigned char *p = g->pattern;
    size_t i = *at + 1;
    bool negated = i < g->len && p[i] == '^';
    bool found = false;
    if (negated)
        i++;
    c = fold(g, c);
    for (; i < g->len && p[i] != ']'; i++) {
        if (p[i] == '\\' && i + 1 < g->len) {
            i++;
            found |= fold(g, p[i]) == c;
        } else if (i + 2 < g->len && p[i + 1] == '-') {
            found |= range_holds(g, p[i], p[i + 2], c);
            i += 2;
        } else {
            found |= fold(g, p[i]) == c;
        }
    }
    g->steps += i - *at;
    *at = i < g->len ? i + 1 : i;
    return found != negated;
}

/* Whether the element at *at (not a star) matches `c`; moves *at behind the element. */
static bool
element_holds(struct glob *g, size_t *at, unsigned char c)
{
    const unsigned char *p = g->pattern;
    g->steps++;
    if (p[*at] == '?') {
        ++*at;
        return true;
    }
    if (p[*at] == '[')
        return class_holds(g, at, c);
    if (p[*at] == '\\' && *at + 1 < g->len)
        ++*at;
    return fold(g, p[(*at)++]) == fold(g, c);
}

bool
glob_match(attl_slice pattern, attl_slice text, bool ignore_case)
{
    struct glob g = { pattern.data, pattern.len, ignore_case, 0 };
    const unsigned char *s = text.data;
    size_t p = 0, t = 0;
    size_t star_p = SIZE_MAX,
           star_t = 0; /* behind the last star, and what it has swallowed up to */
    while (t < text.len) {
        if (p < g.len && g.pattern[p] == '*') {
            star_p = ++p;
            star_t = t;
            if (p == g.len)
                return true;
            g.steps++;
        } else if (p < g.len && element_holds(&g, &p, s[t])) {
            t++;
        } else if (star_p != SIZE_MAX) {
            p = star_p;
            t = ++star_t;
        } else {
            return false;
        }
        if (g.steps > GLOB_STEPS_MAX)
            return false;
    }
    while (p < g.len && g.pattern[p] == '*')
        p++;
    return p == g.len;
}

bool
glob_match_name(attl_slice pattern, const char *name)
{
    return pattern.len <= GLOB_NAME_PATTERN_MAX_BYTES && glob_match(pattern, attl_s(name), true);
}
