/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See trail_support.h. Forging works on the text in place: digests have one length, so a line keeps
 * its own. Nothing here is shared between tests, and nothing is checked but with CHECK.
 */
#include "trail_support.h"

#include "base/hex.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

void
trail_init(struct trail *t, const char *key)
{
    memset(t, 0, sizeof *t);
    t->sim = sim_disk_new(1);
    t->refusing = (struct refusing){ .left = -1 };
    t->alloc = refusing_hooks(&t->refusing);
    t->now_us = TRAIL_START_US;
    t->rules = (struct audit_rules){ .rotate_bytes = 1 << 20 };
    if (key) {
        t->key.len = strlen(key);
        memcpy(t->key.bytes, key, t->key.len);
    }
}

void
trail_fini(struct trail *t)
{
    trail_close(t);
    sim_disk_free(&t->sim);
}

void
trail_open(struct trail *t)
{
    audit_writer_init(&t->writer, sim_disk_table(t->sim), &t->alloc, &t->key);
    t->writer.rules = t->rules;
    t->open = true;
}

void
trail_close(struct trail *t)
{
    if (t->open)
        audit_writer_fini(&t->writer);
    t->open = false;
}

int
trail_put(struct trail *t, int n)
{
    char text[32];
    (void)snprintf(text, sizeof text, "thing %d", n);
    struct audit_record r = { .kind = AUDIT_ADMIN, .time_us = t->now_us };
    sim_disk_set_time(t->sim, t->now_us / 1000);
    r.text[AUDIT_ACTION] = attl_s("test");
    r.text[AUDIT_OBJECT] = attl_s(text);
    r.text[AUDIT_OUTCOME] = attl_s("ok");
    t->writer.rules = t->rules;
    int rc = audit_writer_append(&t->writer, &r);
    return rc < 0 ? rc : audit_writer_settle(&t->writer);
}

void
trail_fill(struct trail *t, int n)
{
    for (int i = 0; i < n; i++)
        CHECK(trail_put(t, i) == 0, "line %d", i);
}

static void
keep_finding(void *ud, const struct audit_finding *f)
{
    struct trail *t = ud;
    size_t len = strlen(t->findings);
    (void)snprintf(t->findings + len, sizeof t->findings - len, "%s:%d: %s: %s\n", f->file,
                   (int)f->line, audit_flaw_word(f->flaw), f->text);
}

int
trail_verify(struct trail *t)
{
    char file[AUDIT_NAME_BYTES];
    t->findings[0] = '\0';
    t->v = (struct audit_verify){ .disk = sim_disk_table(t->sim),
                                  .alloc = &t->alloc,
                                  .key = &t->key,
                                  .found = keep_finding,
                                  .ud = t };
    return audit_verify_run(&t->v, file);
}

void
trail_expect_fine(struct trail *t)
{
    CHECK(trail_verify(t) == 0, "it can be read");
    CHECK(t->v.findings == 0, "%s", t->findings);
}

void
trail_expect(struct trail *t, enum audit_flaw flaw, const char *text)
{
    CHECK(trail_verify(t) == 0, "it can be read");
    CHECK(t->v.kinds[flaw] > 0, "%s expected, got: %s", audit_flaw_word(flaw), t->findings);
    CHECK(strstr(t->findings, text), "'%s' expected, got: %s", text, t->findings);
}

char *
trail_get(struct trail *t, uint64_t first_seq, size_t *ret_len)
{
    char name[AUDIT_NAME_BYTES];
    audit_file_name(first_seq, name);
    char *data = sim_disk_get(t->sim, name, ret_len);
    CHECK(data, "%s is there", name);
    return data;
}

void
trail_set(struct trail *t, uint64_t first_seq, const char *data, size_t len)
{
    char name[AUDIT_NAME_BYTES];
    audit_file_name(first_seq, name);
    sim_disk_put(t->sim, name, data, len);
}

size_t
trail_line(const char *text, int n)
{
    const char *at = text;
    while (n-- > 0) {
        at = strchr(at, '\n');
        CHECK(at, "there are so many lines");
        at++;
    }
    return (size_t)(at - text);
}

void
trail_forge(char *text)
{
    static const struct audit_key none = { .len = 0 };
    unsigned char hash[AUDIT_HASH_BYTES];
    char prev[AUDIT_HASH_CHARS + 1];
    memset(prev, '0', AUDIT_HASH_CHARS);
    for (char *line = text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        CHECK(end, "whole lines");
        char *own = end - 2 - AUDIT_HASH_CHARS; /* "} */
        size_t signed_len = (size_t)(own - line) - strlen(",\"hash\":\"");
        memcpy(line + signed_len - 1 - AUDIT_HASH_CHARS, prev, AUDIT_HASH_CHARS);
        CHECK(audit_digest(&none, attl_b(line, signed_len), hash), "memory");
        hex_text(prev, hash, AUDIT_HASH_BYTES);
        memcpy(own, prev, AUDIT_HASH_CHARS);
    }
}
