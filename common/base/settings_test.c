#include "common/base/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/unit.h"

#define MEMBER(name) .offset = offsetof(struct config, name)

struct config {
        const char *url;
        int64_t port;
        double jitter;
        bool strict;
        const char *format;
        struct setting_durations schedule;
        const char *password;
};

static const struct setting table[] = {
        {"VR_DATABASE_URL", SETTING_TEXT, MEMBER(url), .help = "Where the data lives."},
        {"VR_HTTP_PORT", SETTING_INT, MEMBER(port), "8080", .unit = "", .min = 1, .max = 65535, .help = "The port."},
        {"VR_WEBHOOK_RETRY_JITTER", SETTING_NUMBER, MEMBER(jitter), "0.2", .max = 1, .help = "Spread of delays."},
        {"VR_REQUIRE_FUTURE_DEADLINE", SETTING_BOOL, MEMBER(strict), "0", .help = "Refuse the past."},
        {"VR_LOG_FORMAT", SETTING_CHOICE, MEMBER(format), "json", .choices = "json|pretty", .help = "Form of the log."},
        {"VR_WEBHOOK_RETRY_SCHEDULE", SETTING_DURATIONS, MEMBER(schedule), "5s,2m", .unit = "", .help = "Delays."},
        {"VR_SECRET_KEYS", SETTING_TEXT, MEMBER(password), "", .secret = true, .help = "Keys."},
        {NULL},
};

static const struct settings_spec spec = {
        .program = "vr-test",
        .service = "AUTH",
        .summary = "does nothing",
        .table = table,
        .usage = "  vr-test dance",
};

/* How the last run went. */
static char out[16384], err[16384];
static int code;

static void read_back(int file, char *text, size_t size)
{
        ssize_t length = pread(file, text, size - 1, 0);

        text[length > 0 ? length : 0] = '\0';
        close(file);
}

/* What a program would do: load, then say what it got. */
static int program(int argc, char **argv)
{
        struct config c = {0};
        int rest = -1;

        if (settings_load(&spec, &c, argc, argv, &rest))
                return EXIT_FAILURE;
        printf("url=%s port=%" PRId64 " jitter=%g strict=%d format=%s schedule=", c.url, c.port, c.jitter, c.strict,
               c.format);
        for (size_t i = 0; i < c.schedule.count; i++)
                printf("%s%" PRId64, i ? "," : "", c.schedule.ms[i]);
        printf(" password=%s rest=%s\n", c.password, rest < argc ? argv[rest] : "none");
        return EXIT_SUCCESS;
}

/* Settings end the process when asked to print: each run is a child of its own. */
static void run(const char *const *arguments)
{
        char *argv[16] = {(char *)"vr-test"};
        int argc = 1, status = 0, out_file = memfd_create("out", 0), err_file = memfd_create("err", 0);
        pid_t child;

        while (arguments[argc - 1]) {
                argv[argc] = (char *)arguments[argc - 1];
                argc++;
        }
        fflush(stdout);
        child = fork();
        if (child == 0) {
                dup2(out_file, STDOUT_FILENO);
                dup2(err_file, STDERR_FILENO);
                exit(program(argc, argv));
        }
        CHECK(waitpid(child, &status, 0) == child);
        code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        read_back(out_file, out, sizeof(out));
        read_back(err_file, err, sizeof(err));
}

#define RUN(...) run((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* An environment with the one required setting, and nothing else of ours. */
static void start(void)
{
        clearenv();
        setenv("VR_DATABASE_URL", "sqlite:x.db", 1);
}

static bool has(const char *text, const char *part)
{
        if (strstr(text, part))
                return true;
        printf("# not in it: %s\n%s\n", part, text);
        return false;
}

static void write_file(const char *text, size_t length, char path[32])
{
        int file;

        strncpy(path, "/tmp/settings_test_XXXXXX", 32);
        file = mkstemp(path);
        CHECK(write(file, text, length) == (ssize_t)length);
        close(file);
}

static void defaults_fill_what_is_not_set(void)
{
        start();
        RUN();
        CHECK_INT(code, 0);
        CHECK_TEXT(out, "url=sqlite:x.db port=8080 jitter=0.2 strict=0 format=json schedule=5000,120000 password= "
                        "rest=none\n");
        CHECK_TEXT(err, "");
}

static void a_required_setting_is_required(void)
{
        clearenv();
        RUN();
        CHECK_INT(code, 1);
        CHECK(has(err, "vr-test: VR_DATABASE_URL is not set"));
}

static void empty_counts_as_set(void)
{
        start();
        setenv("VR_DATABASE_URL", "", 1);
        setenv("VR_WEBHOOK_RETRY_SCHEDULE", "", 1);
        RUN();
        CHECK_INT(code, 0);
        CHECK(has(out, "url= port"));
        CHECK(has(out, "schedule= password"));
        setenv("VR_HTTP_PORT", "", 1);
        RUN();
        CHECK_INT(code, 1);
        CHECK(has(err, "VR_HTTP_PORT is \"\": expected a whole number from 1 to 65535"));
}

static void the_environment_goes_before_defaults(void)
{
        start();
        setenv("VR_HTTP_PORT", "9000", 1);
        setenv("VR_WEBHOOK_RETRY_JITTER", "0", 1);
        setenv("VR_REQUIRE_FUTURE_DEADLINE", "1", 1);
        setenv("VR_LOG_FORMAT", "pretty", 1);
        setenv("VR_WEBHOOK_RETRY_SCHEDULE", "1ms,1s, 1m,1h,1d", 1);
        RUN();
        CHECK(has(out, "port=9000 jitter=0 strict=1 format=pretty schedule=1,1000,60000,3600000,86400000 "));
}

static void a_service_s_own_name_goes_first(void)
{
        start();
        setenv("VR_AUTH_DATABASE_URL", "sqlite:auth.db", 1);
        setenv("VR_MARKET_DATABASE_URL", "sqlite:market.db", 1);
        RUN();
        CHECK(has(out, "url=sqlite:auth.db "));
        CHECK_TEXT(err, "");
}

static void a_flag_goes_before_all(void)
{
        start();
        setenv("VR_AUTH_HTTP_PORT", "9000", 1);
        setenv("VR_HTTP_PORT", "9001", 1);
        RUN("--http-port=9002", "--database-url", "sqlite:y.db");
        CHECK(has(out, "url=sqlite:y.db port=9002 "));
        RUN("--http-port", "9002", "--http-port=9003");
        CHECK(has(out, "port=9003 "));
}

static void what_is_no_flag_is_left_to_the_program(void)
{
        start();
        RUN("--http-port", "9002", "dance", "--http-port", "1");
        CHECK(has(out, "port=9002 "));
        CHECK(has(out, "rest=dance"));
        RUN("--", "--http-port");
        CHECK(has(out, "rest=--http-port"));
        RUN("-");
        CHECK(has(out, "rest=-"));
}

static void bad_flags_are_refused(void)
{
        start();
        RUN("--nonsense");
        CHECK_INT(code, 1);
        CHECK(has(err, "--nonsense is no flag"));
        RUN("-x");
        CHECK_INT(code, 1);
        RUN("--http-port");
        CHECK_INT(code, 1);
        CHECK(has(err, "--http-port needs a value"));
}

static void malformed_values_are_named_all_at_once(void)
{
        start();
        setenv("VR_AUTH_HTTP_PORT", "70000", 1);
        setenv("VR_WEBHOOK_RETRY_JITTER", "0x1", 1);
        setenv("VR_REQUIRE_FUTURE_DEADLINE", "yes", 1);
        setenv("VR_LOG_FORMAT", "jso", 1);
        setenv("VR_WEBHOOK_RETRY_SCHEDULE", "5s,5", 1);
        RUN();
        CHECK_INT(code, 1);
        CHECK(has(err, "vr-test: VR_AUTH_HTTP_PORT is \"70000\": expected a whole number from 1 to 65535\n"));
        CHECK(has(err, "VR_WEBHOOK_RETRY_JITTER is \"0x1\": expected a number from 0 to 1\n"));
        CHECK(has(err, "VR_REQUIRE_FUTURE_DEADLINE is \"yes\": expected 0 or 1\n"));
        CHECK(has(err, "VR_LOG_FORMAT is \"jso\": expected one of json|pretty\n"));
        CHECK(has(err, "VR_WEBHOOK_RETRY_SCHEDULE is \"5s,5\": expected at most 32 durations such as"));
        CHECK_TEXT(out, "");
}

static void durations_are_strict(void)
{
        static const char *const bad[] = {"5", "s", "5s,", ",5s", "-5s", "5 s", "5w", "1.5s", "999999d", "5S", "5ss"};
        char many[200] = "1s";

        start();
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                setenv("VR_WEBHOOK_RETRY_SCHEDULE", bad[i], 1);
                RUN();
                if (code != 1)
                        unit_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
        }
        for (int i = 1; i < SETTING_DURATIONS_MAX; i++)
                strncat(many, ",1s", sizeof(many) - strlen(many) - 1);
        setenv("VR_WEBHOOK_RETRY_SCHEDULE", many, 1);
        RUN();
        CHECK_INT(code, 0);
        strncat(many, ",1s", sizeof(many) - strlen(many) - 1);
        setenv("VR_WEBHOOK_RETRY_SCHEDULE", many, 1);
        RUN();
        CHECK_INT(code, 1);
}

static void a_secret_comes_from_a_file(void)
{
        char path[32];

        start();
        write_file("hush\n\n", 6, path); /* one newline is the file's, the other the secret's */
        setenv("VR_SECRET_KEYS_FILE", path, 1);
        RUN();
        CHECK(has(out, "password=hush\n rest"));
        unsetenv("VR_SECRET_KEYS_FILE");
        RUN("--secret-keys-file", path);
        CHECK(has(out, "password=hush\n rest"));
        setenv("VR_SECRET_KEYS_FILE", "/nowhere", 1);
        setenv("VR_AUTH_SECRET_KEYS_FILE", path, 1);
        RUN();
        CHECK(has(out, "password=hush\n rest"));
        unlink(path);
}

static void a_bad_secret_file_is_an_error(void)
{
        char path[32];

        start();
        setenv("VR_SECRET_KEYS_FILE", "/nowhere/at/all", 1);
        RUN();
        CHECK_INT(code, 1);
        CHECK(has(err, "VR_SECRET_KEYS_FILE: cannot open /nowhere/at/all: No such file"));
        write_file("a\0b", 3, path);
        setenv("VR_SECRET_KEYS_FILE", path, 1);
        RUN();
        CHECK_INT(code, 1);
        unlink(path);
        setenv("VR_SECRET_KEYS_FILE", "/dev/zero", 1);
        RUN();
        CHECK_INT(code, 1);
        setenv("VR_SECRET_KEYS_FILE", "/tmp", 1);
        RUN();
        CHECK_INT(code, 1);
}

static void the_value_goes_before_its_file(void)
{
        start();
        setenv("VR_SECRET_KEYS", "direct", 1);
        setenv("VR_SECRET_KEYS_FILE", "/nowhere", 1);
        RUN();
        CHECK_INT(code, 0);
        CHECK(has(out, "password=direct "));
        CHECK(has(err, "the file is ignored"));
}

static void a_secret_is_refused_on_the_command_line(void)
{
        start();
        RUN("--secret-keys=hush");
        CHECK_INT(code, 1);
        CHECK(has(err, "use --secret-keys-file"));
        CHECK(strstr(err, "hush") == NULL);
        CHECK(strstr(out, "hush") == NULL);
}

static void a_secret_is_never_printed(void)
{
        start();
        setenv("VR_SECRET_KEYS", "hush", 1);
        RUN("--print-config");
        CHECK_INT(code, 0);
        CHECK_TEXT(out, "VR_DATABASE_URL=sqlite:x.db\nVR_HTTP_PORT=8080\nVR_WEBHOOK_RETRY_JITTER=0.2\n"
                        "VR_REQUIRE_FUTURE_DEADLINE=0\nVR_LOG_FORMAT=json\nVR_WEBHOOK_RETRY_SCHEDULE=5s,2m\n"
                        "VR_SECRET_KEYS=***\n");
}

static void unknown_names_are_warned_of(void)
{
        start();
        setenv("VR_HTP_PORT", "1", 1);
        setenv("VR_AUTH_NONSENSE", "1", 1);
        setenv("VR_", "1", 1);
        setenv("OTHER", "1", 1);
        RUN();
        CHECK_INT(code, 0);
        CHECK(has(err, "vr-test: warning: VR_HTP_PORT is no setting"));
        CHECK(has(err, "VR_AUTH_NONSENSE is no setting"));
        CHECK(has(err, "VR_ is no setting"));
        CHECK(strstr(err, "OTHER") == NULL);
}

static void names_of_other_programs_are_known(void)
{
        static const char *const known[] = {
                "VR_KAFKA_BROKERS",
                "VR_KAFKA_QUEUED_MIN_MESSAGES",
                "VR_WEBHOOK_TIMEOUT_S",
                "VR_CLIENT_SECRET_FILE",
                "VR_MARKET_DATABASE_URL",
                "VR_WIZARD_HTTP_PORT",
                "VR_WEBHOOK_SECRET_KEYS_FILE",
                "VR_AUTH_MANAGEMENT_URL",
                "VR_DEMO_WEBHOOK_SECRET",
                "VR_WEBHOOK_CA_FILE",
        };

        start();
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                setenv(known[i], "x", 1);
        RUN();
        CHECK_TEXT(err, "");
}

static void checking_says_yes_or_no(void)
{
        start();
        RUN("--check-config");
        CHECK_INT(code, 0);
        CHECK(has(out, "the settings are right"));
        RUN("--http-port=x", "--check-config");
        CHECK_INT(code, 1);
        CHECK(has(err, "--http-port is \"x\""));
}

static void help_and_version_need_no_settings(void)
{
        clearenv();
        RUN("--help");
        CHECK_INT(code, 0);
        CHECK(has(out, "vr-test: does nothing\n"));
        CHECK(has(out, "  vr-test dance\n"));
        CHECK(has(out, "--database-url text  (VR_DATABASE_URL, required)"));
        CHECK(has(out, "--secret-keys-file FILE  (VR_SECRET_KEYS[_FILE])"));
        RUN("--version");
        CHECK_INT(code, 0);
        CHECK(strncmp(out, "vr-test ", 8) == 0 && out[8] >= '0' && out[8] <= '9');
        RUN("-h");
        CHECK_INT(code, 0);
}

static void the_reference_is_a_markdown_table(void)
{
        clearenv();
        RUN("--print-settings");
        CHECK_INT(code, 0);
        CHECK(has(out, "| Name | Type | Default | Unit | Meaning |\n|---|---|---|---|---|\n"
                       "| `VR_DATABASE_URL` | text | required |  | Where the data lives. |\n"));
        CHECK(has(out, "| `VR_LOG_FORMAT` | json\\|pretty | `json` |  | Form of the log. |\n"));
        CHECK(has(out, "| `VR_SECRET_KEYS` or `…_FILE` | text, secret |  |  | Keys. |\n"));
}

UNIT_TESTS(UNIT(defaults_fill_what_is_not_set), UNIT(a_required_setting_is_required), UNIT(empty_counts_as_set),
           UNIT(the_environment_goes_before_defaults), UNIT(a_service_s_own_name_goes_first),
           UNIT(a_flag_goes_before_all), UNIT(what_is_no_flag_is_left_to_the_program), UNIT(bad_flags_are_refused),
           UNIT(malformed_values_are_named_all_at_once), UNIT(durations_are_strict), UNIT(a_secret_comes_from_a_file),
           UNIT(a_bad_secret_file_is_an_error), UNIT(the_value_goes_before_its_file),
           UNIT(a_secret_is_refused_on_the_command_line), UNIT(a_secret_is_never_printed),
           UNIT(unknown_names_are_warned_of), UNIT(names_of_other_programs_are_known), UNIT(checking_says_yes_or_no),
           UNIT(help_and_version_need_no_settings), UNIT(the_reference_is_a_markdown_table))
