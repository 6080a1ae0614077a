/* Compiler attributes and the one cleanup idiom of the tree. */
#ifndef VR_BASE_ATTR_H
#define VR_BASE_ATTR_H

#include <stddef.h>

/* A result that must be looked at: every function that can fail carries it. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define PRINTF_LIKE(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))

/*
 * Run `fn(&variable)` when the variable leaves its scope, in reverse order of declaration.
 * Always initialise at declaration:
 *
 *         AUTO(arena_freep) struct arena *arena = NULL;
 *         AUTO(buf_done)    struct buf text = {0};
 */
#define AUTO(fn) __attribute__((cleanup(fn)))

/* Declared beside each `_free`: the form of it that AUTO wants. */
#define DEFINE_FREEP(type, name)                        \
        static inline void name##_freep(type **pointer) \
        {                                               \
                name##_free(*pointer);                  \
        }

/* Ownership leaves a variable: its value, and the variable is NULL from now on. */
#define TAKE(pointer)                                   \
        ({                                              \
                __typeof__(pointer) taken_ = (pointer); \
                (pointer) = NULL;                       \
                taken_;                                 \
        })

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
