// The page: takes the token from the address, asks for a verdict, shows it.
import { fromBase64 } from "./bytes.js";
import { button, make } from "./dom.js";
import { Files } from "./files.js";
import { codeSection, keepSection, linkSection, scanSection } from "./home.js";
import { fileSection } from "./own_file.js";
import { compareBox, listenButton, moment, showPanel } from "./result.js";
import { parseDigits } from "./seal.js";
import { judge } from "./verdict.js";
import { currentLanguage, say, useLanguage } from "./words.js";

const part = (id) => document.getElementById(id);
const dataOf = (id) => JSON.parse(part(id)?.textContent ?? "null");
const config = dataOf("config");
const kit = dataOf("kit"); // then this page is a file on somebody's phone
const roots = config.roots.map((root) => ({ ...root, key: fromBase64(root.key) }));
const files = new Files({ host: config.host, roots, brought: kit?.files });
const now = () => Date.now() / 1000;
const CLOCK_SKEW = 300;

// The link leaves the address bar, so that neither history nor screenshots have it, and stays with the tab's own entry,
// so that loading the page again works.
function takeLink() {
  const link = location.hash.slice(1);
  if (link) history.replaceState({ link }, "", location.href.split("#")[0]);
  return history.state?.link ?? null;
}

let turn = 0;

async function show(link, file) {
  const own = ++turn;
  const main = part("main");
  const panel = part("panel");
  panel.className = "panel open";
  delete panel.dataset.state;
  panel.replaceChildren(make("h1", {}, say("checking")));
  part("after").replaceChildren();
  const isElsewhere = !kit && location.hostname !== config.host;
  if (isElsewhere) return showPanel(panel, nothing("wrong-host"));
  if (!link) return showHome();
  main.setAttribute("aria-busy", "true");
  let verdict;
  try {
    verdict = await judge(link, { host: kit ? null : location.hostname, at: now(), files });
  } catch (error) {
    // No WebCrypto, no BigInt: an old browser, or a page without https. Whatever it is, nothing was checked.
    console.error(error);
    verdict = nothing("unsupported");
  }
  if (own !== turn) return; // another paper was scanned meanwhile
  main.removeAttribute("aria-busy");
  showPanel(panel, verdict);
  const isClockOff = files.serverTime !== null && Math.abs(files.serverTime - now()) > CLOCK_SKEW;
  const after = [
    isClockOff ? make("p", { class: "clock" }, say("clock")) : null,
    verdict.seal ? compareBox(verdict, panel) : null,
    make("div", { class: "actions" },
      listenButton(panel),
      button(say("again"), () => show(link)),
      button(say("another"), () => go()),
      button(say("print"), () => print())),
    verdict.seal ? fileSection({ digest: parseDigits(link.split("#").pop()).digest, file, service: config.service }) : null,
    details(link, verdict),
  ];
  part("after").replaceChildren(...after.filter(Boolean));
}

const nothing = (state) => ({ state, at: new Date().toISOString(), findings: [], seal: null, corrected_by: [], replaced_by: null });

function details(link, verdict) {
  const url = link.includes("#") ? link : `https://${config.host}/1#${link}`;
  const copy = button(say("copy"), async () => {
    await navigator.clipboard.writeText(url);
    copy.textContent = say("copied");
  });
  return make("details", {},
    make("summary", {}, say("details")),
    make("pre", { tabindex: "0", id: "verdict" }, JSON.stringify(verdict, null, 1)), copy);
}

function showHome() {
  const panel = part("panel");
  panel.className = "panel home";
  const age = kit ? make("p", {}, say("kit", { asOf: moment(new Date(kit.at * 1000).toISOString()) })) : "";
  panel.replaceChildren(make("h1", { tabindex: "-1" }, say("name")), age);
  document.title = say("name");
  part("after").replaceChildren(
    scanSection({ hasCamera: !kit, onLink: go }),
    codeSection(null),
    linkSection(go),
    fileSection({ service: config.service, onLink: go }),
    ...(kit ? [] : [keepSection(files, { host: config.host, now })]));
}

function go(link, file) {
  history.replaceState(link ? { link } : null, "", location.href.split("#")[0]);
  return show(link, file);
}

async function speak(language) {
  await useLanguage(language);
  try {
    localStorage.setItem("esign-language", language);
  } catch {
    // Private windows forget.
  }
  part("name").textContent = say("name");
  part("never").textContent = say("never");
  part("language").textContent = say("other");
  part("language").lang = language === "vi" ? "en" : "vi";
  await show(takeLink());
}

function preferredLanguage() {
  try {
    return localStorage.getItem("esign-language") ?? "vi";
  } catch {
    return "vi";
  }
}

part("slow").remove();
part("language").addEventListener("click", () => speak(currentLanguage() === "vi" ? "en" : "vi"));
addEventListener("popstate", () => show(takeLink()));
addEventListener("online", () => show(takeLink()));
if (!kit) navigator.serviceWorker?.register("/worker.js").catch(() => {});
speak(preferredLanguage());
