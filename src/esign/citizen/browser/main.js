// The page: takes the token from the address, asks for a verdict, shows it.
import { fromBase64 } from "./bytes.js";
import { button, make } from "./dom.js";
import { CLOCK_SKEW } from "./envelope.js";
import { Files } from "./files.js";
import { codeSection, keepSection, linkSection, scanSection } from "./home.js";
import { lookUp, presented } from "./lookup.js";
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

// The link leaves the address bar, so that neither history nor screenshots have it, and stays with the tab's own entry,
// so that loading the page again works. What a phone shows (docs/spec/presentation.md) is marked with a p.
function takeLink() {
  const text = location.hash.slice(1);
  const link = (location.pathname.endsWith("/p") ? "p" : "") + text;
  if (text) history.replaceState({ link }, "", location.href.split("#")[0]);
  return history.state?.link ?? null;
}

let turn = 0;
let drawAgain = null; // what is on show, in another language

async function show(link, file) {
  const own = ++turn;
  const main = part("main");
  const panel = part("panel");
  panel.className = "panel open";
  delete panel.dataset.state;
  drawAgain = null;
  panel.replaceChildren(make("h1", {}, say("checking")));
  part("after").replaceChildren();
  const isElsewhere = !kit && location.hostname !== config.host;
  if (isElsewhere) return showPanel(panel, nothing("wrong-host"));
  if (!link) return showHome();
  main.setAttribute("aria-busy", "true");
  const verdict = await verdictOn(link);
  if (own !== turn) return; // another paper was scanned meanwhile
  main.removeAttribute("aria-busy");
  const again = link.startsWith("p") ? null : () => show(link);
  showVerdict(verdict, { again, more: () => sealed(link, verdict, file) });
}

async function verdictOn(link) {
  try {
    if (!link.startsWith("p")) return await judge(link, { host: kit ? null : location.hostname, at: now(), files });
    const { verdict, problem } = await presented(link.slice(1));
    return verdict ?? nothing(problem === "not-shown" ? problem : "no-service");
  } catch (error) {
    // No WebCrypto, no BigInt: an old browser, or a page without https. Whatever it is, nothing was checked.
    console.error(error);
    return nothing("unsupported");
  }
}

const nothing = (state) =>
  ({ state, at: new Date().toISOString(), findings: [], seal: null, corrected_by: [], replaced_by: null });

// The verdict, what to compare, what to do, and then `more`.
function showVerdict(verdict, { again, note = () => "", more = () => [] }) {
  drawAgain = () => showVerdict(verdict, { again, note, more });
  const panel = part("panel");
  showPanel(panel, verdict);
  // Answers may have been in a cache for some minutes.
  const isClockOff = files.serverTime && Math.abs(files.serverTime - now()) > 2 * CLOCK_SKEW;
  const notes = [
    isClockOff ? say("clock") : "",
    verdict.presented_at ? say("shownNow", { asOf: moment(verdict.presented_at, 8) }) : "",
    note(),
  ].filter(Boolean);
  part("after").replaceChildren(
    ...notes.map((text) => make("p", { class: "note" }, text)),
    ...(verdict.seal ? [compareBox(verdict, panel)] : []),
    make("div", { class: "actions" },
      listenButton(panel),
      again ? button(say("again"), again) : null,
      button(say("another"), () => go()),
      button(say("print"), () => print())),
    ...more());
}

// What a seal can do beside being read: the file that it names, and a closer look.
function sealed(link, verdict, file) {
  if (link.startsWith("p")) return [];
  const digits = link.split("#").pop();
  const copy = button(say("copy"), async () => {
    await navigator.clipboard.writeText(`https://${config.host}/1#${digits}`);
    copy.textContent = say("copied");
  });
  return [
    ...(verdict.seal ? [fileSection({ digest: parseDigits(digits).digest, file, service: config.service })] : []),
    make("details", {},
      make("summary", {}, say("details")),
      make("pre", { tabindex: "0", id: "verdict" }, JSON.stringify(verdict, null, 1)), copy),
  ];
}

// By the 16 characters: shows what the register has, or gives what to say.
async function byCode(id) {
  const { verdict, swapped, problem } = await lookUp(id);
  if (problem) return say(problem);
  const note = () => `${swapped ? say("swapped") : ""} ${say("fromRegister", { id: verdict.seal.id })}`;
  showVerdict(verdict, { note });
  return "";
}

function showHome() {
  const panel = part("panel");
  panel.className = "panel home";
  const age = kit ? make("p", {}, say("kit", { asOf: moment(new Date(kit.at * 1000).toISOString()) })) : "";
  panel.replaceChildren(make("h1", { tabindex: "-1" }, say("name")), age);
  document.title = say("name");
  part("after").replaceChildren(
    scanSection({ hasCamera: !kit, onLink: go }),
    codeSection(config.lookup ? byCode : null),
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
  await (drawAgain ?? (() => show(takeLink())))();
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
addEventListener("online", () => /^[^p]/.test(history.state?.link ?? "") && show(history.state.link));
if (!kit) navigator.serviceWorker?.register("/worker.js").catch(() => {});
speak(preferredLanguage());
