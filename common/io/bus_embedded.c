/*
 * librdkafka's mock cluster listens on a port the kernel chooses. Ours shall be known beforehand, and the same after a
 * restart: the executable's own bind() gets called instead of the library's, and puts the port in while the cluster
 * is being made.
 */
#include "common/io/bus_internal.h"

#include <arpa/inet.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local int wanted_port;

struct bus_embedded {
        rd_kafka_t *client;
        rd_kafka_mock_cluster_t *cluster;
};

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
        struct sockaddr_in own;
        const int on = 1;

        if (wanted_port == 0 || length < sizeof(own) || address.__sockaddr__->sa_family != AF_INET)
                return (int)syscall(SYS_bind, fd, address.__sockaddr__, length);
        memcpy(&own, address.__sockaddr__, sizeof(own));
        if (own.sin_port == 0 && own.sin_addr.s_addr == htonl(INADDR_LOOPBACK)) {
                own.sin_port = htons((uint16_t)wanted_port);
                (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        }
        return (int)syscall(SYS_bind, fd, &own, sizeof(own));
}

/* Asked first, for librdkafka ends the process when its cluster can't listen. */
static bool port_is_free(int port)
{
        const struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        const int on = 1;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool is_free;

        if (fd < 0)
                return false;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        is_free = syscall(SYS_bind, fd, &address, sizeof(address)) == 0 && listen(fd, 1) == 0;
        close(fd);
        return is_free;
}

static enum err open_client(rd_kafka_t **ret_client)
{
        static const struct bus_property none[] = {{0}};
        rd_kafka_conf_t *conf = NULL;
        enum err err = bus_conf(&(struct bus_config){.brokers = "", .client_id = "vr-broker"}, none, none, &conf);

        return err ? err : bus_client(RD_KAFKA_PRODUCER, &conf, ret_client);
}

enum err bus_embedded_start(int port, const struct bus_topic *topics, size_t count, struct bus_embedded **ret_broker)
{
        struct bus_embedded *broker;
        enum err err;

        if (port < 0 || port > 65535)
                return ERR_INVALID;
        if (port > 0 && !port_is_free(port))
                return ERR_UNAVAILABLE;
        broker = calloc(1, sizeof(*broker));
        if (!broker)
                return ERR_NO_MEMORY;
        err = open_client(&broker->client);
        if (!err) {
                wanted_port = port;
                broker->cluster = rd_kafka_mock_cluster_new(broker->client, 1);
                wanted_port = 0;
                err = broker->cluster ? ERR_OK : ERR_UNAVAILABLE;
        }
        for (size_t i = 0; !err && i < count; i++)
                if (rd_kafka_mock_topic_create(broker->cluster, topics[i].name, topics[i].partitions, 1))
                        err = ERR_INVALID;
        if (err) {
                bus_embedded_stop(broker);
                return err;
        }
        *ret_broker = broker;
        return ERR_OK;
}

const char *bus_embedded_address(const struct bus_embedded *broker)
{
        return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}

void bus_embedded_stop(struct bus_embedded *broker)
{
        if (!broker)
                return;
        if (broker->cluster)
                rd_kafka_mock_cluster_destroy(broker->cluster);
        if (broker->client)
                rd_kafka_destroy(broker->client);
        free(broker);
}
