/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A receipt as one line of JSON. Fields are always there and always in this order, so that reading
 * one back is looking for its name; text is escaped, so that no value can look like a name. The
 * last field is the SHA-256 of the line up to the comma in front of it, and the last but one the
 * digest of the line before, so that the file is a chain.
 */
#include "base/json.h"
#include "engine/erase.h"

#include <stdio.h>
#include <stdlib.h>

/* Numbers of a receipt, in the order of the line. */
static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    { "names", offsetof(attl_erasure, names) },
    { "requested_ms", offsetof(attl_erasure, requested_ms) },
    { "due_ms", offsetof(attl_erasure, due_ms) },
    { "done_ms", offsetof(attl_erasure, done_ms) },
    { "in_memory", offsetof(attl_erasure, in_memory) },
    { "in_snapshots", offsetof(attl_erasure, in_snapshots) },
    { "in_log", offsetof(attl_erasure, in_log) },
    { "files_removed", offsetof(attl_erasure, files_removed) },
    { "bytes_removed", offsetof(attl_erasure, bytes_removed) },
    { "files_left", offsetof(attl_erasure, files_left) },
    { "found", offsetof(attl_erasure, found) },
    { "written_again", offsetof(attl_erasure, written_again) },
    { "before_lsn", offsetof(attl_erasure, before_lsn) },
    { "snapshot_lsn", offsetof(attl_erasure, snapshot_lsn) },
    { "snapshot_ms", offsetof(attl_erasure, snapshot_ms) },
};
enum { NUMBERS = sizeof numbers / sizeof numbers[0], NUMBER_BYTES = 24, WORD_BYTES = 16 };

static const char *const kinds[] = { "?", "key", "prefix", "match" };
static const char *const states[] = { "started", "pending", "done", "failed" };
static const char *const checks[] = { "unchecked", "clean", "found", "unreadable" };

static const char *
name_of(const char *const *names, size_t len, int i)
{
    return i >= 0 && (size_t)i < len ? names[i] : "?";
}

const char *
attl_erase_kind_name(int kind)
{
    return name_of(kinds, sizeof kinds / sizeof kinds[0], kind);
}

const char *
attl_erase_state_name(int state)
{
    return name_of(states, sizeof states / sizeof states[0], state);
}

const char *
attl_erase_check_name(int check)
{
    return name_of(checks, sizeof checks / sizeof checks[0], check);
}

/* ---- writing ---- */

void
erase_line_write(struct buf *out, attl_erasure *r, const struct erase_select *select,
                 const char *prev)
{
    struct json j;
    size_t start = out->len;
    json_init(&j, out, JSON_BYTES);
    json_open(&j, NULL, '{');
    json_put_u64(&j, "v", 1);
    json_put_str(&j, "id", r->id);
    json_put_str(&j, "state", attl_erase_state_name(r->state));
    json_put_str(&j, "kind", attl_erase_kind_name(r->kind));
    json_put_str(&j, "checked", attl_erase_check_name(r->checked));
    json_put_bool(&j, "now", r->now);
    for (size_t i = 0; i < NUMBERS; i++) {
        uint64_t value;
        memcpy(&value, (const char *)r + numbers[i].offset, sizeof value);
        json_put_u64(&j, numbers[i].name, value);
    }
    json_put_str(&j, "subject", r->subject);
    json_put_str(&j, "who", r->who);
    json_put_str(&j, "problem", r->problem);
    json_put_str(&j, "note", r->note);
    if (r->plain && select) {
        json_open(&j, "plain", '[');
        for (size_t i = 0; i < select->len; i++)
            json_put_text(&j, NULL, select->names[i]);
        json_close(&j);
    }
    json_put_str(&j, "prev", prev);
    if (out->failed)
        return;
    sha256_text(attl_b(out->data + start, out->len - start), r->hash);
    r->intact = 1;
    json_put_str(&j, "hash", r->hash);
    json_close(&j);
    buf_append_str(out, "\n");
}

/* ---- reading ---- */

/* The bytes behind `"name":`, or NULL. */
static const char *
find_field(attl_slice line, const char *name)
{
    char wanted[32];
    int n = snprintf(wanted, sizeof wanted, "\"%s\":", name);
    const char *at = line.len ? memmem(line.data, line.len, wanted, (size_t)n) : NULL;
    return at ? at + n : NULL;
}

static bool
read_number(attl_slice line, const char *name, uint64_t *ret)
{
    const char *at = find_field(line, name), *end = (const char *)line.data + line.len;
    char text[NUMBER_BYTES] = "";
    size_t n = 0;
    while (at && at + n < end && n < sizeof text - 1 && at[n] >= '0' && at[n] <= '9') {
        text[n] = at[n];
        n++;
    }
    if (n == 0)
        return false;
    *ret = strtoull(text, NULL, 10);
    return true;
}

/* One character of a text; the bytes it took, 0: the end of it. */
static size_t
read_char(const char *at, const char *end, char *ret)
{
    char code[5] = "";
    if (at >= end || *at == '"')
        return 0;
    *ret = *at;
    if (*at != '\\')
        return 1;
    if (end - at < 6)
        return 0;
    memcpy(code, at + 2, 4);
    *ret = (char)strtoul(code, NULL, 16);
    return 6;
}

static bool
read_text(attl_slice line, const char *name, char *out, size_t out_len)
{
    const char *at = find_field(line, name), *end = (const char *)line.data + line.len;
    size_t n = 0, took;
    char c;
    out[0] = '\0';
    if (!at || at >= end || *at++ != '"')
        return false;
    while (n + 1 < out_len && (took = read_char(at, end, &c)) > 0) {
        out[n++] = c;
        at += took;
    }
    out[n] = '\0';
    return true;
}

static bool
read_word(attl_slice line, const char *name, const char *const *names, size_t len, int32_t *ret)
{
    char word[WORD_BYTES];
    if (!read_text(line, name, word, sizeof word))
        return false;
    for (size_t i = 0; i < len; i++)
        if (strcmp(names[i], word) == 0) {
            *ret = (int32_t)i;
            return true;
        }
    return false;
}

static bool
has_digest(attl_slice line, const char *hash)
{
    static const char field[] = ",\"hash\":\"";
    char made[SHA256_HEX_CHARS + 1];
    const char *at = memmem(line.data, line.len, field, sizeof field - 1);
    if (!at)
        return false;
    sha256_text(attl_b(line.data, (size_t)(at - (const char *)line.data)), made);
    return strcmp(made, hash) == 0;
}

bool
erase_line_read(attl_slice line, attl_erasure *r)
{
    const char *now = find_field(line, "now");
    *r = (attl_erasure){ .struct_size = sizeof *r };
    bool good = read_text(line, "id", r->id, sizeof r->id) && r->id[0] &&
                read_word(line, "state", states, sizeof states / sizeof states[0], &r->state) &&
                read_word(line, "kind", kinds, sizeof kinds / sizeof kinds[0], &r->kind) &&
                read_word(line, "checked", checks, sizeof checks / sizeof checks[0], &r->checked);
    for (size_t i = 0; good && i < NUMBERS; i++) {
        uint64_t value;
        good = read_number(line, numbers[i].name, &value);
        if (good)
            memcpy((char *)r + numbers[i].offset, &value, sizeof value);
    }
    if (!good || !now || !read_text(line, "hash", r->hash, sizeof r->hash))
        return false;
    (void)read_text(line, "subject", r->subject, sizeof r->subject);
    (void)read_text(line, "who", r->who, sizeof r->who);
    (void)read_text(line, "problem", r->problem, sizeof r->problem);
    (void)read_text(line, "note", r->note, sizeof r->note);
    r->now = *now == 't';
    r->plain = find_field(line, "plain") != NULL;
    r->intact = has_digest(line, r->hash);
    return true;
}
