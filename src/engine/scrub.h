/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading again what lies in the data directory, before somebody needs it. A pass reads every
 * snapshot and every closed segment of the log, piece by piece, so that the keeper can do it
 * between its other work and at a low rate; what is found goes into a short list of findings, and
 * is healed from the memory that is whole: scrub_heal.c. A pass belongs to whoever runs it, the
 * keeper's to the keeper; the findings have a lock of their own, behind which no other is taken.
 */
#ifndef ATTL_ENGINE_SCRUB_H
#define ATTL_ENGINE_SCRUB_H

#include "config/config.h"
#include "os/lock.h"
#include "os/trace.h"
#include "persist/segment.h"

struct attl;
struct store;
struct scrub_pass;

enum {
    SCRUB_FINDINGS = 8, /* remembered; what is not healed is never forgotten for a newer one */
    SCRUB_TEXT_BYTES = 256,
    SCRUB_STEP_BYTES = 1 << 20, /* read without a pause, but for larger values */
};

struct scrub_finding {
    uint64_t number;   /* 1, 2, ..; 0: empty */
    uint64_t revision; /* of the list, when this one was changed last */
    bool unreadable;   /* the disk failed: nothing is known of the contents */
    bool healed;       /* nothing depends on the file any more */
    enum store_kind kind;
    int64_t found_ms; /* Unix ms */
    char name[SEGMENT_NAME_MAX];
    uint64_t offset;
    uint64_t lsn, end_lsn;     /* changes from lsn up to before end_lsn that the file should hold */
    char trace[TRACE_MAX + 1]; /* of the request that found it */
    char lost[SCRUB_TEXT_BYTES], done[SCRUB_TEXT_BYTES]; /* sentences */
};

/* Sums since the cache was opened. */
struct scrub_sums {
    uint64_t passes, files, bytes;
    uint64_t damaged, unreadable; /* files found so */
    uint64_t unhealed;            /* damaged ones, now */
    uint64_t revision;            /* grows with every change of the findings */
    int64_t last_ms;              /* Unix ms at which a pass was completed, 0: none */
    int64_t last_took_ms;
};

struct scrub {
    _Atomic bool enabled;
    _Atomic uint64_t rate; /* bytes per second */
    _Atomic int64_t interval_ms;
    _Atomic bool called;                      /* somebody is inside attl_scrub() */
    _Atomic uint64_t done_bytes, total_bytes; /* of the running pass; total 0: none runs */
    _Atomic int64_t complete_ms; /* the cache's time: of the last pass, or of loading */
    /* the keeper's */
    struct scrub_pass *pass;
    int64_t next_step_ms, retry_ms, retry_pause_ms; /* the cache's time */
    struct lock lock;                               /* what follows */
    struct scrub_sums sums;
    struct scrub_finding findings[SCRUB_FINDINGS];
};

void scrub_init(struct store *s);
void scrub_apply_config(struct store *s, const attl_config *config);
/* Nobody is inside any more. */
void scrub_fini(struct store *s);

/* The keeper's part: heals what is left to be healed and goes on by one piece, if that is due.
 * Milliseconds until it wants to be called again; INT64_MAX: never by itself. */
int64_t scrub_keep(struct store *s);
/* A whole pass in the calling thread. ATTL_OK, ATTL_E_BUSY, ATTL_E_LOADING, ATTL_E_NOMEM,
 * ATTL_E_IO (the directory cannot be listed). */
int scrub_now(struct store *s, attl_scrub_report *ret);

/* ---- findings ---- */

/* Adds one; fills in its number. False: there is no room, since so many are not healed yet. A file
 * that is known already is not counted again. */
bool scrub_note(struct store *s, struct scrub_finding *f);
/* What has become of finding `f`. */
void scrub_settle(struct store *s, const struct scrub_finding *f);
void scrub_sums_get(struct store *s, struct scrub_sums *ret);
/* Those that are remembered, oldest first. Returns how many. */
unsigned scrub_findings_get(struct store *s, struct scrub_finding ret[SCRUB_FINDINGS]);
/* What loading has met: `f` as far as it is known. */
void scrub_note_loaded(struct store *s, const char *name, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- healing ---- */

/* Sees to it that nothing depends on the file, and sets it aside; says in f->done what was done.
 * ATTL_OK: it is healed; ATTL_E_BUSY or why it could not be. */
int scrub_heal(struct store *s, struct scrub_finding *f);

#endif
