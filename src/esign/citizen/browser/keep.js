// Everything that a host publishes, kept on this device for places without a network (docs/spec/status.md §7, §9).
import { openFile } from "./envelope.js";
import { need } from "./refusal.js";
import { checkKey, detailsUri, readDetails, readShard, shardUri } from "./status_list.js";
import { manifestPart, partOf } from "./trust_list.js";

const MANIFEST = -65540;
const AT_ONCE = 4;

// Loads what is not kept yet; `tell(done, all)` hears how far it is.
export async function keepAll(files, { host, at, tell }) {
  const { names } = await files.trustPart(manifestPart, at);
  let place;
  await forEach(names.map(partOf).filter(Boolean), tell, async (one) => {
    const part = await files.trustPart(one, at);
    place = part.hosts?.get(host) ?? place;
  });
  need(place, "trust-list-invalid");
  const { template, keys } = place;
  const uri = shardUri(template, "manifest");
  const shards = await files.manifest(uri, (data) => readManifest(data, { uri, keys }));
  await forEach([...shards.keys()], tell, async (shard) => {
    const address = shardUri(template, shard);
    const { details: digest } = await files.shard(address, (data) => readShard(data, { uri: address, keys }));
    const expected = { uri: address, digest, keys, statusNumber: 0 };
    if (digest) await files.details(detailsUri(address, digest), (data) => readDetails(data, expected));
  });
}

async function readManifest(data, { uri, keys }) {
  const typ = "application/vnd.esign.status-manifest+cwt";
  const file = openFile(data, { typ, limit: 2 ** 21, code: "status-manifest-invalid" });
  const shards = file.claims.get(MANIFEST);
  need(file.sub === uri && shards instanceof Map, "status-manifest-invalid");
  await checkKey(file, keys);
  return shards;
}

async function forEach(items, tell, work) {
  const waiting = [...items];
  const worker = async () => {
    while (waiting.length) {
      await work(waiting.pop());
      tell(items.length - waiting.length, items.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
