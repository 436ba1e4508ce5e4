/** An HTTP proxy on the loopback interface whose cable can be pulled. */
import { createServer, request } from "node:http";
import { connect } from "node:net";

/**
 * `{ address, cut(), mend(), close() }`. While cut, open connections die and new ones are refused.
 * `headers` are added to every plain HTTP answer.
 */
export async function cuttableProxy(headers = {}) {
  const sockets = new Set();
  let whole = true;
  const keep = (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((incoming, outgoing) => {
    const onward = request(incoming.url, { method: incoming.method, headers: incoming.headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode, { ...answer.headers, ...headers });
      answer.pipe(outgoing);
    });
    onward.on("socket", keep);
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  server.on("connection", (socket) => (whole ? keep(socket) : socket.destroy()));
  server.on("connect", (incoming, socket, head) => {
    const { hostname, port } = new URL(`http://${incoming.url}`);
    const onward = keep(connect(Number(port || 80), hostname, () => {
      socket.write("HTTP/1.1 200 Connected\r\n\r\n");
      onward.write(head);
      onward.pipe(socket);
      socket.pipe(onward);
    }));
    onward.on("close", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    cut() {
      whole = false;
      drop();
    },
    mend() {
      whole = true;
    },
    close() {
      drop();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
