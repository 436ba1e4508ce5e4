/* The same bytes to many sockets: what a broadcast costs beyond the kernel's own work is the loop around it.
 *
 * Built next to this file when the package is installed and a C compiler is there (hatch_build.py); send_to_all.py
 * says what it does, and does the same without it.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* For each socket that did not take all, its place goes to `places` and the bytes that it took to `taken`, which have
 * room for `count` each. Returns how many these are. */
int parley_send_to_all(const int *descriptors, int count, const char *data, size_t size, int *places, int *taken)
{
    int incomplete = 0;

    for (int place = 0; place < count; place++) {
        ssize_t sent;
        do
            sent = send(descriptors[place], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        if (sent != (ssize_t)size) {
            places[incomplete] = place;
            taken[incomplete] = sent < 0 ? 0 : (int)sent;
            incomplete++;
        }
    }
    return incomplete;
}
