#ifndef VR_MARKET_CONSUMER_H
#define VR_MARKET_CONSUMER_H

#include "common/app/subscriber.h"

extern const struct subscription market_subscriptions[]; /* market_consumer.c */

#endif
