/* A market as its editor reads it: one flat object, alone or in a list. */
#ifndef VR_MARKET_MARKET_JSON_H
#define VR_MARKET_MARKET_JSON_H

#include "common/base/json_write.h"
#include "services/market/app.h"
#include "services/market/market.h"

/* Where the buyer goes on: from the configured public URL, never from a request's Host. */
const char *market_configuration_url(const struct market_app *app, struct arena *arena, const char *identifier);

void market_json_write(struct json_write *w, const struct market_app *app, struct arena *arena,
                       const struct market *market);

#endif
