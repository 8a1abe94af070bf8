/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * getrusage, getrlimit, uname and /proc/self/statm. Nothing here can fail in a way a caller could
 * do anything about: what the system does not tell is reported as 0, and INFO shows it as such.
 * Resident bytes come from statm, because getrusage only knows the maximum.
 */
#include "os/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { STREAM_TEXT_MAX = 48 }; /* two numbers of 20 digits */

void
process_umask_private(void)
{
    (void)umask(077); /* always succeeds; what it was does not matter */
}

uint64_t
process_raise_fd_limit(uint64_t want)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    if (limit.rlim_cur >= want)
        return limit.rlim_cur;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

long
process_id(void)
{
    return (long)getpid();
}

static int64_t
microseconds(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

/* Bytes of address space and of memory that is there; false if the system does not say. */
static bool
read_statm(uint64_t *ret_virtual, uint64_t *ret_resident)
{
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return false;
    unsigned long total;
    unsigned long resident;
    bool ok = fscanf(f, "%lu %lu", &total, &resident) == 2;
    (void)fclose(f); /* it was only read */
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    *ret_virtual = ok ? (uint64_t)total * page_bytes : 0;
    *ret_resident = ok ? (uint64_t)resident * page_bytes : 0;
    return ok;
}

static uint64_t
resident_bytes(void)
{
    uint64_t total_bytes, bytes;
    return read_statm(&total_bytes, &bytes) ? bytes : 0;
}

void
process_usage_get(struct process_usage *ret_usage)
{
    *ret_usage = (struct process_usage){ .resident_bytes = resident_bytes() };
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    ret_usage->user_cpu_us = microseconds(usage.ru_utime);
    ret_usage->system_cpu_us = microseconds(usage.ru_stime);
}

/* Each thread is a folder in this one, and each folder a link to it, beside two of its own. That is
 * a tenth of the cost of /proc/self/stat, which adds up what all threads have used. */
static uint64_t
count_threads(void)
{
    struct stat st;
    return stat("/proc/self/task", &st) == 0 && st.st_nlink > 2 ? (uint64_t)st.st_nlink - 2 : 0;
}

static uint64_t
count_fds(void)
{
    uint64_t n = 0;
    struct stat st;
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
        return (uint64_t)st.st_size; /* how many there are, since Linux 6.2 */
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    (void)closedir(dir);
    return n > 0 ? n - 1 : 0; /* without the one that counts */
}

void
process_facts_get(struct process_facts *ret_facts)
{
    struct rlimit limit;
    *ret_facts = (struct process_facts){ .open_fds = count_fds() };
    uint64_t resident;
    ret_facts->threads = count_threads();
    (void)read_statm(&ret_facts->virtual_bytes, &resident); /* 0 if not */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        ret_facts->max_fds = limit.rlim_cur;
}

uint64_t
process_machine_memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
}

void
process_os_name(char out[PROCESS_OS_NAME_MAX])
{
    struct utsname name;
    if (uname(&name) != 0)
        (void)snprintf(out, PROCESS_OS_NAME_MAX, "unknown");
    else
        (void)snprintf(out, PROCESS_OS_NAME_MAX, "%.64s %.64s %.64s", name.sysname, name.release,
                       name.machine); /* 3 x 64 fit */
}

void
process_host_name(char out[PROCESS_HOST_NAME_MAX])
{
    struct utsname name;
    (void)snprintf(out, PROCESS_HOST_NAME_MAX, "%s",
                   uname(&name) == 0 && name.nodename[0] ? name.nodename : "unknown");
}

bool
process_random(void *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len;
}

bool
process_stderr_is_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}

bool
process_stderr_is_journal(void)
{
    /* "device:inode" of the stream: an inherited variable alone says nothing about our stderr. */
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[STREAM_TEXT_MAX];
    struct stat st;
    if (!stream || fstat(STDERR_FILENO, &st) != 0)
        return false;
    int n = snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)st.st_dev,
                     (unsigned long long)st.st_ino);
    return n > 0 && strcmp(stream, ours) == 0;
}
