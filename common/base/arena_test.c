#include "common/base/arena.h"

#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "tests/support/unit.h"

static void memory_is_zeroed_and_aligned(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        for (size_t size = 0; size < 300; size++) {
                unsigned char *bytes = arena_alloc(arena, size);

                CHECK_INT((uintptr_t)bytes % alignof(max_align_t), 0);
                for (size_t i = 0; i < size; i++)
                        CHECK_INT(bytes[i], 0);
                memset(bytes, 0xFF, size);
        }
}

static void allocations_do_not_overlap(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        unsigned char *blocks[500];

        for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
                blocks[i] = arena_alloc(arena, i * 7);
                memset(blocks[i], (int)i, i * 7);
        }
        for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
                for (size_t j = 0; j < i * 7; j++)
                        CHECK_INT(blocks[i][j], (unsigned char)i);
}

static void a_reset_forgets_and_zeroes_again(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        char *first = arena_alloc(arena, 100), *again;

        memset(first, 'x', 100);
        arena_alloc(arena, 100000);
        arena_reset(arena);
        again = arena_alloc(arena, 100);
        CHECK(again == first);
        CHECK_INT(again[0] + again[99], 0);
}

/* Each round takes nearly the maximum: without giving back, the second would end the process. */
static void a_reset_gives_the_room_back(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        for (int i = 0; i < 5; i++) {
                CHECK(arena_alloc(arena, LIMIT_ARENA_BYTES - 65536) != NULL);
                arena_reset(arena);
        }
}

static void texts_are_copied(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        char text[] = "élan";
        char *copy = arena_strdup(arena, text), *part = arena_strndup(arena, text, 2);
        const char *bytes = arena_memdup(arena, "a\0b", 3);

        text[0] = 'X';
        CHECK_TEXT(copy, "élan");
        CHECK_TEXT(part, "é");
        CHECK(memcmp(bytes, "a\0b", 3) == 0);
        CHECK(arena_strdup(arena, NULL) == NULL);
        CHECK_TEXT(arena_strndup(arena, "", 0), "");
}

static void printf_makes_room(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *text = arena_printf(arena, "%s-%020000d", "a", 7);

        CHECK_INT(strlen(text), 20002);
        CHECK_TEXT(text + 20000, "07");
}

static void free_accepts_null(void)
{
        arena_free(NULL);
}

/* How a child that allocates so ends: the number of its signal, 0 when it lives. */
static int signal_of_child(size_t size, int times)
{
        struct rlimit none = {0, 0};
        int status = 0;
        pid_t child;

        fflush(stdout);
        child = fork();
        if (child == 0) {
                struct arena *arena = arena_new();

                setrlimit(RLIMIT_CORE, &none);
                dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
                while (times-- > 0)
                        arena_alloc(arena, size);
                _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void past_the_maximum_the_process_ends(void)
{
        CHECK_INT(signal_of_child(LIMIT_ARENA_BYTES / 2 - 65536, 2), 0);
        CHECK_INT(signal_of_child(LIMIT_ARENA_BYTES / 2, 3), SIGABRT);
        CHECK_INT(signal_of_child(1000, LIMIT_ARENA_BYTES / 1000 + 1), SIGABRT);
        CHECK_INT(signal_of_child(SIZE_MAX, 1), SIGABRT);
        CHECK_INT(signal_of_child(SIZE_MAX - 8, 1), SIGABRT);
}

UNIT_TESTS(UNIT(memory_is_zeroed_and_aligned), UNIT(allocations_do_not_overlap), UNIT(a_reset_forgets_and_zeroes_again),
           UNIT(a_reset_gives_the_room_back), UNIT(texts_are_copied), UNIT(printf_makes_room), UNIT(free_accepts_null),
           UNIT(past_the_maximum_the_process_ends))
