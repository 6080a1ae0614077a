/* What the files of the bus share; nobody else includes it, for it brings librdkafka's header. */
#ifndef VR_IO_BUS_INTERNAL_H
#define VR_IO_BUS_INTERNAL_H

#include <librdkafka/rdkafka.h>

#include "common/io/bus.h"

struct bus_property {
        const char *name;
        const char *value;
};

/*
 * In order, later ones win: our defaults, VR_KAFKA_… of the environment, `fixed` (what our promises rest on).
 * Both lists end with a NULL name. ERR_INVALID, said on stderr: a property librdkafka does not know or take.
 */
MUST_CHECK enum err bus_conf(const struct bus_config *config, const struct bus_property *defaults,
                             const struct bus_property *fixed, rd_kafka_conf_t **ret_conf);
/* Takes `*conf`, and sets it to NULL. */
MUST_CHECK enum err bus_client(rd_kafka_type_t type, rd_kafka_conf_t **conf, rd_kafka_t **ret_client);
/* Is a broker answering? */
MUST_CHECK enum err bus_ask(rd_kafka_t *client, int timeout_ms);
enum err bus_err(rd_kafka_resp_err_t code);

/* vr_kafka_messages_total; NULL without metrics */
struct metric *bus_messages_metric(const struct bus_config *config);

#endif
