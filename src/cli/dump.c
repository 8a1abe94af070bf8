/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For each page of SCAN the keys are copied, since their reply's buffer is needed for the next
 * replies, and then their values are fetched a window at a time. The window shrinks where values
 * are large: the server has to hold the replies of a whole window. GET comes before PEXPIRETIME: a
 * key that expires between the two is seen by the second (-2) and left out, so no value is ever
 * written with somebody else's absence of a deadline.
 */
#include "cli/dump.h"

#include "base/num.h"
#include "cli/interrupt.h"
#include "cli/jsonl.h"
#include "cli/outcome.h"
#include "cli/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

enum {
    DUMP_FILE_BUFFER_BYTES = 1024 * 1024,
    DUMP_PAGE_BYTES_MAX = 1024 * 1024 * 1024,
    ERRORS_SHOWN = 20
};

/* PEXPIRETIME's answers that are no deadline. */
enum { REPLY_NO_DEADLINE = -1, REPLY_NO_KEY = -2 };

struct dump {
    const struct cli_args *args;
    struct client client;
    FILE *to;
    const char *name;             /* of `to`, for messages */
    char part[DUMP_PATH_MAX];     /* where a file is written until it is complete; "" for standard
                                     output */
    char cursor[DUMP_CURSOR_MAX]; /* SCAN's */
    struct buf page;              /* bytes of the page's keys, one after another */
    attl_slice *keys;             /* offsets into `page` until it stopped growing, then slices */
    size_t key_count, key_cap;
    struct buf value; /* of the key being written */
    struct progress progress;
    uint64_t dumped, skipped, gone, value_bytes;
    bool resp;
};

static void
skip(struct dump *d, attl_slice key, const struct reply *why)
{
    if (++d->skipped > ERRORS_SHOWN)
        return;
    progress_clear(&d->progress);
    outcome_say("skipped key '%.*s': %.*s%s", (int)(key.len < 64 ? key.len : 64),
                (const char *)key.data, (int)(why->text.len < 200 ? why->text.len : 200),
                (const char *)why->text.data,
                d->skipped == ERRORS_SHOWN ? " (further ones are only counted)" : "");
}

static void
write_bulk(FILE *to, attl_slice s)
{
    (void)fprintf(to, "$%zu\r\n", s.len);
    if (s.len > 0)
        (void)fwrite_unlocked(s.data, 1, s.len, to);
    (void)fputs_unlocked("\r\n", to);
}

static void
write_resp(FILE *to, const struct jsonl_record *r)
{
    char deadline[NUM_TEXT_MAX];
    bool dies = r->deadline_ms != ATTL_NO_DEADLINE;
    (void)fputs_unlocked(dies ? "*5\r\n$3\r\nSET\r\n" : "*3\r\n$3\r\nSET\r\n", to);
    write_bulk(to, r->key);
    write_bulk(to, r->value);
    if (!dies)
        return;
    write_bulk(to, attl_s("PXAT"));
    write_bulk(to, attl_b(deadline, num_format_i64(deadline, r->deadline_ms)));
}

/* The two replies for one key. */
static int
take_key(struct dump *d, attl_slice key)
{
    const struct reply *reply;
    int status = client_read(&d->client, &reply);
    if (status)
        return status;
    bool have = reply->type == REPLY_STRING;
    if (reply->type == REPLY_ERROR)
        skip(d, key, reply);
    else if (!have)
        d->gone++;
    buf_clear(&d->value, DUMP_WINDOW_BYTES);
    if (have)
        buf_append(&d->value, reply->text.data,
                   reply->text.len); /* the next reply takes its place */
    status = client_read(&d->client, &reply);
    if (status || !have)
        return status;
    if (reply->type != REPLY_INTEGER) {
        skip(d, key, reply);
    } else if (reply->integer == REPLY_NO_KEY) {
        d->gone++;
    } else {
        struct jsonl_record record = { key, buf_slice(&d->value), reply->integer };
        if (reply->integer == REPLY_NO_DEADLINE)
            record.deadline_ms = ATTL_NO_DEADLINE;
        if (d->resp)
            write_resp(d->to, &record);
        else
            jsonl_write(d->to, &record);
        d->dumped++;
        d->value_bytes += record.value.len;
    }
    return CLIENT_OK;
}

static size_t
window_size(const struct dump *d)
{
    if (d->dumped == 0)
        return 1;
    uint64_t mean_bytes = d->value_bytes / d->dumped + 1;
    uint64_t fits = DUMP_WINDOW_BYTES / mean_bytes;
    return fits < 1 ? 1 : fits > DUMP_WINDOW_MAX ? DUMP_WINDOW_MAX : (size_t)fits;
}

static int
fetch_window(struct dump *d, const attl_slice *keys, size_t n)
{
    int status = CLIENT_OK;
    for (size_t i = 0; i < n && status == CLIENT_OK; i++) {
        attl_slice get[2] = { attl_s("GET"), keys[i] };
        attl_slice deadline[2] = { attl_s("PEXPIRETIME"), keys[i] };
        status = client_append(&d->client, get, 2);
        if (status == CLIENT_OK)
            status = client_append(&d->client, deadline, 2);
    }
    for (size_t i = 0; i < n && status == CLIENT_OK; i++) {
        status = take_key(d, keys[i]);
        progress_update(&d->progress, d->dumped, d->dumped);
    }
    return status;
}

static int
fail_memory(void)
{
    outcome_say("out of memory");
    return CLIENT_E_LIMIT;
}

/* Copies the keys of a SCAN reply to `page` and `keys`. */
static int
copy_page(struct dump *d, const struct reply *list)
{
    buf_clear(&d->page, DUMP_FILE_BUFFER_BYTES);
    if (list->children > d->key_cap) {
        attl_slice *keys = realloc(d->keys, list->children * sizeof *keys);
        if (!keys)
            return fail_memory();
        d->keys = keys;
        d->key_cap = list->children;
    }
    d->key_count = list->children;
    const struct reply *key = list + 1;
    for (size_t i = 0; i < d->key_count; i++) {
        d->keys[i] = attl_b(NULL, key->text.len);
        buf_append(&d->page, key->text.data, key->text.len);
        key = reply_next(key);
    }
    if (d->page.failed)
        return fail_memory();
    /* Only now does the buffer stay where it is; there is none if all keys are empty. */
    const char *at = d->page.len > 0 ? d->page.data : "";
    for (size_t i = 0; i < d->key_count; at += d->keys[i++].len)
        d->keys[i].data = at;
    return CLIENT_OK;
}

/* [cursor, [key ...]] */
static bool
scan_reply_is_sane(const struct reply *r)
{
    return r->type == REPLY_ARRAY && r->children == 2 && r[1].type == REPLY_STRING &&
           r[1].text.len < DUMP_CURSOR_MAX && r[2].type == REPLY_ARRAY;
}

static int
scan_page(struct dump *d)
{
    char count[NUM_TEXT_MAX];
    attl_slice words[6] = { attl_s("SCAN"), attl_s(d->cursor), attl_s("COUNT"),
                            attl_b(count, num_format_i64(count, DUMP_SCAN_COUNT)) };
    size_t n = 4;
    if (d->args->match) {
        words[n++] = attl_s("MATCH");
        words[n++] = attl_s(d->args->match);
    }
    const struct reply *reply;
    int status = client_call(&d->client, words, n, &reply);
    if (status)
        return status;
    if (!scan_reply_is_sane(reply)) {
        progress_clear(&d->progress);
        (void)snprintf(d->client.error, sizeof d->client.error, "SCAN was answered with: %.*s",
                       (int)(reply->text.len < 200 ? reply->text.len : 200),
                       (const char *)reply->text.data);
        return CLIENT_E_REFUSED;
    }
    memcpy(d->cursor, reply[1].text.data, reply[1].text.len);
    d->cursor[reply[1].text.len] = '\0';
    return copy_page(d, reply + 2);
}

static int
dump_keys(struct dump *d)
{
    int status;
    (void)snprintf(d->cursor, sizeof d->cursor, "0");
    do {
        status = scan_page(d);
        for (size_t i = 0; status == CLIENT_OK && i < d->key_count;) {
            size_t n = window_size(d);
            n = n < d->key_count - i ? n : d->key_count - i;
            status = fetch_window(d, d->keys + i, n);
            i += n;
            if (ferror(d->to))
                return status; /* the caller looks at it */
        }
    } while (status == CLIENT_OK && strcmp(d->cursor, "0") != 0);
    return status;
}

/* How many keys to expect, for the bar; 0 with a pattern, as only the server could count those. */
static int
expected_keys(struct dump *d, uint64_t *ret_keys)
{
    const struct reply *reply;
    attl_slice dbsize = attl_s("DBSIZE");
    *ret_keys = 0;
    if (d->args->match)
        return CLIENT_OK;
    int status = client_call(&d->client, &dbsize, 1, &reply);
    if (status == CLIENT_OK && reply->type == REPLY_INTEGER && reply->integer > 0)
        *ret_keys = (uint64_t)reply->integer;
    return status;
}

/* Opens the output: FILE.part for a file, so that a broken dump never looks like a whole one. */
static int
open_output(struct dump *d)
{
    const char *file = d->args->file;
    d->to = stdout;
    d->name = "standard output";
    if (strcmp(file, "-") == 0)
        return EX_OK;
    int n = snprintf(d->part, sizeof d->part, "%s.part", file);
    d->name = d->part;
    errno = ENAMETOOLONG;
    d->to = n > 0 && (size_t)n < sizeof d->part ? fopen(d->part, "we") : NULL;
    if (d->to)
        return EX_OK;
    outcome_say("cannot create %s.part: %s", file, strerror(errno));
    d->part[0] = '\0';
    return EX_IOERR;
}

/* Ends the output; a complete file gets its name, any other is removed. */
static int
close_output(struct dump *d, bool complete)
{
    bool written = fflush(d->to) == 0 && !ferror(d->to);
    int error = errno;
    if (d->part[0] && fclose(d->to) != 0 && written) {
        written = false;
        error = errno;
    }
    if (!written)
        outcome_say("cannot write %s: %s", d->name, strerror(error));
    if (d->part[0] == '\0')
        return written ? EX_OK : EX_IOERR;
    if (written && complete) {
        if (rename(d->part, d->args->file) == 0)
            return EX_OK;
        outcome_say("cannot rename %s to %s: %s", d->part, d->args->file, strerror(errno));
    }
    (void)remove(d->part); /* a left-over part is only untidy */
    return EX_IOERR;
}

static void
print_summary(struct dump *d)
{
    char rate[PROGRESS_COUNT_TEXT_MAX];
    double seconds = progress_seconds(&d->progress);
    progress_clear(&d->progress);
    progress_count_text((double)d->dumped / seconds, rate);
    (void)fprintf(stderr,
                  "dumped %" PRIu64 " keys, skipped %" PRIu64 ", expired meanwhile %" PRIu64
                  ", in %.2f s (%s/s)\n",
                  d->dumped, d->skipped, d->gone, seconds, rate);
}

static int
dump_all(struct dump *d)
{
    uint64_t expected = 0;
    int status = client_connect(&d->client);
    if (status)
        return outcome_client(&d->client, status);
    status = expected_keys(d, &expected);
    if (status)
        return outcome_client(&d->client, status);
    int code = open_output(d);
    if (code)
        return code;
    (void)setvbuf(d->to, NULL, _IOFBF, DUMP_FILE_BUFFER_BYTES); /* without it only slower */
    progress_begin(&d->progress, expected);
    status = dump_keys(d);
    code = close_output(d, status == CLIENT_OK);
    print_summary(d);
    if (status)
        return outcome_client(&d->client, status);
    return code ? code : d->skipped ? OUTCOME_ERROR_REPLY : EX_OK;
}

static bool
ends_with(const char *z, const char *ending)
{
    size_t n = strlen(z), m = strlen(ending);
    return n >= m && strcmp(z + n - m, ending) == 0;
}

int
dump_run(const struct cli_args *args)
{
    struct dump d = { .args = args };
    d.resp = args->format == FORMAT_RESP ||
             (args->format == FORMAT_AUTO && ends_with(args->file, ".resp"));
    client_init(&d.client, &args->server);
    buf_init(&d.page, DUMP_PAGE_BYTES_MAX);
    buf_init(&d.value, REPLY_BULK_BYTES_MAX);
    interrupt_install();
    int code = dump_all(&d);
    free(d.keys);
    buf_fini(&d.value);
    buf_fini(&d.page);
    client_fini(&d.client);
    return code;
}
