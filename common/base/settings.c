#include "common/base/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/str.h"
#include "version.h"

#define TABLE_MAX      128
#define FILE_MAX_BYTES (64 * 1024)
#define DURATION_MAX_S (366LL * 86400)

static const char *const service_prefixes[] = {"VR_AUTH_", "VR_MARKET_", "VR_WIZARD_", "VR_WEBHOOK_"};

static const char *const known_names[] = {
#define SETTING_NAME(name) #name,
#include "common/base/settings_names.def"
#undef SETTING_NAME
};

enum action { RUN, HELP, VERSION, PRINT_REFERENCE, CHECK_CONFIG, PRINT_CONFIG };

struct source {
        const char *name; /* where the value came from, as the user wrote it: VR_X, VR_AUTH_X_FILE, --x */
        const char *text; /* the value; NULL: not set */
};

struct load {
        const struct settings_spec *spec;
        struct arena *arena;
        enum action action;
        struct source flags[TABLE_MAX]; /* by index in the table; of secrets, the file's name */
        const char *values[TABLE_MAX];
        int errors;
};

/* Start-up options live until the process ends; being reachable from here they are no leak either. */
static struct arena *kept;

static void complain(struct load *load, const char *format, ...) PRINTF_LIKE(2, 3);
static void complain(struct load *load, const char *format, ...)
{
        va_list arguments;

        fprintf(stderr, "%s: ", load->spec->program);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fprintf(stderr, "\n");
        load->errors++;
}

/* --- flags --- */

/* VR_DATABASE_URL → database-url */
static const char *flag_of(struct arena *arena, const char *name)
{
        char *flag = arena_strdup(arena, name + strlen("VR_"));

        for (char *p = flag; *p; p++) {
                if (*p == '_')
                        *p = '-';
                else if (*p >= 'A' && *p <= 'Z')
                        *p = (char)(*p + ('a' - 'A'));
        }
        return flag;
}

static bool take_action(struct load *load, const char *flag)
{
        static const struct {
                const char *flag;
                enum action action;
        } actions[] = {
                {"help", HELP},
                {"version", VERSION},
                {"print-settings", PRINT_REFERENCE},
                {"check-config", CHECK_CONFIG},
                {"print-config", PRINT_CONFIG},
        };

        for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
                if (!str_equal(flag, actions[i].flag))
                        continue;
                load->action = actions[i].action;
                return true;
        }
        return false;
}

/* The setting a flag (without its dashes and value) means: its index, or -1. */
static int find_flag(struct load *load, const char *flag)
{
        const struct setting *table = load->spec->table;

        for (int i = 0; table[i].name; i++) {
                const char *own = flag_of(load->arena, table[i].name);

                if (str_equal(flag, table[i].secret ? arena_printf(load->arena, "%s-file", own) : own))
                        return i;
                if (table[i].secret && str_equal(flag, own)) {
                        complain(load, "--%s is a secret and not for the command line: use --%s-file or %s_FILE", own,
                                 own, table[i].name);
                        return -1;
                }
        }
        complain(load, "--%s is no flag (see --help)", flag);
        return -1;
}

/* One flag at argv[index]; returns how many arguments it took. */
static int take_flag(struct load *load, int argc, char **argv, int index)
{
        const char *argument = argv[index];
        const char *equals = strchr(argument, '=');
        size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
        const char *flag;
        int setting;

        if (str_equal(argument, "-h")) {
                load->action = HELP;
                return 1;
        }
        if (!str_starts_with(argument, "--")) {
                complain(load, "%s is no flag (see --help)", argument);
                return 1;
        }
        flag = arena_strndup(load->arena, argument + 2, length - 2);
        if (!equals && take_action(load, flag))
                return 1;
        setting = find_flag(load, flag);
        if (setting < 0)
                return 1;
        if (!equals && index + 1 >= argc) {
                complain(load, "--%s needs a value", flag);
                return 1;
        }
        load->flags[setting] = (struct source){arena_printf(load->arena, "--%s", flag),
                                               arena_strdup(load->arena, equals ? equals + 1 : argv[index + 1])};
        return equals ? 1 : 2;
}

static int take_flags(struct load *load, int argc, char **argv)
{
        int index = 1;

        while (index < argc && argv[index][0] == '-' && argv[index][1] != '\0') {
                if (str_equal(argv[index], "--"))
                        return index + 1;
                index += take_flag(load, argc, argv, index);
        }
        return index < argc ? index : argc;
}

/* --- the environment --- */

static bool is_known_name(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(known_names); i++)
                if (str_equal(name, known_names[i]))
                        return true;
        return false;
}

static bool is_own_name(const struct settings_spec *spec, const char *name)
{
        for (const struct setting *setting = spec->table; setting->name; setting++)
                if (str_equal(name, setting->name))
                        return true;
        return false;
}

static bool is_known(struct load *load, const char *name)
{
        if (is_known_name(name) || is_own_name(load->spec, name) || str_starts_with(name, "VR_KAFKA_"))
                return true;
        for (size_t i = 0; i < ARRAY_LEN(service_prefixes); i++) {
                size_t length = strlen(service_prefixes[i]);

                if (!str_starts_with(name, service_prefixes[i]))
                        continue;
                name = arena_printf(load->arena, "VR_%s", name + length);
                return is_known_name(name) || is_own_name(load->spec, name);
        }
        return false;
}

/* The same, of the name without _FILE too. */
static bool is_known_variable(struct load *load, const char *name)
{
        if (is_known(load, name))
                return true;
        return str_ends_with(name, "_FILE") &&
               is_known(load, arena_strndup(load->arena, name, strlen(name) - strlen("_FILE")));
}

static void warn_of_unknown(struct load *load)
{
        for (char **entry = environ; entry && *entry; entry++) {
                const char *name = arena_strndup(load->arena, *entry, strcspn(*entry, "="));

                if (str_starts_with(name, "VR_") && !is_known_variable(load, name))
                        fprintf(stderr, "%s: warning: %s is no setting, it is ignored\n", load->spec->program, name);
        }
}

/* The file's text less one trailing newline; NULL, and a complaint, when it can't be had. */
static const char *read_secret(struct load *load, const char *source, const char *path)
{
        FILE *file = fopen(path, "re");
        char *text;
        size_t length;
        bool failed;

        if (!file) {
                complain(load, "%s: cannot open %s: %m", source, path);
                return NULL;
        }
        text = arena_alloc(load->arena, FILE_MAX_BYTES + 1);
        length = fread(text, 1, FILE_MAX_BYTES + 1, file);
        failed = ferror(file) != 0;
        fclose(file);
        if (failed || length > FILE_MAX_BYTES || memchr(text, '\0', length)) {
                complain(load, "%s: %s is no readable text file of at most %d bytes", source, path, FILE_MAX_BYTES);
                return NULL;
        }
        if (length > 0 && text[length - 1] == '\n')
                length--;
        return arena_strndup(load->arena, text, length);
}

/* `name` or, for a secret, `name`_FILE in the environment. */
static struct source read_variable(struct load *load, const struct setting *setting, const char *name)
{
        const char *text = getenv(name), *path;
        const char *file_name = arena_printf(load->arena, "%s_FILE", name);

        path = setting->secret ? getenv(file_name) : NULL;
        if (text && path)
                fprintf(stderr, "%s: warning: %s and %s are both set, the file is ignored\n", load->spec->program, name,
                        file_name);
        if (text)
                return (struct source){name, arena_strdup(load->arena, text)};
        if (path)
                return (struct source){file_name, read_secret(load, file_name, path)};
        return (struct source){NULL, NULL};
}

/* Flag, the service's own name, the shared name, default. A failed file has a name and no text. */
static struct source find_source(struct load *load, const struct setting *setting, const struct source *flag)
{
        struct source source;

        if (flag->text && setting->secret)
                return (struct source){flag->name, read_secret(load, flag->name, flag->text)};
        if (flag->text)
                return *flag;
        if (load->spec->service) {
                source = read_variable(
                        load, setting,
                        arena_printf(load->arena, "VR_%s_%s", load->spec->service, setting->name + strlen("VR_")));
                if (source.name)
                        return source;
        }
        source = read_variable(load, setting, setting->name);
        if (source.name)
                return source;
        return (struct source){setting->name, setting->default_value};
}

/* --- values --- */

static bool is_bounded(const struct setting *setting)
{
        return setting->min != 0 || setting->max != 0;
}

static enum err parse_int(const struct setting *setting, const char *text, int64_t *ret_value)
{
        int64_t value;

        if (str_to_i64(text, INT64_MIN, INT64_MAX, &value))
                return ERR_INVALID;
        if (is_bounded(setting) && ((double)value < setting->min || (double)value > setting->max))
                return ERR_INVALID;
        *ret_value = value;
        return ERR_OK;
}

/* strtod takes more than we do: hexadecimal, infinity, white space. */
static enum err parse_number(const struct setting *setting, const char *text, double *ret_value)
{
        char *end;
        double value;

        if (text[0] == '\0' || strspn(text, "-0123456789.") != strlen(text))
                return ERR_INVALID;
        value = strtod(text, &end);
        if (*end != '\0' || (is_bounded(setting) && (value < setting->min || value > setting->max)))
                return ERR_INVALID;
        *ret_value = value;
        return ERR_OK;
}

static enum err parse_bool(const char *text, bool *ret_value)
{
        if (!str_equal(text, "0") && !str_equal(text, "1"))
                return ERR_INVALID;
        *ret_value = text[0] == '1';
        return ERR_OK;
}

static bool is_choice(const char *choices, const char *text)
{
        size_t length = strlen(text);

        while (length > 0) {
                size_t own = strcspn(choices, "|");

                if (own == length && strncmp(choices, text, length) == 0)
                        return true;
                if (choices[own] == '\0')
                        return false;
                choices += own + 1;
        }
        return false;
}

static enum err parse_choice(const struct setting *setting, const char *text, const char **ret_value)
{
        bool none = text[0] == '\0' && str_equal(setting->default_value, "");

        if (!none && !is_choice(setting->choices, text))
                return ERR_INVALID;
        *ret_value = text;
        return ERR_OK;
}

/* "30s" */
enum err settings_duration(struct arena *arena, const char *text, int64_t *ret_ms)
{
        static const struct {
                const char *unit;
                int64_t ms;
        } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
        size_t digits = strspn(text, "0123456789");

        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                int64_t count;

                if (!str_equal(text + digits, units[i].unit))
                        continue;
                if (str_to_i64(arena_strndup(arena, text, digits), 0, DURATION_MAX_S * 1000 / units[i].ms, &count))
                        return ERR_INVALID;
                *ret_ms = count * units[i].ms;
                return ERR_OK;
        }
        return ERR_INVALID;
}

enum err settings_durations(struct arena *arena, const char *text, struct setting_durations *ret_value)
{
        struct setting_durations value = {0};
        size_t count = 0;
        char **parts = text[0] ? str_split(arena, text, ',', &count) : NULL;

        if (count > SETTING_DURATIONS_MAX)
                return ERR_INVALID;
        for (size_t i = 0; i < count; i++)
                if (settings_duration(arena, str_trim(arena, parts[i]), &value.ms[i]))
                        return ERR_INVALID;
        value.count = count;
        *ret_value = value;
        return ERR_OK;
}

static enum err store(struct arena *arena, const struct setting *setting, const char *text, void *target)
{
        void *member = (char *)target + setting->offset;

        switch (setting->type) {
        case SETTING_TEXT:
                *(const char **)member = text;
                return ERR_OK;
        case SETTING_INT:
                return parse_int(setting, text, member);
        case SETTING_NUMBER:
                return parse_number(setting, text, member);
        case SETTING_BOOL:
                return parse_bool(text, member);
        case SETTING_CHOICE:
                return parse_choice(setting, text, member);
        case SETTING_DURATIONS:
                return settings_durations(arena, text, member);
        }
        return ERR_INTERNAL;
}

/* "a whole number from 1 to 65535" */
static const char *expected(struct arena *arena, const struct setting *setting)
{
        const char *kind = setting->type == SETTING_INT ? "a whole number" : "a number";
        char min[STR_DOUBLE_MAX], max[STR_DOUBLE_MAX];

        switch (setting->type) {
        case SETTING_INT:
        case SETTING_NUMBER:
                if (!is_bounded(setting))
                        return kind;
                return arena_printf(arena, "%s from %s to %s", kind, str_double(setting->min, min),
                                    str_double(setting->max, max));
        case SETTING_BOOL:
                return "0 or 1";
        case SETTING_CHOICE:
                return arena_printf(arena, "one of %s", setting->choices);
        case SETTING_DURATIONS:
                return arena_printf(arena, "at most %d durations such as 5s,30s,2m,1h,1d", SETTING_DURATIONS_MAX);
        case SETTING_TEXT:
                break;
        }
        return "a text";
}

static void load_setting(struct load *load, size_t index, void *target)
{
        const struct setting *setting = &load->spec->table[index];
        struct source source = find_source(load, setting, &load->flags[index]);

        if (!source.text) {
                if (!setting->default_value && source.name == setting->name)
                        complain(load, "%s is not set: %s", setting->name, setting->help);
                return;
        }
        load->values[index] = source.text;
        if (store(load->arena, setting, source.text, target) == ERR_OK)
                return;
        complain(load, "%s is %s%s%s: expected %s", source.name, setting->secret ? "" : "\"",
                 setting->secret ? "malformed" : source.text, setting->secret ? "" : "\"",
                 expected(load->arena, setting));
}

/* --- what can be printed --- */

static const char *type_name(enum setting_type type)
{
        static const char *const names[] = {
                [SETTING_TEXT] = "text", [SETTING_INT] = "integer",   [SETTING_NUMBER] = "number",
                [SETTING_BOOL] = "0/1",  [SETTING_CHOICE] = "choice", [SETTING_DURATIONS] = "durations",
        };

        return names[type];
}

static void print_help(struct load *load)
{
        const struct settings_spec *spec = load->spec;

        printf("%s: %s\n\nUsage: %s [flags]%s\n", spec->program, spec->summary, spec->program,
               spec->usage ? " [command]" : "");
        if (spec->usage)
                printf("\n%s\n", spec->usage);
        printf("\nFlags (each also an environment variable; a flag goes before it):\n");
        for (const struct setting *setting = spec->table; setting->name; setting++) {
                const char *flag = flag_of(load->arena, setting->name);

                printf("  --%s%s %s  (%s%s", flag, setting->secret ? "-file" : "",
                       setting->secret ? "FILE" : type_name(setting->type), setting->name,
                       setting->secret ? "[_FILE]" : "");
                if (!setting->default_value)
                        printf(", required");
                else if (setting->default_value[0] && !setting->secret)
                        printf(", default %s", setting->default_value);
                printf(")\n        %s\n", setting->help);
        }
        printf("  --help --version\n  --check-config    say whether the settings are right, and end\n"
               "  --print-config    print the settings as read, secrets as ***, and end\n"
               "  --print-settings  print the reference of all settings in Markdown, and end\n");
}

static void put_cell(FILE *out, const char *text)
{
        for (; text && *text; text++)
                fprintf(out, *text == '|' ? "\\%c" : "%c", *text);
}

void settings_print_reference(const struct settings_spec *spec, FILE *out)
{
        fprintf(out, "| Name | Type | Default | Unit | Meaning |\n|---|---|---|---|---|\n");
        for (const struct setting *setting = spec->table; setting->name; setting++) {
                fprintf(out, "| `%s`%s | ", setting->name, setting->secret ? " or `…_FILE`" : "");
                put_cell(out, setting->type == SETTING_CHOICE ? setting->choices : type_name(setting->type));
                fprintf(out, "%s | ", setting->secret ? ", secret" : "");
                if (!setting->default_value)
                        fprintf(out, "required");
                else if (setting->default_value[0] && setting->secret)
                        fprintf(out, "`***`");
                else if (setting->default_value[0])
                        fprintf(out, "`%s`", setting->default_value);
                fprintf(out, " | ");
                put_cell(out, setting->unit);
                fprintf(out, " | ");
                put_cell(out, setting->help);
                fprintf(out, " |\n");
        }
}

static void print_config(const struct load *load)
{
        const struct setting *table = load->spec->table;

        for (size_t i = 0; table[i].name; i++) {
                const char *value = load->values[i] ? load->values[i] : "";

                printf("%s=%s\n", table[i].name, table[i].secret && value[0] ? "***" : value);
        }
}

/* Ends the process when all that was wanted is a print; what needs no valid settings comes first. */
static void act_before(struct load *load)
{
        if (load->action == HELP)
                print_help(load);
        else if (load->action == VERSION)
                printf("%s %s (%s)\n", load->spec->program, VR_VERSION, VR_REVISION);
        else if (load->action == PRINT_REFERENCE)
                settings_print_reference(load->spec, stdout);
        else
                return;
        exit(load->errors ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void act_after(const struct load *load)
{
        if (load->action == RUN)
                return;
        if (load->action == PRINT_CONFIG)
                print_config(load);
        else if (!load->errors)
                printf("%s: the settings are right\n", load->spec->program);
        exit(load->errors ? EXIT_FAILURE : EXIT_SUCCESS);
}

enum err settings_load(const struct settings_spec *spec, void *target, int argc, char **argv, int *ret_rest)
{
        struct load load = {.spec = spec};
        size_t count = 0;
        int rest;

        if (!kept)
                kept = arena_new();
        load.arena = kept;
        while (spec->table[count].name)
                if (++count == TABLE_MAX)
                        return ERR_INTERNAL;
        rest = take_flags(&load, argc, argv);
        act_before(&load);
        warn_of_unknown(&load);
        for (size_t i = 0; i < count; i++)
                load_setting(&load, i, target);
        act_after(&load);
        if (load.errors)
                return ERR_INVALID;
        *ret_rest = rest;
        return ERR_OK;
}
