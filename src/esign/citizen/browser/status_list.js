// What became of results since: shards, and the details of those that were corrected or replaced (docs/spec/status.md).
import { equal, isBytes, toHex } from "./bytes.js";
import { isSignedBy } from "./cose.js";
import { isTime, openFile } from "./envelope.js";
import { need } from "./refusal.js";
import { showId, spellNumber } from "./seal.js";

const BAD_SHARD = "status-list-invalid";
const BAD_DETAILS = "status-details-invalid";
const SHARD_BYTES = 32768;
const [SHARD, LIST, DETAILS] = [-65538, 65533, -65539];

export const shardOf = (statusNumber) => Math.floor(statusNumber / 131072);
export const shardUri = (template, shard) => template.replace("{n}", shard);

// A detail file has the shard's path with its digest before the last dot.
export function detailsUri(uri, digest) {
  const [, stem, suffix] = /^(.*?)((?:\.[^./]*)?)$/.exec(uri);
  return `${stem}-${toHex(digest)}${suffix}`;
}

export async function readShard(data, { uri, keys }) {
  const file = openFile(data, { typ: "application/statuslist+cwt", limit: 65536, code: BAD_SHARD });
  const { claims, iat, exp } = file;
  const [own, list] = [claims.get(SHARD), claims.get(LIST)];
  const lst = list instanceof Map ? list.get("lst") : null;
  need(file.sub === uri && isTime(iat) && isTime(exp) && Array.isArray(own) && own.length === 3, BAD_SHARD);
  const [counter, allowList, details] = own;
  need(Number.isInteger(counter) && typeof allowList === "boolean", BAD_SHARD);
  need(isBytes(lst) && list.get("bits") === 2 && (details === null || isBytes(details, 16)), BAD_SHARD);
  await checkKey(file, keys);
  const entries = await unpack(lst);
  const entry = (statusNumber) => (entries[(statusNumber & 0x1ffff) >> 2] >> (2 * (statusNumber & 3))) & 3;
  return { iat, exp, counter, allowList, details, entry };
}

// What the detail file has for one result; nothing in it means that it was not issued.
export async function readDetails(data, { uri, digest, keys, statusNumber }) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  need(equal(hash.subarray(0, 16), digest), "status-details-missing"); // another file in its place
  const typ = "application/vnd.esign.status-detail+cwt";
  const file = openFile(data, { typ, limit: 2 ** 24, code: BAD_DETAILS });
  const table = file.claims.get(DETAILS);
  need(file.sub === uri && isTime(file.iat) && table instanceof Map, BAD_DETAILS);
  await checkKey(file, keys);
  const [kind, ...others] = table.get(statusNumber & 0x1ffff) ?? [0];
  const found = others.map(readOther);
  need(kind === 0 || (kind === 1 && found.length) || (kind === 2 && found.length === 1), BAD_DETAILS);
  return kind === 2 ? { corrections: [], replacement: found[0] } : { corrections: found, replacement: null };
}

function readOther(other) {
  const [number, id] = Array.isArray(other) && other.length === 2 ? other : [];
  need(typeof number === "string" && isBytes(id, 10) && (!number || spellNumber(number) === number), BAD_DETAILS);
  return { number: number || null, id: showId(id) };
}

export async function checkKey({ message, kid, iat }, keys) {
  const key = keys.find((one) => one.kid === toHex(kid));
  const until = key && Math.min(key.notAfter, key.revokedAfter ?? Infinity);
  need(key && iat >= key.notBefore && iat <= until, "status-key-unknown");
  need(await isSignedBy(message, key.point), "seal-signature-invalid");
}

// zlib, to exactly the size that a shard has; what would be longer is never held in memory.
async function unpack(packed) {
  const entries = new Uint8Array(SHARD_BYTES);
  let length = 0;
  try {
    const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      entries.set(part.value, length); // throws where it would be longer
      length += part.value.length;
    }
  } catch {
    length = 0;
  }
  need(length === SHARD_BYTES, BAD_SHARD);
  return entries;
}
