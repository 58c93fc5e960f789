import http from "node:http";

// startRecorder puts a transparent hop in front of a port and remembers each request at its arrival. The Host header
// passes unchanged, so what stands behind sees what the client meant.
export async function startRecorder(targetPort) {
  const seen = [];
  const server = http.createServer((request, response) => {
    seen.push({ method: request.method, url: request.url, headers: request.headers });
    const forward = http.request(
      {
        host: "127.0.0.1",
        port: targetPort,
        method: request.method,
        path: request.url,
        headers: request.headers,
        agent: false,
      },
      (answer) => {
        response.writeHead(answer.statusCode, answer.rawHeaders);
        answer.pipe(response);
        answer.once("error", () => response.destroy());
      },
    );
    forward.once("error", () => response.destroy());
    response.once("close", () => forward.destroy());
    request.pipe(forward);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    seen,
    // oauth lists what belongs to an OAuth detour.
    oauth: () =>
      seen
        .filter(({ url }) => /\/\.well-known\/|\/register\b|\/authorize\b|\/token\b/.test(url))
        .map(({ method, url }) => `${method} ${url}`),
    clear: () => seen.splice(0),
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
