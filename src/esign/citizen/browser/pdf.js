// Whether a file begins with the bytes that a seal names (docs/spec/seal.md §7); nothing leaves the device.
import { equal } from "./bytes.js";

const LINE = 45; // "%esign-salt ", 32 digits, line feed
const MARK = [...new TextEncoder().encode("%esign-salt ")];
const MAX_HASHED = 2 ** 32; // a file with a thousand such lines is only there to make a verifier work

// Where the sealed bytes of `pdf` end, or null: the first 16 bytes of SHA-256 up to there are the seal's digest.
export async function binding(pdf, digest) {
  let hashed = 0;
  for (const end of saltLines(pdf)) {
    if ((hashed += end) > MAX_HASHED) return null;
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", pdf.subarray(0, end)));
    if (equal(hash.subarray(0, 16), digest)) return end;
  }
  return null;
}

function* saltLines(pdf) {
  for (let at = pdf.indexOf(0x25); at !== -1; at = pdf.indexOf(0x25, at + 1)) {
    if (pdf[at - 1] !== 10 || pdf[at + LINE - 1] !== 10 || !MARK.every((byte, i) => pdf[at + i] === byte)) continue;
    const digits = pdf.subarray(at + MARK.length, at + LINE - 1);
    if (digits.every((byte) => (byte >= 48 && byte <= 57) || (byte >= 97 && byte <= 102))) yield at + LINE;
  }
}

// The links of seals that stand readable in the file; usually one.
export function sealLinks(pdf) {
  const text = new TextDecoder("latin1").decode(pdf);
  return [...new Set(text.match(/https:\/\/[a-z0-9.-]+\/1#[0-9]+/g) ?? [])];
}
