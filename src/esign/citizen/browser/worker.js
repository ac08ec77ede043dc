// Keeps the page itself, so that it opens without a network; the signed files it keeps on its own (files.js).
const PAGES = ["/", "/1", "/p"];
const WORDS = "/words.en.json";
const STORE = "esign-page";

async function load(path, options) {
  const response = await fetch(path, options);
  if (response.ok) await (await caches.open(STORE)).put(path, response.clone());
  return response;
}

self.addEventListener("install", (event) => {
  // The copy that the browser has just loaded will do: nothing is transferred twice.
  event.waitUntil(load("/1", { cache: "force-cache" }).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// The newest where there is a network that answers soon; what was kept otherwise.
async function answer(path) {
  const kept = await caches.match(path);
  const fresh = load(path);
  if (!kept) return fresh;
  const late = new Promise((resolve) => setTimeout(resolve, 3000, kept));
  return Promise.race([fresh.catch(() => kept), late]);
}

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && PAGES.includes(pathname)) event.respondWith(answer("/1"));
  else if (pathname === WORDS) event.respondWith(answer(WORDS));
});
