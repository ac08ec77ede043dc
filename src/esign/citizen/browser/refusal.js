// Why something is refused: a code of docs/spec/reasons.md, the same as in Python.
export class Refusal extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export function need(condition, code) {
  if (!condition) throw new Refusal(code);
}
