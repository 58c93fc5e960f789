import net from "node:net";

// freePort asks the kernel for a port of 127.0.0.1 that nobody listens on.
export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// untilListening resolves as soon as something accepts connections on the port.
export async function untilListening(port, stillRunning, milliseconds = 20_000) {
  const deadline = Date.now() + milliseconds;
  while (!(await accepts(port))) {
    if (!stillRunning()) throw new Error(`the process for port ${port} ended before it listened`);
    if (Date.now() > deadline) throw new Error(`nothing listens on port ${port} after ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
