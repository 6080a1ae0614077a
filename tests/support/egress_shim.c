/*
 * Preloaded into vr-webhook by a test: names below .egress.test resolve to whatever the test wants, without a DNS server, and
 * every connection that is tried is written down.
 *
 *     v4-10-0-0-1.egress.test              10.0.0.1
 *     v6-fe80--1.egress.test               fe80::1
 *     v4-10-0-0-1.v4-127-0-0-2.egress.test both, in that order
 *     n17.v4-…                             "n17" is nothing: the same answer under another name
 *     flip.v4-127-0-0-2.v4-10-0-0-1.…      each lookup answers one of them, in turn
 *
 * VR_TEST_CONNECTIONS names the file of "address port" lines.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESSES_MAX 4
static const char zone[] = ".egress.test";

/* ---- what is tried ---- */

static void note(const struct sockaddr *address)
{
        const char *path = getenv("VR_TEST_CONNECTIONS");
        char text[INET6_ADDRSTRLEN] = "", line[INET6_ADDRSTRLEN + 16];
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        int is_v4 = address->sa_family == AF_INET, file, length;

        if (!path || (!is_v4 && address->sa_family != AF_INET6))
                return;
        if (is_v4)
                (void)inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
        else
                (void)inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
        length = snprintf(line, sizeof(line), "%s %d\n", text, ntohs(is_v4 ? v4->sin_port : v6->sin6_port));
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (file < 0 || write(file, line, (size_t)length) != length)
                abort();
        close(file);
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
        int (*real)(int, const struct sockaddr *, socklen_t) = NULL;

        *(void **)&real = dlsym(RTLD_NEXT, "connect");
        if (strncmp(program_invocation_short_name, "vr-webhook", 10) == 0)
                note(address);
        return real(fd, address, length);
}

/* ---- names ---- */

/* "v4-10-0-0-1" → address; what is no address is left out. */
static int read_label(const char *label, size_t length, struct sockaddr_storage *ret_address)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret_address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret_address;
        int is_v4 = strncasecmp(label, "v4-", 3) == 0;
        char text[64];

        memset(ret_address, 0, sizeof(*ret_address));
        if (length < 4 || length - 3 >= sizeof(text) || (!is_v4 && strncasecmp(label, "v6-", 3) != 0))
                return 0;
        memcpy(text, label + 3, length - 3);
        text[length - 3] = '\0';
        for (char *c = text; *c; c++)
                if (*c == '-')
                        *c = is_v4 ? '.' : ':';
        ret_address->ss_family = is_v4 ? AF_INET : AF_INET6;
        return is_v4 ? inet_pton(AF_INET, text, &v4->sin_addr) : inet_pton(AF_INET6, text, &v6->sin6_addr);
}

static size_t read_name(const char *name, struct sockaddr_storage addresses[ADDRESSES_MAX])
{
        const char *end = name + strlen(name) - (sizeof(zone) - 1);
        size_t count = 0;

        for (const char *label = name; label < end && count < ADDRESSES_MAX;) {
                size_t length = strcspn(label, ".");

                count += read_label(label, length, &addresses[count]) > 0;
                label += length + 1;
        }
        return count;
}

static struct addrinfo *make_info(const struct sockaddr_storage *from, int port)
{
        int is_v4 = from->ss_family == AF_INET;
        /* one block, as freeaddrinfo of the C library expects it */
        struct addrinfo *info = calloc(1, sizeof(*info) + sizeof(struct sockaddr_storage));
        struct sockaddr_storage *address = (struct sockaddr_storage *)(void *)(info + 1);

        if (!info)
                abort();
        *address = *from;
        if (is_v4)
                ((struct sockaddr_in *)(void *)address)->sin_port = htons((uint16_t)port);
        else
                ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons((uint16_t)port);
        info->ai_family = from->ss_family;
        info->ai_socktype = SOCK_STREAM;
        info->ai_protocol = IPPROTO_TCP;
        info->ai_addrlen = is_v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        info->ai_addr = (struct sockaddr *)(void *)address;
        return info;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret_info)
{
        static atomic_uint lookups;
        int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
        size_t length = node ? strlen(node) : 0, count;
        struct sockaddr_storage addresses[ADDRESSES_MAX];
        struct addrinfo *first = NULL, **last = &first;

        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
        if (length < sizeof(zone) || strcasecmp(node + length - (sizeof(zone) - 1), zone) != 0)
                return real(node, service, hints, ret_info);
        count = read_name(node, addresses);
        if (count == 0)
                return EAI_NONAME;
        if (strncasecmp(node, "flip.", 5) == 0) {
                addresses[0] = addresses[atomic_fetch_add(&lookups, 1) % count];
                count = 1;
        }
        for (size_t i = 0; i < count; i++) {
                *last = make_info(&addresses[i], service ? (int)strtol(service, NULL, 10) : 0);
                last = &(*last)->ai_next;
        }
        *ret_info = first;
        return 0;
}
