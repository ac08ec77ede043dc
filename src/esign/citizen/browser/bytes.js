// Byte strings: comparing, joining, and the two encodings that files carry.
export const isBytes = (item, length = item?.length) => item instanceof Uint8Array && item.length === length;

export const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const toHex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
