// Whose keys count: parts of the trust list, read under the roots that this page was given (docs/spec/trust-list.md).
import { equal, isBytes, toHex } from "./bytes.js";
import { isSignedBy } from "./cose.js";
import { CLOCK_SKEW, isTime, openFile } from "./envelope.js";
import { need } from "./refusal.js";

const BAD_PART = "trust-list-invalid";
const UNTRUSTED = "trust-list-untrusted";
const [PART, CERTIFICATE, CHAIN] = [-65541, -65542, -65543];
const [ROOT, LIST_KEY] = [0, 1];
const [MANIFEST_PART, AGENCIES, PROCEDURES] = [0, 1, 2];

// Which part has the agency of a kid, which has a procedure, and which names all parts.
export const agenciesPart = (kid) => partOf(`a${parseInt(kid.slice(0, 4), 16) >> 6}.cwt`);
export const proceduresPart = (procedure) => partOf(`p${procedure >> 8}.cwt`);
export const manifestPart = { path: "/t/manifest.cwt", kind: MANIFEST_PART };

// The part with this name in the manifest.
export function partOf(name) {
  const match = /^([ap])([0-9]+)\.cwt$/.exec(name);
  return match && { path: `/t/${name}`, kind: match[1] === "a" ? AGENCIES : PROCEDURES, bucket: Number(match[2]) };
}

// What `data` says, if it is the part `place`. `roots`: { name, key, first, last }, keys as uncompressed points.
// `isSeenLater(list, generation, sequence)` says whether a later edition was seen before.
export async function readPart(data, place, { roots, at, isSeenLater }) {
  const part = openFile(data, { typ: "application/vnd.esign.trust+cwt", limit: 2 ** 20, code: BAD_PART });
  const [version, sequence, content] = listOf(part.claims.get(PART), 3);
  need(version === 1 && Number.isInteger(sequence) && isTime(part.iat) && isTime(part.exp), BAD_PART);
  const [kind, bucket] = listOf(content);
  need(kind === place.kind && (kind === MANIFEST_PART || bucket === place.bucket), BAD_PART);

  const chain = part.message.labels.get(CHAIN);
  const list = await readChain(listOf(chain), { roots, at });
  need(list.role === LIST_KEY && part.iss === list.sub, UNTRUSTED);
  await checkSignature(part, list.key);

  const table = TABLES[kind](content, list);
  need(!isSeenLater(list.sub, list.generation, sequence), "trust-list-rollback");
  need(part.iat <= at + CLOCK_SKEW, "trust-list-from-future");
  return { ...table, list: list.sub, generation: list.generation, sequence, iat: part.iat, isExpired: at >= part.exp };
}

// From the root, which is last, down to the list key: each signs the one before it, for no more than its own range.
async function readChain(chain, { roots, at }) {
  need(chain.length >= 1 && chain.length <= 4 && chain.every((data) => isBytes(data)), BAD_PART);
  const typ = "application/vnd.esign.list-key+cwt";
  const files = chain.map((data) => openFile(data, { typ, limit: 1024, code: BAD_PART }));
  let signer = null;
  for (const file of files.reverse()) {
    signer = signer ?? (await rootOf(file, roots));
    need(signer.role === ROOT && file.iss === signer.sub && isTime(file.iat) && isTime(file.exp), UNTRUSTED);
    await checkSignature(file, signer.key);
    const [version, key, role, generation, first, last] = listOf(file.claims.get(CERTIFICATE), 6);
    need(version === 1 && isPoint(key) && (role === ROOT || role === LIST_KEY), BAD_PART);
    need(Number.isInteger(generation) && signer.first <= first && first <= last && last <= signer.last, UNTRUSTED);
    need(file.iat <= at + CLOCK_SKEW, "trust-list-from-future");
    need(at < file.exp, UNTRUSTED);
    signer = { sub: file.sub, key, role, generation, first, last };
  }
  return signer;
}

async function rootOf(file, roots) {
  for (const { name, key, first, last } of roots)
    if (equal(await keyId(key), file.kid)) return { sub: name, key, role: ROOT, first, last };
  need(false, UNTRUSTED);
}

async function checkSignature(file, point) {
  need(equal(await keyId(point), file.kid), UNTRUSTED);
  need(await isSignedBy(file.message, point), UNTRUSTED);
}

const keyId = async (point) => new Uint8Array(await crypto.subtle.digest("SHA-256", point)).subarray(0, 8);

const TABLES = { [MANIFEST_PART]: readNames, [AGENCIES]: readAgencies, [PROCEDURES]: readProcedures };

function readNames(content) {
  const [, digests] = listOf(content, 2);
  need(digests instanceof Map, BAD_PART);
  return { names: [...digests.keys()] };
}

function readAgencies(content, list) {
  const [, bucket, agencies, hosts] = listOf(content, 4);
  need(agencies instanceof Map && hosts instanceof Map, BAD_PART);
  const keys = new Map();
  for (const [agency, entry] of agencies) {
    need(agency >= list.first && agency <= list.last && agency >> 6 === bucket, "trust-list-out-of-range");
    const [nameVi, nameEn, , entries] = listOf(entry, 4);
    for (const one of listOf(entries)) {
      const [sequence, point, notBefore, notAfter, revokedAfter, host, allowList] = listOf(one, 7);
      need(isPoint(point) && Number.isInteger(sequence), BAD_PART);
      const kid = toHex([agency >> 8, agency & 255, sequence >> 8, sequence & 255]);
      keys.set(kid, { kid, nameVi, nameEn, point, notBefore, notAfter, revokedAfter, host, allowList });
    }
  }
  return { keys, hosts: new Map([...hosts].map(([host, entry]) => [host, readHost(entry)])) };
}

function readHost(entry) {
  const [template, statusKeys] = listOf(entry, 2);
  need(typeof template === "string" && template.startsWith("https://") && template.split("{n}").length === 2, BAD_PART);
  const keys = listOf(statusKeys).map((one) => {
    const [kid, point, notBefore, notAfter, revokedAfter] = listOf(one, 5);
    need(isBytes(kid, 4) && isPoint(point), BAD_PART);
    return { kid: toHex(kid), point, notBefore, notAfter, revokedAfter };
  });
  return { template, keys };
}

function readProcedures(content) {
  const [, bucket, procedures] = listOf(content, 3);
  need(procedures instanceof Map, BAD_PART);
  const titles = new Map();
  for (const [number, entry] of procedures) {
    need(number >> 8 === bucket, "trust-list-out-of-range");
    const [titleVi, titleEn, allowList, isSensitive] = listOf(entry, 4);
    titles.set(number, { titleVi, titleEn, allowList, isSensitive });
  }
  return { titles };
}

function listOf(item, length) {
  need(Array.isArray(item) && (length === undefined || item.length === length), BAD_PART);
  return item;
}

const isPoint = (item) => isBytes(item, 65) && item[0] === 4;