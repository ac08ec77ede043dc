// One word for the whole answer, and the facts beside it (docs/spec/status.md §10, docs/spec/verdict.schema.json).
import { isSignedBy } from "./cose.js";
import { CLOCK_SKEW } from "./envelope.js";
import { Refusal } from "./refusal.js";
import { parseDigits, showId, splitUrl } from "./seal.js";
import { detailsUri, readDetails, readShard, shardOf, shardUri } from "./status_list.js";
import { agenciesPart, proceduresPart } from "./trust_list.js";

const DAY = 86400;

// `link` is what the symbol holds, or its digits; then `host` is where they were found. `at` is the time in seconds.
// `files` gives what is published (see files.js).
export async function judge(link, { host = null, at, files }) {
  let seal;
  try {
    if (!/^[0-9]+$/.test(link)) ({ host, digits: link } = splitUrl(link));
    seal = parseDigits(link);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const state = error.code === "seal-version-unknown" ? "newer-version" : "not-genuine";
    return answer(state, { at, findings: [error.code] });
  }

  const findings = [];
  // Asked for at once, because each answer takes long on a weak network; looked at below.
  const titles = seal.procedure ? files.trustPart(proceduresPart(seal.procedure), at) : null;
  titles?.catch(() => {});
  const agencies = await attempt(findings, () => files.trustPart(agenciesPart(seal.kid), at));
  const key = agencies?.keys.get(seal.kid);
  if (!key) {
    const isAhead = findings.includes("trust-list-from-future") || seal.issuedAt > at + CLOCK_SKEW;
    return answer(isAhead ? "check-clock" : "unknown-key", { at, findings: [...findings, "unknown-seal-key"] });
  }
  findings.push(...(await sealFindings(seal, { key, host, at })));
  const early = EARLY.find(([codes]) => codes.some((code) => findings.includes(code)));
  if (early && early[1] !== "key-doubtful") return answer(early[1], { at, findings });

  const procedures = await attempt(findings, () => titles);
  // A list names the procedures of its own agencies.
  const isOwn = procedures && procedures.list === agencies.list;
  const procedure = (isOwn && procedures.titles.get(seal.procedure)) || null;
  const isComplete = procedures !== undefined; // what could not be loaded might ask for more (status.md §6)
  const isExpired = agencies.isExpired || Boolean(procedures?.isExpired);
  const facts = { at, findings, seal, key, procedure, isComplete, isExpired };
  if (early) return answer("key-doubtful", facts);
  return withStatus(facts, { files, agencies });
}

// Findings that decide before any status is looked at, the first row first.
const EARLY = [
  [["seal-signature-invalid", "seal-key-not-yet-valid", "seal-key-expired", "seal-key-revoked"], "not-genuine"],
  [["seal-host-unexpected"], "wrong-host"],
  [["seal-from-future"], "check-clock"],
  [["seal-key-revoked-since"], "key-doubtful"],
];

async function sealFindings(seal, { key, host, at }) {
  const findings = [];
  if (!(await isSignedBy(seal.message, key.point))) findings.push("seal-signature-invalid");
  if (host !== null && host !== key.host) findings.push("seal-host-unexpected");
  if (seal.issuedAt < key.notBefore) findings.push("seal-key-not-yet-valid");
  else if (seal.issuedAt > key.notAfter) findings.push("seal-key-expired");
  else if (key.revokedAfter !== null)
    findings.push(seal.issuedAt > key.revokedAfter ? "seal-key-revoked" : "seal-key-revoked-since");
  if (seal.issuedAt > at + CLOCK_SKEW) findings.push("seal-from-future");
  if (seal.expiresAt !== null && at >= seal.expiresAt) findings.push("seal-expired");
  return findings;
}

async function withStatus(facts, { files, agencies }) {
  const { at, findings, seal, key, procedure, isComplete, isExpired } = facts;
  const place = agencies.hosts.get(key.host);
  const uri = place && shardUri(place.template, shardOf(seal.statusNumber));
  const read = (data) => readShard(data, { uri, keys: place.keys });
  const shard = place && (await attempt(findings, () => files.shard(uri, read)));
  if (shard?.iat > at + CLOCK_SKEW) return answer("check-clock", { at, findings: [...findings, "status-from-future"] });

  const entry = shard?.entry(seal.statusNumber);
  let details = { corrections: [], replacement: null };
  if (entry === 3 && shard.details) {
    const expected = { uri, digest: shard.details, keys: place.keys, statusNumber: seal.statusNumber };
    const address = detailsUri(uri, shard.details);
    details = await attempt(findings, () => files.details(address, (data) => readDetails(data, expected)));
  }
  const age = shard ? at - shard.iat : Infinity;
  const freshness = isExpired || age > 7 * DAY ? "unknown" : age > DAY ? "stale" : "fresh";
  const isOutsideList = shard && (key.allowList || procedure?.allowList) && !shard.allowList;
  if (shard && details) {
    if (isOutsideList) findings.push("status-allow-list");
    else if (isExpired) findings.push("trust-list-expired");
    else if (freshness !== "fresh") findings.push(freshness === "stale" ? "status-stale" : "status-too-old");
  }
  const state =
    entry === 1 ? "withdrawn"
    : details?.replacement ? "replaced"
    : findings.includes("seal-expired") ? "expired"
    : freshness === "unknown" || details === undefined || !isComplete ? "status-unknown"
    : isOutsideList ? "not-issued"
    : ["in-force", "withdrawn", "suspended", details.corrections.length ? "corrected" : "not-issued"][entry];
  return answer(state, { ...facts, freshness, asOf: shard?.iat ?? null, details });
}

// What `get` gives, or undefined with the code of what was in the way.
async function attempt(findings, get) {
  try {
    return await get();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    findings.push(error.code);
    return undefined;
  }
}

const time = (seconds) => (seconds === null ? null : new Date(seconds * 1000).toISOString().replace(".000", ""));

// Where the seal is not proven (rows 1 to 5), nothing that it says is handed on.
function answer(state, { at, findings, seal, key, procedure = null, freshness = null, asOf = null, details = null }) {
  return {
    version: 1,
    state,
    at: time(Math.floor(at)),
    freshness,
    status_as_of: time(asOf),
    seal: seal ? {
      id: showId(seal.id),
      agency: { kid: seal.kid, name_vi: key.nameVi, name_en: key.nameEn },
      number: seal.number,
      issued_at: time(seal.issuedAt),
      expires: time(seal.expiresAt),
      procedure: procedure && !procedure.isSensitive
        ? { code: codeOf(seal.procedure), title_vi: procedure.titleVi, title_en: procedure.titleEn }
        : null,
      holder: seal.holder,
    } : null,
    corrected_by: state === "corrected" ? details.corrections : [],
    replaced_by: state === "replaced" ? details.replacement : null,
    findings: findings.map((code) => ({ code, facts: {} })),
  };
}

// The short form of a procedure's code: 1012345 is 1.012345.
const codeOf = (number) => String(number).padStart(7, "0").replace(/^./, "$&.");
