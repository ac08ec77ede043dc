// Decimal digits as bytes: 17 digits are 7 bytes, so a link needs no escaping (docs/spec/seal.md §3).
import { need } from "./refusal.js";

const TAIL_BYTES = { 3: 1, 5: 2, 8: 3, 10: 4, 13: 5, 15: 6, 17: 7 };

export function fromDigits(text) {
  need(/^[0-9]{1,4096}$/.test(text), "seal-digits-invalid");
  const bytes = [];
  for (let i = 0; i < text.length; i += 17) {
    const chunk = text.slice(i, i + 17);
    const size = TAIL_BYTES[chunk.length];
    const number = BigInt(chunk);
    need(size && number < 1n << BigInt(8 * size), "seal-digits-invalid");
    for (let shift = size - 1; shift >= 0; shift--) bytes.push(Number((number >> BigInt(8 * shift)) & 255n));
  }
  return Uint8Array.from(bytes);
}
