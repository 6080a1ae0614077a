#include "common/app/form.h"

#include <string.h>
#include <strings.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/base/utf8.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

static enum err decode(struct arena *arena, const char *text, size_t length, const char **ret_text)
{
        char *decoded;
        enum err err = str_url_decode(arena, text, length, true, &decoded);
        if (err)
                return err;
        if (!utf8_valid(decoded, strlen(decoded)))
                return ERR_BAD_REQUEST;
        *ret_text = decoded;
        return ERR_OK;
}

static enum err parse_pair(struct arena *arena, const char *text, size_t length, struct form_field *ret_field)
{
        const char *equals = memchr(text, '=', length);
        size_t name_length = equals ? (size_t)(equals - text) : length;
        size_t value_length = equals ? length - name_length - 1 : 0;
        struct form_field field;
        enum err err = decode(arena, text, name_length, &field.name);
        if (err)
                return err;
        err = decode(arena, equals ? equals + 1 : "", value_length, &field.value);
        if (err)
                return err;
        *ret_field = field;
        return ERR_OK;
}

static size_t count_pairs(const char *text, size_t length)
{
        size_t count = 1;
        for (size_t i = 0; i < length; i++)
                count += text[i] == '&';
        return count;
}

enum err form_parse(struct arena *arena, const char *text, size_t length, struct form *ret_form)
{
        size_t max = count_pairs(text, length);
        if (max > LIMIT_FORM_FIELDS)
                return ERR_TOO_LARGE;
        struct form form = {ARENA_ARRAY(arena, struct form_field, max), 0};
        const char *end = text + length;
        for (const char *at = text; at < end;) {
                const char *stop = memchr(at, '&', (size_t)(end - at));
                size_t size = (size_t)((stop ? stop : end) - at);
                if (size > 0) { /* "a=1&&b=2" has two fields */
                        enum err err = parse_pair(arena, at, size, &form.fields[form.count]);
                        if (err)
                                return err;
                        form.count++;
                }
                at += size + 1;
        }
        *ret_form = form;
        return ERR_OK;
}

static bool says_form(const char *content_type)
{
        size_t length = strlen(FORM_TYPE);
        return content_type != NULL && strncasecmp(content_type, FORM_TYPE, length) == 0 &&
               (content_type[length] == '\0' || strchr("; \t", content_type[length]) != NULL);
}

enum err form_read(struct exchange *x, struct form *ret_form)
{
        if (!says_form(http_request_header(x->request, "Content-Type")))
                return ERR_MEDIA_TYPE;
        return form_parse(x->arena, x->request->body, x->request->body_length, ret_form);
}

const char *form_get(const struct form *form, const char *name)
{
        for (size_t i = 0; i < form->count; i++)
                if (strcmp(form->fields[i].name, name) == 0)
                        return form->fields[i].value;
        return NULL;
}

size_t form_count(const struct form *form, const char *name)
{
        size_t count = 0;
        for (size_t i = 0; i < form->count; i++)
                count += strcmp(form->fields[i].name, name) == 0;
        return count;
}
