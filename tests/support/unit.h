/*
 * The unit tests' few words. A test file is small static functions listed at the bottom:
 *
 *         static void refuses_a_date_alone(void) { CHECK(clock_parse_iso8601("2024-06-15", &at) == ERR_INVALID); }
 *         UNIT_TESTS(UNIT(refuses_a_date_alone), UNIT(…))
 *
 * Each test's name and outcome is printed (TAP); a failed CHECK says where and what, and the test goes on.
 * An argument runs only the tests whose name contains it.
 */
#ifndef VR_TESTS_UNIT_H
#define VR_TESTS_UNIT_H

#include <stdbool.h>
#include <stddef.h>

struct unit {
        const char *name;
        void (*run)(void);
};

int unit_run(const struct unit *tests, size_t count, int argc, char **argv);
void unit_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool unit_same_text(const char *a, const char *b);

#define UNIT(function)              \
        {                           \
#function, function \
        }
#define UNIT_TESTS(...)                                                                  \
        int main(int argc, char **argv)                                                  \
        {                                                                                \
                static const struct unit tests_[] = {__VA_ARGS__};                       \
                return unit_run(tests_, sizeof(tests_) / sizeof(tests_[0]), argc, argv); \
        }

#define CHECK(condition)                                                         \
        do {                                                                     \
                if (!(condition))                                                \
                        unit_fail(__FILE__, __LINE__, "not so: %s", #condition); \
        } while (0)

#define CHECK_INT(actual, expected)                                                                         \
        do {                                                                                                \
                long long actual_ = (long long)(actual), expected_ = (long long)(expected);                 \
                if (actual_ != expected_)                                                                   \
                        unit_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #actual, actual_, expected_); \
        } while (0)

#define CHECK_TEXT(actual, expected)                                                                                 \
        do {                                                                                                         \
                const char *actual_ = (actual), *expected_ = (expected);                                             \
                if (!unit_same_text(actual_, expected_))                                                             \
                        unit_fail(__FILE__, __LINE__, "%s is\n  %s\nnot\n  %s", #actual, actual_ ? actual_ : "NULL", \
                                  expected_ ? expected_ : "NULL");                                                   \
        } while (0)

#endif
