// COSE_Sign1 with ES256, in one spelling only: untagged, deterministic, nothing in the unprotected header.
import { isBytes, join } from "./bytes.js";
import { decode } from "./cbor.js";
import { need } from "./refusal.js";

const ES256 = -7;
const CRIT = 2;

export function decodeSign1(data, { limit, depth = 4 }) {
  need(data.length <= limit, "seal-too-long");
  const message = decode(data, depth);
  const [header, unprotected, payload, signature] = Array.isArray(message) && message.length === 4 ? message : [];
  const isMessage = isBytes(header) && unprotected instanceof Map && isBytes(payload) && isBytes(signature);
  need(isMessage, "cose-structure-invalid");
  const labels = header.length ? decode(header) : new Map();
  need(labels instanceof Map && !unprotected.size && !labels.has(CRIT), "cose-header-invalid");
  return { header, labels, payload, signature };
}

// Whether the private half of the P-256 key with this uncompressed `point` signed `message` (RFC 9052 §4.4).
export async function isSignedBy(message, point) {
  if (message.labels.get(1) !== ES256 || message.signature.length !== 64) return false;
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const { subtle } = crypto;
  const key = await subtle.importKey("raw", point, curve, false, ["verify"]).catch(() => null);
  const context = new TextEncoder().encode("Signature1");
  const signed = join([0x84, 0x60 + context.length], context, bstr(message.header), [0x40], bstr(message.payload));
  return key !== null && subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, message.signature, signed);
}

function bstr(bytes) {
  const { length } = bytes;
  const octets = (count) => Array.from({ length: count }, (_, i) => (length >>> (8 * (count - 1 - i))) & 255);
  const long = length < 256 ? [0x58, 1] : length < 65536 ? [0x59, 2] : [0x5a, 4];
  const [head, size] = length < 24 ? [0x40 + length, 0] : long;
  return join([head, ...octets(size)], bytes);
}
