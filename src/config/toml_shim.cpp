/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TOML text to a list of settings, see toml_shim.h. toml++ builds a tree sorted by name; it is
 * flattened to two levels, because no option has more, and sorted back into the order of the file,
 * so that the first mistake of a reader is the first one reported. Compiled without exceptions and
 * RTTI: running out of memory in here ends the process, which is why the file's size, nesting and
 * lines are bounded first.
 */
#include "config/toml_shim.h"

/*
 * toml++ 3.3.0 asserts that "[" is followed by a key, and then handles the case that it is not: a
 * slip like "[=]" would abort the server. So its assertions are off, and NDEBUG is too, because
 * with it they become promises to the optimiser instead. tests/fuzz/fuzz_config.c looks for what
 * else they hid.
 */
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_MAX_NESTED_VALUES 8 /* the tree is torn down recursively */
#define TOML_ENABLE_FORMATTERS 0

#include <algorithm>
#include <deque>
#include <new>
#include <string>
#include <toml++/toml.h>
#include <vector>

/* The entries borrow from `texts`; a deque never moves its elements. */
struct toml_list {
    std::vector<config_entry> entries;
    std::deque<std::string> texts;
};

namespace
{

enum { LINE_BYTES_MAX = 2048, LEVELS_MAX = 2 };

attl_slice
keep(toml_list &list, std::string text)
{
    list.texts.push_back(std::move(text));
    return attl_b(list.texts.back().data(), list.texts.back().size());
}

const char *
kind_text(toml::node_type type)
{
    switch (type) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a decimal number";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or time";
    }
}

void
set_value(toml_list &list, const toml::node &node, config_entry &entry)
{
    entry.kind_text = kind_text(node.type());
    if (const auto *text = node.as_string()) {
        entry.kind = ENTRY_STRING;
        entry.string = keep(list, text->get());
    } else if (const auto *integer = node.as_integer()) {
        entry.kind = ENTRY_INT;
        entry.integer = integer->get();
    } else if (const auto *real = node.as_floating_point()) {
        entry.kind = ENTRY_FLOAT;
        entry.real = real->get();
    } else if (const auto *flag = node.as_boolean()) {
        entry.kind = ENTRY_BOOL;
        entry.integer = flag->get();
    } else {
        entry.kind = ENTRY_OTHER;
    }
}

/* Adds the settings of `table`, whose name is `prefix`, ending in a dot or empty. */
void
flatten(toml_list &list, const toml::table &table, const std::string &prefix, int level)
{
    for (const auto &[key, node] : table) {
        std::string name = prefix + std::string(key.str());
        const toml::table *inner = node.as_table();
        bool descend = inner && level < LEVELS_MAX;
        if (descend && !inner->empty()) {
            flatten(list, *inner, name + ".", level + 1);
            continue;
        }
        config_entry entry = {};
        entry.line = key.source().begin.line;
        entry.column = key.source().begin.column;
        set_value(list, node, entry);
        if (descend)
            entry.kind = ENTRY_SECTION;
        entry.name = keep(list, std::move(name));
        list.entries.push_back(entry);
    }
}

bool
earlier(const config_entry &a, const config_entry &b)
{
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

/* One key can nest as deep as a line is long, so lines are bounded. */
int
check_lines(const char *name, attl_slice text, config_error err)
{
    const char *p = static_cast<const char *>(text.data);
    size_t start = 0;
    unsigned line = 1;
    for (size_t i = 0; i < text.len; i++) {
        if (p[i] == '\n') {
            start = i + 1;
            line++;
        } else if (i - start >= LINE_BYTES_MAX) {
            return config_fail(err, "%s:%u:1: a line of more than %d bytes", name, line,
                               static_cast<int>(LINE_BYTES_MAX));
        }
    }
    return ATTL_OK;
}

/* The parser's message; it may quote the file, so what is not printable goes. */
int
fail_syntax(const char *name, const toml::parse_error &why, config_error err)
{
    std::string text(why.description());
    for (char &c : text)
        if (c < ' ' || c > '~')
            c = '?';
    return config_fail(err, "%s:%u:%u: %s", name, static_cast<unsigned>(why.source().begin.line),
                       static_cast<unsigned>(why.source().begin.column), text.c_str());
}

} // namespace

int
toml_list_new(const char *name, attl_slice text, struct config_error err,
              struct toml_list **ret_list)
{
    int status = check_lines(name, text, err);
    if (status != ATTL_OK)
        return status;
    toml::parse_result result =
        toml::parse(std::string_view(static_cast<const char *>(text.data), text.len));
    if (!result)
        return fail_syntax(name, result.error(), err);
    toml_list *list = new (std::nothrow) toml_list;
    if (!list)
        return config_fail_memory(err);
    flatten(*list, result.table(), "", 1);
    std::sort(list->entries.begin(), list->entries.end(), earlier);
    *ret_list = list;
    return ATTL_OK;
}

void
toml_list_free(struct toml_list *list)
{
    delete list;
}

const struct config_entry *
toml_list_entries(const struct toml_list *list, size_t *ret_count)
{
    *ret_count = list->entries.size();
    return list->entries.data();
}
