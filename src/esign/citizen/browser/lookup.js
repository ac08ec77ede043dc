// Asks the host what only it knows: by the 16 characters of a paper, or by what a holder's phone shows at this moment
// (docs/spec/presentation.md). The answer is the register's word, not a seal's.
const post = (path, question) =>
  fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(question),
    credentials: "omit",
    referrerPolicy: "no-referrer",
  });

// { verdict, swapped } of a result, or { problem }, a key of the words.
export const lookUp = (id) => ask("/lookup", { id }, "codeNone");

export const presented = (digits) => ask("/presentation", { digits }, "not-shown");

async function ask(path, question, notFound) {
  try {
    const response = await post(path, question);
    if (response.status === 429) return { problem: "codeOften" };
    const answer = await response.json();
    if (response.ok && answer.found) return { verdict: asVerdict(answer), swapped: answer.swapped };
    if (response.ok) return { problem: notFound };
  } catch {
    // No network, or no such service.
  }
  return { problem: "codeFailed" };
}

// In the shape of a verdict (verdict.js), so that it is shown alike.
function asVerdict(answer) {
  const { id, agency, number, title, holder, standing, expires, others, at } = answer;
  return {
    state: standing,
    at,
    presented_at: answer.presented_at,
    freshness: "fresh",
    status_as_of: at,
    seal: {
      id,
      number,
      holder,
      expires,
      issued_at: `${answer.issue_date}T00:00:00Z`,
      agency: { name_vi: agency, name_en: agency },
      procedure: { title_vi: title, title_en: title },
    },
    corrected_by: standing === "corrected" ? others : [],
    replaced_by: standing === "replaced" ? others[0] : null,
    findings: [],
  };
}
