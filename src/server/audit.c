/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening and closing. The line of a start carries a digest of all effective settings, secrets as
 * asterisks, so that two starts can be told to be alike without the trail repeating them. A trail
 * that cannot be opened ends the start only under fail_closed; else it is an incident like one that
 * fails later. `audit_lock` guards the pointer against incidents, which come from the cache's
 * threads at any time.
 */
#include "server/audit.h"

#include "audit/audit.h"
#include "audit/digest.h"
#include "base/alloc.h"
#include "base/hex.h"
#include "os/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

enum { PATH_BYTES = 1100, TEXT_BYTES = 512 };

static bool
is_wanted(const attl_config *c)
{
    int64_t enabled = config_i64(c, OPT_AUDIT_MODE);
    if (enabled != CHOICE_AUTO)
        return enabled == CHOICE_YES;
    return config_origin(c, OPT_SERVER_DIR) != CONFIG_DEFAULT ||
           config_str(c, OPT_PERSIST_DIR)[0] != '\0';
}

/* Called by the trail's thread. */
static void
told(void *ud, bool failing, const char *text)
{
    struct server *server = ud;
    log_write(&server->log, failing ? LOG_ERROR : LOG_INFO, "audit", text);
    (void)attl_incident_report(server->cache, ATTL_INCIDENT_AUDIT_FAILURE, failing,
                               text); /* kind and level are right */
}

static void
settings_of(struct server *server, const char *dir, struct audit_settings *ret)
{
    const attl_config *c = server->config;
    *ret = (struct audit_settings){
        .dir = dir,
        .key_file = config_str(c, OPT_AUDIT_KEY_FILE),
        .writes = config_str(c, OPT_AUDIT_WRITES),
        .plain_keys = config_i64(c, OPT_AUDIT_KEYS) == CHOICE_AUDIT_KEYS_PLAIN,
        .fail_closed = config_i64(c, OPT_AUDIT_ON_ERROR) == CHOICE_AUDIT_FAIL_CLOSED,
        .sync = config_i64(c, OPT_AUDIT_FSYNC) != 0,
        .rotate_bytes = (uint64_t)config_i64(c, OPT_AUDIT_ROTATE_SIZE),
        .rotate_ms = config_i64(c, OPT_AUDIT_ROTATE_AGE),
        .keep_files = (uint64_t)config_i64(c, OPT_AUDIT_KEEP),
        .keep_ms = config_i64(c, OPT_AUDIT_KEEP_AGE),
        .queue = (uint64_t)config_i64(c, OPT_AUDIT_QUEUE),
        .told = told,
        .ud = server,
    };
}

void
audit_settings_changed(struct server *server)
{
    struct audit_settings s;
    if (!server->audit)
        return;
    settings_of(server, "", &s);
    audit_configure(server->audit, &s);
}

/* The digest of what --check-config prints. */
static void
settings_digest(struct server *server, char out[AUDIT_HASH_CHARS + 1])
{
    static const struct audit_key none = { .len = 0 };
    unsigned char hash[AUDIT_HASH_BYTES];
    struct buf text;
    buf_init(&text, CONFIG_RENDER_BYTES_MAX);
    config_effective_text(server->config, &text);
    out[0] = '\0';
    if (!text.failed && audit_digest(&none, buf_slice(&text), hash))
        hex_text(out, hash, AUDIT_HASH_BYTES);
    if (text.data)
        explicit_bzero(text.data, text.cap);
    buf_fini(&text);
}

static void
record_start(struct server *server)
{
    char hash[AUDIT_HASH_CHARS + 1], object[TEXT_BYTES], after[TEXT_BYTES];
    settings_digest(server, hash);
    (void)snprintf(object, sizeof object, "attld %s, pid %ld, run %s", attl_version(), process_id(),
                   server->run_id);                                  /* fits */
    (void)snprintf(after, sizeof after, "settings sha256 %s", hash); /* fits */
    struct audit_record r = { .kind = AUDIT_START };
    r.text[AUDIT_ACTION] = attl_s("start");
    r.text[AUDIT_OBJECT] = attl_s(object);
    r.text[AUDIT_AFTER] = attl_s(after);
    r.text[AUDIT_OUTCOME] = attl_s("ok");
    (void)audit_put(server->audit, &r); /* counted if lost */
}

int
audit_begin(struct server *server)
{
    char dir[PATH_BYTES], err[TEXT_BYTES] = "";
    const attl_config *c = server->config;
    struct audit_settings s;
    struct audit *audit;
    attl_allocator alloc = alloc_default();
    if (!is_wanted(c))
        return EX_OK;
    if (config_str(c, OPT_AUDIT_DIR)[0] != '\0')
        (void)snprintf(dir, sizeof dir, "%s", config_str(c, OPT_AUDIT_DIR)); /* bounded */
    else
        (void)snprintf(dir, sizeof dir, "%s/audit", config_str(c, OPT_SERVER_DIR)); /* bounded */
    settings_of(server, dir, &s);
    int status = audit_open(&audit, &alloc, &s, err, sizeof err);
    if (status != ATTL_OK) {
        log_writef(&server->log, LOG_ERROR, "audit", "the audit trail cannot be opened: %s",
                   err[0] ? err : attl_strerror(status));
        return status == ATTL_E_CONFIG ? EX_CONFIG : status == ATTL_E_IO ? EX_CANTCREAT : EX_OSERR;
    }
    lock_acquire(&server->audit_lock);
    server->audit = audit;
    lock_release(&server->audit_lock);
    record_start(server);
    return EX_OK;
}

void
audit_end(struct server *server)
{
    lock_acquire(&server->audit_lock);
    struct audit *audit = server->audit;
    server->audit = NULL;
    lock_release(&server->audit_lock);
    if (!audit)
        return;
    struct audit_record r = { .kind = AUDIT_STOP };
    r.text[AUDIT_ACTION] = attl_s("stop");
    r.text[AUDIT_OBJECT] = attl_s(server->run_id);
    r.text[AUDIT_OUTCOME] = attl_s("ok");
    (void)audit_put(audit, &r); /* counted if lost */
    audit_close(&audit);
}

void
audit_incident(void *ud, int event, const attl_incident *i)
{
    struct server *server = ud;
    char object[TEXT_BYTES], action[TEXT_BYTES], trace[32];
    (void)snprintf(object, sizeof object, "%s, id %" PRIu64 ", level %d%s", i->name, i->id,
                   i->level, i->simulated ? ", a drill" : ""); /* fits */
    (void)snprintf(action, sizeof action, "incident|%s",
                   attl_incident_event_name(event));                    /* fits */
    (void)snprintf(trace, sizeof trace, "%016" PRIx64, i->correlation); /* fits */
    struct audit_record r = { .kind = AUDIT_INCIDENT };
    r.text[AUDIT_ACTION] = attl_s(action);
    r.text[AUDIT_OBJECT] = attl_s(object);
    r.text[AUDIT_TRACE] = attl_s(trace);
    r.text[AUDIT_AFTER] = attl_s(i->cause);
    r.text[AUDIT_OUTCOME] = attl_s(attl_incident_state_name(i->state));
    lock_acquire(&server->audit_lock);
    if (server->audit)
        (void)audit_put(server->audit, &r); /* counted if lost */
    lock_release(&server->audit_lock);
}
