/* Files built into the binary (templates, translations, migrations, contracts): common/embed.py makes the tables. */
#ifndef VR_BASE_FILE_H
#define VR_BASE_FILE_H

#include <stddef.h>

struct file {
        const char *name; /* path below the embedded folder: "pages/setup.mustache"; NULL ends a table */
        const char *data; /* a NUL follows, not counted in `size` */
        size_t size;
};

/* NULL when there is none of that name. */
const struct file *file_find(const struct file *table, const char *name);

#endif
