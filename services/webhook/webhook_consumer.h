/* The group vr-webhook: what market and auth have to say. */
#ifndef VR_WEBHOOK_CONSUMER_H
#define VR_WEBHOOK_CONSUMER_H

#include "common/app/subscriber.h"

/* Its `app` is a struct webhook_app, of which it uses the clock and the sender. */
extern const struct subscription webhook_subscriptions[];

#endif
