/** The control API: what one person sees, and what they do. */

export async function fetchState(as) {
  const response = await fetch(`/_control/state?as=${encodeURIComponent(as)}`);
  if (!response.ok) throw new Error(`the workspace answered ${response.status}`);
  return await response.json();
}

/** Resolves with what the act gives; rejects with the workspace's sentence. */
export async function act(body) {
  const response = await fetch("/_control/act", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer.result;
}

/** Calls back with every change of the workspace; `onLost` when the connection breaks, until it is back. */
export function listen(onNews, onLost) {
  const source = new EventSource("/_control/events");
  source.addEventListener("message", onNews);
  source.addEventListener("error", onLost);
}
