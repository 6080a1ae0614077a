/* Identifiers and randomness, from the kernel's CSPRNG (getrandom). Any thread. */
#ifndef VR_BASE_ID_H
#define VR_BASE_ID_H

#include <stddef.h>
#include <stdint.h>

/* Fills `bytes`; the process ends if the kernel can't: there is no safe way on. */
void id_random(void *bytes, size_t length);

/* Uniform in [0, bound), bound > 0. */
uint32_t id_random_below(uint32_t bound);

#define ID_UUID_MAX 37
/* RFC 9562 UUID version 7: sorts by time of making, also within one millisecond in one process. Returns `text`. */
char *id_uuid7(char text[ID_UUID_MAX]);

#define ID_MARKET_MAX 21
/* "VR-2024-A1B2C3D4E5F6": the year, and 12 of [A-Z0-9] (62 bits): who knows it can open the buyer's pages. */
char *id_market(int year, char text[ID_MARKET_MAX]);

#define ID_TRACEPARENT_MAX 56
/* W3C Trace Context, version 00: a new trace, or the next span of `parent` when that is a valid one. */
char *id_traceparent(const char *parent, char text[ID_TRACEPARENT_MAX]);

#endif
