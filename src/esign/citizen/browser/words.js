// What people read: Vietnamese with the page, English when somebody asks for it.
let words = {};
let language = "vi";

export const currentLanguage = () => language;

export async function useLanguage(name) {
  const brought = document.getElementById(`words-${name}`);
  words = brought ? JSON.parse(brought.textContent) : await (await fetch(`words.${name}.json`)).json();
  document.documentElement.lang = language = name;
}

// The sentence for `key`, with `{name}` filled in.
export const say = (key, facts = {}) => words[key].replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? "");
