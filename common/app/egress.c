#include "common/app/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/io/http_client.h"

#define CIDRS_MAX 64
#define PORTS_MAX 64

/* Both families as 16 bytes; IPv4 in the mapped form, ::ffff:a.b.c.d. */
struct address {
        unsigned char bytes[16];
};

struct cidr {
        struct address base;
        int bits; /* of the 128 */
};

struct egress {
        struct cidr allowed[CIDRS_MAX];
        size_t allowed_count;
        uint16_t ports[PORTS_MAX];
        size_t port_count; /* 0: any */
        bool allow_http;
        bool allow_local_names; /* some private network is allowed: its names are, then */
};

/* ---- addresses ---- */

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static struct address from_ipv4(const void *four_bytes)
{
        struct address address;

        memcpy(address.bytes, mapped_prefix, sizeof(mapped_prefix));
        memcpy(address.bytes + 12, four_bytes, 4);
        return address;
}

static bool is_ipv4(const struct address *address)
{
        return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static bool within(const struct address *address, const struct cidr *cidr)
{
        int whole = cidr->bits / 8, rest = cidr->bits % 8;

        if (memcmp(address->bytes, cidr->base.bytes, (size_t)whole) != 0)
                return false;
        return rest == 0 || (address->bytes[whole] ^ cidr->base.bytes[whole]) >> (8 - rest) == 0;
}

/* "127.0.0.0/8", "::1/128", or an address alone. */
static enum err parse_cidr(struct arena *arena, const char *text, struct cidr *ret_cidr)
{
        const char *slash = strchr(text, '/');
        char *host = arena_strndup(arena, text, slash ? (size_t)(slash - text) : strlen(text));
        unsigned char bytes[16];
        struct cidr cidr;
        int64_t bits;
        bool v4 = inet_pton(AF_INET, host, bytes) == 1;

        if (!v4 && inet_pton(AF_INET6, host, bytes) != 1)
                return ERR_INVALID;
        bits = v4 ? 32 : 128;
        if (slash && str_to_i64(slash + 1, 0, bits, &bits))
                return ERR_INVALID;
        if (v4)
                cidr.base = from_ipv4(bytes);
        else
                memcpy(cidr.base.bytes, bytes, sizeof(bytes));
        cidr.bits = (int)bits + (v4 ? 96 : 0);
        *ret_cidr = cidr;
        return ERR_OK;
}

/* IANA special-purpose address registries: everything that is not a host on the public internet. */
struct special {
        const unsigned char bytes[16];
        int bits;
};

static bool is_special_ipv4(const struct address *address)
{
        static const struct special blocks[] = {
                {{0}, 8},             /* this network */
                {{10}, 8},            /* private */
                {{100, 64}, 10},      /* carriers' NAT */
                {{127}, 8},           /* loopback */
                {{169, 254}, 16},     /* link-local, cloud metadata */
                {{172, 16}, 12},      /* private */
                {{192, 0, 0}, 24},    /* protocol assignments */
                {{192, 0, 2}, 24},    /* documentation */
                {{192, 88, 99}, 24},  /* 6to4 relays */
                {{192, 168}, 16},     /* private */
                {{198, 18}, 15},      /* benchmarks */
                {{198, 51, 100}, 24}, /* documentation */
                {{203, 0, 113}, 24},  /* documentation */
                {{224}, 4},           /* multicast */
                {{240}, 4},           /* reserved, broadcast */
        };

        for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
                struct cidr block = {from_ipv4(blocks[i].bytes), blocks[i].bits + 96};

                if (within(address, &block))
                        return true;
        }
        return false;
}

static bool starts_with(const struct address *address, const unsigned char *prefix, int bits)
{
        struct cidr block = {.bits = bits};

        memcpy(block.base.bytes, prefix, (size_t)(bits + 7) / 8);
        return within(address, &block);
}

/* Forms that carry an IPv4 address, which is what counts then. */
static bool embedded_ipv4(const struct address *address, struct address *ret_embedded)
{
        static const unsigned char zero[12] = {0};
        static const unsigned char nat64[12] = {0x00, 0x64, 0xFF, 0x9B}; /* RFC 6052 */

        if (!starts_with(address, zero, 96) && !starts_with(address, nat64, 96))
                return false;
        *ret_embedded = from_ipv4(address->bytes + 12);
        return true;
}

/* 64:ff9b:1::/48 (RFC 8215) is outside 2000::/3: a local NAT64 puts the IPv4 address where we can't know. */
static bool is_public_ipv6(const struct address *address)
{
        static const unsigned char global[] = {0x20};                    /* 2000::/3: the only part in use */
        static const unsigned char protocols[] = {0x20, 0x01, 0x00};     /* 2001::/23, Teredo, ORCHID, benchmarks… */
        static const unsigned char example[] = {0x20, 0x01, 0x0D, 0xB8}; /* 2001:db8::/32 */
        static const unsigned char six_to_four[] = {0x20, 0x02};         /* 2002::/16 */
        static const unsigned char example_new[] = {0x3F, 0xFF, 0x00};   /* 3fff::/20 */

        return starts_with(address, global, 3) && !starts_with(address, protocols, 23) &&
               !starts_with(address, example, 32) && !starts_with(address, six_to_four, 16) &&
               !starts_with(address, example_new, 20);
}

static bool listed(const struct egress *egress, const struct address *address)
{
        for (size_t i = 0; i < egress->allowed_count; i++) {
                if (within(address, &egress->allowed[i]))
                        return true;
        }
        return false;
}

static bool allows(const struct egress *egress, const struct address *address)
{
        struct address embedded;

        if (listed(egress, address))
                return true;
        if (is_ipv4(address))
                return !is_special_ipv4(address);
        if (embedded_ipv4(address, &embedded))
                return listed(egress, &embedded) || !is_special_ipv4(&embedded);
        return is_public_ipv6(address);
}

bool egress_allows(const struct egress *egress, const struct sockaddr *address, socklen_t length)
{
        struct address judged;

        if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
                struct sockaddr_in v4;

                memcpy(&v4, address, sizeof(v4));
                judged = from_ipv4(&v4.sin_addr);
        } else if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
                struct sockaddr_in6 v6;

                memcpy(&v6, address, sizeof(v6));
                memcpy(judged.bytes, &v6.sin6_addr, sizeof(judged.bytes));
        } else {
                return false;
        }
        return allows(egress, &judged);
}

/* ---- the policy's words ---- */

static const char *const cidr_expected = "a comma-separated list of CIDR blocks, such as 127.0.0.0/8,::1/128";
static const char *const port_expected = "a comma-separated list of ports, such as 443,8443";

/* Loopback is for trying things out on one machine; another block means a network with names of its own. */
static bool is_loopback_block(const struct cidr *cidr)
{
        static const unsigned char v4[4] = {127}, v6[16] = {[15] = 1};
        struct cidr loopback = {from_ipv4(v4), 96 + 8};

        return within(&cidr->base, &loopback) || (cidr->bits == 128 && memcmp(cidr->base.bytes, v6, sizeof(v6)) == 0);
}

static enum err read_cidrs(struct egress *egress, struct arena *arena, const char *text)
{
        size_t count;
        char **parts = str_split(arena, text, ',', &count);

        if (str_is_blank(text))
                return ERR_OK;
        for (size_t i = 0; i < count; i++) {
                if (egress->allowed_count == CIDRS_MAX ||
                    parse_cidr(arena, str_trim(arena, parts[i]), &egress->allowed[egress->allowed_count]))
                        return ERR_INVALID;
                egress->allow_local_names |= !is_loopback_block(&egress->allowed[egress->allowed_count]);
                egress->allowed_count++;
        }
        return ERR_OK;
}

static enum err read_ports(struct egress *egress, struct arena *arena, const char *text)
{
        size_t count;
        char **parts = str_split(arena, text, ',', &count);

        if (str_is_blank(text))
                return ERR_OK;
        for (size_t i = 0; i < count; i++) {
                int64_t port;

                if (egress->port_count == PORTS_MAX || str_to_i64(str_trim(arena, parts[i]), 1, 65535, &port))
                        return ERR_INVALID;
                egress->ports[egress->port_count++] = (uint16_t)port;
        }
        return ERR_OK;
}

enum err egress_new(const char *allow_cidrs, bool allow_http, const char *allow_ports, struct egress **ret_egress,
                    const char **ret_detail)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(egress_freep) struct egress *egress = calloc(1, sizeof(*egress));

        if (!egress)
                return ERR_NO_MEMORY;
        egress->allow_http = allow_http;
        if (read_cidrs(egress, arena, allow_cidrs ? allow_cidrs : "")) {
                *ret_detail = cidr_expected;
                return ERR_INVALID;
        }
        if (read_ports(egress, arena, allow_ports ? allow_ports : "")) {
                *ret_detail = port_expected;
                return ERR_INVALID;
        }
        *ret_egress = TAKE(egress);
        return ERR_OK;
}

void egress_free(struct egress *egress)
{
        free(egress);
}

/* ---- URLs ---- */

/* A literal that curl has brought into the usual form; odd ones (1.2.3.4.5, a final dot) have no address. */
static bool literal_address(struct arena *arena, const char *host, struct address *ret_address)
{
        unsigned char bytes[16];
        size_t length = strlen(host);

        if (inet_pton(AF_INET, host, bytes) == 1) {
                *ret_address = from_ipv4(bytes);
                return true;
        }
        if (length < 2 || *host != '[' || host[length - 1] != ']')
                return false;
        if (inet_pton(AF_INET6, arena_strndup(arena, host + 1, length - 2), bytes) != 1)
                return false;
        memcpy(ret_address->bytes, bytes, sizeof(bytes));
        return true;
}

/* Names that mean this machine or this network to someone (RFC 6761, 6762, 7686, 8375). */
static bool is_local_name(const char *host)
{
        static const char *const suffixes[] = {".localhost", ".local", ".internal", ".home.arpa", ".onion"};

        if (!strchr(host, '.'))
                return true;
        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
                if (str_ends_with(host, suffixes[i]))
                        return true;
        }
        return false;
}

static bool is_plain_name(const char *host)
{
        return strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(host) && *host != '.' &&
               !strstr(host, "..") && !str_ends_with(host, ".");
}

/* What is wrong with the host, or NULL. The socket's address is judged again at connect time. */
static const char *judge_host(const struct egress *egress, struct arena *arena, const struct http_url *url)
{
        const unsigned char loopback[4] = {127, 0, 0, 1};
        struct address address = from_ipv4(loopback);
        size_t length = strlen(url->host);
        char *name;

        if (url->host_is_ip) {
                if (!literal_address(arena, url->host, &address) || !listed(egress, &address))
                        return "The URL's host must be a name, not an IP address";
                return NULL;
        }
        name = arena_strndup(arena, url->host, length - (length > 0 && url->host[length - 1] == '.'));
        if (!is_plain_name(name))
                return "The URL's host has characters that no public name has (write an international one as xn--…)";
        if (str_equal(name, "localhost") || str_ends_with(name, ".localhost"))
                return listed(egress, &address) ? NULL : "The URL's host is this machine";
        if (is_local_name(name) && !egress->allow_local_names)
                return "The URL's host is not a public name";
        return NULL;
}

static const char *judge_port(const struct egress *egress, int port)
{
        if (egress->port_count == 0)
                return NULL;
        for (size_t i = 0; i < egress->port_count; i++) {
                if (egress->ports[i] == port)
                        return NULL;
        }
        return "The URL's port is not an allowed one";
}

static const char *judge_url(const struct egress *egress, struct arena *arena, const struct http_url *url)
{
        const char *reason;

        if (!str_equal(url->scheme, "https") && !(egress->allow_http && str_equal(url->scheme, "http")))
                return egress->allow_http ? "The URL must begin with https:// or http://"
                                          : "The URL must begin with https://";
        if (url->has_userinfo)
                return "The URL must not carry a user or a password";
        if (url->has_fragment)
                return "The URL must not have a fragment (#…)";
        reason = judge_host(egress, arena, url);
        if (reason)
                return reason;
        if (strlen(url->normalised) > LIMIT_URL_BYTES)
                return "The URL is too long (maximum is 2048 bytes)";
        return judge_port(egress, url->port);
}

enum err egress_check_url(const struct egress *egress, struct arena *arena, const char *url,
                          const char **ret_normalised, const char **ret_reason)
{
        const char *reason = NULL;
        struct http_url parsed;

        if (!url || !*url)
                reason = "The URL is empty";
        else if (strlen(url) > LIMIT_URL_BYTES)
                reason = "The URL is too long (maximum is 2048 bytes)";
        else if (http_url_parse(arena, url, &parsed))
                reason = "This is not a valid URL";
        else
                reason = judge_url(egress, arena, &parsed);
        if (reason) {
                *ret_reason = reason;
                return ERR_INVALID;
        }
        *ret_normalised = parsed.normalised;
        return ERR_OK;
}
