"""
For each law, small trees that break it, each with a word of the complaint it must draw, and one that keeps it.
"""

import laws

LONG = "int f(void)\n{\n" + "        g();\n" * 61 + "}\n"
FITS = "int f(void)\n{\n" + "        g();\n" * 60 + "}\n"
NAMES = {laws.NAMES: "SETTING_NAME(VR_AUTH_URL)\nSETTING_NAME(VR_HTTP_PORT)\nSETTING_NAME(VR_SECRET_KEYS)\n"}
ROUTES = '{"GET", "/a", ROUTE_OPEN, f},\n{"POST",\n "/b", ROUTE_OPEN, f},\n'
DESCRIPTION = "paths:\n  /a:\n    get:\n  /b:\n    post:\n"
MESON = "foreach name : [\n  'a', 'b',\n]\n  x += files(name + '.c')\nendforeach\ny = files('c.c')\n"


def including(path, *headers):
    """A tree in which `path` includes those headers, all of which exist."""
    files = {header: "" for header in headers}
    files[path] = "".join(f'#include "{header}"\n' for header in headers)
    return files


EXAMPLES = {
    laws.arrows_between_folders: (
        [
            (including("common/base/a.c", "common/io/db.h"), "may not include common/io/db.h"),
            (including("common/io/a.c", "common/app/reply.h"), "may not include"),
            (including("common/app/a.h", "services/auth/auth.h"), "may not include"),
            (including("services/auth/a.c", "services/market/market.h"), "may not include"),
            (including("common/app/a.c", "tests/support/unit.h"), "may not include"),
            (including("cli/a.c", "services/market/market.h"), "may not include"),
            ({"services/auth/a.c": '#include "auth.h"\n', "services/auth/auth.h": ""}, "is no file"),
        ],
        including("services/auth/a_test.c", "common/base/err.h", "common/io/db.h", "common/app/reply.h",
                  "services/auth/auth.h", "tests/support/unit.h")
        | including("services/auth/test_app.c", "tests/support/unit.h"),
    ),
    laws.rules_are_pure: (
        [
            (including("services/market/market_rules.c", "common/io/db.h"), "may not include common/io/db.h"),
            (including("services/market/market_rules.h", "common/app/reply.h"), "may not include"),
            (including("services/market/market_rules.c", "services/market/market_store.h"), "may not include"),
            ({"services/market/market_rules.c": "x = clock_now_ms();\n"}, "told the time"),
        ],
        including("services/market/market_rules.c", "common/base/err.h", "common/app/public_market.h",
                  "common/app/catalogue.h", "services/market/market_rules.h"),
    ),
    laws.one_adapter_per_foreign_header: (
        [
            ({"common/io/json.c": "#include <civetweb.h>\n"}, "civetweb.h belongs"),
            ({"services/auth/a.c": "#include <cjson/cJSON.h>\n"}, "cJSON.h belongs"),
            ({"common/app/event.c": "#include <librdkafka/rdkafka.h>\n"}, "rdkafka.h belongs"),
            ({"common/io/cache.h": "#include <hiredis.h>\n"}, "hiredis.h belongs"),
            ({"services/webhook/sender.c": "#include <curl/curl.h>\n"}, "curl.h belongs"),
            ({"common/io/db.c": "#include <sqlite3.h>\n"}, "sqlite3.h belongs"),
            ({"common/io/db_sqlite.c": "#include <libpq-fe.h>\n"}, "libpq-fe.h belongs"),
            ({"common/base/id.c": "#include <openssl/rand.h>\n"}, "rand.h belongs"),
            ({"common/base/id.c": "#include <uuid/uuid.h>\n"}, "neither"),
        ],
        {"common/io/http_server.c": "#include <civetweb.h>\n#include <stdio.h>\n#include <sys/socket.h>\n",
         "common/io/bus_embedded.c": "#include <librdkafka/rdkafka_mock.h>\n"},
    ),
    laws.no_banned_function: (
        [({"a.c": f"void f(void)\n{{\n        {name}(x);\n}}\n"}, f"a.c:3: {name}()") for name in laws.BANNED],
        {"a.c": '// strcpy(a, b)\n/* gets(x) */\nx = "atoi(y)";\nlocaltime_r(&t, &tm);\nit->system(x);\nmy_signal(3);\n'},
    ),
    laws.functions_fit_a_screen: (
        [({"common/base/a.c": LONG}, "61 lines")],
        {"common/base/a.c": FITS, "common/base/a_test.c": LONG},
    ),
    laws.files_are_not_c_strings: (
        [
            ({"services/a/b.c": 'x = "<!DOCTYPE html>";\n'}, "template"),
            ({"services/a/b.c": 'x = "<p class=\\"a\\">";\n'}, "template"),
            ({"services/a/a_store.c": 'x = "CREATE TABLE t (id)";\n'}, "migration"),
            ({"services/a/a_handlers.c": 'x = "SELECT a FROM b";\n'}, "store"),
            ({"services/a/a_handlers.c": 'x = "DELETE FROM b";\n'}, "store"),
        ],
        {"services/a/a_store.c": '/* <html> */ x = "SELECT a FROM b";\ny = "a < b, b > c";\n',
         "services/a/a_test.c": 'x = "<html>";\n'},
    ),
    laws.no_machine_is_named: (
        [
            ({"README.md": "see /root/main\n"}, "/root/"),
            ({"a.py": "x = '/home/me/x'\n"}, "/home/me/"),
            ({"package-lock.json": '"resolved": "https://registry.example/x"\n'}, "resolved"),
            ({".npmrc": "registry=https://registry.example/\n"}, "registry="),
        ],
        {"a.sh": '"$VR_DATA_DIR/work/x" ./home/a/b https://example.org/home/x\n'},
    ),
    laws.meson_knows_every_source: (
        [
            ({"common/io/z.c": "", "common/io/meson.build": MESON}, "not listed"),
            ({"common/io/a_test.c": "", "common/io/meson.build": MESON}, "not listed"),
            ({"alone/z.c": ""}, "not listed"),
        ],
        {"x/a.c": "", "x/b.c": "", "x/c.c": "", "x/meson.build": MESON,
         "y/z/a.c": "", "y/meson.build": "files('z/a.c')\n",
         "z/a_test.c": "", "z/meson.build": "l = []\nl += ['a']\nforeach n : l\n  n + '_test.c'\nendforeach\n"},
    ),
    laws.every_module_has_its_test: (
        [
            ({"common/base/a.c": ""}, "has no test"),
            ({"common/base/a.c": "", "common/base/a_test.c": "int x;\n"}, "lists no case"),
            ({"common/io/db_sqlite.c": ""}, "has no test"),
        ],
        {"common/base/a.c": "", "common/base/a_test.c": "UNIT_TESTS(x)\n", "services/a/main.c": ""},
    ),
    laws.common_leaves_the_log_to_services: (
        [({"common/io/a.c": 'log_warn(NULL, "a.b", "odd");\n'}, "a.c:1")],
        {"common/io/a.c": 'log_debug(NULL, "a.b", "odd");\nlog_error(NULL, "a.b",\n "no, the process ends");\n',
         "services/auth/a.c": 'log_warn(NULL, "a.b", "odd");\n', "common/app/service.c": 'log_info(NULL, "a.b", "c");\n'},
    ),
    laws.settings_are_known: (
        [
            ({**NAMES, "services/a/a.c": 'x = {\n        {"VR_NEW", SETTING_INT, 0},\n'}, "VR_NEW is not"),
            ({**NAMES, "deploy/local/up": "VR_NEW=1\n"}, "VR_NEW is not"),
            ({laws.NAMES: "SETTING_NAME(VR_B)\nSETTING_NAME(VR_A)\n"}, "sorted"),
        ],
        {**NAMES, "services/a/a.c": 'x = {\n        {"VR_HTTP_PORT", SETTING_INT, 0},\n',
         "deploy/local/up": "VR_AUTH_HTTP_PORT=1 VR_SECRET_KEYS_FILE=x VR_KAFKA_ACKS=1\n"},
    ),
    laws.routes_are_described: (
        [
            ({"services/market/routes.c": ROUTES, "proto/openapi/openapi.yaml": "paths:\n  /a:\n    get:\n"}, "POST /b"),
            ({"services/market/routes.c": ROUTES, "proto/openapi/openapi.yaml": DESCRIPTION + "    put:\n"}, "PUT /b is no route"),
        ],
        {"services/market/routes.c": ROUTES, "services/wizard/routes.c": '{"GET", "/page", ROUTE_OPEN, f},\n',
         "proto/openapi/openapi.yaml": DESCRIPTION + "webhooks:\n  event:\n    post:\n"},
    ),
    laws.scripts_pass_shellcheck: (
        [({"a": "#!/bin/bash\nrm $1\n"}, "SC2086")],
        {"a": '#!/bin/bash\nrm "$1"\n', "b.txt": "rm $1\n"},
    ),
    laws.format_is_clang_format: (
        [({"a.c": "int f(void) { return 1; }\n"}, "a.c:1")],
        {"a.c": "int f(void)\n{\n        return 1;\n}\n"},
    ),
}
