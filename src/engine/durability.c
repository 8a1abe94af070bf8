/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of namespaces of its own, apart from the one in force, because that one may change. Loading
 * knows nothing of durability: it brings back what the directory says, and then what should not
 * have been kept is removed as by a caller, each key with its frame in the log. The set is the
 * cache's from opening to closing and never changes, so nothing here is locked.
 */
#include "engine/durability.h"

#include "cache/scan.h"
#include "engine/journal.h"
#include "engine/store.h"

enum { FORGET_STEP_ENTRIES = 256, KEYS_KEPT_BYTES = 64 << 10, SYNC_WAIT_MS = 60000 };

int
durability_init(struct attl *a, const attl_config *config)
{
    struct namespace_set *set;
    int status = namespace_set_new(&a->cache.config.alloc, &config->namespaces, &set);
    if (status == ATTL_OK && set && set->unlogged)
        a->durabilities = set;
    else
        namespace_set_free(set);
    return status;
}

void
durability_fini(struct attl *a)
{
    namespace_set_free(a->durabilities);
    a->durabilities = NULL;
}

enum choice_durability
durability_find(const struct namespace_set *set, attl_slice key)
{
    const struct namespace *ns = namespace_match(set, key);
    return ns ? (enum choice_durability)ns->durability : CHOICE_DURABILITY_LOG;
}

/* What is changed now would not survive what the others' changes survive. */
static bool
log_is_down(const struct attl *a)
{
    const struct store *s = a->store;
    return s && s->wal && (!wal_is_writing(s->wal) || atomic_load(&s->behind_gap));
}

int
durability_ask(struct attl *a, attl_slice key)
{
    struct reclaim_reader *r = reclaim_self();
    if (!r || !log_is_down(a) || durability_of(a, key) != CHOICE_DURABILITY_LOG)
        return ATTL_OK;
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    const struct namespace *ns = set ? namespace_match(set, key) : NULL;
    bool rejects = ns && ns->rejects;
    reclaim_exit(r);
    return rejects ? ATTL_E_IO : ATTL_OK;
}

int
durability_admit_all(struct attl *a)
{
    return atomic_load(&a->rejects) && log_is_down(a) ? ATTL_E_IO : ATTL_OK;
}

struct forget {
    struct attl *a;
    struct buf keys; /* each behind its length */
    bool any, refused;
};

static void
gather_key(void *ud, const struct scan_entry *e)
{
    struct forget *f = ud;
    if (durability_of(f->a, e->key) != CHOICE_DURABILITY_NONE)
        return;
    f->any = true;
    buf_append(&f->keys, &e->key.len, sizeof(e->key.len));
    if (e->key.len)
        buf_append(&f->keys, e->key.data, e->key.len);
}

/* The log cannot be told, but memory can. */
static int
drop_change(struct entry *e, void *ud)
{
    (void)ud;
    if (e->found)
        entry_remove(e, COUNT_DELETES);
    return ATTL_OK;
}

static int
forget_change(struct entry *e, void *ud)
{
    if (!e->found)
        return ATTL_MISS;
    entry_remove(e, COUNT_DELETES);
    journal_forgotten(ud, e->key.key);
    return ATTL_OK;
}

static int
forget_gathered(struct forget *f)
{
    int status = f->keys.failed ? ATTL_E_NOMEM : ATTL_OK;
    for (size_t at = 0; status >= 0 && at < f->keys.len;) {
        size_t len;
        memcpy(&len, f->keys.data + at, sizeof(len));
        at += sizeof(len);
        int admitted = journal_admit_loading(f->a);
        f->refused |= admitted != ATTL_OK;
        status = engine_restore(f->a, attl_b(f->keys.data + at, len),
                                f->refused ? drop_change : forget_change, f->a);
        at += len;
    }
    return status < 0 ? status : ATTL_OK;
}

int
durability_forget(struct attl *a)
{
    if (!a->durabilities)
        return ATTL_OK;
    struct forget f = { .a = a };
    uint64_t cursor = 0;
    int status;
    buf_init(&f.keys, (size_t)(FORGET_STEP_ENTRIES * 4) * (LIMIT_KEY_BYTES + sizeof(size_t)));
    do {
        buf_clear(&f.keys, KEYS_KEPT_BYTES);
        cursor =
            scan_step_all(&a->cache, cursor, FORGET_STEP_ENTRIES, engine_now_ms(a), gather_key, &f);
        status = forget_gathered(&f);
    } while (status == ATTL_OK && cursor != 0);
    buf_fini(&f.keys);
    /* Nobody has waited for these frames, and the next change may be one that is not logged. */
    if (f.any && a->store->wal && (f.refused || wal_sync(a->store->wal, SYNC_WAIT_MS) != 0))
        engine_log(a, 3, "forget_failed",
                   "the log could not be told that namespaces with durability = none are empty: if "
                   "that setting is taken back, old entries of theirs may return");
    return status;
}
