import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const suite = fileURLToPath(new URL("..", import.meta.url));
export const repository = path.resolve(suite, "../..");
export const built = path.join(suite, ".build");

export const here = (...parts) => path.join(suite, ...parts);
export const installed = (...parts) => path.join(suite, "node_modules", ...parts);

// python is the interpreter of one of the two environments that `run` makes: the Python SDK is one package in two majors.
export const python = (major) => path.join(built, `python-mcp-v${major}`, "bin", "python");

// folder makes a directory that goes when the test process ends.
export function folder() {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "mcp-clients-"));
  process.once("exit", () => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}
