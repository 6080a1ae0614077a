"""
The laws of the tree (ARCHITECTURE.md). Each is a function of a Tree that yields complaints, "path:line: what is wrong";
none means the law holds. Each has its counter-examples in counterexamples.py: a check that can't fail is a defect.
"""

import os
import re
import shutil
import subprocess

from tree import ROOT, code_of, includes_of, line_of, strings_of

C_SOURCES = (".c", ".h")

# --- arrows between folders ---

LAYERS = [
    ("common/base/", ("common/base/",)),
    ("common/io/", ("common/base/", "common/io/")),
    ("common/app/", ("common/base/", "common/io/", "common/app/")),
    ("cli/", ("common/", "cli/")),
    ("tests/", ("common/", "services/", "cli/", "deploy/", "tests/")),
]
PURE_HEADERS = ("common/app/public_market.h", "common/app/catalogue.h")
TEST_SUPPORT = "tests/support/"


def allowed_from(path):
    """What a file may include, as prefixes."""
    for folder, allowed in LAYERS:
        if path.startswith(folder):
            return allowed
    match = re.match(r"(services|deploy)/[^/]+/", path)
    return ("common/", match.group()) if match else ("common/",)


def is_test(path):
    """x_test.c tests x; test_x.[ch] is what a service's tests share."""
    return path.endswith("_test.c") or path.startswith("tests/") or path.rpartition("/")[2].startswith("test_")


def arrows_between_folders(tree):
    for path in tree.paths(*C_SOURCES):
        for line, name, is_system in includes_of(tree[path]):
            if is_system or name == "version.h":
                continue
            if name not in tree:
                yield f'{path}:{line}: "{name}" is no file, counted from the root of the project'
            elif not name.startswith(allowed_from(path)) and not (is_test(path) and name.startswith(TEST_SUPPORT)):
                yield f"{path}:{line}: may not include {name}"


def rules_are_pure(tree):
    """Rules see structs and the base layer: no HTTP, database, JSON, bus or clock of their own."""
    for path in tree.paths("_rules.c", "_rules.h"):
        for line, name, is_system in includes_of(tree[path]):
            own = name == path[:-2] + ".h"
            if not is_system and not own and not name.startswith("common/base/") and name not in PURE_HEADERS:
                yield f"{path}:{line}: rules may not include {name}"
        if path.endswith(".c"):
            for match in re.finditer(r"\b(clock_now\w*|clock_gettime|time|gettimeofday)\s*\(", code_of(tree[path])):
                yield f"{path}:{line_of(tree[path], match.start())}: rules are told the time, they don't ask for it"


# --- foreign headers ---

ADAPTERS = [
    (r"civetweb\.h", r"common/io/http_server\.c"),
    (r"(cjson/)?cJSON\.h", r"common/io/json(_test)?\.c"),
    (r"librdkafka/\w+\.h", r"common/io/bus\w*\.[ch]"),
    (r"(hiredis/)?(hiredis|sds|read)\.h", r"common/io/cache(_test)?\.c"),
    (r"curl/\w+\.h", r"common/io/(http_client|http_multi|url)\.c"),
    (r"sqlite3\.h", r"common/io/db_sqlite\.c"),
    (r"(postgresql/)?libpq-fe\.h", r"common/io/db_postgres\.c"),
    (r"openssl/\w+\.h", r"common/io/crypto\.c"),
]
SYSTEM_HEADERS = re.compile(
    r"(arpa|net|netinet|sys|linux)/\w+\.h|(assert|ctype|dirent|dlfcn|errno|fcntl|fnmatch|getopt|grp|inttypes|iso646|"
    r"langinfo|limits|locale|malloc|math|netdb|poll|pthread|pwd|sched|semaphore|signal|spawn|stdalign|stdarg|stdatomic|"
    r"stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|threads|time|unistd|wchar)\.h")


def one_adapter_per_foreign_header(tree):
    for path in tree.paths(*C_SOURCES):
        for line, name, is_system in includes_of(tree[path]):
            adapters = [adapter for header, adapter in ADAPTERS if re.fullmatch(header, name)]
            if adapters and not re.fullmatch(adapters[0], path):
                yield f"{path}:{line}: {name} belongs to its adapter alone ({adapters[0]})"
            elif is_system and not adapters and not SYSTEM_HEADERS.fullmatch(name):
                yield f"{path}:{line}: <{name}> is neither the C library's nor has it an adapter in tests/checks/laws.py"


# --- functions ---

BANNED = {
    "strcpy": "str.h", "stpcpy": "str.h", "strcat": "buf.h", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "gets": "fgets", "strtok": "str_split", "atoi": "str_to_i64", "atol": "str_to_i64", "atoll": "str_to_i64",
    "atof": "strtod", "scanf": "str.h", "fscanf": "str.h", "sscanf": "str.h", "vscanf": "str.h", "vsscanf": "str.h",
    "alloca": "an arena", "system": "posix_spawn", "popen": "posix_spawn", "rand": "id.h", "srand": "id.h",
    "random": "id.h", "localtime": "localtime_r", "gmtime": "gmtime_r", "asctime": "clock.h", "ctime": "clock.h",
    "signal": "sigaction", "tmpnam": "mkstemp", "mktemp": "mkstemp",
    # measured: an endless loop, an incompatible structure, names compared without their case
    "mg_handle_form_request": "app/form.h", "mg_start2": "mg_start",
    "cJSON_GetObjectItem": "cJSON_GetObjectItemCaseSensitive",
}
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def no_banned_function(tree):
    for path in tree.paths(*C_SOURCES):
        for match in BANNED_CALL.finditer(code_of(tree[path])):
            name = match.group(1)
            yield f"{path}:{line_of(tree[path], match.start())}: {name}() is banned; use {BANNED[name]}"


FUNCTION_LINES = 60


def functions_fit_a_screen(tree):
    """A body is what stands between a `{` and a `}` in the first column (.clang-format sees to it)."""
    for path in tree.paths(".c"):
        if is_test(path):
            continue
        start = None
        for number, line in enumerate(code_of(tree[path]).split("\n"), 1):
            if line.rstrip() == "{":
                start = number
            elif line.rstrip() == "}" and start:
                if number - start - 1 > FUNCTION_LINES:
                    yield f"{path}:{start}: a function of {number - start - 1} lines (at most {FUNCTION_LINES})"
                start = None


# --- what is a file, and where it is named ---

MARKUP = re.compile(r"<(!doctype|html|head|body|div|p|h[1-6]|form|table|span|ul|li)\b", re.I)
SCHEMA = re.compile(r"\b(CREATE|ALTER|DROP)\s+(TABLE|INDEX|UNIQUE INDEX|TRIGGER|VIEW)\b", re.I)
STATEMENT = re.compile(r"\s*(SELECT\s.+\sFROM\s|INSERT\s+(OR \w+ )?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s)", re.I)
MIGRATOR = "common/io/db_migrate.c"  # whose own table is there before any migration
SQL_HOLDERS = re.compile(r"services/\w+/\w*store\w*\.c|common/io/db\w*\.c|common/app/(outbox|subscriber)\w*\.c")


def files_are_not_c_strings(tree):
    for path in tree.paths(*C_SOURCES):
        if is_test(path):
            continue
        for line, text in strings_of(tree[path]):
            if MARKUP.search(text):
                yield f"{path}:{line}: markup belongs in a template"
            if SCHEMA.search(text) and path != MIGRATOR:
                yield f"{path}:{line}: tables belong in a migration"
            if STATEMENT.match(text) and not SQL_HOLDERS.fullmatch(path):
                yield f"{path}:{line}: SQL belongs in a store"


PLACES = re.compile(
    r"(?<![\w.$}/])/(work|root|Users)/\w|(?<![\w.$}/])/home/\w+/|"
    r"\"resolved\"\s*:\s*\"https?:|\b(registry|index-url|extra-index-url)\s*=\s*https?:")


def no_machine_is_named(tree):
    """A lock file without addresses comes from npm's omit-lockfile-registry-resolved (.npmrc)."""
    for path in tree.paths():
        if path.startswith("tests/checks/"):
            continue
        for match in PLACES.finditer(tree[path]):
            yield f"{path}:{line_of(tree[path], match.start())}: names a machine: {match.group()}"


def listed_in(text):
    """The source files a meson.build names, its `foreach name : …` loops over a list, or a variable, written out."""
    names = set(re.findall(r"'([\w/]+\.c)'", text))
    for variable, items, body in re.findall(r"foreach\s+(\w+)\s*:\s*(\[.*?\]|\w+)(.*?)endforeach", text, re.S):
        if not items.startswith("["):
            items = " ".join(re.findall(rf"\b{items}\s*\+?=\s*\[(.*?)\]", text, re.S))
        for suffix in re.findall(rf"\b{variable}\s*\+\s*'([^']*\.c)'", body):
            names.update(item + suffix for item in re.findall(r"'([^']+)'", items))
    return names


def meson_knows_every_source(tree):
    for path in tree.paths(".c"):
        folder, _, name = path.rpartition("/")
        here, below = f"{folder}/meson.build", ""
        while here not in tree and folder:
            folder, _, last = folder.rpartition("/")
            below = f"{last}/{below}"
            here = f"{folder}/meson.build" if folder else "meson.build"
        if here not in tree or below + name not in listed_in(tree[here]):
            yield f"{path}:1: not listed in {here}"


# What is tested through another module's tests, and why
TESTED_ELSEWHERE = {
    "common/io/bus_consumer.c": "common/io/bus_test.c",  # bus.h is one contract in four files
    "common/io/bus_embedded.c": "common/io/bus_test.c",
    "common/io/bus_producer.c": "common/io/bus_test.c",
    "common/io/db_migrate.c": "common/io/db_test.c",  # so is db.h, and its tests run on every driver
    "common/io/db_postgres.c": "common/io/db_test.c",
    "common/io/db_sqlite.c": "common/io/db_test.c",
    "common/io/http_hooks.c": "common/io/http_server_test.c",  # what it takes over shows in the server
}


def every_module_has_its_test(tree):
    for path in tree.paths(".c"):
        if not path.startswith("common/") or is_test(path):
            continue
        wanted = TESTED_ELSEWHERE.get(path, path[:-2] + "_test.c")
        if wanted not in tree:
            yield f"{path}:1: has no test ({wanted})"
        elif "UNIT_TESTS" not in tree[wanted]:
            yield f"{wanted}:1: lists no case"


# --- who speaks ---

SPEAKERS = ("common/base/log.c", "common/app/service.c", "common/app/parts.c")  # the log itself, and a process's life


def common_leaves_the_log_to_services(tree):
    """Decisions are logged where they are taken; what common says above debug are the last words of a process."""
    for path in tree.paths(".c"):
        if not path.startswith("common/") or is_test(path) or path in SPEAKERS:
            continue
        for match in re.finditer(r"\blog_(info|warn|error)\s*\([^;]*;", tree[path]):
            if "the process ends" not in match.group():
                yield f"{path}:{line_of(tree[path], match.start())}: common/ logs at debug; its caller decides what to say"


# --- format ---

CLANG_FORMAT_VERSION = "14.0.6"  # another version has other opinions


def find_clang_format():
    candidates = [os.environ.get("CLANG_FORMAT"), ROOT / "build/venv/bin/clang-format", "clang-format-14", "clang-format"]
    for candidate in filter(None, candidates):
        program = shutil.which(str(candidate))
        if program:
            told = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout
            if CLANG_FORMAT_VERSION in told:
                return program
    return None


def format_is_clang_format(tree):
    program = find_clang_format()
    if not program:
        yield f"tests/requirements.txt:1: no clang-format {CLANG_FORMAT_VERSION} on this machine (make packages)"
        return
    for path in tree.paths(*C_SOURCES):
        told = subprocess.run([program, f"--assume-filename={ROOT / path}"], input=tree[path], text=True,
                              stdout=subprocess.PIPE, check=True).stdout
        if told != tree[path]:
            pairs = zip(told.split("\n") + [""], tree[path].split("\n") + [""])
            line = next((number for number, (a, b) in enumerate(pairs, 1) if a != b), 1)
            yield f"{path}:{line}: not as clang-format writes it (make format)"


def scripts_pass_shellcheck(tree):
    scripts = [path for path in tree.paths() if re.match(r"#!/(usr/)?bin/(env )?(ba)?sh\b", tree[path])]
    program = shutil.which("shellcheck")
    if not program:
        yield "deploy/local/packages:1: no shellcheck on this machine (make packages)"
        return
    for path in scripts:
        told = subprocess.run([program, "--format=gcc", "--external-sources", "--exclude=SC2317", "-"], cwd=ROOT,
                              input=tree[path], text=True, stdout=subprocess.PIPE, check=False).stdout
        for line in told.splitlines():
            yield f"{path}{line[1:]}"


# --- settings ---

NAMES = "common/base/settings_names.def"
PREFIXES = ("VR_AUTH_", "VR_MARKET_", "VR_WIZARD_", "VR_WEBHOOK_")


def is_known(name, known):
    if name in known or name.startswith("VR_KAFKA_"):
        return True
    if name.endswith("_FILE") and is_known(name[: -len("_FILE")], known):
        return True
    return any(name.startswith(prefix) and "VR_" + name[len(prefix):] in known for prefix in PREFIXES)


def settings_are_known(tree):
    """One environment serves every program, so each must know the names of all the others: else it warns of them."""
    listed = re.findall(r"^SETTING_NAME\((VR_\w+)\)", tree[NAMES], re.M)
    for before, name in zip(listed, listed[1:]):
        if before >= name:
            yield f"{NAMES}:1: {name} after {before}: sorted, each once"
    for path in tree.paths(*C_SOURCES):
        if is_test(path):
            continue
        for match in re.finditer(r'\{[\s\\]*"(VR_\w+)",[\s\\]*SETTING_', tree[path]):
            if not is_known(match.group(1), listed):
                yield f"{path}:{line_of(tree[path], match.start())}: {match.group(1)} is not in {NAMES}"
    for path in tree.paths():
        if not path.startswith("deploy/local/") or path.endswith((".c", ".md")):
            continue
        for match in re.finditer(r"(?<![\w$])(VR_[A-Z0-9_]+[A-Z0-9])=", tree[path]):
            if not is_known(match.group(1), listed):
                yield f"{path}:{line_of(tree[path], match.start())}: {match.group(1)} is not in {NAMES}"


# --- the HTTP contract ---

ROUTE = re.compile(r'\{\s*"([A-Z]+)",\s*"([^"]+)",\s*ROUTE_')
DESCRIBED = ("auth", "market")  # wizard's pages are for people


def routes_are_described(tree):
    """Every route of the constant tables is in proto/openapi, and the other way round."""
    routes, described = {}, {}
    for path in tree.paths("/routes.c"):
        if path.startswith(tuple(f"services/{service}/" for service in DESCRIBED)):
            for match in ROUTE.finditer(tree[path]):
                routes[match.groups()] = f"{path}:{line_of(tree[path], match.start())}"
    for path in tree.paths(".yaml"):
        if path.startswith("proto/openapi/"):
            described |= described_in(path, tree[path])
    for method, route in sorted(routes.keys() - described.keys()):
        yield f"{routes[method, route]}: {method} {route} is not in proto/openapi"
    for method, route in sorted(described.keys() - routes.keys()):
        yield f"{described[method, route]}: {method} {route} is no route"


def described_in(path, text):
    """(METHOD, /path) → where, of an OpenAPI file as we write them: two spaces a level."""
    described, section, route = {}, None, None
    for number, line in enumerate(text.split("\n"), 1):
        if match := re.fullmatch(r"(\w+):.*", line):
            section = match.group(1)
        elif match := re.fullmatch(r"  (/\S*):", line):
            route = match.group(1)
        elif section == "paths" and (match := re.fullmatch(r"    (get|post|put|patch|delete):", line)):
            described[match.group(1).upper(), route] = f"{path}:{number}"
    return described


LAWS = [
    arrows_between_folders,
    rules_are_pure,
    one_adapter_per_foreign_header,
    no_banned_function,
    functions_fit_a_screen,
    files_are_not_c_strings,
    no_machine_is_named,
    meson_knows_every_source,
    every_module_has_its_test,
    common_leaves_the_log_to_services,
    settings_are_known,
    routes_are_described,
    scripts_pass_shellcheck,
    format_is_clang_format,
]
