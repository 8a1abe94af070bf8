/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A path socket is named by its path, one in the abstract name space by "@" before its name, which
 * stands for the zero byte that such names begin with. A socket is made for each message: there are
 * few, and none is held open for a supervisor that may be restarted. Nothing is kept between calls.
 */
#include "os/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { US_PER_MS = 1000, DECIMAL = 10 };

static const char *
socket_name(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    return name && (name[0] == '/' || name[0] == '@') && name[1] ? name : NULL;
}

bool
notify_is_wanted(void)
{
    return socket_name() != NULL;
}

bool
notify_send(const char *text)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const char *name = socket_name();
    size_t name_len = name ? strlen(name) : 0;
    if (!name || name_len >= sizeof to.sun_path)
        return false;
    memcpy(to.sun_path, name, name_len);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    size_t len = strlen(text);
    ssize_t sent =
        sendto(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to, to_len);
    (void)close(fd); /* nothing of ours is in it */
    return sent == (ssize_t)len;
}

int64_t
notify_watchdog_ms(void)
{
    const char *period = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (!notify_is_wanted() || !period)
        return 0;
    if (pid && strtoll(pid, NULL, DECIMAL) != (long long)getpid())
        return 0; /* it is meant for a parent of ours */
    long long period_us = strtoll(period, NULL, DECIMAL);
    return period_us > 0 ? (int64_t)(period_us / US_PER_MS) : 0;
}
