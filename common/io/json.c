#include "common/io/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json_write.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"

/* cJSON copies a number into 64 bytes before it reads it, and trips over a longer one. */
#define NUMBER_BYTES_MAX 60

/* RFC 7493 §2.2: what a double holds without doubt. 2^53 itself may be a rounded 2^53 + 1. */
#define WHOLE_MAX 9007199254740991.0

/* A key of an object that is still open. Compared by what it means: "a" and "\u0061" are the same. */
struct gate_key {
        const char *at; /* first byte after the opening quote */
        uint64_t hash;  /* of the unescaped bytes */
        int depth;
};

struct gate {
        const char *at, *end;
        int depth;
        int tokens;
        struct gate_key *keys; /* a stack: those of inner objects on top */
        size_t key_count, key_capacity;
        const char *reason;
        enum err err;
};

static bool refuse(struct gate *g, const char *reason)
{
        if (!g->reason)
                g->reason = reason;
        g->err = g->err ? g->err : ERR_BAD_REQUEST;
        return false;
}

static void skip_space(struct gate *g)
{
        while (g->at < g->end && (*g->at == ' ' || *g->at == '\t' || *g->at == '\n' || *g->at == '\r'))
                g->at++;
}

static bool count_token(struct gate *g)
{
        return ++g->tokens <= LIMIT_JSON_TOKENS || refuse(g, "The JSON has too many values");
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const char *at, const char *end)
{
        int32_t code = 0;

        if (end - at < 4)
                return -1;
        for (int i = 0; i < 4; i++) {
                int digit = hex_digit(at[i]);

                if (digit < 0)
                        return -1;
                code = code << 4 | digit;
        }
        return code;
}

/* The next character of a string whose quotes are known to match; moves `at`. Escapes are checked here. */
static bool next_char(const char **at, const char *end, uint32_t *ret_code, const char **ret_reason)
{
        static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
        const char *p = *at, *letter;
        int32_t high, low;

        if (*p != '\\') {
                size_t size = utf8_char(p, (size_t)(end - p), ret_code);

                *at += size;
                *ret_reason = "The JSON is not valid UTF-8";
                return size > 0;
        }
        *ret_reason = "The JSON has a broken escape";
        if (end - p < 2)
                return false;
        letter = p[1] ? strchr(letters, p[1]) : NULL;
        if (letter) {
                *at += 2;
                *ret_code = (unsigned char)meant[letter - letters];
                return true;
        }
        high = p[1] == 'u' ? hex4(p + 2, end) : -1;
        if (high < 0)
                return false;
        if (high == 0) {
                *ret_reason = "The JSON has a NUL character";
                return false;
        }
        *at += 6;
        *ret_code = (uint32_t)high;
        if (high < 0xD800 || high > 0xDFFF)
                return true;
        *ret_reason = "The JSON has half a surrogate pair";
        low = end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' ? hex4(*at + 2, end) : -1;
        if (high > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
                return false;
        *at += 6;
        *ret_code = 0x10000U + (((uint32_t)high & 0x3FF) << 10 | ((uint32_t)low & 0x3FF));
        return true;
}

/* From the opening quote to after the closing one; the hash (FNV-1a) of the characters it stands for. */
static bool scan_string(struct gate *g, uint64_t *ret_hash)
{
        uint64_t hash = 0xcbf29ce484222325ULL;

        g->at++;
        while (g->at < g->end && *g->at != '"') {
                const char *reason = NULL;
                uint32_t code;

                if ((unsigned char)*g->at < 0x20)
                        return refuse(g, "The JSON has a raw control character in a string");
                if (!next_char(&g->at, g->end, &code, &reason))
                        return refuse(g, reason);
                hash = (hash ^ code) * 0x100000001b3ULL;
        }
        if (g->at == g->end)
                return refuse(g, "The JSON ends inside a string");
        g->at++;
        *ret_hash = hash;
        return true;
}

static size_t scan_digits(struct gate *g)
{
        const char *start = g->at;

        while (g->at < g->end && *g->at >= '0' && *g->at <= '9')
                g->at++;
        return (size_t)(g->at - start);
}

/* RFC 8259 §6: [-] int [frac] [exp]; no leading zero, no bare point. */
static bool scan_number(struct gate *g)
{
        const char *start = g->at;
        size_t digits;

        g->at += *g->at == '-';
        start = g->at;
        digits = scan_digits(g);
        if (digits == 0 || (digits > 1 && *start == '0'))
                return refuse(g, "The JSON has a malformed number");
        if (g->at < g->end && *g->at == '.') {
                g->at++;
                if (scan_digits(g) == 0)
                        return refuse(g, "The JSON has a malformed number");
        }
        if (g->at < g->end && (*g->at == 'e' || *g->at == 'E')) {
                g->at++;
                if (g->at < g->end && (*g->at == '+' || *g->at == '-'))
                        g->at++;
                if (scan_digits(g) == 0)
                        return refuse(g, "The JSON has a malformed number");
        }
        return g->at - start <= NUMBER_BYTES_MAX || refuse(g, "The JSON has a number with too many digits");
}

static bool scan_word(struct gate *g, const char *word)
{
        size_t length = strlen(word);

        if ((size_t)(g->end - g->at) < length || memcmp(g->at, word, length) != 0)
                return refuse(g, "The JSON has a word that is no value");
        g->at += length;
        return true;
}

static bool same_key(const struct gate *g, const char *a, const char *b)
{
        const char *ignored;
        uint32_t code_a, code_b;

        while (*a != '"' && *b != '"') {
                if (!next_char(&a, g->end, &code_a, &ignored) || !next_char(&b, g->end, &code_b, &ignored))
                        return false;
                if (code_a != code_b)
                        return false;
        }
        return *a == *b;
}

/* Two values under one name: which one counts depends on who reads, so neither does. */
static bool remember_key(struct gate *g, const char *at, uint64_t hash)
{
        for (size_t i = g->key_count; i > 0 && g->keys[i - 1].depth == g->depth; i--) {
                if (g->keys[i - 1].hash == hash && same_key(g, g->keys[i - 1].at, at))
                        return refuse(g, "The JSON has the same key twice in one object");
        }
        if (g->key_count == g->key_capacity) {
                size_t capacity = g->key_capacity ? g->key_capacity * 2 : 32;
                struct gate_key *keys = realloc(g->keys, capacity * sizeof(*keys));

                if (!keys) {
                        g->err = ERR_NO_MEMORY;
                        return refuse(g, "Out of memory");
                }
                g->keys = keys;
                g->key_capacity = capacity;
        }
        g->keys[g->key_count++] = (struct gate_key){at, hash, g->depth};
        return true;
}

static bool scan_value(struct gate *g);

static bool scan_key(struct gate *g)
{
        const char *start;
        uint64_t hash;

        skip_space(g);
        if (g->at == g->end || *g->at != '"')
                return refuse(g, "The JSON has a member without a quoted key");
        start = g->at + 1;
        if (!count_token(g) || !scan_string(g, &hash) || !remember_key(g, start, hash))
                return false;
        skip_space(g);
        if (g->at == g->end || *g->at != ':')
                return refuse(g, "The JSON has a key without a colon");
        g->at++;
        return true;
}

/* An object or an array, after its opening byte. */
static bool scan_container(struct gate *g, char closer)
{
        if (++g->depth > LIMIT_JSON_DEPTH)
                return refuse(g, "The JSON is nested too deeply");
        g->at++;
        skip_space(g);
        if (g->at < g->end && *g->at == closer) {
                g->at++;
                g->depth--;
                return true;
        }
        while (true) {
                if ((closer == '}' && !scan_key(g)) || !scan_value(g))
                        return false;
                skip_space(g);
                if (g->at == g->end)
                        return refuse(g, "The JSON ends too early");
                if (*g->at == closer)
                        break;
                if (*g->at++ != ',')
                        return refuse(g, "The JSON lacks a comma or a closing bracket");
        }
        g->at++;
        while (g->key_count > 0 && g->keys[g->key_count - 1].depth == g->depth)
                g->key_count--;
        g->depth--;
        return true;
}

static bool scan_value(struct gate *g)
{
        uint64_t ignored;

        skip_space(g);
        if (g->at == g->end)
                return refuse(g, "The JSON ends too early");
        if (!count_token(g))
                return false;
        switch (*g->at) {
        case '{':
                return scan_container(g, '}');
        case '[':
                return scan_container(g, ']');
        case '"':
                return scan_string(g, &ignored);
        case 't':
                return scan_word(g, "true");
        case 'f':
                return scan_word(g, "false");
        case 'n':
                return scan_word(g, "null");
        default:
                if (*g->at != '-' && (*g->at < '0' || *g->at > '9'))
                        return refuse(g, "The JSON has something that is no value");
                return scan_number(g);
        }
}

enum err json_gate(const char *text, size_t length, const char **ret_reason)
{
        struct gate g = {.at = text, .end = text + length};

        if (length > LIMIT_JSON_BYTES) {
                g.err = ERR_TOO_LARGE;
                refuse(&g, "The JSON is too large");
        } else if (scan_value(&g)) {
                skip_space(&g);
                if (g.at != g.end)
                        refuse(&g, "The JSON goes on after its value");
        }
        free(g.keys);
        if (g.err && ret_reason)
                *ret_reason = g.reason;
        return g.err;
}

static const cJSON *node(const struct json *value)
{
        return (const cJSON *)value;
}

enum err json_parse(const char *text, size_t length, struct json **ret_root)
{
        enum err err = json_gate(text, length, NULL);
        cJSON *root;

        if (err)
                return err;
        root = cJSON_ParseWithLength(text, length);
        if (!root)
                return ERR_NO_MEMORY; /* the gate let it through: nothing else is left to go wrong */
        *ret_root = (struct json *)root;
        return ERR_OK;
}

void json_free(struct json *root)
{
        cJSON_Delete((cJSON *)root);
}

enum json_type json_type(const struct json *value)
{
        switch (node(value)->type & 0xFF) {
        case cJSON_False:
        case cJSON_True:
                return JSON_BOOL;
        case cJSON_Number:
                return JSON_NUMBER;
        case cJSON_String:
                return JSON_STRING;
        case cJSON_Array:
                return JSON_ARRAY;
        case cJSON_Object:
                return JSON_OBJECT;
        default:
                return JSON_NULL;
        }
}

bool json_is(const struct json *value, enum json_type type)
{
        return value && json_type(value) == type;
}

bool json_is_true(const struct json *value)
{
        return value && (node(value)->type & 0xFF) == cJSON_True;
}

const struct json *json_get(const struct json *object, const char *key)
{
        if (!json_is(object, JSON_OBJECT))
                return NULL;
        for (const cJSON *member = node(object)->child; member; member = member->next) {
                if (strcmp(member->string, key) == 0)
                        return (const struct json *)member;
        }
        return NULL;
}

size_t json_count(const struct json *array_or_object)
{
        size_t count = 0;

        for (const struct json *item = json_next(array_or_object, NULL); item; item = json_next(array_or_object, item))
                count++;
        return count;
}

const struct json *json_next(const struct json *container, const struct json *previous)
{
        if (previous)
                return (const struct json *)node(previous)->next;
        if (!json_is(container, JSON_ARRAY) && !json_is(container, JSON_OBJECT))
                return NULL;
        return (const struct json *)node(container)->child;
}

const char *json_key(const struct json *member)
{
        return node(member)->string;
}

const char *json_text(const struct json *value)
{
        return json_is(value, JSON_STRING) ? node(value)->valuestring : NULL;
}

const char *json_get_text(const struct json *object, const char *key)
{
        return json_text(json_get(object, key));
}

int64_t json_get_int(const struct json *object, const char *key, int64_t fallback)
{
        int64_t value;

        return json_to_int(json_get(object, key), &value) ? fallback : value;
}

bool json_get_bool(const struct json *object, const char *key, bool fallback)
{
        const struct json *value = json_get(object, key);

        return json_is(value, JSON_BOOL) ? json_is_true(value) : fallback;
}

static bool is_whole(double number)
{
        return isfinite(number) && fabs(number) <= WHOLE_MAX && trunc(number) == number;
}

enum err json_to_int(const struct json *value, int64_t *ret_value)
{
        if (!json_is(value, JSON_NUMBER) || !is_whole(node(value)->valuedouble))
                return ERR_INVALID;
        *ret_value = (int64_t)node(value)->valuedouble;
        return ERR_OK;
}

enum err json_to_texts(struct arena *arena, const struct json *array, const char *const **ret_texts, size_t *ret_count)
{
        const char **texts;
        size_t count = 0;

        if (!json_is(array, JSON_ARRAY))
                return ERR_INVALID;
        texts = ARENA_ARRAY(arena, const char *, json_count(array) + 1);
        for (const struct json *item = json_next(array, NULL); item; item = json_next(array, item)) {
                if (!json_is(item, JSON_STRING))
                        return ERR_INVALID;
                texts[count++] = arena_strdup(arena, json_text(item));
        }
        *ret_texts = texts;
        *ret_count = count;
        return ERR_OK;
}

/* Depth is bounded by the gate. */
static void print_value(struct json_write *w, const char *key, const struct json *value)
{
        enum json_type type = json_type(value);

        switch (type) {
        case JSON_NULL:
                json_null(w, key);
                return;
        case JSON_BOOL:
                json_bool(w, key, json_is_true(value));
                return;
        case JSON_NUMBER:
                if (is_whole(node(value)->valuedouble))
                        json_int(w, key, (int64_t)node(value)->valuedouble);
                else
                        json_double(w, key, node(value)->valuedouble);
                return;
        case JSON_STRING:
                json_string(w, key, json_text(value));
                return;
        case JSON_ARRAY:
                json_array(w, key);
                break;
        case JSON_OBJECT:
                json_object(w, key);
                break;
        }
        for (const struct json *item = json_next(value, NULL); item; item = json_next(value, item))
                print_value(w, type == JSON_OBJECT ? json_key(item) : NULL, item);
        json_end(w);
}

char *json_print_pretty(struct arena *arena, const struct json *value)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        w.pretty = true;
        print_value(&w, NULL, value);
        return arena_strndup(arena, buf_text(&out), out.length);
}
