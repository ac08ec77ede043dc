// What the page offers without a token: how to scan, the 16 characters, a link to paste, a picture to take.
import { button, make } from "./dom.js";
import { keepAll } from "./keep.js";
import { readId } from "./seal.js";
import { say } from "./words.js";

export function scanSection({ hasCamera, onLink }) {
  const answer = make("p", { role: "status" });
  const how = say(hasCamera ? "scanHow" : "linkHow");
  const section = make("section", {}, make("h2", {}, say("scan")), make("p", {}, how));
  if ("BarcodeDetector" in globalThis) {
    const photo = make("input", { type: "file", accept: "image/*", capture: "environment", id: "photo" });
    photo.addEventListener("change", async () => {
      const picture = await createImageBitmap(photo.files[0]);
      const found = await new BarcodeDetector({ formats: ["qr_code"] }).detect(picture);
      if (found.length) onLink(found[0].rawValue);
      else answer.textContent = say("photoNone");
    });
    section.append(photo, make("label", { for: "photo", class: "button" }, say("photo")));
  }
  section.append(answer);
  return section;
}

export const linkSection = (onLink) =>
  form({ key: "link", action: "check", multiline: true }, (typed) => {
    const link = typed.replace(/\s/g, "");
    return /^https:\/\/.+#|^[0-9]+$/.test(link) ? onLink(link) && "" : say("linkBad");
  });

// `lookUp(id)` gives a text, or shows what was found; without it the page says what else to do.
export const codeSection = (lookUp) =>
  form({ key: "code", action: "codeCheck" }, async (typed) => {
    const id = readId(typed);
    if (!id) return say("codeBad");
    return `${say("codeShown", { id })} ${lookUp ? await lookUp(id) : say("codeNowhere")}`;
  });

function form({ key, action, multiline }, submitted) {
  const answer = make("p", { role: "status" });
  const asIs = { autocomplete: "off", autocapitalize: "characters", spellcheck: "false" };
  const own = multiline ? { rows: 3 } : { type: "text", maxlength: 40 };
  const field = make(multiline ? "textarea" : "input", { id: key, "aria-describedby": `${key}-how`, ...asIs, ...own });
  const submit = async (event) => {
    event.preventDefault();
    answer.textContent = (await submitted(field.value)) || "";
  };
  return make("form", { submit },
    make("h2", {}, make("label", { for: key }, say(key))), make("p", { id: `${key}-how` }, say(`${key}How`)), field,
    make("button", { type: "submit" }, say(action)), answer);
}

export function keepSection(files, { host, now }) {
  const answer = make("p", { role: "status" });
  const keep = button(say("keep"), async () => {
    keep.disabled = true;
    try {
      const tell = (done, all) => (answer.textContent = say("keeping", { done, all }));
      await keepAll(files, { host, at: now(), tell });
      answer.textContent = say("kept");
    } catch {
      answer.textContent = say("keepFailed");
    }
    keep.disabled = false;
  });
  return make("section", {}, make("h2", {}, say("keep")), make("p", {}, say("keepHow")), keep, answer);
}
