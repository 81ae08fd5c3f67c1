// Open meshes (GLB, OBJ, PLY, VRM) with three.js in a headless Chromium.
//
//     npm install --prefix tools
//     node tools/viewers/three.mjs look OUT FILE ...     pictures to look at: OUT/FILE.three.png
//     node tools/viewers/three.mjs read OUT FILE ...     what the loader made of each: OUT/FILE.read
//
// The .read files are for tests/importers: their length-prefixed JSON header says which arrays follow it.
// Of a VRM, read writes FILE.json: its bones, and what each of its expressions moves.
// With SHOT=FILE.json in the environment, read also takes a picture of each GLB with the camera in that file.
// The browser is CHROME, or the first of CHROMES on the PATH; it needs no GPU.
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const CHROMES = ["chromium", "google-chrome", "chromium-browser", "chrome"];
const PATIENCE = 600_000; // milliseconds for all files
const KINDS = { ".js": "text/javascript", ".html": "text/html", ".json": "application/json" };
const PAGE = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script type="importmap">
  { "imports": {
    "three": "/three/build/three.module.js",
    "three/addons/": "/three/examples/jsm/",
    "@pixiv/three-vrm": "/vrm/lib/three-vrm.module.js"
  } }
</script>
<script type="module" src="/page.js"></script>`;

const here = dirname(fileURLToPath(import.meta.url));
const modules = { three: resolve(here, "../node_modules/three"), vrm: resolve(here, "../node_modules/@pixiv/three-vrm") };
const [mode, out, ...files] = process.argv.slice(2);
if (!["look", "read"].includes(mode) || files.length === 0) {
  console.error("usage: node tools/viewers/three.mjs look|read OUT FILE ...");
  process.exit(2);
}
const chrome = process.env.CHROME ?? CHROMES.find((name) => spawnSync(name, ["--version"]).status === 0);
if (!chrome) {
  console.error(`no browser found: install one of ${CHROMES.join(", ")}, or set CHROME to its path`);
  process.exit(2);
}
const shot = process.env.SHOT ? JSON.parse(await readFile(process.env.SHOT)) : null;
let failed = false;
let finished = false;

async function answer(request, body) {
  const [, kind, number, name] = decodeURIComponent(request.url).split("/");
  const file = files[Number(number)];
  switch (kind) {
    case "":
      return [".html", PAGE];
    case "page.js":
      return [".js", await readFile(join(here, "page.js"))];
    case "three":
    case "vrm":
      return [".js", await readFile(join(modules[kind], decodeURIComponent(request.url).slice(kind.length + 2)))];
    case "job":
      return [".json", JSON.stringify({ mode, shot, names: files.map((path) => basename(path)) })];
    case "file": // one of the files, or what lies beside it, as an OBJ's material
      return ["", await readFile(join(dirname(file), basename(name)))];
    case "result":
      await writeFile(join(out, basename(file) + name), body);
      return ["", ""];
    case "error":
      failed = true;
      console.error(`${file}: ${body}`);
      return ["", ""];
    case "done":
      finished = true;
      setTimeout(() => browser.kill(), 0);
      return ["", ""];
    default:
      throw new Error(`no page ${request.url}`);
  }
}

const server = createServer(async (request, response) => {
  try {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const [kind, content] = await answer(request, Buffer.concat(chunks));
    response.writeHead(200, { "content-type": KINDS[kind || extname(request.url)] ?? "application/octet-stream" });
    response.end(content);
  } catch (error) {
    failed = true;
    console.error(String(error));
    response.writeHead(404).end();
  }
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const profile = await mkdtemp(join(tmpdir(), "viewer-"));
const flags = [
  "--headless=new", "--no-sandbox", "--no-first-run", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
  `--user-data-dir=${profile}`, `http://127.0.0.1:${server.address().port}/`,
];
const browser = spawn(chrome, flags, { stdio: "ignore", timeout: PATIENCE });
browser.on("error", (error) => console.error(String(error)));
await new Promise((ended) => browser.on("close", ended));
server.closeAllConnections();
server.close();
await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
if (!finished) console.error("the browser ended before the page had opened all files");
process.exitCode = failed || !finished ? 1 : 0;
