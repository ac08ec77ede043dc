// A verdict as people see it: one colour, one picture, one word, then the lines to compare with the paper.
import { button, make, picture } from "./dom.js";
import { speechButton } from "./speech.js";
import { currentLanguage, say } from "./words.js";

const LOOKS = {
  "in-force": "good tick",
  corrected: "good pencil",
  replaced: "gone arrows",
  withdrawn: "bad bar",
  suspended: "care pause",
  expired: "past hourglass",
  "not-issued": "bad barred",
  "status-unknown": "open question",
  "key-doubtful": "care warning",
  "check-clock": "open clock",
  "unknown-key": "open question",
  "no-list": "open question",
  "no-service": "open question",
  "newer-version": "open question",
  "wrong-host": "bad hand",
  "not-genuine": "bad cross",
  unsupported: "open question",
  mismatch: "bad cross",
  "not-shown": "care clock",
  stale: "care warning",
};
const OVER = ["withdrawn", "replaced", "not-issued"]; // whatever the paper says
const LASTING = ["withdrawn", "replaced", "expired", "status-unknown", "key-doubtful"]; // said at any age

// Which of LOOKS is shown for a verdict.
function lookOf(verdict) {
  const isMissing = verdict.findings.some(({ code }) => code === "trust-list-missing");
  if (verdict.state === "unknown-key" && isMissing) return "no-list";
  return verdict.freshness === "stale" && !LASTING.includes(verdict.state) ? "stale" : verdict.state;
}

export function showPanel(panel, verdict) {
  const look = lookOf(verdict);
  const [tone, shape] = LOOKS[look].split(" ");
  const facts = factsOf(verdict);
  const title = make("h1", { tabindex: "-1" }, say(`${look}.title`, facts));
  const { seal } = verdict;
  const number = seal && look !== "mismatch" ? `${say("number")} ${seal.number ?? seal.id}` : "";
  panel.className = `panel ${tone}`;
  panel.dataset.state = look;
  panel.replaceChildren(
    picture(shape),
    title,
    ...(number ? [make("p", { class: "number" }, number)] : []),
    make("p", {}, say(`${look}.text`, facts)),
    make("p", { class: "advice" }, say(`${look}.advice`, facts)));
  document.title = `${title.textContent} – ${say("name")}`;
}

function factsOf(verdict) {
  const asOf = verdict.status_as_of ? moment(verdict.status_as_of) : "";
  const others = [verdict.replaced_by, ...verdict.corrected_by].filter(Boolean);
  return {
    asOf,
    since: asOf && say("since", { asOf }),
    now: moment(verdict.at),
    expires: verdict.seal?.expires ? moment(verdict.seal.expires) : "",
    number: verdict.seal?.number,
    others: others.map((other) => other.number ?? other.id).join(", "),
    was: say(`${verdict.state === "stale" ? "in-force" : verdict.state}.title`).toLowerCase(),
  };
}

// The lines that the paper must have too, and the question whether it has.
export function compareBox(verdict, panel) {
  const { seal } = verdict;
  const other = currentLanguage();
  const row = (key, value) => (value ? make("div", {}, make("dt", {}, say(key)), make("dd", {}, value)) : null);
  const answer = make("p", { role: "status" });
  const ask = make("div", { class: "ask" },
    button(say("same"), () => (answer.textContent = say("matched"))),
    button(say("differs"), () => {
      answer.textContent = "";
      showPanel(panel, { ...verdict, state: "mismatch", freshness: null });
      panel.querySelector("h1").focus();
    }));
  const isOver = OVER.includes(verdict.state);
  return make("section", { class: "compare", "aria-labelledby": "compare" },
    make("h2", { id: "compare" }, say(isOver ? "about" : "compare")),
    make("dl", {},
      ...[
        row("number", seal.number ?? seal.id),
        row("date", day(seal.issued_at)),
        row("agency", seal.agency[`name_${other}`]),
        row("title", seal.procedure?.[`title_${other}`]),
        row("holder", seal.holder?.replace("***", ".")),
        row("until", seal.expires && day(seal.expires)),
      ].filter(Boolean)),
    ...(isOver ? [] : [make("p", { class: "question" }, say("question")), ask, answer]));
}

export function listenButton(panel) {
  const sentences = () => [...panel.children].map((line) => line.textContent.replace(/\.$/, "")).filter(Boolean);
  return speechButton(say("listen"), currentLanguage(), () => sentences().join(". "));
}

// What is written on paper is Vietnamese time, wherever the phone is.
const vietnam = (iso) => new Date(Date.parse(iso) + 7 * 3600000).toISOString();
const day = (iso) => vietnam(iso).slice(0, 10).split("-").reverse().join("/");
export const moment = (iso, digits = 5) => say("moment", { time: vietnam(iso).slice(11, 11 + digits), day: day(iso) });
