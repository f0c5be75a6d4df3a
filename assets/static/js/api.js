// JSON calls. A failure is thrown as what the server said: { status, code, detail, retry_after }.

/** Thrown by every call here; `code` is the contract's, or `network` when nothing answered. */
export class CallError extends Error {
  constructor(status, problem = {}, retryAfter = null) {
    super(problem.code || 'network');
    this.status = status;
    this.code = problem.code || (status ? '' : 'network');
    this.detail = problem.detail || '';
    this.retry_after = problem.retry_after ?? (Number(retryAfter) || undefined);
  }
}

/** What a failed answer's body says; anything that is no problem+json says nothing. */
export function problemOf(text) {
  try {
    const problem = JSON.parse(text);
    return problem && typeof problem === 'object' ? problem : {};
  } catch {
    return {};
  }
}

export function toLogin() {
  location.assign('/login');
}

function toChange() {
  if (location.pathname !== '/clave') location.assign('/clave');
}

/** One call; the answer's JSON, or null for 204. A dead session leads to the sign-in page, one that must change its password first to that. */
export async function call(method, url, body) {
  let answer;
  try {
    answer = await fetch(url, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      headers: body === undefined ? { Accept: 'application/json' } : { Accept: 'application/json', 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new CallError(0);
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const error = new CallError(answer.status, problemOf(await answer.text()), answer.headers.get('Retry-After'));
  if (error.code === 'unauthenticated') toLogin();
  if (error.code === 'password_change_required') toChange();
  throw error;
}

/** Who is signed in. Somebody who must change the password first, perhaps since another tab signed in, is led there. */
export async function session() {
  const me = await call('GET', '/api/session');
  if (me.must_change_password) toChange();
  return me;
}
