// Deterministic CBOR (RFC 8949 §4.2.1) of the few types that seals and lists have; everything else is refused.
import { toHex } from "./bytes.js";
import { need } from "./refusal.js";

const BAD_CBOR = "seal-cbor-invalid";
const SIMPLE = { 20: false, 21: true, 22: null };

// The one item that `data` is. Integers beyond 2^53 come as BigInt, maps as Map, byte strings as Uint8Array.
export function decode(data, depth = 4) {
  const reader = new Reader(data);
  const item = reader.item(depth);
  need(reader.at === data.length, "seal-trailing-bytes");
  need(!reader.badText, BAD_CBOR);
  return item;
}

class Reader {
  at = 0;
  badText = false; // told last, so that the first finding is the one that Python names

  constructor(data) {
    this.data = data;
  }

  item(depth) {
    const start = this.at;
    const [major, value] = this.head();
    if (major === 0) return value;
    if (major === 1) return typeof value === "bigint" ? -1n - value : -1 - value;
    if (major === 2) return this.take(value);
    if (major === 3) return this.text(value);
    if (major === 7 && value in SIMPLE && this.at === start + 1) return SIMPLE[value];
    // Tags, floating point, what is nested too deep, and counts that cannot be true.
    need(major < 6 && depth > 0 && value <= this.data.length - this.at, BAD_CBOR);
    return major === 4 ? this.array(value, depth - 1) : this.map(value, depth - 1);
  }

  head() {
    const first = this.data[this.at++];
    need(first !== undefined, BAD_CBOR);
    const short = first & 31;
    if (short < 24) return [first >> 5, short];
    const size = { 24: 1, 25: 2, 26: 4, 27: 8 }[short]; // 31 is an indefinite length
    need(size, BAD_CBOR);
    let value = 0n;
    for (const byte of this.take(size)) value = (value << 8n) | BigInt(byte);
    need(value >= (size === 1 ? 24n : 1n << BigInt(4 * size)), "seal-cbor-not-deterministic");
    return [first >> 5, value <= Number.MAX_SAFE_INTEGER ? Number(value) : value];
  }

  take(length) {
    need(length <= this.data.length - this.at, BAD_CBOR);
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }

  text(length) {
    const bytes = this.take(length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      this.badText = true;
      return "";
    }
  }

  array(length, depth) {
    const items = [];
    while (items.length < length) items.push(this.item(depth));
    return items;
  }

  map(pairs, depth) {
    const map = new Map();
    const seen = new Set();
    let previous = "";
    for (let i = 0; i < pairs; i++) {
      const start = this.at;
      if (this.data[start] >> 5 > 3) {
        this.item(depth); // a key that is broken in itself is told first
        need(false, BAD_CBOR);
      }
      const key = this.item(depth);
      const spelled = toHex(this.data.subarray(start, this.at));
      need(!seen.has(spelled), BAD_CBOR);
      need(spelled > previous, "seal-cbor-not-deterministic");
      seen.add((previous = spelled));
      map.set(key, this.item(depth));
    }
    return map;
  }
}
