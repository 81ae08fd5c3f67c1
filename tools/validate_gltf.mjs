// Check GLB files with the Khronos glTF validator; any error or warning fails.
//
//     npm install --prefix tools && node tools/validate_gltf.mjs FILE.glb ...
import { readFile } from "node:fs/promises";
import validator from "gltf-validator";

const NAMES = ["error", "warning", "information", "hint"];
const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node tools/validate_gltf.mjs FILE.glb ...");
  process.exit(2);
}
let failed = false;
for (const file of files) {
  const report = await validator.validateBytes(new Uint8Array(await readFile(file)), { uri: file, maxIssues: 20 });
  const { numErrors, numWarnings, numInfos, numHints, messages } = report.issues;
  console.log(`${file}: ${numErrors} errors, ${numWarnings} warnings, ${numInfos} infos, ${numHints} hints`);
  for (const message of messages) {
    console.log(`  ${NAMES[message.severity]} ${message.code} at ${message.pointer ?? ""}: ${message.message}`);
  }
  failed ||= numErrors > 0 || numWarnings > 0;
}
process.exit(failed ? 1 : 0);
