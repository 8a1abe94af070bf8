/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder of replies: bytes as a server sends them (RESP2 and RESP3) to a tree of `struct
 * reply`. The tree is one array in pre-order: a node is followed by its children, and `span` says
 * how many nodes to step over to reach its next sibling, so a reply of a million elements is one
 * allocation and no pointers. It is incremental: the caller appends bytes to its own buffer and
 * asks again. Memory is spent for bytes received, never for lengths announced. The parser owns the
 * nodes; the texts in them borrow the caller's bytes.
 */
#ifndef ATTL_CLI_REPLY_PARSE_H
#define ATTL_CLI_REPLY_PARSE_H

#include <attl/attl.h>
#include <stdbool.h>

enum {
    REPLY_DEPTH_MAX = 32,               /* nested aggregates */
    REPLY_LINE_BYTES_MAX = 64 * 1024,   /* a status, an error, a number */
    REPLY_NODES_MAX = 32 * 1024 * 1024, /* elements of one reply, all levels together */
    REPLY_BULK_BYTES_MAX = 512 * 1024 * 1024
};

enum reply_type {
    REPLY_STATUS,   /* +OK */
    REPLY_ERROR,    /* -ERR ..., and RESP3's bulk error */
    REPLY_INTEGER,  /* :1 */
    REPLY_STRING,   /* $1 */
    REPLY_NIL,      /* _, and RESP2's $-1 and *-1 */
    REPLY_DOUBLE,   /* ,1.5 - kept as the text the server sent */
    REPLY_BOOL,     /* #t */
    REPLY_BIGNUM,   /* (123... - text */
    REPLY_VERBATIM, /* =15 txt:... - text without the four bytes of format */
    REPLY_ARRAY,    /* * */
    REPLY_MAP,      /* % - children are key, value, key, value ... */
    REPLY_SET,      /* ~ */
    REPLY_PUSH      /* > - out of band */
};

struct reply {
    enum reply_type type;
    int64_t integer; /* REPLY_INTEGER; REPLY_BOOL: 0 or 1 */
    attl_slice text; /* borrowed from the bytes parsed; valid after REPLY_DONE */
    size_t at;       /* private: where the text lies in those bytes */
    size_t children; /* direct children; a map of n pairs has 2n */
    size_t span;     /* nodes of this subtree, itself included */
};

/* < 0: the stream is broken (or memory is short) and cannot be continued. */
enum reply_status {
    REPLY_DONE = 0,
    REPLY_MORE = 1,
    REPLY_E_SYNTAX = -1,
    REPLY_E_DEPTH = -2,
    REPLY_E_LIMIT = -3,
    REPLY_E_NOMEM = -4
};

struct reply_frame {
    size_t node;      /* index of the aggregate being filled */
    size_t remaining; /* children still to come */
    bool attribute;   /* RESP3 attributes are read and dropped */
};

struct reply_parser {
    struct reply *nodes;
    size_t count, cap;
    size_t pos;     /* bytes of this reply understood so far */
    size_t scanned; /* bytes looked at for the end of the current line */
    struct reply_frame stack[REPLY_DEPTH_MAX];
    size_t depth;
};

void reply_parser_init(struct reply_parser *p);
void reply_parser_fini(struct reply_parser *p);
/*
 * Continues with the reply that begins at `data`, of which `len` bytes are there (those given
 * before, unchanged, though they may have moved, plus new ones). REPLY_DONE: *ret_root is the tree,
 * *ret_used the bytes it took; the next call begins the next reply and ends the life of this tree.
 */
int reply_parse(struct reply_parser *p, const char *data, size_t len, const struct reply **ret_root,
                size_t *ret_used);
/* Forgets a half-read reply, for use after an error or on a new connection. */
void reply_parser_reset(struct reply_parser *p);
/* A sentence for a reply_status. */
const char *reply_strerror(int status);

static inline const struct reply *
reply_next(const struct reply *r)
{
    return r + r->span;
}

/* True for the types that have children. */
bool reply_is_aggregate(const struct reply *r);
/* True if `r` has a text equal to `z`. */
bool reply_text_is(const struct reply *r, const char *z);

#endif
