// The seal itself: what it says, and that it has its one spelling (docs/spec/seal.md §2 to §4).
import { isBytes, toHex } from "./bytes.js";
import { decode } from "./cbor.js";
import { decodeSign1 } from "./cose.js";
import { fromDigits } from "./digits.js";
import { need } from "./refusal.js";

const EXP = 4;
const IAT = 6;
const CTI = 7;
const SEAL = -65537;
const U32 = 0xffffffff;

const LABEL = "(?!-)[a-z0-9-]{0,62}[a-z0-9]";
const HOST = new RegExp(`^(?:${LABEL}\\.)+(?=[a-z0-9-]*[a-z])${LABEL}$`);

// The host and the digits of a seal's link, which has exactly one spelling.
export function splitUrl(url) {
  const match = /^https:\/\/([^/?#@:]*)\/1#([0-9]+)$/.exec(url);
  need(match, "seal-url-invalid");
  need(match[1].length < 254 && HOST.test(match[1]), "seal-host-invalid");
  return { host: match[1], digits: match[2] };
}

export const parseDigits = (digits) => parseSeal(fromDigits(digits));

export function parseSeal(data) {
  const message = decodeSign1(data, { limit: 400 });
  const kid = message.labels.get(4);
  const { signature } = message;
  // Python reads the claims before the key id; the first finding is the same.
  const claims = readClaims(decode(message.payload));
  need(message.labels.size === 2 && message.labels.get(1) === -7 && isBytes(kid, 4), "cose-header-invalid");
  need(isBytes(signature, 64), "seal-signature-form");
  need(claims.number === claims.spelledNumber, "seal-not-canonical");
  return { ...claims, kid: toHex(kid), message };
}

function readClaims(claims) {
  check(claims instanceof Map);
  const seal = claims.get(SEAL);
  const isInteger = (item) => typeof item === "number" || typeof item === "bigint";
  need(!(Array.isArray(seal) && isInteger(seal[0]) && seal[0] > 1), "seal-version-unknown");
  const expected = claims.has(EXP) ? 4 : 3;
  check(Array.isArray(seal) && (seal.length === 5 || seal.length === 6) && seal[0] === 1);
  check(claims.size === expected && claims.has(IAT) && claims.has(CTI));
  const [, statusNumber, digest, procedure, number] = seal;
  check(isBytes(digest) && typeof number === "string");
  const [issuedAt, id, expiresAt] = [claims.get(IAT), claims.get(CTI), claims.get(EXP) ?? null];
  check(isWithin(issuedAt, U32) && isBytes(id, 10));
  check(isWithin(statusNumber, U32) && isWithin(procedure, 9999999));
  const spelledNumber = spellNumber(number);
  check(spelledNumber !== null);
  const holder = seal.length === 6 ? seal[5] : null;
  check(seal.length === 5 || typeof holder === "string");
  need(holder === null || isMask(holder), "seal-holder-invalid");
  if (claims.has(EXP)) check(isWithin(expiresAt, U32) && expiresAt > issuedAt);
  check(isBytes(digest, 16));
  return { issuedAt, expiresAt, id, statusNumber, digest, procedure, number, spelledNumber, holder };
}

const check = (condition) => need(condition, "seal-claim-invalid");

const isWithin = (item, limit) => typeof item === "number" && item >= 0 && item <= limit;

// Letters that Unicode names LATIN: neither modifier letters nor ª, º and three turned ones.
const SYMBOL = /^(?:[0-9.&]|(?![ªºℲⅎↃ])(?=\p{Script=Latin})[\p{Lu}\p{Ll}\p{Lt}\p{Lo}])+$/u;

// The one spelling of a document number, or null where `text` is none (NĐ 30/2020, Phụ lục I).
export function spellNumber(text) {
  const match = /^([0-9]{1,9})(?:\s*\/\s*([0-9]{4}))?\s*\/\s*(\S.*)$/su.exec(text.normalize("NFC").trim());
  if (!match || [...text].length > 200) return null;
  const [, digits, year, rest] = match;
  const symbol = rest.replace(/\s*-\s*/g, "-");
  const isGroup = (group) => /^[^.&]/.test(group) && SYMBOL.test(group);
  if (Number(digits) < 1 || (year && (year < 1945 || year >= 2200)) || [...symbol].length > 60) return null;
  if (!/^\p{Uppercase}/u.test(symbol) || !symbol.split("-").every(isGroup)) return null;
  return [String(Number(digits)).padStart(2, "0"), ...(year ? [year] : []), symbol].join("/");
}

function isMask(text) {
  const initials = text.replace(/\*\*\*$/, "").split(".");
  const isInitial = (initial) => /^(?!\p{Lowercase})\p{L}$/u.test(initial);
  return text.endsWith("***") && initials.length <= 8 && initials.every(isInitial) && text.normalize("NFC") === text;
}

// Crockford's base32 as it is printed below the symbol: ABCD-EFGH-JKMN-PQRS.
const BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function showId(bytes) {
  let number = BigInt(`0x${toHex(bytes)}`);
  let text = "";
  for (let i = 0; i < 16; i++, number >>= 5n) text = BASE32[Number(number & 31n)] + text;
  return text.match(/.{4}/g).join("-");
}

// What a person typed, as it is printed; null where it cannot be one. O is read as 0, I and L as 1.
export function readId(typed) {
  const bare = typed.replace(/[\s\u2010\u2011\u2013\u2014-]/g, "");
  const symbols = bare.replace(/[a-z]/g, (letter) => letter.toUpperCase()).replace(/O/g, "0").replace(/[IL]/g, "1");
  return /^[0-9A-HJKMNP-TV-Z]{16}$/.test(symbols) ? symbols.match(/.{4}/g).join("-") : null;
}
