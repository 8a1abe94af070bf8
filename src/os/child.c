/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * posix_spawn, a file in memory for the input, and a look every few milliseconds whether the child
 * has ended: waiting with a signal or a descriptor would need what belongs to the host program. A
 * host that reaps children it does not know takes the result from us, never the child; that is
 * reported as an exit with an unknown code. All our descriptors are closed on exec; those of the
 * host that are not are closed for the child as well.
 */
#include "os/child.h"

#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 10, NS_PER_MS = 1000000, FIRST_OTHER_FD = 3, UNKNOWN_CODE = -1 };

/* A descriptor from which the input can be read; < 0: the system refused. */
static int
open_input(const struct child_call *call)
{
    int fd = memfd_create("attl-input", MFD_CLOEXEC);
    if (fd < 0)
        return fd;
    size_t done = 0;
    while (done < call->input_len) {
        ssize_t n = write(fd, (const char *)call->input + done, call->input_len - done);
        if (n <= 0 && errno != EINTR) {
            (void)close(fd); /* nothing of it is kept */
            return -1;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    (void)lseek(fd, 0, SEEK_SET); /* cannot fail on a file in memory */
    return fd;
}

static int
set_files(posix_spawn_file_actions_t *files, int input)
{
    int error = posix_spawn_file_actions_adddup2(files, input, STDIN_FILENO);
    if (!error)
        error = posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(files, STDOUT_FILENO, STDERR_FILENO);
    if (!error)
        error = posix_spawn_file_actions_addchdir_np(files, "/");
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(files, FIRST_OTHER_FD);
    return error;
}

/* Its own session; every signal as the system has it, whatever the host blocks or ignores. */
static int
set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error)
        error = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    return error;
}

/* Starts the program; the system's error, or 0. */
static int
start(const struct child_call *call, int input, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&files);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = set_files(&files, input);
        if (!error)
            error = set_attributes(&attributes);
        if (!error)
            error = posix_spawn(ret_pid, call->argv[0], &files, &attributes, call->argv,
                                call->environment);
        (void)posix_spawnattr_destroy(&attributes); /* frees; cannot fail */
    }
    (void)posix_spawn_file_actions_destroy(&files);
    return error;
}

static enum child_end
end_of(int status, int *ret_code)
{
    if (WIFSIGNALED(status)) {
        *ret_code = WTERMSIG(status);
        return CHILD_SIGNALED;
    }
    *ret_code = WEXITSTATUS(status);
    return CHILD_EXITED;
}

/* Kills the child and all of its session that is still in its group, and takes its end. */
static void
kill_group(pid_t pid)
{
    (void)kill(-pid, SIGKILL); /* it may have ended just now */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static enum child_end
wait_for(const struct child_call *call, pid_t pid, int *ret_code)
{
    const struct timespec pause = { .tv_nsec = (long)LOOK_EVERY_MS * NS_PER_MS };
    int64_t end_ns = clock_mono_ns() + call->timeout_ms * NS_PER_MS;
    for (;;) {
        int status;
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return end_of(status, ret_code);
        if (got < 0 && errno != EINTR)
            return CHILD_EXITED; /* the host took the result */
        if (clock_mono_ns() >= end_ns || (call->stop && call->stop(call->ud))) {
            kill_group(pid);
            return CHILD_KILLED;
        }
        (void)nanosleep(&pause, NULL);
    }
}

enum child_end
child_run(const struct child_call *call, int *ret_code)
{
    pid_t pid;
    *ret_code = UNKNOWN_CODE;
    int input = open_input(call);
    int error = input < 0 ? errno : start(call, input, &pid);
    if (input >= 0)
        (void)close(input); /* it was only written for the child */
    if (!error)
        return wait_for(call, pid, ret_code);
    *ret_code = error;
    return CHILD_NOT_STARTED;
}
