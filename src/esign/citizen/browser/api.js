// The verdict as data, for apps and other pages; published as /verdict.js (docs/spec/page.md §7).
import { fromBase64 } from "./bytes.js";
import { Files } from "./files.js";
import { judge } from "./verdict.js";

// `link` is what the symbol holds. `host` has the trust list; `roots` are those that the caller believes, with keys in
// base64; `at` is in seconds; `brought` are files by address in base64, for devices without a network.
export function verdict(link, { host, roots, at = Date.now() / 1000, brought = null }) {
  const known = roots.map((root) => ({ ...root, key: fromBase64(root.key) }));
  return judge(link, { at, files: new Files({ host, roots: known, brought }) });
}
