/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The helpers of the tool's tests. The scripted server ends when its socket is shut down by
 * script_server_stop(); until then it accepts one connection after another. A connection whose
 * client neither reads nor closes would hang a test, so all its waits end after WAIT_MS.
 */
#include "cli_support.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_MS = 5000, PIECE_PAUSE_MS = 1, READ_BYTES = 65536, STDERR_BYTES_MAX = 65536 };

void
capture_begin(struct capture *c)
{
    c->text = NULL;
    c->file = open_memstream(&c->text, &c->len);
    assert_non_null(c->file);
}

const char *
capture_end(struct capture *c)
{
    assert_int_equal(fclose(c->file), 0);
    assert_non_null(c->text);
    return c->text;
}

void
capture_free(struct capture *c)
{
    free(c->text);
}

/* One capture at a time: where standard error went before, and the file that has it now. */
static int stderr_before = -1;
static FILE *stderr_file;

void
stderr_begin(void)
{
    assert_int_equal(fflush(stderr), 0);
    stderr_before = dup(STDERR_FILENO);
    stderr_file = tmpfile();
    assert_true(stderr_before >= 0 && stderr_file);
    assert_true(dup2(fileno(stderr_file), STDERR_FILENO) >= 0);
}

char *
stderr_end(void)
{
    char *text = calloc(1, STDERR_BYTES_MAX);
    assert_non_null(text);
    assert_int_equal(fflush(stderr), 0);
    assert_true(dup2(stderr_before, STDERR_FILENO) >= 0);
    assert_int_equal(close(stderr_before), 0);
    rewind(stderr_file);
    (void)!fread(text, 1, STDERR_BYTES_MAX - 1, stderr_file); /* may be empty */
    assert_int_equal(fclose(stderr_file), 0);
    return text;
}

const struct reply *
parse_whole(struct reply_parser *p, const char *bytes, size_t len)
{
    const struct reply *root = NULL;
    size_t used = 0;
    assert_int_equal(reply_parse(p, bytes, len, &root, &used), REPLY_DONE);
    assert_int_equal(used, len);
    return root;
}

const struct reply *
parse_text(struct reply_parser *p, const char *bytes)
{
    return parse_whole(p, bytes, strlen(bytes));
}

void
temp_file(char ret_path[SUPPORT_PATH_MAX], const void *content, size_t len)
{
    (void)snprintf(ret_path, SUPPORT_PATH_MAX, "/tmp/attl_cli_test_XXXXXX"); /* fits */
    int fd = mkstemp(ret_path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

/* Sends the script, a piece at a time. */
static void
send_script(struct script_server *s, int fd)
{
    size_t piece = s->piece_bytes ? s->piece_bytes : s->script_len;
    for (size_t at = 0; at < s->script_len;) {
        size_t left = s->script_len - at;
        ssize_t n = send(fd, s->script + at, left < piece ? left : piece, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the client has left */
        at += (size_t)n;
        if (s->piece_bytes)
            (void)poll(NULL, 0, PIECE_PAUSE_MS);
    }
}

/* Remembers what the client sends, until it closes. */
static void
receive_all(struct script_server *s, int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    while (poll(&p, 1, WAIT_MS) > 0) {
        char bytes[READ_BYTES];
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            return;
        size_t room = SUPPORT_RECEIVED_MAX - s->received_len;
        size_t take = (size_t)n < room ? (size_t)n : room;
        memcpy(s->received + s->received_len, bytes, take);
        s->received_len += take;
    }
}

static void *
serve(void *arg)
{
    struct script_server *s = arg;
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            return NULL; /* stopped */
        s->connections++;
        send_script(s, fd);
        if (s->hang_up)
            (void)shutdown(fd, SHUT_WR); /* what was sent still arrives */
        receive_all(s, fd);
        (void)close(fd);
    }
}

void
script_server_start(struct script_server *s, const char *script, size_t script_len,
                    size_t piece_bytes, bool hang_up)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    *s = (struct script_server){
        .script = script, .script_len = script_len, .piece_bytes = piece_bytes, .hang_up = hang_up
    };
    temp_file(s->path, "", 0);
    assert_int_equal(unlink(s->path), 0);
    memcpy(at.sun_path, s->path, strlen(s->path));
    s->received = calloc(1, SUPPORT_RECEIVED_MAX + 1);
    assert_non_null(s->received);
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, 4), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

void
script_server_stop(struct script_server *s)
{
    assert_int_equal(shutdown(s->listener, SHUT_RDWR), 0);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    assert_int_equal(close(s->listener), 0);
    assert_int_equal(unlink(s->path), 0);
}

void
script_server_free(struct script_server *s)
{
    free(s->received);
    s->received = NULL;
}

struct client_options
script_server_options(const struct script_server *s)
{
    return (struct client_options){
        .host = "", .socket_path = s->path, .timeout_ms = WAIT_MS, .resp2 = true
    };
}
