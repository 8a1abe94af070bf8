/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings and users. requirepass is the password of the default user, set first, so that a file of
 * users has the last word about that one too. A file that cannot be read ends the start: a server
 * with half of its users would let in whom it should not, or nobody.
 */
#include "server/users.h"

#include "access/access_file.h"
#include "base/alloc.h"
#include "command/category.h"

#include <stdio.h>
#include <sysexits.h>

enum { PROBLEMS_MAX_BYTES = 1500 };

int
users_apply(struct server *server, const attl_config *config, enum option_id id)
{
    struct access *a = server->access;
    enum rule_result result = RULE_OK;
    if (id == OPT_SERVER_REQUIREPASS)
        result = access_set_password(a, attl_s(config_str(config, OPT_SERVER_REQUIREPASS)));
    else if (id == OPT_ACL_LOG_MAX_LEN)
        denials_set_max(&a->denials, (size_t)config_i64(config, OPT_ACL_LOG_MAX_LEN));
    else if (id == OPT_ACL_PUBSUB_DEFAULT)
        atomic_store(&a->open_channels,
                     config_i64(config, OPT_ACL_PUBSUB_DEFAULT) == CHOICE_PUBSUB_ALLCHANNELS);
    return result == RULE_OK ? ATTL_OK : ATTL_E_NOMEM;
}

static int
load_file(struct server *server)
{
    struct access *a = server->access;
    struct buf problems;
    buf_init(&problems, PROBLEMS_MAX_BYTES);
    bool loaded = access_load(a, NULL, &problems);
    if (loaded)
        log_writef(&server->log, LOG_INFO, "users", "%zu users were read from %s", access_count(a),
                   a->path);
    else
        log_writef(&server->log, LOG_ERROR, "users", "the users cannot be read: %.*s",
                   (int)problems.len, problems.len ? problems.data : "no memory");
    buf_fini(&problems);
    return loaded ? EX_OK : EX_CONFIG;
}

int
users_begin(struct server *server)
{
    static const enum option_id settings[] = { OPT_SERVER_REQUIREPASS, OPT_ACL_LOG_MAX_LEN,
                                               OPT_ACL_PUBSUB_DEFAULT };
    attl_allocator alloc = alloc_default();
    const char *path = config_str(server->config, OPT_ACL_FILE);
    int status = ATTL_OK;
    server->access = access_new(&command_catalog, &alloc);
    for (size_t i = 0; server->access && i < sizeof settings / sizeof settings[0]; i++)
        if (status == ATTL_OK)
            status = users_apply(server, server->config, settings[i]);
    if (!server->access || status != ATTL_OK) {
        log_write(&server->log, LOG_ERROR, "start", "no memory for the users");
        return EX_OSERR;
    }
    (void)snprintf(server->access->path, sizeof server->access->path, "%s", path); /* fits */
    return path[0] ? load_file(server) : EX_OK;
}
