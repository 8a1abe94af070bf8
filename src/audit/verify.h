/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verification: reads the files of a trail in order and says, for each place where it is not what
 * was written, in which file, which line and what is wrong. It changes nothing and trusts nothing;
 * what it cannot tell apart it does not claim to. One thread owns a pass. It goes on behind what it
 * finds, so that one pass names every place.
 */
#ifndef ATTL_AUDIT_VERIFY_H
#define ATTL_AUDIT_VERIFY_H

#include "audit/files.h"
#include "audit/parse.h"

enum { AUDIT_FINDING_BYTES = 256, AUDIT_FINDINGS_MAX = 1000 };

enum audit_flaw {
    AUDIT_CHANGED,      /* a line is not what was written */
    AUDIT_MISSING_LINE, /* its numbers are left out */
    AUDIT_REORDERED,    /* a line stands elsewhere than it was written */
    AUDIT_REPLACED,     /* lines or a file were put in the place of others */
    AUDIT_TRUNCATED,    /* the end is missing */
    AUDIT_MISSING_FILE,
    AUDIT_UNKEYED,   /* a line without the key's digest, where there is a key */
    AUDIT_UNCHECKED, /* a line with a keyed digest, and no key was given */
    AUDIT_HEAD,      /* the head is missing or damaged */
    AUDIT_NOTED,     /* a start has found damage, and recorded it */
    AUDIT_FLAWS
};

const char *audit_flaw_word(enum audit_flaw flaw);

struct audit_finding {
    enum audit_flaw flaw;
    const char *file;
    uint64_t line; /* in the file, from 1; 0: the file as a whole */
    uint64_t seq;  /* 0: unknown */
    const char *text;
};

/* A line as it was read: `flaw` < 0 if nothing is wrong with it. The text borrows a buffer. */
typedef void (*audit_line_fn)(void *ud, const char *file, attl_slice text,
                              const struct audit_line *line);

struct audit_verify {
    /* wanted */
    struct disk *disk;
    const attl_allocator *alloc;
    const struct audit_key *key; /* len 0: none */
    const char *only;            /* one file, by name; NULL: all, as a whole trail */
    void (*found)(void *ud, const struct audit_finding *f); /* may be NULL */
    audit_line_fn line;                                     /* may be NULL */
    void *ud;
    bool (*stop)(void *ud); /* asked once per file; may be NULL */
    /* result */
    uint64_t files, lines, findings, first_seq;
    uint64_t kinds[AUDIT_FLAWS];
    struct audit_link last;
    bool stopped;
};

/* Adds a finding about a whole file that somebody knows from elsewhere. */
void audit_verify_find(struct audit_verify *v, enum audit_flaw flaw, const char *file,
                       const char *text);
/* 0 if it was read to its end, whatever was found; or a negative errno, with the file's name in
 * ret_file. */
int audit_verify_run(struct audit_verify *v, char ret_file[AUDIT_NAME_BYTES]);

#endif
