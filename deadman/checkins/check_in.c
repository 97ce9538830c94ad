/* A bot's check-in, to be called by the loop that trades. A failure is ignored: deadman may be restarting. */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/un.h>

int main(void) {
    int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_un quoter = {.sun_family = AF_UNIX, .sun_path = "/run/deadman/watch/quoter.sock"};
    sendto(out, "WATCHDOG=1", 10, 0, (struct sockaddr *)&quoter, sizeof quoter);
    return 0;
}
