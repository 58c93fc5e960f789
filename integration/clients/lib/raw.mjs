import net from "node:net";

// post sends a POST with exactly these header lines and body bytes, adding only Host, Connection and Content-Length, and
// gives {status, type, body}. A stream that stays open is left after a second of silence.
export function post(port, path, headers, body) {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Connection: close",
    `Content-Length: ${body.length}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.write(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]));
    });
    const done = () => (socket.destroy(), resolve(answer(received.toString())));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      // Not every server closes at once, whatever Connection says.
      if (complete(received.toString("latin1"))) done();
      else socket.setTimeout(1_000);
    });
    // A server may close on a body that it does not want to read: what it said before counts.
    const end = (error) => (received.length > 0 ? done() : (socket.destroy(), reject(error)));
    socket.setTimeout(10_000, () => end(new Error("no answer in 10 s")));
    socket.once("end", done);
    socket.once("error", end);
  });
}

function split(text) {
  const end = text.indexOf("\r\n\r\n");
  return end < 0 ? [] : [text.slice(0, end), text.slice(end + 4)];
}

function complete(text) {
  const [head, body] = split(text);
  if (head === undefined) return false;
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  return length === undefined ? body.endsWith("0\r\n\r\n") : body.length >= Number(length);
}

function answer(text) {
  const [head = "", body = ""] = split(text);
  return { status: Number(head.split(" ")[1]), type: /^content-type: *(.*)$/im.exec(head)?.[1] ?? "", body };
}
