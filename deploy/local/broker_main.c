/*
 * vr-broker: the Kafka of a local stack, one small process around the embedded broker (io/bus.h). It speaks the real
 * protocol and forgets everything when it ends: for trying and testing, never for keeping.
 */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/app/event.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/io/bus.h"
#include "version.h"

struct broker_settings {
        int64_t port;
};

static const struct setting table[] = {
        {"VR_BROKER_PORT", SETTING_INT, offsetof(struct broker_settings, port), "9092", "", false, 1, 65535, NULL,
         "Port the broker listens on, at 127.0.0.1."},
        {0},
};

static const struct settings_spec spec = {
        .program = "vr-broker",
        .summary = "A Kafka-protocol broker for local runs, with the topics of Voie Rapide; it keeps nothing.",
        .table = table,
};

/* Blocked before any thread starts, so that the wait below is the only taker. */
static void block_signals(sigset_t *ret_signals)
{
        sigemptyset(ret_signals);
        sigaddset(ret_signals, SIGTERM);
        sigaddset(ret_signals, SIGINT);
        pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
        sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

int main(int argc, char **argv)
{
        struct broker_settings settings = {0};
        struct bus_embedded *broker = NULL;
        sigset_t signals;
        int rest, taken;

        if (settings_load(&spec, &settings, argc, argv, &rest))
                return EXIT_FAILURE;
        log_init("vr-broker", VR_VERSION, LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        block_signals(&signals);
        if (bus_embedded_start((int)settings.port, event_topics, event_topic_count, &broker)) {
                log_error(NULL, "broker.start", "the broker did not start", LOG_INT("port", settings.port));
                return EXIT_FAILURE;
        }
        log_info(NULL, "broker.ready", "the broker is ready", LOG_STR("address", bus_embedded_address(broker)));
        sigwait(&signals, &taken);
        log_info(NULL, "broker.stop", "the broker stops", LOG_INT("signal", taken));
        bus_embedded_stop(broker);
        return EXIT_SUCCESS;
}
