/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of options: finding one, and guessing what a wrong one was meant to be. The table is small
 * and searched from front to back; settings are read at start and by CONFIG, never on the path of a
 * request. A name fits in any case, as Redis' do. The guess is the name with the fewest changed,
 * missing, extra or swapped letters, compared also with what follows the dot, so that "maxmemry"
 * finds maxmemory.
 */
#include "config/option.h"

#include "base/assert.h"

enum { NEAREST_DIVISOR = 3, NEAREST_ALWAYS = 2 };

static unsigned char
lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static bool
same_name(attl_slice a, const char *z)
{
    if (a.len != strlen(z))
        return false;
    const unsigned char *p = a.data;
    for (size_t i = 0; i < a.len; i++)
        if (lower(p[i]) != lower((unsigned char)z[i]))
            return false;
    return true;
}

/* The alias `i` of the option, or NULL past the last. */
static const struct option_alias *
alias_at(const struct option *option, size_t i)
{
    return i < OPTION_ALIASES_MAX && option->aliases[i].name ? &option->aliases[i] : NULL;
}

const struct option *
option_find_alias(attl_slice name_or_alias, const struct option_alias **ret_alias)
{
    const struct option_alias *alias;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        if (same_name(name_or_alias, option->name)) {
            *ret_alias = NULL;
            return option;
        }
        for (size_t i = 0; (alias = alias_at(option, i)); i++)
            if (same_name(name_or_alias, alias->name)) {
                *ret_alias = alias;
                return option;
            }
    }
    return NULL;
}

const struct option *
option_find(attl_slice name_or_alias)
{
    const struct option_alias *alias;
    return option_find_alias(name_or_alias, &alias);
}

bool
option_name_at(size_t index, const char **ret_name)
{
    const struct option_alias *alias;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        if (index-- == 0) {
            *ret_name = option->name;
            return true;
        }
        for (size_t i = 0; (alias = alias_at(option, i)); i++)
            if (alias->kind == ALIAS_REDIS && index-- == 0) {
                *ret_name = alias->name;
                return true;
            }
    }
    return false;
}

bool
option_has_section(attl_slice section)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const char *name = option_at((enum option_id)id)->name;
        size_t len = (size_t)(strchr(name, '.') - name);
        if (section.len == len && memcmp(section.data, name, len) == 0)
            return true;
    }
    return false;
}

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/*
 * Edits from `a` to `z`, a swap of neighbours counting as one. Three rows of the usual matrix
 * suffice; both texts are at most OPTION_NAME_MAX long.
 */
static unsigned
edit_distance(attl_slice a, const char *z)
{
    unsigned rows[3][OPTION_NAME_MAX + 1];
    const unsigned char *p = a.data;
    size_t n = strlen(z);
    ASSERT(a.len <= OPTION_NAME_MAX && n <= OPTION_NAME_MAX);
    for (size_t j = 0; j <= n; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned char x = lower(p[i - 1]), y = lower((unsigned char)z[j - 1]);
            row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == lower((unsigned char)z[j - 2]) && lower(p[i - 2]) == y)
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.len % 3][n];
}

/* Keeps `name` as the best guess if `text`, the part of it to compare, is nearer than the best so
 * far. */
static void
consider(attl_slice wrong, const char *text, const char *name, unsigned *best,
         const char **ret_name)
{
    unsigned distance = edit_distance(wrong, text);
    if (distance < *best) {
        *best = distance;
        *ret_name = name;
    }
}

const char *
option_nearest(attl_slice wrong)
{
    if (wrong.len == 0 || wrong.len > OPTION_NAME_MAX)
        return NULL;
    const char *name = NULL;
    const struct option_alias *alias;
    unsigned best = (unsigned)wrong.len / NEAREST_DIVISOR;
    best = (best < NEAREST_ALWAYS ? NEAREST_ALWAYS : best) + 1;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        consider(wrong, option->name, option->name, &best, &name);
        consider(wrong, strchr(option->name, '.') + 1, option->name, &best, &name);
        for (size_t i = 0; (alias = alias_at(option, i)); i++)
            consider(wrong, alias->name, alias->name, &best, &name);
    }
    return name;
}

const char *
option_choice_text(const struct option *option, int value)
{
    const struct option_choice *choice = option->choices;
    while (choice->text && choice->value != value)
        choice++;
    ASSERT(choice->text);
    return choice->text;
}
