import fs from "node:fs";
import path from "node:path";
import { repository } from "./places.mjs";

const file = path.join(repository, "mcp/hazards/hazards.json");

// corpus holds requests by which a caller who may call `ok` tries to reach `secret`, and harmless calls of `ok`. The format
// is described beside the file, in hazards.go; `bytes` is the body.
export const corpus = JSON.parse(fs.readFileSync(file, "utf8")).map((hazard) => ({
  ...hazard,
  bytes: Buffer.from(hazard.body ?? hazard.body_base64, hazard.body === undefined ? "base64" : "utf8"),
}));
