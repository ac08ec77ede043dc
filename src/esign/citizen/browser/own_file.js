// "Tôi có tệp PDF": is it the file that the seal names? Looked at here; it is not sent anywhere.
import { button, make, picture } from "./dom.js";
import { binding, sealLinks } from "./pdf.js";
import { say } from "./words.js";

// `digest` is that of the seal on show, or null; then the file's own seal is taken, and `onLink` shows it.
export function fileSection({ digest, service, onLink }) {
  const answer = make("div", { role: "status" });
  const look = async (file) => {
    answer.replaceChildren(say("fileReading"));
    const pdf = new Uint8Array(await file.arrayBuffer());
    const links = digest ? [] : sealLinks(pdf);
    const wanted = digest ?? (links.length === 1 ? await onLink(links[0]) : null);
    if (!wanted) return tell("fileNone", "open", "question");
    return (await binding(pdf, wanted)) === null ? tell("fileOther", "bad", "cross") : tell("fileSame", "care", "pages");
  };
  const tell = (key, tone, shape) =>
    answer.replaceChildren(
      make("div", { class: `panel small ${tone}`, "data-file": key }, picture(shape), make("h3", {}, say(key)), make("p", {}, say(`${key}Text`))));
  const choose = make("input", { type: "file", accept: "application/pdf,.pdf", id: "file", change: () => choose.files[0] && look(choose.files[0]) });
  const section = make("section", { class: "drop", "aria-labelledby": "file-title" },
    make("h2", { id: "file-title" }, say("file")),
    make("p", {}, say("fileHow")),
    choose, make("label", { for: "file", class: "button" }, say("fileChoose")), answer,
    service ? make("details", {}, make("summary", {}, say("fileFull")),
      make("p", {}, say("fileFullText", { service: new URL(service).host })), make("a", { href: service, rel: "noreferrer" }, say("fileFull"))) : null);
  section.addEventListener("dragover", (event) => event.preventDefault());
  section.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) look(event.dataTransfer.files[0]);
  });
  return section;
}
