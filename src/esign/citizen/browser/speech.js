// "Nghe kết quả": reads aloud where the device has a voice for the language, and is not there where it has none.
import { button } from "./dom.js";

export function speechButton(label, language, text) {
  const speech = globalThis.speechSynthesis;
  const element = button(label, () => {
    speech.cancel();
    const utterance = new SpeechSynthesisUtterance(text());
    utterance.lang = language === "vi" ? "vi-VN" : "en-US";
    utterance.voice = voice();
    utterance.rate = 0.9;
    speech.speak(utterance);
  });
  const voice = () => speech?.getVoices().find((one) => one.lang.toLowerCase().startsWith(language)) ?? null;
  const show = () => (element.hidden = !voice());
  show();
  speech?.addEventListener?.("voiceschanged", show); // voices come late
  return element;
}
