#include "common/app/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/support/unit.h"

static struct egress *policy(const char *cidrs, bool allow_http, const char *ports)
{
        struct egress *egress = NULL;
        const char *detail = NULL;

        CHECK_INT(egress_new(cidrs, allow_http, ports, &egress, &detail), ERR_OK);
        return egress;
}

static bool allows(const struct egress *egress, const char *text)
{
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

        if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
                return egress_allows(egress, (struct sockaddr *)&v4, sizeof(v4));
        if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
                return egress_allows(egress, (struct sockaddr *)&v6, sizeof(v6));
        unit_fail(__FILE__, __LINE__, "not an address: %s", text);
        return false;
}

static void check_addresses(const struct egress *egress, const char *const *texts, size_t count, bool expected)
{
        for (size_t i = 0; i < count; i++) {
                if (allows(egress, texts[i]) != expected)
                        unit_fail(__FILE__, __LINE__, "%s is %s", texts[i], expected ? "refused" : "allowed");
        }
}

static void public_addresses_are_allowed(void)
{
        AUTO(egress_freep) struct egress *egress = policy("", false, "443");
        static const char *const texts[] = {
                "1.1.1.1",
                "8.8.8.8",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "126.255.255.255",
                "128.0.0.1",
                "169.253.1.1",
                "169.255.0.1",
                "172.15.255.255",
                "172.32.0.0",
                "192.0.1.1",
                "192.0.3.1",
                "192.88.98.1",
                "192.88.100.1",
                "192.167.1.1",
                "192.169.1.1",
                "198.17.255.255",
                "198.20.0.0",
                "198.51.99.1",
                "198.51.101.1",
                "203.0.112.1",
                "203.0.114.1",
                "223.255.255.255",
                "2606:4700:4700::1111",
                "2001:200::1",
                "2a00:1450:4007:80e::200e",
                "2001:4860:4860::8888",
                "::ffff:8.8.8.8",
                "64:ff9b::8.8.8.8",
                "::8.8.8.8",
                "2003::1",
                "2001:db7::1",
                "2001:db9::1",
                "3ffe::1",
        };

        check_addresses(egress, texts, ARRAY_LEN(texts), true);
}

static const char *const special_addresses[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::2",
        "::127.0.0.1",
        "::10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:0",
        "::ffff:0:127.0.0.1", /* SIIT */
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::127.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:1:7f00:0:100:808:808",
        "64:ff9b:2::1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2001:db8:ffff:ffff::1",
        "2002::1",
        "2002:7f00:1::1",
        "2002:0808:0808::1",
        "3fff::1",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "1fff::1",
};

static void special_addresses_are_refused(void)
{
        AUTO(egress_freep) struct egress *egress = policy("", false, "443");

        check_addresses(egress, special_addresses, ARRAY_LEN(special_addresses), false);
}

static void the_allow_list_overrides(void)
{
        AUTO(egress_freep) struct egress *egress = policy("127.0.0.0/8, 10.1.0.0/16,::1/128,fd00::/8", false, "");
        static const char *const good[] = {"127.0.0.1", "127.9.9.9",        "10.1.255.1",         "::1",
                                           "fd12::1",   "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "8.8.8.8"};
        static const char *const bad[] = {"10.2.0.1", "::2", "fe80::1", "::ffff:10.0.0.1"};

        check_addresses(egress, good, ARRAY_LEN(good), true);
        check_addresses(egress, bad, ARRAY_LEN(bad), false);
}

static void other_families_are_refused(void)
{
        AUTO(egress_freep) struct egress *egress = policy("0.0.0.0/0,::/0", true, "");
        struct sockaddr address = {.sa_family = AF_UNIX};
        struct sockaddr_in short_one = {.sin_family = AF_INET};

        CHECK(!egress_allows(egress, &address, sizeof(address)));
        CHECK(!egress_allows(egress, (struct sockaddr *)&short_one, 4));
        CHECK(allows(egress, "10.0.0.1"));
        CHECK(allows(egress, "fe80::1"));
}

static void malformed_policies_are_refused(void)
{
        static const char *const cidrs[] = {
                "x",  "127.0.0.1/33", "::1/129",   "127.0.0.0/-1", "127.0.0.0/8,", "127.0.0.0/8x",
                "/8", "127/8",        "localhost", "1.2.3.4/"};
        static const char *const ports[] = {"0", "65536", "443,", "https", "-1", "443 8443"};
        struct egress *egress = NULL;
        const char *detail = NULL;

        for (size_t i = 0; i < ARRAY_LEN(cidrs); i++) {
                detail = NULL;
                CHECK_INT(egress_new(cidrs[i], false, "", &egress, &detail), ERR_INVALID);
                CHECK(detail != NULL);
        }
        for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
                detail = NULL;
                CHECK_INT(egress_new("", false, ports[i], &egress, &detail), ERR_INVALID);
                CHECK(detail != NULL);
        }
        CHECK(!egress);
}

struct target {
        const char *url;
        const char *normalised; /* NULL: refused */
};

static void check_targets(const struct egress *egress, const struct target *targets, size_t count)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        for (size_t i = 0; i < count; i++) {
                const char *normalised = NULL, *reason = NULL;
                enum err err = egress_check_url(egress, arena, targets[i].url, &normalised, &reason);

                if (!unit_same_text(normalised, targets[i].normalised))
                        unit_fail(__FILE__, __LINE__, "%s became %s", targets[i].url, normalised ? normalised : reason);
                CHECK(err ? reason != NULL : reason == NULL);
        }
}

static const struct target production_targets[] = {
        {"https://editor.example.fr/hook", "https://editor.example.fr/hook"},
        {"HTTPS://Editor.Example.FR", "https://editor.example.fr/"},
        {"https://editor.example.fr:443/hook?a=b&c", "https://editor.example.fr/hook?a=b&c"},
        {"https://editor.example.fr:8443/", "https://editor.example.fr:8443/"},
        {"https://editor.example.fr./", "https://editor.example.fr./"},
        {"https://xn--diteur-9ua.fr/", "https://xn--diteur-9ua.fr/"},
        {"https://e.fr/a/../b/./c", "https://e.fr/b/c"},
        {"https://exa%6dple.fr/", "https://example.fr/"},
        {"https://1a.fr/", "https://1a.fr/"},
        {"https://0x.fr/", "https://0x.fr/"},
        /* no URL, or not ours */
        {"", NULL},
        {"editor.example.fr", NULL},
        {"//editor.example.fr/", NULL},
        {"http://editor.example.fr/", NULL},
        {"ftp://editor.example.fr/", NULL},
        {"file:///etc/passwd", NULL},
        {"gopher://editor.example.fr/", NULL},
        {"javascript:alert(1)", NULL},
        {"https://", NULL},
        {"https:///", NULL},
        {"https://?", NULL},
        {" https://editor.example.fr/", NULL},
        {"https://editor.example.fr/ x", NULL},
        {"https://editor.example.fr/\r\nX: y", NULL},
        {"https://editor.example.fr\t/", NULL},
        {"https://ed itor.example.fr/", NULL},
        {"https://editor.example.fr/#x", NULL},
        {"https://editor.example.fr/#", NULL},
        {"https://user@editor.example.fr/", NULL},
        {"https://user:pass@editor.example.fr/", NULL},
        {"https://@editor.example.fr/", NULL},
        {"https://:@editor.example.fr/", NULL},
        {"https://editor.example.fr\\@127.0.0.1/", NULL},
        {"https://127.0.0.1#@editor.example.fr/", NULL},
        {"https://editor.example.fr:80/", NULL},
        {"https://editor.example.fr:22/", NULL},
        {"https://editor.example.fr:0/", NULL},
        {"https://editor.example.fr:65536/", NULL},
        {"https://editor.example.fr:4433333/", NULL},
        {"https://editor.example.fr:-1/", NULL},
        /* literals, in every spelling */
        {"https://127.0.0.1/", NULL},
        {"https://127.0.0.1./", NULL},
        {"https://127.1/", NULL},
        {"https://127.0.1/", NULL},
        {"https://2130706433/", NULL},
        {"https://0x7f000001/", NULL},
        {"https://0X7F000001/", NULL},
        {"https://0x7f.1/", NULL},
        {"https://0x7f.0x0.0x0.0x1/", NULL},
        {"https://0177.0.0.1/", NULL},
        {"https://017700000001/", NULL},
        {"https://00000177.1/", NULL},
        {"https://127.0.0.0x1/", NULL},
        {"https://%31%32%37.0.0.1/", NULL},
        {"https://127%2e0%2e0%2e1/", NULL},
        {"https://0/", NULL},
        {"https://0.0.0.0/", NULL},
        {"https://4294967295/", NULL},
        {"https://4294967296/", NULL},
        {"https://256.1.1.1/", NULL},
        {"https://1.2.3.4.5/", NULL},
        {"https://8.8.8.8/", NULL},
        {"https://10.0.0.1/", NULL},
        {"https://169.254.169.254/latest/meta-data/", NULL},
        {"https://2852039166/", NULL},
        {"https://0xa9fea9fe/", NULL},
        {"https://0251.0376.0251.0376/", NULL},
        {"https://[::1]/", NULL},
        {"https://[::]/", NULL},
        {"https://[0:0:0:0:0:0:0:1]/", NULL},
        {"https://[::ffff:127.0.0.1]/", NULL},
        {"https://[::ffff:7f00:1]/", NULL},
        {"https://[::127.0.0.1]/", NULL},
        {"https://[64:ff9b::7f00:1]/", NULL},
        {"https://[fe80::1%25eth0]/", NULL},
        {"https://[fd00:ec2::254]/", NULL},
        {"https://[2606:4700:4700::1111]/", NULL},
        {"https://[::1/", NULL},
        {"https://[127.0.0.1]/", NULL},
        {"https://::1/", NULL},
        {"https://１２７.0.0.1/", NULL},
        {"https://①②⑦.0.0.1/", NULL},
        {"https://127。0。0。1/", NULL},
        {"https://%ef%bc%91.1/", NULL},
        /* names that are no public ones */
        {"https://localhost/", NULL},
        {"https://LOCALHOST/", NULL},
        {"https://localhost./", NULL},
        {"https://a.localhost/", NULL},
        {"https://a.localhost./", NULL},
        {"https://intranet/", NULL},
        {"https://redis/", NULL},
        {"https://printer.local/", NULL},
        {"https://metadata.google.internal/", NULL},
        {"https://METADATA.google.INTERNAL./", NULL},
        {"https://nas.home.arpa/", NULL},
        {"https://abcdef.onion/", NULL},
        {"https://éditeur.fr/", NULL},
        {"https://a..b.fr/", NULL},
        {"https://.fr/", NULL},
        {"https://a.fr../", NULL},
        {"https://a$b.fr/", NULL},
        {"https://a,b.fr/", NULL},
        {"https://a%00.fr/", NULL},
        {"https://a%2f.fr/", NULL},
        {"https://./", NULL},
};

static void in_production(void)
{
        AUTO(egress_freep) struct egress *egress = policy("", false, "443,8443");

        check_targets(egress, production_targets, ARRAY_LEN(production_targets));
}

static void on_the_local_stack(void)
{
        AUTO(egress_freep) struct egress *egress = policy("127.0.0.0/8", true, "");
        static const struct target targets[] = {
                {"http://localhost:4567/webhook", "http://localhost:4567/webhook"},
                {"http://127.0.0.1:4567/webhook", "http://127.0.0.1:4567/webhook"},
                {"http://127.1:4567/", "http://127.0.0.1:4567/"},
                {"http://demo.localhost/", "http://demo.localhost/"},
                {"http://[::ffff:127.0.0.1]/", "http://[::ffff:127.0.0.1]/"},
                {"https://editor.example.fr:1234/", "https://editor.example.fr:1234/"},
                {"http://[::1]:4567/", NULL},
                {"http://10.0.0.1/", NULL},
                {"http://8.8.8.8/", NULL},
                {"http://169.254.169.254/", NULL},
                {"http://intranet/", NULL},
                {"http://metadata.google.internal/", NULL},
                {"ftp://localhost/", NULL},
                {"http://user@localhost/", NULL},
        };

        check_targets(egress, targets, ARRAY_LEN(targets));
}

static void on_a_private_network(void)
{
        AUTO(egress_freep) struct egress *egress = policy("172.16.0.0/12", true, "");
        static const struct target targets[] = {
                {"http://receiver:8080/hook", "http://receiver:8080/hook"},
                {"http://receiver.internal/", "http://receiver.internal/"},
                {"http://172.20.0.3/", "http://172.20.0.3/"},
                {"http://192.168.0.3/", NULL},
                {"http://localhost/", NULL},
        };

        check_targets(egress, targets, ARRAY_LEN(targets));
}

static void urls_have_a_maximum(void)
{
        AUTO(egress_freep) struct egress *egress = policy("", false, "443");
        AUTO(arena_freep) struct arena *arena = arena_new();
        static const char start[] = "https://editor.example.fr/";
        char url[2050];
        const char *normalised = NULL, *reason = NULL;

        memset(url, 'a', sizeof(url));
        memcpy(url, start, sizeof(start) - 1);
        url[2048] = '\0';
        CHECK_INT(egress_check_url(egress, arena, url, &normalised, &reason), ERR_OK);
        url[2048] = 'a';
        url[2049] = '\0';
        CHECK_INT(egress_check_url(egress, arena, url, &normalised, &reason), ERR_INVALID);
        CHECK_TEXT(reason, "The URL is too long (maximum is 2048 bytes)");
        CHECK_INT(egress_check_url(egress, arena, NULL, &normalised, &reason), ERR_INVALID);
}

UNIT_TESTS(UNIT(public_addresses_are_allowed), UNIT(special_addresses_are_refused), UNIT(the_allow_list_overrides),
           UNIT(other_families_are_refused), UNIT(malformed_policies_are_refused), UNIT(in_production),
           UNIT(on_the_local_stack), UNIT(on_a_private_network), UNIT(urls_have_a_maximum))
