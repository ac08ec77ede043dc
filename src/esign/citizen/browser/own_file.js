// "Tôi có tệp PDF": is it the file that the seal names? Looked at here; it is not sent anywhere.
import { make, picture } from "./dom.js";
import { binding, sealLinks } from "./pdf.js";
import { say } from "./words.js";

// `digest` is that of the seal on show. Where there is none, `onLink(link, file)` gets the file's own seal.
export function fileSection({ digest = null, file = null, service, onLink }) {
  const answer = make("div", { role: "status" });
  const tell = (key, tone, shape) =>
    answer.replaceChildren(
      make("div", { class: `panel small ${tone}`, "data-file": key },
        picture(shape), make("h3", {}, say(key)), make("p", {}, say(`${key}Text`))));
  const look = async (chosen) => {
    if (!chosen) return;
    answer.replaceChildren(say("fileReading"));
    const pdf = new Uint8Array(await chosen.arrayBuffer());
    const links = digest ? [] : sealLinks(pdf);
    if (links.length === 1) onLink(links[0], chosen);
    else if (!digest) tell("fileNone", "open", "question");
    else if ((await binding(pdf, digest)) === null) tell("fileOther", "bad", "cross");
    else tell("fileSame", "care", "pages"); // never green: what was added after sealing is not judged here
  };
  const change = () => look(choose.files[0]);
  const choose = make("input", { type: "file", accept: "application/pdf,.pdf", id: "file", change });
  const offer = () =>
    make("details", {}, make("summary", {}, say("fileFull")),
      make("p", {}, say("fileFullText", { service: new URL(service).host })),
      make("a", { href: service, rel: "noreferrer" }, say("fileFull")));
  look(file);
  return make("section", {
      class: "drop",
      "aria-labelledby": "file-title",
      dragover: (event) => event.preventDefault(),
      drop: (event) => {
        event.preventDefault();
        look(event.dataTransfer.files[0]);
      },
    },
    make("h2", { id: "file-title" }, say("file")), make("p", {}, say("fileHow")),
    choose, make("label", { for: "file", class: "button" }, say("fileChoose")), answer, service ? offer() : null);
}
