/* Bytes to a loopback port and back, for tests of what a well-behaved client would never send. */
#ifndef VR_TESTS_RAW_HTTP_H
#define VR_TESTS_RAW_HTTP_H

#include <stddef.h>
#include <stdint.h>

#define RAW_HTTP_MAX 65536

/* A connection; -1 with a failed test. Close it with close(). */
int raw_connect(int port);
/* Everything, or as much as the peer takes. */
void raw_send(int fd, const char *text);
void raw_send_n(int fd, const void *bytes, size_t length);
/* Until the peer closes or `timeout_ms` has passed; NUL-terminated. How long that took, in ms; -1 on a reset. */
int64_t raw_read_all(int fd, int timeout_ms, char answer[RAW_HTTP_MAX]);
/* One whole answer with a Content-Length: the connection goes on. */
void raw_read_one(int fd, char answer[RAW_HTTP_MAX]);

/* All of it on a connection of its own: send, read until the peer closes (at most 5 s). Returns the status, 0 for none. */
int raw_http(int port, const char *request, char answer[RAW_HTTP_MAX]);
int raw_status(const char *answer);

#endif
