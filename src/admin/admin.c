/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening and closing the door. It listens with a socket of ours, so that a port in use is reported
 * as the net reports it, and gives that to the HTTP library. Closing goes from the inside out: the
 * threads that would resume a connection first, then the library, then the visitors they used. If
 * nobody has set a token one is made, into a file that only the owner reads, because a door that
 * cannot be opened at all would only lead to one that is always open.
 */
#include "admin/admin.h"

#include "base/hex.h"
#include "admin/state.h"

#include "net/visitor.h"
#include "os/file.h"
#include "os/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TOKEN_FILE "admin.token"

enum { TOKEN_RANDOM_BYTES = 32, ADMIN_BACKLOG = 128, LEVEL_INFO = 1, LEVEL_WARNING = 2 };

static bool
fail(struct socket_problem *ret_problem, int code, const char *text)
{
    ret_problem->code = code;
    (void)snprintf(ret_problem->text, sizeof ret_problem->text, "admin: %.400s", text);
    return false;
}

static void
say(struct admin *admin, int level, const char *event, const char *text)
{
    if (admin->log)
        admin->log(admin->log_ud, level, event, text);
}

/* ---- settings ---- */

static const char *
keep(char **at, const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = *at;
    memcpy(copy, text, len);
    *at += len;
    return copy;
}

static bool
copy_settings(struct admin *admin, const struct admin_settings *s)
{
    const char *const texts[] = { s->hosts, s->token, s->read_token, s->metrics_token, s->ui_dir };
    size_t total = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        total += strlen(texts[i]) + 1;
    char *at = admin->texts = malloc(total);
    if (!at)
        return false;
    admin->guard = (struct guard){ .hosts = keep(&at, s->hosts),
                                   .token = keep(&at, s->token),
                                   .read_token = keep(&at, s->read_token),
                                   .metrics_token = keep(&at, s->metrics_token),
                                   .read_needs_token = s->read_needs_token,
                                   .tls = s->tls != NULL };
    admin->ui_dir = keep(&at, s->ui_dir);
    admin->cache = s->cache;
    admin->log = s->log;
    admin->log_ud = s->log_ud;
    admin->max_listeners = s->max_listeners;
    return true;
}

static bool
make_token(struct admin *admin, const struct admin_settings *s, struct socket_problem *ret_problem)
{
    unsigned char bytes[TOKEN_RANDOM_BYTES];
    char err[SOCKET_PROBLEM_MAX];
    char text[SOCKET_PROBLEM_MAX];
    if (s->token[0] != '\0')
        return true;
    if (!process_random(bytes, sizeof bytes))
        return fail(ret_problem, EIO, "there is no randomness for a token; set admin.token");
    hex_text(admin->made_token, bytes, sizeof bytes);
    admin->guard.token = admin->made_token;
    if (!file_replace(s->dir, TOKEN_FILE, attl_s(admin->made_token), err, sizeof err)) {
        (void)snprintf(text, sizeof text,
                       "no admin.token is set and none could be written, so nothing can be changed "
                       "over HTTP: %.300s",
                       err);
        say(admin, LEVEL_WARNING, "admin_token", text);
        return true;
    }
    (void)snprintf(text, sizeof text,
                   "the token for changes over HTTP is in %.300s/" TOKEN_FILE
                   " until the next start; set admin.token to have one that stays",
                   s->dir);
    say(admin, LEVEL_INFO, "admin_token", text);
    return true;
}

/* ---- TLS ---- */

bool
admin_set_tls(struct admin *admin, const struct tls_settings *s, char *err, size_t err_len)
{
    struct door_tls_log log = { admin->log, admin->log_ud };
    struct door_tls *tls = door_tls_new(s, log, err, err_len);
    if (!tls)
        return false;
    lock_acquire(&admin->tls_lock);
    struct door_tls *old = admin->tls;
    admin->tls = tls;
    lock_release(&admin->tls_lock);
    door_tls_free(old);
    return true;
}

/* ---- life ---- */

static bool
open_visitors(struct admin *admin, struct net *net)
{
    admin->visitor = net_visitor_new(net);
    admin->exec_visitor = net_visitor_new(net);
    admin->event_visitor = net_visitor_new(net);
    return admin->visitor && admin->exec_visitor && admin->event_visitor;
}

/* One socket: further addresses of the name are left alone. */
static int
listen_first(const struct admin_settings *s, struct socket_problem *ret_problem)
{
    int fds[SOCKET_LISTENERS_PER_NAME_MAX];
    size_t n = socket_listen_tcp(s->bind, s->port, ADMIN_BACKLOG, fds, ret_problem);
    for (size_t i = 1; i < n; i++)
        socket_close(fds[i]);
    return n > 0 ? fds[0] : -1;
}

static bool
open_all(struct admin *admin, const struct admin_settings *s, struct socket_problem *ret_problem)
{
    char err[TLS_ERROR_MAX];
    if (!copy_settings(admin, s) || !open_visitors(admin, s->net))
        return fail(ret_problem, ENOMEM, "out of memory");
    if (s->tls && !admin_set_tls(admin, s->tls, err, sizeof err))
        return fail(ret_problem, EINVAL, err);
    int fd = listen_first(s, ret_problem);
    if (fd < 0)
        return false;
    if (!make_token(admin, s, ret_problem)) {
        socket_close(fd);
        return false;
    }
    if (door_open(admin, fd, s->max_connections))
        return true;
    socket_close(fd);
    return fail(ret_problem, EAGAIN, "the system refuses threads or descriptors");
}

struct admin *
admin_open(const struct admin_settings *s, struct socket_problem *ret_problem)
{
    struct admin *admin = calloc(1, sizeof *admin);
    if (!admin) {
        (void)fail(ret_problem, ENOMEM, "out of memory");
        return NULL;
    }
    clock_init(&admin->clock);
    lock_init(&admin->tls_lock);
    exec_init(&admin->exec);
    events_init(&admin->events);
    if (!open_all(admin, s, ret_problem))
        admin_close(&admin);
    return admin;
}

void
admin_drain(struct admin *admin)
{
    atomic_store(&admin->draining, true);
}

void
admin_close(struct admin **admin_ptr)
{
    struct admin *admin = *admin_ptr;
    if (!admin)
        return;
    events_stop(admin);
    exec_stop(admin);
    door_close(admin);
    door_tls_free(admin->tls);
    net_visitor_free(&admin->visitor);
    net_visitor_free(&admin->exec_visitor);
    net_visitor_free(&admin->event_visitor);
    explicit_bzero(admin->made_token, sizeof admin->made_token);
    free(admin->texts);
    free(admin);
    *admin_ptr = NULL;
}
