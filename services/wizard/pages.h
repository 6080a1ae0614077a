/* What the pages are made of, built into the binary: templates/, locales/ and assets/ (see templates/README.md). */
#ifndef VR_WIZARD_PAGES_H
#define VR_WIZARD_PAGES_H

#include "common/base/file.h"

extern const struct file wizard_templates[]; /* "pages/setup.mustache" */
extern const struct file wizard_locales[];   /* "fr.json", "en.json" */
extern const struct file wizard_assets[]; /* "voie-rapide-1f0c….css", and the same with ".gz" where that is smaller */

/* Which file of wizard_assets a template means by {{assets.<name>}}. Ended by a NULL name. */
struct wizard_asset {
        const char *name, *file, *type;
};
extern const struct wizard_asset wizard_asset_names[];

#endif
