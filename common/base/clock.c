#include "common/base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define SECOND_MS 1000LL
#define HOUR_S    3600LL
#define DAY_S     86400LL

static int64_t read_ns(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_wall_ms(void)
{
        return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_mono_ms(void)
{
        return clock_mono_ns() / 1000000;
}

int64_t clock_mono_ns(void)
{
        return read_ns(CLOCK_MONOTONIC);
}

struct timespec clock_mono_in(int64_t ms)
{
        struct timespec at;

        clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_sec += ms / 1000;
        at.tv_nsec += (long)(ms % 1000) * 1000000;
        if (at.tv_nsec >= 1000000000) {
                at.tv_sec++;
                at.tv_nsec -= 1000000000;
        }
        return at;
}

static int64_t floor_div(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

/*
 * Days since 1970-01-01 of a date of the Gregorian calendar. Counted in years that begin in March, so that the leap
 * day comes last, and in eras of 400 years (146,097 days).
 */
static int64_t days_of(int year, int month, int day)
{
        int64_t y = month <= 2 ? year - 1 : year;
        int64_t era = floor_div(y, 400), year_of_era = y - era * 400;
        int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

        return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* The inverse of days_of, and the time of day. */
static struct paris_time civil_of(int64_t seconds)
{
        int64_t days = floor_div(seconds, DAY_S), rest = seconds - days * DAY_S;
        int64_t shifted = days + 719468, era = floor_div(shifted, 146097), day_of_era = shifted - era * 146097;
        int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
        int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        int64_t march_month = (5 * day_of_year + 2) / 153;
        int month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);

        return (struct paris_time){
                .year = (int)(year_of_era + era * 400 + (month <= 2)),
                .month = month,
                .day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1),
                .hour = (int)(rest / HOUR_S),
                .minute = (int)(rest / 60 % 60),
                .second = (int)(rest % 60),
        };
}

char *clock_format_s(int64_t wall_ms, char text[CLOCK_TEXT_MAX])
{
        struct paris_time t = civil_of(floor_div(wall_ms, SECOND_MS));

        snprintf(text, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.year, t.month, t.day, t.hour, t.minute,
                 t.second);
        return text;
}

char *clock_format_ms(int64_t wall_ms, char text[CLOCK_TEXT_MAX])
{
        int64_t seconds = floor_div(wall_ms, SECOND_MS);
        struct paris_time t = civil_of(seconds);

        snprintf(text, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.year, t.month, t.day, t.hour, t.minute,
                 t.second, (int)(wall_ms - seconds * SECOND_MS));
        return text;
}

/* 01:00 UTC on the last Sunday of a month of 31 days. */
static int64_t last_sunday_of(int year, int month)
{
        int64_t last = days_of(year, month, 31);
        int64_t weekday = (last + 4) - floor_div(last + 4, 7) * 7; /* 0 is Sunday: 1970-01-01 was a Thursday */

        return (last - weekday) * DAY_S + HOUR_S;
}

/* Directive 2000/84/EC, articles 2 and 3. */
static bool is_summer_time(int64_t seconds)
{
        int year = civil_of(seconds).year;

        return seconds >= last_sunday_of(year, 3) && seconds < last_sunday_of(year, 10);
}

/* Read as summer time first: of a doubled hour that is the first. A skipped one, read as winter time, moves forward. */
static int64_t paris_to_utc(int64_t local)
{
        int64_t as_summer = local - 2 * HOUR_S;

        return is_summer_time(as_summer) ? as_summer : local - HOUR_S;
}

struct paris_time clock_paris(int64_t wall_ms)
{
        int64_t seconds = floor_div(wall_ms, SECOND_MS);

        return civil_of(seconds + (is_summer_time(seconds) ? 2 : 1) * HOUR_S);
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Exactly `digits` digits; the cursor moves behind them. */
static bool take_number(const char **cursor, int digits, int min, int max, int *ret_value)
{
        int value = 0;

        for (int i = 0; i < digits; i++) {
                char c = (*cursor)[i];

                if (!is_digit(c))
                        return false;
                value = value * 10 + (c - '0');
        }
        *cursor += digits;
        *ret_value = value;
        return value >= min && value <= max;
}

static bool take_char(const char **cursor, char c)
{
        if (**cursor != c)
                return false;
        (*cursor)++;
        return true;
}

static int days_in(int year, int month)
{
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(const char **cursor, struct paris_time *t)
{
        return take_number(cursor, 4, 1900, 9999, &t->year) && take_char(cursor, '-') &&
               take_number(cursor, 2, 1, 12, &t->month) && take_char(cursor, '-') &&
               take_number(cursor, 2, 1, days_in(t->year, t->month), &t->day);
}

static bool take_fraction(const char **cursor)
{
        if (!take_char(cursor, '.') && !take_char(cursor, ','))
                return true;
        if (!is_digit(**cursor))
                return false;
        while (is_digit(**cursor))
                (*cursor)++;
        return true;
}

static bool take_time(const char **cursor, struct paris_time *t)
{
        if (!take_number(cursor, 2, 0, 23, &t->hour) || !take_char(cursor, ':') ||
            !take_number(cursor, 2, 0, 59, &t->minute))
                return false;
        if (!take_char(cursor, ':'))
                return true;
        return take_number(cursor, 2, 0, 59, &t->second) && take_fraction(cursor);
}

/* `Z`, `+hh:mm`, `+hh`, or nothing: Paris. */
static bool take_zone(const char **cursor, int64_t local, int64_t *ret_seconds)
{
        int sign = **cursor == '-' ? -1 : 1, hours, minutes = 0;

        if (**cursor == '\0') {
                *ret_seconds = paris_to_utc(local);
                return true;
        }
        if (take_char(cursor, 'Z')) {
                *ret_seconds = local;
                return true;
        }
        if (!take_char(cursor, '+') && !take_char(cursor, '-'))
                return false;
        if (!take_number(cursor, 2, 0, 23, &hours))
                return false;
        if (take_char(cursor, ':') && !take_number(cursor, 2, 0, 59, &minutes))
                return false;
        *ret_seconds = local - sign * (hours * HOUR_S + minutes * 60);
        return true;
}

enum err clock_parse_iso8601(const char *text, int64_t *ret_wall_ms)
{
        struct paris_time t = {0};
        int64_t local, seconds;

        if (!text || !take_date(&text, &t) || !take_char(&text, 'T') || !take_time(&text, &t))
                return ERR_INVALID;
        local = days_of(t.year, t.month, t.day) * DAY_S + t.hour * HOUR_S + t.minute * 60 + t.second;
        if (!take_zone(&text, local, &seconds) || *text != '\0')
                return ERR_INVALID;
        if (seconds >= days_of(10000, 1, 1) * DAY_S) /* the offset led past the last year that has four digits */
                return ERR_INVALID;
        *ret_wall_ms = seconds * SECOND_MS;
        return ERR_OK;
}
