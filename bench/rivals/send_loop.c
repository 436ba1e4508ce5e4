/* The floor: a loop of send() over all connections, one frame each, and nothing else.
 *
 * Usage: send_loop SIZE. Prints its port; accepts clients; each byte on standard input makes it send one
 * WebSocket text frame with a payload of SIZE bytes (126 to 65535) to every client. Ends with standard input.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 20000

int main(int argc, char **argv)
{
    static int clients[MOST];
    static char frame[65600];
    static const char head[] = "{\"t\":\"live\",\"event\":\"";
    int count = 0, on = 1;
    size_t size = argc > 1 ? (size_t)atoi(argv[1]) : 250;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    if (size < 126 || size > 65535)
        return 2;
    memset(frame, 'x', sizeof frame);
    frame[0] = (char)0x81;
    frame[1] = 126;
    frame[2] = (char)(size >> 8);
    frame[3] = (char)(size & 0xff);
    memcpy(frame + 4, head, sizeof head - 1);

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096) ||
        getsockname(listener, (struct sockaddr *)&address, &length))
        return 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    struct pollfd waiting[2] = {{.fd = 0, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    for (;;) {
        if (poll(waiting, 2, -1) < 0)
            return 1;
        if (waiting[1].revents & POLLIN && count < MOST) {
            int client = accept(listener, NULL, NULL);
            if (client >= 0) {
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                clients[count++] = client;
            }
        }
        if (waiting[0].revents) {
            char bytes[256];
            ssize_t got = read(0, bytes, sizeof bytes);
            if (got <= 0)
                return 0;
            while (got-- > 0)
                for (int i = 0; i < count; i++)
                    if (send(clients[i], frame, size + 4, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                        return 1; /* the clients drain, so this is no slow client but a fault of the bench */
        }
    }
}
