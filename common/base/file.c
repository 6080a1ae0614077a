#include "common/base/file.h"

#include <string.h>

const struct file *file_find(const struct file *table, const char *name)
{
        for (const struct file *file = table; file->name; file++)
                if (strcmp(file->name, name) == 0)
                        return file;
        return NULL;
}
