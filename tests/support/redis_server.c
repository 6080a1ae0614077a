#include "tests/support/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000

static int free_port(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 0;

        if (fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0 &&
            getsockname(fd, (struct sockaddr *)&address, &length) == 0)
                port = ntohs(address.sin_port);
        if (fd >= 0)
                close(fd);
        return port;
}

static void become_redis(int port, int log_fd, const char *password)
{
        char number[12];

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when the test crashes */
        snprintf(number, sizeof(number), "%d", port);
        dup2(log_fd, STDOUT_FILENO);
        dup2(log_fd, STDERR_FILENO);
        execlp("redis-server", "redis-server", "--port", number, "--bind", "127.0.0.1", "--save", "", "--appendonly",
               "no", "--daemonize", "no", "--dir", "/tmp", "--requirepass", password ? password : "", (char *)NULL);
        _exit(127);
}

/* Its own log says when. */
static bool wait_until_ready(int log_fd)
{
        char log[16384];
        size_t length = 0;
        struct pollfd watched = {.fd = log_fd, .events = POLLIN};

        while (length < sizeof(log) - 1 && poll(&watched, 1, START_MS) == 1) {
                ssize_t got = read(log_fd, log + length, sizeof(log) - 1 - length);

                if (got <= 0)
                        break;
                length += (size_t)got;
                log[length] = '\0';
                if (strstr(log, "Ready to accept connections"))
                        return true;
        }
        return false;
}

static bool start_once(struct redis_server *server, const char *password)
{
        int pipe_fds[2];

        if (pipe2(pipe_fds, O_CLOEXEC))
                return false;
        server->log_fd = pipe_fds[0];
        server->pid = fork();
        if (server->pid == 0)
                become_redis(server->port, pipe_fds[1], password);
        close(pipe_fds[1]);
        if (server->pid < 0)
                server->pid = 0;
        if (server->pid > 0 && wait_until_ready(server->log_fd))
                return true;
        redis_server_stop(server);
        return false;
}

bool redis_server_start(struct redis_server *server, const char *password)
{
        bool chosen = server->port > 0;

        /* between our look and its bind another process may take the port */
        for (int tries = 0; tries < 5; tries++) {
                if (!chosen)
                        server->port = free_port();
                snprintf(server->url, sizeof(server->url), "redis://127.0.0.1:%d", server->port);
                if (start_once(server, password))
                        return true;
        }
        return false;
}

void redis_server_stop(struct redis_server *server)
{
        if (server->pid > 0) {
                kill(server->pid, SIGCONT);
                kill(server->pid, SIGKILL);
                waitpid(server->pid, NULL, 0);
                close(server->log_fd);
        }
        server->pid = 0;
}
