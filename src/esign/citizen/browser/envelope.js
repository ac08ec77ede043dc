// The envelope of every published file: COSE_Sign1 with tag 18, its kind in the header (docs/spec/status.md §2).
import { isBytes } from "./bytes.js";
import { decode } from "./cbor.js";
import { decodeSign1 } from "./cose.js";
import { Refusal } from "./refusal.js";

// How far clocks may be apart, in seconds.
export const CLOCK_SKEW = 300;

const [KID, TYP] = [4, 16];
const TAG_18 = 0xd2;
const DEPTH = 8;

// What `data` says, and the message whose signature is still to be checked; `code` is that of a refusal.
export function openFile(data, { typ, limit, code }) {
  try {
    const message = data[0] === TAG_18 ? decodeSign1(data.subarray(1), { limit: limit - 1, depth: DEPTH }) : null;
    const claims = message && decode(message.payload, DEPTH);
    const kid = message?.labels.get(KID);
    if (isBytes(kid) && message.labels.get(TYP) === typ && claims instanceof Map)
      return { message, kid, claims, iss: claims.get(1), sub: claims.get(2), exp: claims.get(4), iat: claims.get(6) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  throw new Refusal(code);
}

export const isTime = (item) => Number.isInteger(item) && item >= 0 && item <= 0xffffffff;
