/*
 * What the law asks of whoever runs the service, in his own words: HTML fragments for the footer's pages, read once at the
 * start. They are trusted and go into the pages as they are; scripts and styles within them are the CSP's to drop.
 */
#ifndef VR_WIZARD_DEPLOYER_PAGES_H
#define VR_WIZARD_DEPLOYER_PAGES_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum deployer_page {
        DEPLOYER_ACCESSIBILITY, /* accessibilite.html */
        DEPLOYER_LEGAL_NOTICE,  /* mentions-legales.html */
        DEPLOYER_PRIVACY,       /* donnees-personnelles.html */
        DEPLOYER_COOKIES,       /* cookies.html */
        DEPLOYER_PAGE_COUNT,
};

struct deployer_pages {
        const char *html[DEPLOYER_PAGE_COUNT]; /* in the arena; NULL: ours serves */
};

/*
 * `folder` "" for none. A file that is not there is left to us; ERR_INVALID for one that can't be read, is longer than
 * LIMIT_DEPLOYER_PAGE_BYTES or is no UTF-8 text, and for a folder that is not there: `ret_detail` says which and why.
 */
MUST_CHECK enum err deployer_pages_load(struct arena *arena, const char *folder, struct deployer_pages *ret_pages,
                                        const char **ret_detail);

#endif
