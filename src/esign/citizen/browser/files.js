// Where published files come from: the network, what was kept from before, or a kit that brought them along.
import { fromBase64 } from "./bytes.js";
import { Refusal } from "./refusal.js";
import { readPart } from "./trust_list.js";

const STORE = "esign-files";
const EDITIONS = "esign-editions";

export class Files {
  // `roots`: see trust_list.js. `host` has the trust list. `brought`: all files by their address, in base64.
  constructor({ roots, host, brought = null }) {
    this.roots = roots;
    this.host = host;
    this.brought = brought;
    this.serverTime = 0; // the latest that answers gave as theirs, in seconds; 0: none
  }

  async trustPart(place, at) {
    const seen = recall(EDITIONS);
    // What was accepted once goes on being used until something newer is there in its place.
    const isSeenLater = (list, ...edition) => list in seen && !follows(edition, seen[list]);
    const read = (data, isKept) =>
      readPart(data, place, { roots: this.roots, at, isSeenLater: isKept ? () => false : isSeenLater });
    const edition = (part) => [part.generation, part.sequence];
    const uri = `https://${this.host}${place.path}`;
    try {
      const part = await this.newest(uri, read, (a, b) => follows(edition(a), edition(b)), "trust-list-missing");
      const latest = recall(EDITIONS); // another part may have come meanwhile
      if (!(part.list in latest) || follows(edition(part), latest[part.list]))
        remember(EDITIONS, { ...latest, [part.list]: edition(part) });
      return part;
    } catch (error) {
      if (error.isAbsent) return null; // the list has nothing there
      throw error;
    }
  }

  shard(uri, read) {
    return this.newest(uri, read, (a, b) => a.counter >= b.counter && a.iat >= b.iat, "status-missing");
  }

  // Their names hold their digests, so a copy is as good as the original.
  details(uri, read) {
    return this.newest(uri, read, () => true, "status-details-missing");
  }

  manifest(uri, read) {
    return this.newest(uri, read, () => true, "status-manifest-missing");
  }

  // What `read` makes of the newest copy; `mayFollow(a, b)` says that a is not older than b.
  async newest(uri, read, mayFollow, missing) {
    const [kept, old] = await tried(await this.kept(uri), (data) => read(data, true));
    const [data, found] = await tried(await this.fetched(uri, kept ? 4000 : 20000), read);
    if (isRead(found) && (!isRead(old) || mayFollow(found, old))) {
      await this.keep(uri, data);
      return found;
    }
    if (isRead(old)) return old;
    throw found ?? old ?? Object.assign(new Refusal(missing), { isAbsent: data === undefined || this.brought });
  }

  async fetched(uri, patience) {
    if (globalThis.navigator?.onLine === false) return null;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), patience);
    try {
      const privately = { credentials: "omit", referrerPolicy: "no-referrer", redirect: "error" };
      const response = await fetch(here(uri), { ...privately, signal: abort.signal });
      const date = Date.parse(response.headers.get("Date"));
      if (date) this.serverTime = Math.max(this.serverTime, date / 1000);
      if (response.status === 404) return undefined;
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  async kept(uri) {
    try {
      const response = await (await caches.open(STORE)).match(here(uri));
      if (response) return new Uint8Array(await response.arrayBuffer());
    } catch {
      // A file on disk has no such store.
    }
    return this.brought?.[uri] ? fromBase64(this.brought[uri]) : null;
  }

  async keep(uri, data) {
    try {
      await (await caches.open(STORE)).put(here(uri), new Response(data));
    } catch {
      // Full, forbidden, or a file on disk: the answer is as good without it.
    }
  }
}

// What is published under the page's own name is asked from where the page came from.
function here(uri) {
  const url = new URL(uri);
  return url.hostname === globalThis.location?.hostname ? url.pathname : uri;
}

async function tried(data, read) {
  if (!data) return [data, null];
  try {
    return [data, await read(data)];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return [data, error];
  }
}

const isRead = (value) => value !== null && !(value instanceof Refusal);

// Whether the edition `a` is not before `b`: by generation, then by sequence.
const follows = (a, b) => a[0] > b[0] || (a[0] === b[0] && a[1] >= b[1]);

function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? {};
  } catch {
    return {};
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Private windows may have no room.
  }
}
