import { startGateway } from "./gateway.mjs";
import { startRecorder } from "./recorder.mjs";
import { upstreams } from "./upstreams.mjs";

// setStage starts client → front → gateway → back → upstream, where front and back remember what passes them.
// `guard` is the Caddyfile of the gateway's one site.
export async function setStage(upstreamName, guard) {
  const upstream = await upstreams[upstreamName]();
  const back = await startRecorder(upstream.port);
  const gateway = await startGateway({ site: { upstream: back.port, guard } });
  const front = await startRecorder(gateway.ports.site);
  return {
    upstream,
    back,
    gateway,
    front,
    url: `http://127.0.0.1:${front.port}/mcp`,
    clear: () => (front.clear(), back.clear()),
    stop: async () => {
      await front.stop();
      await gateway.stop();
      await back.stop();
      await upstream.stop();
    },
  };
}

// badSecrets is every way in which a credential can be wrong, as [description, secret]; the tokens are made for the purpose.
export async function badSecrets(gateway) {
  const unknown = `mcp_${"A".repeat(16)}.${"B".repeat(43)}`;
  const disabled = await gateway.newToken(["suite.use"]);
  await gateway.ask("POST", `/tokens/${disabled.token.id}/disable`, { reason: "suite" });
  const good = await gateway.newToken(["suite.use"]);
  const [key] = good.secret.split(".");
  return [
    ["an unknown token", unknown],
    ["a disabled token", disabled.secret],
    ["the key of one with the secret of another", `${key}.${disabled.secret.split(".")[1]}`],
  ];
}
